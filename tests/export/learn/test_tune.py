"""The search for settings: trials differ, what they bring is kept, and a search that was stopped goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit_export.errors import TrainingError
from edgekit_export.learn.run import Watcher
from edgekit_export.learn.settings import TrainSettings
from edgekit_export.learn.state import Epoch
from edgekit_export.learn.tune import Trial, tune

pytest.importorskip("optuna", reason="needs the extra train")

START = TrainSettings(epochs=9, minutes=5.0, learning_rate=1e-3, dropout=0.2)


class Pretended:
    """A training whose accuracy is best at a dropout of 0.35; may be interrupted in one of its trials."""

    def __init__(self, stop_in: int = -1) -> None:
        self.tried: list[TrainSettings] = []
        self._stop_in = stop_in

    def __call__(self, settings: TrainSettings, folder: Path, watcher: Watcher) -> None:
        if len(self.tried) == self._stop_in:
            raise KeyboardInterrupt
        self.tried.append(settings)
        assert list(folder.iterdir()) == []
        for epoch in range(settings.epochs):
            accuracy = (0.5 + 0.1 * epoch) * (1 - abs(settings.dropout - 0.35))
            watcher.epoch_done(Epoch("all", epoch + 1, 1.0, 0.5, 0.5, accuracy, 1e-3, 1.0), settings.epochs, best=True)


def run(
    folder: Path, trials: int, train: Pretended, identity: str = "these photos"
) -> tuple[TrainSettings, list[Trial]]:
    told: list[Trial] = []
    return tune(START, trials, folder, identity, train, told.append), told


def test_the_first_trial_is_the_start_and_the_best_one_is_taken(tmp_path: Path) -> None:
    train = Pretended()
    best, told = run(tmp_path, 12, train)
    assert (train.tried[0].dropout, train.tried[0].learning_rate) == (0.2, 1e-3)
    assert {settings.epochs for settings in train.tried} == {3}
    assert {settings.minutes for settings in train.tried} == {None}
    assert len({settings.dropout for settings in train.tried}) > 8
    nearest = min(train.tried, key=lambda settings: abs(settings.dropout - 0.35))
    assert (best.dropout, best.learning_rate) == (nearest.dropout, nearest.learning_rate)
    assert (best.epochs, best.minutes, best.backbone, best.seed) == (9, 5.0, START.backbone, START.seed)
    assert [trial.number for trial in told] == list(range(12))
    assert all(set(trial.changed) >= {"dropout", "learning_rate", "augmentation"} for trial in told)


def test_trials_that_do_worse_than_most_are_ended_early(tmp_path: Path) -> None:
    told = run(tmp_path, 14, Pretended())[1]
    assert any(trial.pruned for trial in told)
    assert not any(trial.pruned for trial in told[:4])


def test_a_search_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = Pretended()
    best, _ = run(tmp_path / "whole", 6, whole)
    first, second = Pretended(stop_in=3), Pretended()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", 6, first)
    found, told = run(tmp_path / "parts", 6, second)
    assert first.tried + second.tried == whole.tried
    assert len(told) == 3
    assert found == best
    assert run(tmp_path / "parts", 6, Pretended(stop_in=0))[0] == best  # nothing left to try


def test_a_search_that_was_stopped_in_its_first_trial_starts_there_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, 2, Pretended(stop_in=0))
    train = Pretended()
    run(tmp_path, 2, train)
    assert train.tried[0].dropout == 0.2


def test_another_search_is_not_gone_on_with(tmp_path: Path) -> None:
    run(tmp_path, 1, Pretended())
    with pytest.raises(TrainingError, match=r"trials\.log: a search with other settings or photos"):
        run(tmp_path, 1, Pretended(), "other photos")


def test_nothing_but_the_search_stays_behind(tmp_path: Path) -> None:
    run(tmp_path, 2, Pretended())
    assert [path.name for path in tmp_path.iterdir()] == ["trials.log"]

"""A training as a whole: it learns, it can be stopped anywhere, and what it gives can be exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.card import InputSpec
from edgekit.photo import load_photo
from edgekit.preprocess import fit_pixels
from edgekit_export.data.dataset import DataSet
from edgekit_export.errors import TrainingError
from edgekit_export.learn import whole
from edgekit_export.learn.photos import batches
from edgekit_export.learn.state import read_state
from edgekit_export.learn.trainer import TrainResult
from tests.export.learn.conftest import TINY, Listener, StopAt, Train

pytestmark = pytest.mark.host
pytest.importorskip("tensorflow", reason="needs TensorFlow")

READING, STEPS = 72, 3  # photos that are read; steps of an epoch: 48 photos, 16 a step


def weights(result: TrainResult) -> list[Any]:
    return [variable.numpy() for variable in result.model.variables]


def same(one: TrainResult, other: TrainResult) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))


def test_it_learns_and_its_figures_are_the_models_own(trained: TrainResult, coloured: DataSet) -> None:
    assert trained.labels == ("blue", "green", "red")
    assert trained.photos == {"train": 48, "val": 12, "test": 12}
    assert trained.spec.decode == "fast"
    assert [row.epoch for row in trained.history] == [1, 2, 3]
    assert trained.history[-1].train_loss < trained.history[0].train_loss
    for split in ("val", "test"):
        photos = [p for p in coloured.photos if p.split == split]
        pixels = np.stack([fit_pixels(load_photo(p.path), trained.spec) for p in photos]).astype(np.float32)
        scores = trained.model.predict(pixels, verbose=0)
        np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
        answers = [trained.labels[i] for i in scores.argmax(axis=1)]
        assert trained.correct[split] == sum(a == p.label for a, p in zip(answers, photos, strict=True))


def test_the_weights_are_the_last_that_are_as_good_as_the_best(trained: TrainResult) -> None:
    kept, most = -1, -1
    for place, row in enumerate(trained.history):
        right = round(12 * row.val_accuracy)
        share = (max(0, most) + 2) / 16
        if right >= most - (16 * share * (1 - share)) ** 0.5:
            kept = place
        most = max(most, right)
    assert trained.best_epoch == kept
    assert trained.correct["val"] == round(12 * trained.history[kept].val_accuracy)


@pytest.mark.parametrize("step", [4, 8])
def test_stopped_anywhere_it_ends_with_the_same_weights(
    trained: TrainResult, train_tiny: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(whole, "_SAVE_EVERY_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        train_tiny(tmp_path, progress=StopAt(READING + step))
    state, _ = read_state(tmp_path / "state.npz")
    assert (state.epoch, state.step) == divmod(step - 1, STEPS)
    resumed = train_tiny(tmp_path, resume=True)
    assert same(resumed, trained)
    assert [(r.val_loss, r.train_accuracy) for r in resumed.history] == [
        (r.val_loss, r.train_accuracy) for r in trained.history
    ]
    assert not (tmp_path / "pixels").exists()


def test_stopped_before_the_first_state_it_starts_anew(trained: TrainResult, train_tiny: Train, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_tiny(tmp_path, progress=StopAt(5))
    assert same(train_tiny(tmp_path, resume=True), trained)


def test_another_seed_gives_other_weights(trained: TrainResult, train_tiny: Train, tmp_path: Path) -> None:
    assert not same(train_tiny(tmp_path, replace(TINY, seed=4, epochs=1)), trained)


@pytest.mark.parametrize("change", [{"dropout": 0.4}])
def test_another_training_is_not_gone_on_with(train_tiny: Train, tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_tiny(tmp_path, progress=StopAt(READING + 1))
    before = (tmp_path / "state.npz").read_bytes()
    with pytest.raises(TrainingError, match=r"had other settings, photos or TensorFlow. Give the same command"):
        train_tiny(tmp_path, replace(TINY, **change), resume=True)
    assert (tmp_path / "state.npz").read_bytes() == before


def test_it_waits_for_progress_as_long_as_told(train_tiny: Train, tmp_path: Path) -> None:
    still = replace(TINY, learning_rate=1e-12, epochs=9, patience=2, augmentation="none")
    found = train_tiny(tmp_path, still)
    assert len(found.history) < 9
    progress = max(range(len(found.history)), key=lambda i: (found.history[i].val_accuracy, -found.history[i].val_loss))
    assert len(found.history) - 1 - progress == 2


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """How photos were varied in each epoch, and their size."""
    found: list[tuple[str, int, int]] = []

    def spy(photos: Any, spec: InputSpec, *args: Any, how: Any, **options: Any) -> Any:
        found.append((how, spec.height, spec.width))
        return batches(photos, spec, *args, how=how, **options)

    monkeypatch.setattr(whole, "batches", spy)
    return found


def test_the_last_fifth_of_the_epochs_varies_photos_lightly(
    train_tiny: Train, tmp_path: Path, asked: list[tuple[str, int, int]]
) -> None:
    train_tiny(tmp_path, replace(TINY, epochs=6, patience=99, augmentation="field"))
    assert asked == [("field", 32, 32)] * 5 + [("light", 32, 32)]
    asked.clear()
    train_tiny(tmp_path, replace(TINY, epochs=3, augmentation="none"))
    assert set(asked) == {("none", 32, 32)}


def test_a_network_from_scratch_takes_all_its_epochs(train_tiny: Train, tmp_path: Path) -> None:
    still = replace(TINY, learning_rate=1e-12, epochs=13, augmentation="none")
    assert len(train_tiny(tmp_path, still).history) == 13


def test_what_does_not_get_better_still_gets_its_last_fifth(
    train_tiny: Train, tmp_path: Path, asked: list[tuple[str, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Listener()
    still = replace(TINY, learning_rate=1e-12, epochs=30, patience=7, augmentation="field")
    found = train_tiny(tmp_path / "whole", still, watcher=heard)
    lively = [how for how, *_ in asked].count("field")
    assert [how for how, *_ in asked] == ["field"] * lively + ["light"] * (lively // 4)
    progress = max(range(lively), key=lambda i: (found.history[i].val_accuracy, -found.history[i].val_loss))
    assert lively - 1 - progress == 7
    assert f"nothing better for 7 epochs: only the last {lively // 4} follow" in heard.words
    monkeypatch.setattr(whole, "_SAVE_EVERY_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        train_tiny(tmp_path, still, progress=StopAt(READING + len(found.history) * STEPS - 1))
    assert same(train_tiny(tmp_path, still, resume=True), found)


LARGER = replace(TINY, height=128, width=32, epochs=5, patience=99)


def test_photos_are_smaller_until_then_and_it_can_be_stopped_at_any_size(
    train_tiny: Train, tmp_path: Path, asked: list[tuple[str, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_run = train_tiny(tmp_path / "whole", LARGER)
    assert asked == [("field", 96, 32)] * 4 + [("light", 128, 32)]
    assert whole_run.model.input_shape == (None, 128, 32, 3)
    monkeypatch.setattr(whole, "_SAVE_EVERY_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        train_tiny(tmp_path, LARGER, progress=StopAt(READING + 11))
    assert same(train_tiny(tmp_path, LARGER, resume=True), whole_run)


@pytest.mark.parametrize("settings", [{"epochs": 4}, {"augmentation": "light"}, {"height": 96}])
def test_photos_have_the_models_size_where_no_epochs_would_follow_at_it(
    train_tiny: Train, tmp_path: Path, asked: list[tuple[str, int, int]], settings: dict[str, Any]
) -> None:
    wanted = replace(LARGER, **settings)
    train_tiny(tmp_path, wanted)
    assert {(height, width) for _, height, width in asked} == {(wanted.height, wanted.width)}


def test_minutes_end_it_with_the_best_so_far(train_tiny: Train, tmp_path: Path) -> None:
    heard = Listener()
    found = train_tiny(tmp_path, replace(TINY, epochs=500, minutes=0.002, augmentation="none"), watcher=heard)
    assert len(found.history) < 20
    assert found.correct.keys() == {"val", "test"}


def test_the_plan_is_made_from_the_first_steps(
    train_tiny: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Listener()
    monkeypatch.setattr(whole, "_PROBE_STEPS", 2)
    train_tiny(tmp_path, replace(TINY, epochs=500, minutes=0.06, patience=900), watcher=heard)
    assert [text.endswith("epochs fit into 0.06 minutes here") for text in heard.words] == [True]
    planned = int(heard.words[0].split()[0])
    assert 1 <= planned < 500
    assert len(heard.rows) <= planned


def test_no_epochs_give_the_backbone_with_its_head(train_tiny: Train, tmp_path: Path) -> None:
    found = train_tiny(tmp_path, replace(TINY, epochs=0))
    assert (found.history, found.best_epoch) == ((), -1)


def test_more_photos_a_step_than_there_are(train_tiny: Train, tmp_path: Path) -> None:
    assert len(train_tiny(tmp_path, replace(TINY, batch_size=500, epochs=1)).history) == 1


def test_a_class_without_readable_photos_is_an_error(train_tiny: Train, coloured: DataSet, tmp_path: Path) -> None:
    from edgekit_export.learn.cluster import open_cluster
    from edgekit_export.learn.trainer import train_classifier
    from edgekit_export.progress import Silent

    photos = tuple(p for p in coloured.photos if (p.split, p.label) != ("train", "red"))
    with pytest.raises(TrainingError, match="no readable photo of class 'red' in train"):
        train_classifier(
            replace(coloured, photos=photos), TINY, open_cluster("one"), tmp_path, resume=False, progress=Silent(),
            watcher=Listener(),
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []

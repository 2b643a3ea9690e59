"""The folder of a training: nothing of another training is lost or taken up by accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit_export.errors import TrainingError
from edgekit_export.learn.run_folder import close_run_folder, open_run_folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def left_by_another(folder: Path) -> Path:
    (folder / "tensorboard").mkdir(parents=True)
    for name in ("state.npz", "log.csv", "tensorboard/events", "mine.txt"):
        (folder / name).write_bytes(b"x")
    return folder


def test_a_new_folder_is_made(tmp_path: Path) -> None:
    open_run_folder(tmp_path / "a" / "b", resume=False, force=False, chief=True)
    assert names(tmp_path / "a" / "b") == []


def test_what_another_training_left_is_kept_unless_told(tmp_path: Path) -> None:
    folder = left_by_another(tmp_path / "x")
    with pytest.raises(TrainingError, match=r"a training left state\.npz, log\.csv, tensorboard here. Go on with"):
        open_run_folder(folder, resume=False, force=False, chief=True)
    assert names(folder) == ["log.csv", "mine.txt", "state.npz", "tensorboard"]
    open_run_folder(folder, resume=False, force=True, chief=True)
    assert names(folder) == ["mine.txt"]


def test_what_goes_on_finds_its_state(tmp_path: Path) -> None:
    folder = left_by_another(tmp_path / "x")
    open_run_folder(folder, resume=True, force=False, chief=True)
    assert "state.npz" in names(folder)


def test_without_a_state_there_is_nothing_to_go_on_with(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no training was stopped here\. Start it without --resume"):
        open_run_folder(tmp_path / "x", resume=True, force=True, chief=True)
    assert not (tmp_path / "x").exists()


def test_a_worker_that_is_not_the_chief_touches_nothing(tmp_path: Path) -> None:
    folder = left_by_another(tmp_path / "x")
    open_run_folder(folder, resume=False, force=True, chief=False)
    assert "state.npz" in names(folder)


def test_in_the_end_only_the_log_stays(tmp_path: Path) -> None:
    folder = left_by_another(tmp_path / "x")
    (folder / "pixels").mkdir()
    close_run_folder(folder)
    assert names(folder) == ["log.csv", "mine.txt", "tensorboard"]

"""The folder of a training: its log and, until it ends, its state."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from edgekit_export.errors import TrainingError
from edgekit_export.learn.journal import CSV_NAME, EVENTS_NAME

STATE_NAME = "state.npz"
TRIALS_NAME = "trials.log"
PAGE_NAME = "training.html"
_OURS = (STATE_NAME, TRIALS_NAME, PAGE_NAME, CSV_NAME, EVENTS_NAME, "pixels", "trial", "worker")
_UNTIL_THE_END = (STATE_NAME, "pixels", "trial", "worker")


def open_run_folder(folder: Path, *, resume: bool, force: bool, chief: bool) -> None:
    """Make the folder ready: what another training left in it goes with `force`, and stays with `resume`.

    Raises:
        TrainingError: another training left something, or there is nothing to resume.
        OSError: it cannot be made.
    """
    if not chief:
        folder.mkdir(parents=True, exist_ok=True)
        return
    left = [name for name in _OURS if (folder / name).exists()]
    if resume and not any((folder / name).exists() for name in (STATE_NAME, TRIALS_NAME)):
        msg = f"{folder}: no training was stopped here. Start it without --resume."
        raise TrainingError(msg)
    if left and not resume:
        if not force:
            msg = f"{folder}: a training left {', '.join(left)} here. Go on with --resume, or start again with --force."
            raise TrainingError(msg)
        _remove(folder, left)
    folder.mkdir(parents=True, exist_ok=True)


def close_run_folder(folder: Path) -> None:
    """Remove what only a training that goes on needs; the log stays."""
    _remove(folder, _UNTIL_THE_END)


def _remove(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

"""A training's state in one file: it appears whole or not at all, so that whatever kills training, it can go on."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.atomic import write_whole
from edgekit.errors import ModelFileError
from edgekit.records import from_json, to_json
from edgekit_export.errors import TrainingError

_ABOUT = "about.json"


@dataclass(frozen=True)
class Epoch:
    """What one epoch brought; rates are of training as it went on, and of the validation photos at its end."""

    phase: str
    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class TrainState:
    """Where a training is.

    Attributes:
        fingerprint: Of settings and photos; another training's state is refused.
        epoch: Of the second phase, from 0.
        step: Steps done in this epoch.
        planned_epochs: How long the second phase is.
        loss_sum: Of the steps done in this epoch.
        correct: As `loss_sum`: right answers.
        best_epoch: Whose weights are kept so far; -1 for those of the first phase.
        best_correct: The most right answers that any weights had on the validation photos.
        best_loss: Their loss there, of equals the least.
        progress_epoch: Whose weights brought these.
        elapsed_seconds: Of training, all parts together.
        history: All epochs so far.
    """

    fingerprint: str
    epoch: int = 0
    step: int = 0
    planned_epochs: int = 0
    loss_sum: float = 0.0
    correct: int = 0
    best_epoch: int = -1
    best_correct: int = -1
    best_loss: float = 0.0
    progress_epoch: int = -1
    elapsed_seconds: float = 0.0
    history: tuple[Epoch, ...] = field(default=())

    def is_progress(self, correct: int, loss: float) -> bool:
        """Whether weights with these figures are better than all before."""
        return (correct, -loss) > (self.best_correct, -self.best_loss)

    def is_as_good(self, correct: int, photos: int) -> bool:
        """Whether weights with so many right answers, of so many photos, are as good as the best so far.

        Within one standard error of the best they are: on a hundred photos the best is chosen by luck, and of equals
        the later have learned at a lower rate, so that they vary less.

        Sources: L. Breiman, J. Friedman, R. Olshen and C. Stone, Classification and regression trees, 1984, for the
        rule; A. Agresti and B. Coull, 1998, for adding two right and two wrong answers, without which the error of
        all right is none.
        """
        share = (max(0, self.best_correct) + 2) / (photos + 4)
        return correct >= self.best_correct - math.sqrt((photos + 4) * share * (1 - share))

    def with_epoch(self, row: Epoch) -> TrainState:
        """At the beginning of the next epoch."""
        return replace(self, epoch=self.epoch + 1, step=0, loss_sum=0.0, correct=0, history=(*self.history, row))


Arrays = Mapping[str, NDArray[Any]]


def write_state(path: Path, state: TrainState, arrays: Arrays) -> None:
    """Write state and arrays in one atomic step.

    Raises:
        OSError: the disk is full or not writable; the state before stays.
    """
    out = io.BytesIO()
    about = np.frombuffer(json.dumps(to_json(state)).encode(), np.uint8)
    np.savez(out, **{_ABOUT: about}, **arrays)
    write_whole(path, out.getvalue(), overwrite=True)


def read_state(path: Path) -> tuple[TrainState, dict[str, NDArray[Any]]]:
    """What `write_state` wrote.

    Raises:
        TrainingError: not such a file, or damaged.
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(arrays.pop(_ABOUT).tobytes())
        return from_json(TrainState, about, path.name), arrays
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, ModelFileError) as error:
        msg = f"{path}: damaged, so this training cannot go on. Start it again without --resume, with --force."
        raise TrainingError(msg) from error

"""What the phases of one training share: photos, network, cluster, and where it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgekit.card import InputSpec
from edgekit_export.learn.cluster import Cluster
from edgekit_export.learn.loop import Loop, Objective
from edgekit_export.learn.network import TrainNetwork
from edgekit_export.learn.photos import PhotoPixels
from edgekit_export.learn.settings import TrainSettings
from edgekit_export.learn.state import Epoch, TrainState
from edgekit_export.progress import Progress

_FINE_TUNING, _FROM_SCRATCH = 3e-4, 3e-3


class Watcher(Protocol):
    """Who wants to hear how training goes."""

    def epoch_done(self, row: Epoch, planned: int, *, best: bool) -> None:
        """After each epoch of the second phase, and once after the first phase."""

    def said(self, text: str) -> None:
        """Something that is worth knowing."""


@dataclass
class Run:
    """What the parts of one training share."""

    settings: TrainSettings
    cluster: Cluster
    folder: Path
    progress: Progress
    watcher: Watcher
    spec: InputSpec
    network: TrainNetwork
    pixels: dict[str, PhotoPixels]
    state: TrainState
    started: float

    @property
    def batch_size(self) -> int:
        """A multiple of the replicas, not more than there are photos."""
        most = min(self.settings.batch_size, len(self.pixels["train"]))
        return max(1, most // self.cluster.replicas) * self.cluster.replicas

    @property
    def steps(self) -> int:
        """Of an epoch: whole batches only."""
        return max(1, len(self.pixels["train"]) // self.batch_size)

    @property
    def peak(self) -> float:
        """The learning rate of the second phase, at its peak."""
        usual = _FINE_TUNING if self.network.trained else _FROM_SCRATCH
        return self.settings.learning_rate or usual

    def elapsed(self) -> float:
        """Seconds of training, those of earlier parts included."""
        return self.state.elapsed_seconds + time.monotonic() - self.started


def objective_of(run: Run) -> Objective:
    """What every phase trains for."""
    classes = run.pixels["train"].classes
    count = run.network.head.units
    seen = np.bincount(classes, minlength=count)
    balanced = len(classes) / (count * seen)
    weights = balanced if run.settings.class_weights == "balanced" else np.ones(count)
    settings = run.settings
    return Objective(count, settings.label_smoothing, weights.astype(np.float32), settings.dropout, settings.seed)


def in_chunks(
    inputs: NDArray[Any], classes: NDArray[np.int64], size: int
) -> Iterator[tuple[NDArray[Any], NDArray[np.int64]]]:
    """Inputs and classes, `size` at a time."""
    for start in range(0, len(classes), size):
        yield inputs[start : start + size], classes[start : start + size]


def judge(run: Run, loop: Loop, split: str) -> tuple[float, int]:
    """Mean loss and right answers on the plain photos of a split, in a loop that takes pixels."""
    pixels = run.pixels[split]
    return loop.judge(in_chunks(pixels.plain, pixels.classes, run.batch_size))

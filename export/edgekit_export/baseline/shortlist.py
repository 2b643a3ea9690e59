"""One algorithm on one set of features: its settings tried on validation photos, the best ones asked about test photos.

This runs in a process of the crew and reads arrays from files. The classes of the test photos are in none of them:
nothing can be chosen by what the test shows.
"""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit_export.baseline.algorithms import AlgorithmName, candidates
from edgekit_export.baseline.features import FeatureName, made_of
from edgekit_export.data.dataset import Split


@dataclass(frozen=True)
class Pairing:
    """Features and an algorithm to learn from them."""

    features: FeatureName
    algorithm: AlgorithmName


@dataclass(frozen=True)
class Task:
    """A pairing to fit.

    Attributes:
        pairing: Which.
        folder: With the arrays that `write_features` and `write_targets` left there; the model goes there too.
        seed: Of all that is drawn.
    """

    pairing: Pairing
    folder: Path
    seed: int

    @property
    def model_path(self) -> Path:
        """Where the fitted model goes."""
        return self.folder / f"{self.pairing.features}-{self.pairing.algorithm}.pickle"


@dataclass(frozen=True)
class Fitted:
    """A pairing with its best settings.

    Attributes:
        pairing: Which.
        settings: Those chosen.
        tried: How many were tried.
        val_correct: Right answers on the validation photos.
        fit_s: Seconds of one core that fitting with these settings took.
        size_bytes: Of the pickled model with its scaler.
        model_path: Where that is.
        answers: int64 (test photos,): class numbers.
    """

    pairing: Pairing
    settings: str
    tried: int
    val_correct: int
    fit_s: float
    size_bytes: int
    model_path: Path
    answers: NDArray[np.int64]


def write_features(folder: Path, part: str, split: Split, values: NDArray[np.float32]) -> None:
    """Leave features, float32 (photos, numbers), for tasks."""
    np.save(folder / f"{part}-{split}.npy", values)


def write_targets(folder: Path, split: Split, targets: NDArray[np.int64]) -> None:
    """Leave class numbers (photos,) for tasks; those of the test photos are refused."""
    if split == "test":
        msg = "the classes of test photos are for the table alone"
        raise ValueError(msg)
    np.save(folder / f"targets-{split}.npy", targets)


def fit(task: Task) -> Fitted:
    """Try all settings of a task's algorithm; of equally good ones the first, which is the simplest, stays."""
    train, val, test = (_features(task, split) for split in ("train", "val", "test"))
    wanted, to_match = (np.load(task.folder / f"targets-{split}.npy") for split in ("train", "val"))
    tried = candidates(task.pairing.algorithm, photos=len(train), classes=len(np.unique(wanted)), seed=task.seed)
    best, best_correct, best_settings, best_s = None, -1, "", 0.0
    for candidate in tried:
        model = candidate.build()
        start = time.process_time()
        model.fit(train, wanted)
        seconds = time.process_time() - start
        correct = int((model.predict(val) == to_match).sum())
        if correct > best_correct:
            best, best_correct, best_settings, best_s = model, correct, candidate.settings, seconds
    assert best is not None  # noqa: S101 - something is tried of every algorithm
    data = pickle.dumps(best)
    task.model_path.write_bytes(data)
    answers = np.asarray(best.predict(test), np.int64)
    return Fitted(task.pairing, best_settings, len(tried), best_correct, best_s, len(data), task.model_path, answers)


def _features(task: Task, split: Split) -> NDArray[np.float32]:
    parts = [np.load(task.folder / f"{part}-{split}.npy") for part in made_of(task.pairing.features)]
    return np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]

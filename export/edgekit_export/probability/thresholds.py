"""From which score on an answer is to be acted on: thresholds for a wanted precision, chosen on labelled photos."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEVELS = 256

NEVER = 1.0
"""The threshold of a class that none makes precise enough: only a score that leaves no doubt counts."""


@dataclass(frozen=True)
class Thresholds:
    """For a wanted precision.

    Attributes:
        wanted: The precision, 0..1.
        classes: float, one for each class, in 0..1; `NEVER` where nothing is precise enough.
        abstain_below: Below this score answers are right less often than wanted, whatever the class.
    """

    wanted: float
    classes: tuple[float, ...]
    abstain_below: float


def choose_thresholds(scores: NDArray[np.float32], truth: NDArray[np.bool_], wanted: float) -> Thresholds:
    """The smallest thresholds from which answers are right as often as wanted.

    A class with few answers could look precise by luck, so two answers are added, one right and one wrong (Laplace's
    rule of succession). One with too few answers to ever get there has no threshold of its own.

    Args:
        scores: float32 (photos, classes), of the file as it will be used.
        truth: bool (photos, classes).
        wanted: Precision, 0..1.
    """
    best = scores.argmax(axis=1)
    top, right = scores.max(axis=1), truth[np.arange(len(scores)), best]
    classes = tuple(_lowest(top[best == index], right[best == index], wanted) for index in range(scores.shape[1]))
    return Thresholds(wanted, classes, _lowest(top, right, wanted))


def _lowest(scores: NDArray[np.float32], right: NDArray[np.bool_], wanted: float) -> float:
    """The lowest score from which on enough answers are right; 0 where all of them together are good enough."""
    if _likely(len(scores), len(scores)) < wanted:
        return 0.0
    order = np.argsort(-scores, kind="stable")
    found, hits = NEVER, 0
    for count, place in enumerate(order, start=1):
        hits += int(right[place])
        is_last_of_equals = count == len(order) or scores[order[count]] < scores[place]
        if is_last_of_equals and _likely(hits, count) >= wanted:
            found = _on_grid(float(scores[place])) if count < len(order) else 0.0
    return found


def _likely(hits: int, count: int) -> float:
    return (hits + 1) / (count + 2)


def _on_grid(score: float) -> float:
    """The score that a file with uint8 output gives at least, where a finer one was `score`."""
    return math.floor(score * _LEVELS) / _LEVELS

"""The photos on which classes can be judged: those of classes that have enough of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit_export.check.opinions import FOLDS
from edgekit_export.check.survey import Survey
from edgekit_export.data.clusters import clusters_of

FEWEST = 2 * FOLDS
"""Photos of a class from which on it takes part: two in each fold."""


@dataclass(frozen=True)
class Judged:
    """Which photos take part.

    Attributes:
        places: int64 (n,): among the readable photos.
        labels: The classes that take part, sorted.
        targets: int64 (n,): the place of each photo's class in `labels`.
        groups: int64 (n,): photos with the same number are twins, directly or by way of others.
    """

    places: NDArray[np.int64]
    labels: tuple[str, ...]
    targets: NDArray[np.int64]
    groups: tuple[int, ...]


def judged_photos(survey: Survey) -> Judged | None:
    """Whoever takes part; None where that are fewer than two classes."""
    counts = survey.dataset.counts()
    labels = tuple(label for label in survey.dataset.labels if counts[label] >= FEWEST)
    if len(labels) < 2:
        return None
    number = {label: i for i, label in enumerate(labels)}
    places = np.array([i for i, photo in enumerate(survey.photos) if photo.label in number], np.int64)
    targets = np.array([number[survey.photos[i].label] for i in places], np.int64)
    firsts = clusters_of(len(survey.photos), survey.twins.together).firsts()
    return Judged(places, labels, targets, tuple(firsts[i] for i in places))

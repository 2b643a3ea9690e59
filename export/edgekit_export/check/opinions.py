"""What simple models say of photos that they did not learn from: cross-validation that keeps twins together."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgekit_export.data.clusters import places_of
from edgekit_export.statistics import wilson_interval

FOLDS = 5
_MOST_TO_LEARN_FROM = 12_000  # photos; more cost time and memory, and tell hardly more
_OF_EACH_CLASS = 50  # are among them, where there are so many

Features: TypeAlias = "NDArray[np.float32]"
Build = Callable[[], Any]
"""Makes an untrained scikit-learn classifier that gives probabilities."""


@dataclass(frozen=True)
class Opinions:
    """What was said of each photo by a model that learned from others.

    Attributes:
        targets: int64 (photos,): the class of each.
        probabilities: float32 (photos, classes); all 0 for a photo of which nothing is said, as nobody could learn its
            class from others: they are all its twins.
        chance: Share of right answers of whoever always names the most frequent class.
    """

    targets: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    chance: float

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Of which photos something is said."""
        return np.asarray(self.probabilities.any(axis=1))

    @property
    def right(self) -> int:
        """Photos whose class is thought the likeliest."""
        return int((self.judged & (self.probabilities.argmax(axis=1) == self.targets)).sum())

    @property
    def accuracy(self) -> float:
        """Share of right answers among the photos judged; 0 where there are none."""
        return self.right / max(1, int(self.judged.sum()))

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % range of the accuracy."""
        return wilson_interval(self.right, int(self.judged.sum()))

    @property
    def skill(self) -> float:
        """How much of the way from chance to all right it goes, 0..1."""
        return max(0.0, (self.accuracy - self.chance) / max(1e-9, 1 - self.chance))


def opinions(
    features: Features, targets: NDArray[np.int64], groups: Sequence[int], build: Build, *, seed: int
) -> Opinions:
    """Cross-validated opinions on all photos.

    Args:
        features: (photos, numbers).
        targets: (photos,), each of 0 to classes - 1 at least `FOLDS` times.
        groups: Of each photo: photos of one group are never on both sides.
        build: Of a model; it learns from at most 12,000 photos a time.
        seed: Of the folds.
    """
    classes = int(targets.max()) + 1
    rng = np.random.default_rng(seed)
    folds = folds_of(targets, groups, rng)
    found = np.zeros((len(targets), classes), np.float32)
    for fold in range(FOLDS):
        here, others = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if len(here) and len(others):
            learned = _sample(rng.permutation(others), targets)
            known = np.unique(targets[learned])
            here = here[np.isin(targets[here], known)]
            if len(known) > 1 and len(here):
                model = _fitted(build(), features[learned], targets[learned])
                found[np.ix_(here, model.classes_)] = model.predict_proba(features[here])
    return Opinions(targets, found, float(np.bincount(targets).max() / len(targets)))


def _sample(places: NDArray[np.int64], targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of shuffled places at most 12,000: first some of each class, so that none is missing, then as they come."""
    rank = np.zeros(len(places), np.int64)
    for label in np.unique(targets[places]):
        mine = np.flatnonzero(targets[places] == label)
        rank[mine] = np.arange(len(mine))
    order = np.argsort(rank >= _OF_EACH_CLASS, kind="stable")
    return places[order][:_MOST_TO_LEARN_FROM]


def _fitted(model: Any, features: Features, targets: NDArray[np.int64]) -> Any:
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it stops when it is good enough
        return model.fit(features, targets)


def folds_of(targets: NDArray[np.int64], groups: Sequence[int], rng: np.random.Generator) -> NDArray[np.int64]:
    """The fold of each photo: groups whole, each class spread evenly; large groups are dealt first."""
    together = [np.array(places) for places in places_of(groups).values()]
    order = sorted(rng.permutation(len(together)).tolist(), key=lambda i: -len(together[i]))
    has = np.zeros((FOLDS, int(targets.max()) + 1), np.int64)
    folds = np.zeros(len(targets), np.int64)
    for places in (together[i] for i in order):
        counts = np.bincount(targets[places], minlength=has.shape[1])
        most = int(counts.argmax())
        fold = int(np.lexsort((has.sum(axis=1), has[:, most]))[0])
        folds[places] = fold
        has[fold] += counts
    return folds

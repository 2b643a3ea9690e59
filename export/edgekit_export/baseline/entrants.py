"""What a comparison gives: every method with how it fared and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgekit_export.assess.intervals import ClassCounts, Share, f1_scores, mean_over_classes
from edgekit_export.baseline.algorithms import ALGORITHMS
from edgekit_export.baseline.features import FEATURES, FeatureName
from edgekit_export.baseline.shortlist import Pairing
from edgekit_export.data.dataset import DataPhoto, DataSet
from edgekit_export.data.pixels import Unreadable

Kind = Literal["guess", "classic", "cnn features", "cnn"]


@dataclass(frozen=True)
class Entrant:
    """One method and how it fared.

    Attributes:
        kind: A constant guess, a classic method, a classic algorithm on a ready-made CNN's features, or a CNN.
        name: Of the method, or of the CNN's file.
        answers: For each test photo, the label that it gave.
        right: bool (test photos,).
        macro_f1: Mean of the F1 scores of the classes that have test photos.
        pairing: Features and algorithm of a method that was trained here.
        settings: Those chosen on the validation photos.
        val: Right answers on the validation photos; None for what was not trained here.
        size_bytes: Of what has to be stored: the pickled model, with the network that makes its features; or a file.
        latency_ms: From decoded photo to answer, median.
        fit_s: Seconds of one core for one fit with these settings, without features.
        training_s: Seconds of one core for the features of the training photos and that fit; of a CNN, those that the
            log of its training tells.
        runs_in: What computes a CNN.
    """

    kind: Kind
    name: str
    answers: tuple[str, ...]
    right: NDArray[np.bool_]
    macro_f1: float
    pairing: Pairing | None = None
    settings: str = ""
    val: Share | None = None
    size_bytes: int | None = None
    latency_ms: float | None = None
    fit_s: float | None = None
    training_s: float | None = None
    runs_in: str = ""

    @property
    def test(self) -> Share:
        """Right answers on the test photos."""
        return Share(int(self.right.sum()), len(self.right))


@dataclass(frozen=True)
class Judged:
    """Answers held against the truth: which are right, and the mean F1 score of the classes that have photos."""

    answers: tuple[str, ...]
    right: NDArray[np.bool_]
    macro_f1: float


def judge(photos: Sequence[DataPhoto], answers: Sequence[str]) -> Judged:
    """Hold `answers` against the classes of `photos`, in the same order."""
    truth = np.array([photo.label for photo in photos])
    given = np.array(answers)
    labels = np.union1d(truth, given)
    counts = _counts(truth[:, None] == labels, given[:, None] == labels)
    f1 = float(mean_over_classes(f1_scores(counts), counts))
    return Judged(tuple(answers), truth == given, f1)


def recall_of(photos: Sequence[DataPhoto], one: Entrant) -> dict[str, Share]:
    """For each class that has photos, how many of them were recognised."""
    labels = [photo.label for photo in photos]
    found: dict[str, Share] = {}
    for label in sorted(set(labels)):
        here = np.array([other == label for other in labels])
        found[label] = Share(int(one.right[here].sum()), int(here.sum()))
    return found


def _counts(truth: NDArray[np.bool_], given: NDArray[np.bool_]) -> ClassCounts:
    return ClassCounts(*(one.sum(axis=0).astype(np.float64) for one in (truth & given, truth, given)))


@dataclass(frozen=True)
class Contest:
    """What was compared, and how it ended.

    Attributes:
        dataset: The photos that took part and could be read, with their splits.
        entrants: The best on the test photos first; of equals the one with the features and the algorithm listed first.
        feature_ms: What each kind of features costs for one photo, median.
        skipped: Photos that could not be read.
        notes: What the reader should know.
        seed: Of split, sample and training.
        first_model: The name of the CNN that was named first.
    """

    dataset: DataSet
    entrants: tuple[Entrant, ...]
    feature_ms: dict[FeatureName, float]
    skipped: tuple[Unreadable, ...]
    notes: tuple[str, ...]
    seed: int
    first_model: str | None = None

    @property
    def test_photos(self) -> tuple[DataPhoto, ...]:
        """In the order of the entrants' answers."""
        return self.dataset.part("test")

    def of(self, kind: Kind) -> tuple[Entrant, ...]:
        """The entrants of a kind, in their order."""
        return tuple(one for one in self.entrants if one.kind == kind)

    def chosen(self, kind: Kind, features: FeatureName | None = None) -> Entrant | None:
        """The method of a kind that does best on the validation photos: so none is chosen by what the test shows.

        Of equals the one whose features, then whose algorithm, are listed first. `features` leaves only those that use
        them.
        """
        trained = [one for one in self.of(kind) if one.val and one.pairing]
        if features is not None:
            trained = [one for one in trained if one.pairing and one.pairing.features == features]
        return max(sorted(trained, key=listed), key=lambda one: one.val.part if one.val else 0, default=None)


def listed(one: Entrant) -> tuple[int, int]:
    """Where an entrant stands in the lists of features and algorithms; a guess before, CNNs behind."""
    if one.pairing is None:
        return (-1 if one.kind == "guess" else len(FEATURES)), 0
    return FEATURES.index(one.pairing.features), ALGORITHMS.index(one.pairing.algorithm)

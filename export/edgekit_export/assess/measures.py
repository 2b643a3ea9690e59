"""Answers -> the usual figures: accuracy, per-class precision, recall and F1, confusion, log loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit_export.assess.answers import Answers
from edgekit_export.assess.intervals import (
    Measured,
    Share,
    f1_interval,
    f1_scores,
    mean_over_classes,
    recalls,
    resampled,
)

_LEAST_PROBABILITY = 1e-7  # as Keras: a score of 0 must not decide alone


@dataclass(frozen=True)
class ClassFigures:
    """How one class fares.

    Attributes:
        label: Its name.
        recall: Of its photos, those that were called it.
        precision: Of the photos that were called it, those that are it.
        f1: The harmonic mean of both; NaN where it has neither photos nor answers.
    """

    label: str
    recall: Share
    precision: Share
    f1: Measured

    @property
    def photos(self) -> int:
        """How many it has."""
        return self.recall.whole


@dataclass(frozen=True)
class Confused:
    """Photos of one class that were called another: how many of how many."""

    label: str
    answer: str
    share: Share


@dataclass(frozen=True)
class Figures:
    """How good a model is on photos.

    Attributes:
        accuracy: Right answers; of a multi-label model, photos for which exactly the true labels were given.
        top_k: For some k, photos whose label is among the k best answers; none for multi-label models.
        mean_recall: Mean of the classes' recalls, also called balanced accuracy: each class counts alike.
        macro_f1: Mean of the classes' F1 scores.
        log_loss: Mean surprise at the true label, in nats; of a multi-label model, summed over its labels.
        brier: Mean squared distance between the scores and the truth, summed over the labels.
        guess: The right answers of somebody who always gives the most frequent answer.
        classes: Those that have photos or were given as an answer, in the model's order.
        confusion: int (classes, classes), in the order of `classes`: photos of each (rows) by answer (columns); None
            for multi-label models.
        confused: The pairs that were taken for one another, the most photos first.
    """

    accuracy: Share
    top_k: dict[int, Share]
    mean_recall: Measured
    macro_f1: Measured
    log_loss: float
    brier: float
    guess: Share
    classes: tuple[ClassFigures, ...]
    confusion: NDArray[np.int64] | None
    confused: tuple[Confused, ...]

    @property
    def weakest(self) -> ClassFigures:
        """The class with the lowest recall, of equals the one with the most photos.

        Of a multi-label model that with the lowest F1: there a class can be found everywhere at nobody's cost.
        """
        several = self.confusion is None
        with_photos = (one for one in self.classes if one.photos)
        return min(with_photos, key=lambda one: (one.f1.value if several else one.recall.value, -one.photos))


def measure(answers: Answers, *, seed: int) -> Figures:
    """The figures of a model; `seed` is that of the bootstrap intervals.

    Means over classes go over those that have photos.
    """
    given, truth = answers.given, answers.truth
    seen = np.flatnonzero(given.any(axis=0) | truth.any(axis=0))
    given, truth = given[:, seen], truth[:, seen]
    labels = tuple(answers.labels[i] for i in seen)
    confusion = None if answers.multi_label else confusion_matrix(truth, given)
    likely = np.clip(answers.scores.astype(np.float64), _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    return Figures(
        accuracy=Share(int(answers.correct.sum()), len(truth)),
        top_k={} if answers.multi_label else _top_k(answers),
        mean_recall=resampled(truth, given, lambda found: mean_over_classes(recalls(found), found), seed=seed),
        macro_f1=resampled(truth, given, lambda found: mean_over_classes(f1_scores(found), found), seed=seed),
        log_loss=_log_loss(likely, answers),
        brier=float(((answers.scores - answers.truth.astype(np.float64)) ** 2).sum(axis=1).mean()),
        guess=Share(int(np.unique(answers.truth, axis=0, return_counts=True)[1].max()), len(truth)),
        classes=tuple(_class_figures(label, truth[:, i], given[:, i]) for i, label in enumerate(labels)),
        confusion=confusion,
        confused=() if confusion is None else tuple(_confused(confusion, labels)),
    )


def confusion_matrix(truth: NDArray[np.bool_], given: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Photos of each class (rows) by answer (columns), int (classes, classes); one of each for a photo."""
    count = truth.shape[1]
    cells = truth.argmax(axis=1) * count + given.argmax(axis=1)
    return np.bincount(cells, minlength=count**2).reshape(count, count)


def _class_figures(label: str, truth: NDArray[np.bool_], given: NDArray[np.bool_]) -> ClassFigures:
    hits, photos, answers = int((truth & given).sum()), int(truth.sum()), int(given.sum())
    low, high = f1_interval(hits, photos - hits, answers - hits)
    return ClassFigures(
        label, Share(hits, photos), Share(hits, answers), Measured(2 * hits / (photos + answers), low, high)
    )


def _top_k(answers: Answers) -> dict[int, Share]:
    """For 2, 3 and 5, where there are more classes than that; equal scores stand in order of the classes."""
    wanted = answers.truth.argmax(axis=1)
    order = np.argsort(-answers.scores, axis=1, kind="stable")[:, :5]
    among = order == wanted[:, None]
    return {k: Share(int(among[:, :k].any(axis=1).sum()), len(wanted)) for k in (2, 3, 5) if len(answers.labels) > k}


def _log_loss(likely: NDArray[np.float64], answers: Answers) -> float:
    if answers.multi_label:
        return float(-np.log(np.where(answers.truth, likely, 1 - likely)).sum(axis=1).mean())
    # int8 scores need not sum to 1.
    shares = likely / likely.sum(axis=1, keepdims=True)
    return float(-np.log(shares[answers.truth]).mean())


def _confused(confusion: NDArray[np.int64], labels: tuple[str, ...]) -> Iterator[Confused]:
    photos = confusion.sum(axis=1)
    wrong = confusion - np.diag(confusion.diagonal())
    rows, columns = np.nonzero(wrong)
    order = sorted(zip(rows, columns, strict=True), key=lambda cell: (-wrong[cell], -wrong[cell] / photos[cell[0]]))
    for row, column in order:
        yield Confused(labels[row], labels[column], Share(int(wrong[row, column]), int(photos[row])))

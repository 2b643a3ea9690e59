"""Which of several hypotheses about a model is true, by trying: which makes it right on labelled photos.

A model file seldom tells which pixel range, channel order or resize its training used, and a wrong guess costs
accuracy silently. One is taken only when it is clearly best.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgekit.card import EvidenceRow
from edgekit.decision import PRESENT_FROM
from edgekit_export.progress import Step
from edgekit_export.statistics import sign_test, wilson_interval

_SURE = 0.005  # the chance of seeing such a lead between equals; a dozen hypotheses are compared
_SURE_SIGMAS = 3.0  # the same for the likelihood of the right labels
_FEWEST_PHOTOS = 12
_FEWEST_MISTAKES = 2
_ROUND_ENDS = (24, 48, 96)  # photos after which hypotheses that are clearly worse are given up
_LEAST_PROBABILITY = 1e-6  # a photo on which the float model is sure and wrong must not decide alone

Scores = NDArray[np.float32]
H = TypeVar("H")
P = TypeVar("P")


@dataclass(frozen=True)
class Answer:
    """Probabilities for one photo, shape (classes,), and the classes that it shows."""

    scores: Scores
    truth: frozenset[int]
    multi_label: bool


@dataclass
class Trial(Generic[H]):
    """How a hypothesis fared, photo by photo; `divergence` is how far its input is from that of training."""

    name: str
    hypothesis: H
    correct: list[bool] = field(default_factory=list)
    confidence: list[float] = field(default_factory=list)
    log_likelihood: list[float] = field(default_factory=list)
    truths: list[frozenset[int]] = field(default_factory=list)
    divergence: float | None = None

    def add(self, answer: Answer) -> None:
        """Count one photo."""
        scores, truth = answer.scores, answer.truth
        likely = np.clip(scores.astype(np.float64), _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
        self.truths.append(truth)
        if answer.multi_label:
            shown = np.isin(np.arange(len(scores)), list(truth))
            self.correct.append(frozenset(np.flatnonzero(scores >= PRESENT_FROM).tolist()) == truth)
            self.confidence.append(float(np.maximum(scores, 1 - scores).mean()))
            self.log_likelihood.append(float(np.log(np.where(shown, likely, 1 - likely)).sum()))
        else:
            self.correct.append(int(scores.argmax()) in truth)
            self.confidence.append(float(scores.max()))
            self.log_likelihood.append(float(np.log(likely[min(truth)])))

    @property
    def beats_chance(self) -> bool:
        """Whether the model is right more often than somebody who always gives the most frequent answer."""
        most_frequent = max(self.truths.count(truth) for truth in set(self.truths)) / len(self.truths)
        return wilson_interval(sum(self.correct), len(self.correct))[0] > most_frequent

    def row(self) -> EvidenceRow:
        """For the table."""
        return EvidenceRow(
            hypothesis=self.name,
            images=len(self.correct),
            correct=sum(self.correct),
            mean_confidence_percent=round(100 * float(np.mean(self.confidence)), 1),
            divergence=None if self.divergence is None else round(self.divergence, 3),
        )


def run_trials(
    trials: Sequence[Trial[H]], photos: Sequence[P], answer: Callable[[H, P], Answer], step: Step
) -> list[Trial[H]]:
    """Try hypotheses on photos, in growing rounds; those that are clearly worse are given up after each.

    Args:
        trials: The hypotheses; filled here.
        photos: Whatever `answer` takes.
        answer: What the model says to a photo under a hypothesis.
        step: Called after each photo.

    Returns:
        The trials that no other is clearly better than.
    """
    alive = list(trials)
    for part in _rounds(len(photos)):
        for photo in photos[part]:
            for trial in alive:
                trial.add(answer(trial.hypothesis, photo))
            step()
        alive = [one for one in alive if not any(clearly_better(other, one) for other in alive if other is not one)]
        if len(alive) == 1:
            break
    return alive


def clearly_better(one: Trial[H], other: Trial[H]) -> bool:
    """Whether the lead of one hypothesis is more than chance, on the photos that both saw.

    By the photos on which only one of them is right (sign test), or by the likelihood of the right labels (paired
    z-test). The likelihood never decides against the accuracy, nor where the leader is always right: there it would
    only prefer the more confident, as a network without normalization is on pixels that are too large.
    """
    count = min(len(one.correct), len(other.correct))
    ours, theirs = np.array(one.correct[:count]), np.array(other.correct[:count])
    if count < _FEWEST_PHOTOS or ours.sum() < theirs.sum():
        return False
    if sign_test(int((ours & ~theirs).sum()), int((theirs & ~ours).sum())) <= _SURE:
        return True
    if count - ours.sum() < _FEWEST_MISTAKES:
        return False
    lead = np.array(one.log_likelihood[:count]) - np.array(other.log_likelihood[:count])
    return bool(lead.mean() > 0 and lead.mean() >= _SURE_SIGMAS * lead.std(ddof=1) / math.sqrt(count))


def _rounds(photos: int) -> Iterator[slice]:
    ends = [end for end in _ROUND_ENDS if end < photos] + [photos]
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        yield slice(start, end)

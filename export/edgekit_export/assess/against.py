"""Two models on the same photos: who is right where the other is not, and whether that is more than chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit_export.assess.answers import Answers
from edgekit_export.assess.chance import SURE, mcnemar
from edgekit_export.assess.intervals import Pairs, paired_interval, pairs_of
from edgekit_export.assess.measures import Figures, measure


@dataclass(frozen=True)
class Against:
    """A model beside another.

    Attributes:
        name: The other model's file.
        runs_in: What computes it.
        notes: What was assumed about it or found on photos.
        answers: What it said.
        figures: How good it is.
        pairs: How many photos both got right, only the model, only the other, neither.
        low: Where the 95 % interval of the model's lead in accuracy begins, as a fraction.
        high: Where it ends.
        p: McNemar's exact p-value.
        same: How many answers are the same, right or wrong.
    """

    name: str
    runs_in: str
    notes: tuple[str, ...]
    answers: Answers
    figures: Figures
    pairs: Pairs
    low: float
    high: float
    p: float
    same: int

    @property
    def is_sure(self) -> bool:
        """Whether the difference is more than chance."""
        return self.p < SURE


def compare_models(  # noqa: PLR0913 - two models, and who the other is
    first: Answers, second: Answers, *, name: str, runs_in: str, notes: tuple[str, ...], seed: int
) -> Against:
    """The second model beside the first, on the same photos in the same order; labels may stand in another order."""
    pairs = pairs_of(first.correct, second.correct)
    ours, theirs = first.named(first.given), second.named(second.given)
    low, high = paired_interval(pairs)
    return Against(
        name=name,
        runs_in=runs_in,
        notes=notes,
        answers=second,
        figures=measure(second, seed=seed),
        pairs=pairs,
        low=low,
        high=high,
        p=mcnemar(pairs.first, pairs.second),
        same=sum(a == b for a, b in zip(ours, theirs, strict=True)),
    )


def only_right(first: Answers, second: Answers) -> tuple[list[int], list[int]]:
    """Which photos only the first got right, and which only the second; the surest answers first."""
    ours, theirs = first.correct, second.correct
    return _surest(ours & ~theirs, first), _surest(theirs & ~ours, second)


def _surest(which: NDArray[np.bool_], answers: Answers) -> list[int]:
    places = np.flatnonzero(which)
    return [int(i) for i in places[np.argsort(-answers.confidence[places], kind="stable")]]

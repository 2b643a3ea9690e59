"""Groups of photos side by side: how each fares, and whether a gap is more than chance and more than its classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgekit_export.assess.chance import SURE, GroupTest, compare_groups, holm
from edgekit_export.assess.columns import Column
from edgekit_export.assess.intervals import Share

_FEWEST_COMPARABLE = 20

Verdict = Literal["gap", "classes", "chance", "unknown"]
"""A gap beyond chance; one that the classes of the groups explain; none; or class and group cannot be told apart."""


@dataclass(frozen=True)
class Group:
    """How one group fares.

    Attributes:
        name: The value of the column.
        right: Its right answers.
        others: Those of all other groups.
        expected: The accuracy that its classes let expect, if within each class all groups fared alike.
        p: How often chance alone takes any group of this column so far from that.
    """

    name: str
    right: Share
    others: Share
    expected: float
    p: float


@dataclass(frozen=True)
class Slice:
    """How the groups of one column fare.

    Attributes:
        name: Of the column.
        groups: In the column's order; those with photos.
        untold: Photos that have no value in this column; they are left out.
        p: How often chance alone makes such a gap, classes taken into account.
        corrected_p: The same, corrected for the number of columns tried.
        raw_p: As `corrected_p`, classes left out of account.
        comparable: Photos of classes that stand in several groups: only they tell groups from classes.
    """

    name: str
    groups: tuple[Group, ...]
    untold: int
    p: float
    corrected_p: float
    raw_p: float
    comparable: int

    @property
    def verdict(self) -> Verdict:
        """What the gap between the groups means."""
        if self.corrected_p < SURE:
            return "gap"
        if self.comparable < _FEWEST_COMPARABLE:
            return "unknown"
        return "classes" if self.raw_p < SURE else "chance"

    @property
    def farthest(self) -> Group:
        """The group that chance explains least; of equals, the one farthest from what its classes let expect."""
        return min(self.groups, key=lambda group: (group.p, -abs(group.right.value - group.expected)))

    @property
    def gap(self) -> float:
        """Between the best and the worst group, as a fraction."""
        values = [group.right.value for group in self.groups]
        return max(values) - min(values)


def slice_by(
    columns: Sequence[Column], correct: NDArray[np.bool_], classes: Sequence[str], *, seed: int
) -> tuple[Slice, ...]:
    """How groups of photos fare, for each column; those that are least chance first.

    Args:
        columns: The ways to group the photos.
        correct: bool (photos,): which answers are right.
        classes: The class of each photo.
        seed: Of the permutations.
    """
    strata = np.unique(np.array(classes), return_inverse=True)[1].reshape(-1)
    found = [_slice(column, correct, strata, seed) for column in columns]
    corrected, raw = holm([one.p for one in found]), holm([one.raw_p for one in found])
    tried = [replace(one, corrected_p=p, raw_p=r) for one, p, r in zip(found, corrected, raw, strict=True)]
    return tuple(sorted(tried, key=lambda one: (one.corrected_p, one.p, one.name)))


def _slice(column: Column, correct: NDArray[np.bool_], strata: NDArray[np.int64], seed: int) -> Slice:
    told = np.array([place is not None for place in column.of_photos])
    places = np.array([place for place in column.of_photos if place is not None])
    kept = correct[told]
    test = compare_groups(kept, places, strata[told], seed=seed)
    raw = compare_groups(kept, places, np.zeros(len(kept), np.int64), seed=seed)
    groups = tuple(
        _group(name, places == i, kept, test, i) for i, name in enumerate(column.groups) if (places == i).any()
    )
    return Slice(column.name, groups, int((~told).sum()), test.p, test.p, raw.p, test.comparable)


def _group(name: str, inside: NDArray[np.bool_], correct: NDArray[np.bool_], test: GroupTest, place: int) -> Group:
    photos = int(inside.sum())
    return Group(
        name,
        Share(int(correct[inside].sum()), photos),
        Share(int(correct[~inside].sum()), len(correct) - photos),
        float(test.expected[place]) / photos,
        float(test.group_p[place]),
    )

"""Whether a difference is more than chance. Plain functions on counts; p-values are two-sided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PERMUTATIONS = 9999
SURE = 0.05  # the p-value from which a difference is called more than chance
_BLOCK = 4_000_000  # numbers in memory at once while permuting
_TINY = 1e-9


def mcnemar(first: int, second: int) -> float:
    """The exact p-value of McNemar's test: as unequal a split of the photos that only one model got right.

    Args:
        first: Photos that only the first got right.
        second: Photos that only the second got right.

    Source: Q. McNemar, Note on the sampling error of the difference between correlated proportions, 1947.

    >>> round(mcnemar(8, 1), 4)
    0.0391
    """
    from scipy.stats import binomtest

    return float(binomtest(first, first + second).pvalue) if first + second else 1.0


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P-values corrected for how many were tried, in the same order.

    Source: S. Holm, A simple sequentially rejective multiple test procedure, 1979.

    >>> holm([0.01, 0.5, 0.04])
    (0.03, 0.5, 0.08)
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    found = [0.0] * len(p_values)
    largest = 0.0
    for place, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        found[index] = largest
    return tuple(found)


@dataclass(frozen=True)
class GroupTest:
    """Whether groups of photos fare as their classes let expect.

    Attributes:
        expected: float (groups,): right answers that each group would have if within each class groups fared alike.
        deviation: float (groups,): how far the true number is from that, in standard deviations; 0 where it is bound.
        group_p: float (groups,): how often chance alone takes any group so far.
        comparable: Photos of classes that stand in more than one group: only they can tell.
    """

    expected: NDArray[np.float64]
    deviation: NDArray[np.float64]
    group_p: NDArray[np.float64]
    comparable: int

    @property
    def p(self) -> float:
        """How often chance alone takes any group as far as the farthest."""
        return float(self.group_p.min())


def compare_groups(
    correct: NDArray[np.bool_], groups: NDArray[np.int64], strata: NDArray[np.int64], *, seed: int
) -> GroupTest:
    """Whether right answers depend on the group, within strata: a stratified permutation test.

    Groups are dealt again within each stratum, so that a group with more photos of a hard class is not blamed for it.
    The statistic is the largest deviation of any group, so that each group's p-value is corrected for the others.

    Args:
        correct: bool (photos,): which answers are right.
        groups: int (photos,): 0 to groups - 1.
        strata: int (photos,): the class of each photo; all 0 to leave it out of account.
        seed: Of the permutations.

    Source: N. Mantel and W. Haenszel, 1959, for expectation and variance; P. H. Westfall and S. S. Young, Resampling-
    based multiple testing, 1993, for the largest deviation.
    """
    tables = [_table(correct[strata == s], groups[strata == s], int(groups.max()) + 1) for s in np.unique(strata)]
    expected = np.sum([right * sizes / sizes.sum() for sizes, _, right in tables], axis=0)
    deviations = np.sqrt(np.sum([_variance(sizes, right) for sizes, _, right in tables], axis=0))
    found = _standardised(np.sum([hits for _, hits, _ in tables], axis=0), expected, deviations)
    largest = np.abs(found)
    reached = np.ones(len(found), np.int64)
    for draws in _permuted(tables, seed):
        most = np.abs(_standardised(draws, expected, deviations)).max(axis=1)
        reached += (most[:, None] >= largest - _TINY).sum(axis=0)
    comparable = sum(int(sizes.sum()) for sizes, _, _ in tables if (sizes > 0).sum() > 1)
    return GroupTest(expected, found, reached / (PERMUTATIONS + 1), comparable)


_Table = tuple[NDArray[np.int64], NDArray[np.int64], int]


def _table(correct: NDArray[np.bool_], groups: NDArray[np.int64], count: int) -> _Table:
    """Of one stratum: photos of each group, right answers of each, right answers of all."""
    hits = np.bincount(groups[correct], minlength=count)
    return np.bincount(groups, minlength=count), hits, int(correct.sum())


def _variance(sizes: NDArray[np.int64], right: int) -> NDArray[np.float64]:
    """Of the right answers in each group of a stratum, if they fell by chance: hypergeometric."""
    n = int(sizes.sum())
    return np.asarray(sizes * (n - sizes) * (right * (n - right) / (n**2 * max(1, n - 1))))


def _standardised(
    hits: NDArray[np.int64], expected: NDArray[np.float64], deviations: NDArray[np.float64]
) -> NDArray[np.float64]:
    free = deviations > _TINY
    return np.asarray(np.where(free, (hits - expected) / np.where(free, deviations, 1), 0.0))


def _permuted(tables: Sequence[_Table], seed: int) -> Iterator[NDArray[np.int64]]:
    """Right answers of each group when groups are dealt again: int (permutations, groups), in blocks."""
    rng = np.random.default_rng(seed)
    count = len(tables[0][0])
    block = max(1, _BLOCK // count)
    for start in range(0, PERMUTATIONS, block):
        size = min(block, PERMUTATIONS - start)
        draws = np.zeros((size, count), np.int64)
        for sizes, _, right in tables:
            draws += rng.multivariate_hypergeometric(sizes, right, size=size, method="marginals")
        yield draws

"""Dealing by numbers: against the best there is, where all ways can be tried."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit_export.data.stratify import deal

SHARES = np.array([0.6, 0.2, 0.2])


def miss(counts: NDArray[np.int64], dealt: NDArray[np.int64]) -> float:
    wanted = SHARES[:, None] * counts.sum(axis=0)
    has = np.array([counts[dealt == split].sum(axis=0) for split in range(3)])
    return float((np.square(has - wanted) / wanted).sum())


def largest_first(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return counts[np.argsort(-counts.sum(axis=1), kind="stable")]


@pytest.mark.parametrize("seed", range(8))
def test_few_groups_are_dealt_nearly_as_well_as_can_be(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = largest_first(rng.integers(0, 30, (9, 2)) + rng.integers(1, 3, (9, 2)))
    every = (np.array(ways) for ways in itertools.product(range(3), repeat=9) if len(set(ways)) == 3)
    best = min(miss(counts, ways) for ways in every)
    assert miss(counts, deal(counts, SHARES)) < best + 0.5


def test_single_photos_mend_what_groups_leave() -> None:
    groups = np.array([[40, 0], [0, 40]])
    single = np.repeat([[1, 0], [0, 1]], 60, axis=0)
    counts = np.concatenate([groups, single])
    dealt = deal(counts, SHARES)
    has = np.array([counts[dealt == split].sum(axis=0) for split in range(3)])
    np.testing.assert_array_equal(has, [[60, 60], [20, 20], [20, 20]])


def test_single_photos_are_dealt_in_their_order() -> None:
    dealt = deal(np.ones((10, 1), np.int64), SHARES)
    assert dealt.tolist() == [2, 2, 1, 1, 0, 0, 0, 0, 0, 0]


def test_a_class_is_brought_into_each_split_where_it_can_be() -> None:
    counts = np.array([[50, 1], [50, 1], [50, 1], [50, 0], [50, 0]])
    dealt = deal(counts, SHARES)
    assert {int(split) for split in dealt[:3]} == {0, 1, 2}
    assert sorted(np.bincount(dealt)) == [1, 1, 3]

"""Tests of chance: against exact enumeration and scipy, and against how often they cry wolf."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_export.assess.chance import compare_groups, holm, mcnemar

pytest.importorskip("scipy", reason="scipy is not installed")
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [(8, 1, 20 / 512), (5, 0, 2 / 32), (0, 6, 2 / 64), (3, 3, 1.0), (1, 0, 1.0), (0, 0, 1.0), (10, 2, 158 / 4096)],
)
def test_mcnemar_is_twice_the_tail_of_a_fair_coin(first: int, second: int, p: float) -> None:
    """By hand: 9 photos differ, 8 to 1; of 512 ways to split them, 1 + 9 + 9 + 1 are as unequal."""
    assert mcnemar(first, second) == pytest.approx(p)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_its_definition_and_knows_no_order(first: int, second: int) -> None:
    n = first + second
    tail = sum(math.comb(n, k) for k in range(min(first, second) + 1)) / 2**n
    assert mcnemar(first, second) == pytest.approx(min(1.0, 2 * tail))
    assert mcnemar(first, second) == pytest.approx(mcnemar(second, first))


@given(P_VALUES)
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values: list[float]) -> None:
    corrected = holm(p_values)
    assert all(p <= q <= 1 for p, q in zip(p_values, corrected, strict=True))
    for (p, q), (r, s) in itertools.combinations(zip(p_values, corrected, strict=True), 2):
        assert (q <= s) if p < r else (q >= s) if p > r else math.isclose(q, s)


def test_holm_multiplies_the_smallest_by_all_and_the_largest_by_one() -> None:
    assert holm([0.04, 0.001, 0.03]) == pytest.approx((0.06, 0.003, 0.06))
    assert holm([0.2]) == (0.2,)
    assert holm([]) == ()


def test_two_groups_agree_with_counting_all_ways_to_deal_them() -> None:
    """One class, 9 photos of site A of which 3 are right, 11 of B of which 10 are: hypergeometric, by distance."""
    correct = np.array([1] * 3 + [0] * 6 + [1] * 10 + [0], bool)
    groups = np.array([0] * 9 + [1] * 11)
    right, expected = 13, 9 * 13 / 20
    ways = {
        k: math.comb(13, k) * math.comb(7, 9 - k) / math.comb(20, 9) for k in range(max(0, 9 - 7), min(9, right) + 1)
    }
    exact = sum(way for k, way in ways.items() if abs(k - expected) >= abs(3 - expected) - 1e-9)
    found = compare_groups(correct, groups, np.zeros(20, int), seed=0)
    assert found.expected == pytest.approx([expected, 11 * 13 / 20])
    assert found.p == pytest.approx(exact, abs=4 * math.sqrt(exact / 9999))
    assert found.group_p[0] == found.group_p[1]
    assert found.comparable == 20


def test_the_deviation_is_that_of_mantel_and_haenszel() -> None:
    """Two strata, by hand: expectation and variance of the right answers of group 0."""
    correct = np.array([1, 1, 0, 1, 0, 0, 1, 0, 0, 0], bool)
    groups = np.array([0, 0, 0, 1, 1, 1, 0, 0, 1, 1])
    strata = np.array([0] * 6 + [1] * 4)
    expected = 3 * 3 / 6 + 2 * 1 / 4
    variance = 3 * 3 * 3 * 3 / (36 * 5) + 2 * 2 * 1 * 3 / (16 * 3)
    found = compare_groups(correct, groups, strata, seed=0)
    assert found.expected[0] == pytest.approx(expected)
    assert found.deviation[0] == pytest.approx((3 - expected) / math.sqrt(variance))


def test_p_values_without_a_gap_are_uniform() -> None:
    rng = np.random.default_rng(0)
    found = []
    for seed in range(120):
        strata = rng.integers(0, 3, 120)
        groups = (strata + rng.integers(0, 3, 120)) % 4  # groups hold other classes, and are no better for it
        correct = rng.random(120) < np.array([0.95, 0.8, 0.6])[strata]
        found.append(compare_groups(correct, groups, strata, seed=seed).p)
    shares = [np.mean(np.array(found) <= level) for level in (0.05, 0.25, 0.5, 0.75)]
    assert shares == pytest.approx([0.05, 0.25, 0.5, 0.75], abs=0.1)
    assert shares[0] <= 0.1


def test_a_gap_that_the_classes_explain_is_none_within_classes() -> None:
    """Site B holds nine in ten photos of the hard class; within each class both sites fare alike."""
    rng = np.random.default_rng(1)
    strata = rng.integers(0, 2, 400)
    groups = (rng.random(400) < np.where(strata == 1, 0.9, 0.1)).astype(int)
    correct = rng.random(400) < np.where(strata == 1, 0.5, 0.95)
    adjusted = compare_groups(correct, groups, strata, seed=0)
    assert adjusted.p > 0.05
    assert compare_groups(correct, groups, np.zeros(400, int), seed=0).p < 0.001
    assert adjusted.expected[1] / (groups == 1).sum() == pytest.approx(correct[groups == 1].mean(), abs=0.05)


def test_a_planted_gap_is_found_and_told_to_the_right_group() -> None:
    rng = np.random.default_rng(2)
    strata, groups = rng.integers(0, 3, 300), rng.integers(0, 5, 300)
    correct = rng.random(300) < np.where(groups == 3, 0.55, 0.92)
    found = compare_groups(correct, groups, strata, seed=0)
    assert found.p < 0.01
    assert int(found.group_p.argmin()) == 3
    assert found.deviation[3] < -3
    assert (np.delete(found.group_p, 3) > 0.05).all()


def test_groups_that_hold_one_class_each_cannot_be_compared() -> None:
    groups = np.repeat([0, 1], 50)
    found = compare_groups(groups == 0, groups, groups, seed=0)
    assert found.p == 1
    assert found.comparable == 0
    assert found.deviation.tolist() == [0, 0]


def test_chance_is_the_same_for_the_same_seed() -> None:
    rng = np.random.default_rng(0)
    correct, groups, strata = rng.random(80) < 0.7, rng.integers(0, 3, 80), rng.integers(0, 2, 80)
    ps = [compare_groups(correct, groups, strata, seed=seed).p for seed in (5, 5, 6)]
    assert ps[0] == ps[1] != ps[2]

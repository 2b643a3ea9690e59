"""The statistics: against their definitions, and against published numbers."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_export.statistics import sign_test, wilson_interval

PROPORTIONS = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(PROPORTIONS)
def test_the_ends_of_wilsons_interval_are_where_the_score_test_just_does_not_refuse(case: tuple[int, int]) -> None:
    """Its definition: at an end p, the found proportion lies 1.96 of p's own standard deviations away."""
    successes, trials = case
    found = successes / trials
    for end in wilson_interval(successes, trials):
        assert abs(found - end) == pytest.approx(1.959964 * math.sqrt(end * (1 - end) / trials), rel=1e-4, abs=1e-7)


@given(PROPORTIONS)
def test_wilsons_interval_holds_the_proportion_and_is_the_mirror_of_its_failures(case: tuple[int, int]) -> None:
    successes, trials = case
    low, high = wilson_interval(successes, trials)
    assert 0 <= low < high <= 1
    assert low - 1e-12 < successes / trials < high + 1e-12  # where none or all succeed the end is the proportion
    assert wilson_interval(trials - successes, trials) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_as_published(successes: int, trials: int, low: float, high: float) -> None:
    """Source: R. G. Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I, method 3."""
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_nothing_tried_tells_nothing() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert sign_test(0, 0) == 1.0


@pytest.mark.parametrize(("wins", "losses"), [(0, 1), (1, 0), (3, 3), (5, 1), (1, 5), (8, 2), (0, 9)])
def test_the_sign_test_counts_the_throws_of_a_coin(wins: int, losses: int) -> None:
    throws = [sum(throw) for throw in itertools.product((0, 1), repeat=wins + losses)]
    assert sign_test(wins, losses) == sum(heads >= wins for heads in throws) / len(throws)


@given(st.integers(0, 20), st.integers(0, 20))
def test_one_more_win_makes_equals_less_likely_and_one_more_loss_more(wins: int, losses: int) -> None:
    assert sign_test(wins + 1, losses) < sign_test(wins, losses) <= 1
    assert wins == 0 or sign_test(wins, losses + 1) > sign_test(wins, losses) > 0

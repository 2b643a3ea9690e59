from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.bench.spread import Spread, percentile, spread_of


def test_a_spread_says_what_so_many_photos_did_not_exceed() -> None:
    spread = spread_of([[float(n) for n in range(1, 101)], [float(n) for n in range(101, 201)]])
    assert (spread.count, spread.minimum, spread.p50, spread.p95, spread.p99) == (200, 1, 100, 190, 198)
    assert spread.rounds == (50, 150)


def test_the_99th_percentile_of_few_times_is_none() -> None:
    assert spread_of([[1.0] * 99]).p99 is None
    assert spread_of([[1.0] * 50, [1.0] * 50]).p99 == 1


@pytest.mark.parametrize("rounds", [[], [[]], [[1.0], []]])
def test_a_round_without_times_is_the_callers_error(rounds: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="every round needs a time"):
        spread_of(rounds)


@given(st.lists(st.floats(0, 1e6), min_size=1).map(sorted), st.integers(1, 100))
def test_a_percentile_is_the_smallest_time_that_so_many_do_not_exceed(times: list[float], percent: int) -> None:
    found = percentile(times, percent)
    assert found in times
    assert sum(time <= found for time in times) * 100 >= percent * len(times)
    assert sum(time < found for time in times) * 100 < percent * len(times)


@given(st.lists(st.lists(st.floats(0.001, 1e4), min_size=1, max_size=30), min_size=1, max_size=8))
def test_order_inside_a_round_does_not_matter(rounds: list[list[float]]) -> None:
    assert spread_of(rounds) == spread_of([times[::-1] for times in rounds])


@pytest.mark.parametrize("times", [{"p50": 0.0}, {"minimum": -1.0}, {"rounds": ()}, {"rounds": (1.0, 0.0)}])
def test_what_no_clock_shows_is_no_spread(times: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        Spread(**{"count": 1, "minimum": 1.0, "p50": 1.0, "p95": 1.0, "rounds": (1.0,), **times})


def test_a_time_below_what_clocks_show_counts_as_that() -> None:
    assert spread_of([[0.0, 1.23456]]).minimum == 0.0001
    assert spread_of([[1.23456]]).p50 == 1.2346

"""What `peers.py` makes of measured times."""

from __future__ import annotations

import pytest

from tests.benchmarks.beside.figures import Results, excess_of, median_with_interval, ratio_to, rows_of, table

NOBODY: dict[str, float] = {}


def test_photos_of_any_size_count_the_same_in_a_ratio() -> None:
    found = ratio_to([[10.0, 100.0]] * 3, [[20.0, 800.0]] * 3, seed=0)
    assert found.value == pytest.approx(4.0)  # between twice and eight times
    assert (found.low, found.high) == pytest.approx((4.0, 4.0))


def test_a_slow_moment_that_meets_both_does_not_change_the_ratio() -> None:
    ours, theirs = [[10.0], [10.0], [90.0], [10.0]], [[30.0], [30.0], [270.0], [30.0]]
    assert ratio_to(ours, theirs, seed=0).value == pytest.approx(3.0)


def test_one_round_that_meets_only_one_of_them_widens_the_interval_and_leaves_the_median() -> None:
    calm = [[10.0]] * 9
    found = ratio_to([*calm, [10.0]], [[20.0]] * 9 + [[200.0]], seed=0)
    assert found.value == pytest.approx(2.0)
    uneven = ratio_to([[10.0]] * 4, [[10.0], [20.0], [30.0], [40.0]], seed=0)
    assert uneven.value == pytest.approx(2.5)
    assert 0.99 < uneven.low < 2.5 < uneven.high < 4.01


def test_the_interval_is_that_of_its_seed_and_narrows_with_more_rounds() -> None:
    few, many = [1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 3.0, 4.0, 5.0] * 20
    assert median_with_interval(few, seed=1) == median_with_interval(few, seed=1)
    narrow, wide = median_with_interval(many, seed=1), median_with_interval(few, seed=1)
    assert narrow.high - narrow.low < wide.high - wide.low


def test_a_group_is_measured_by_its_own_photos_and_answers() -> None:
    edgekit = Results("edgekit", [[10.0, 1.0], [10.0, 1.0]], [(5,), (7,)], NOBODY)
    other = Results("other", [[40.0, 1.0], [40.0, 1.0]], [(5,), (8,)], {"large": 4.5, "small": 1.0})
    floor = Results("floor", [[9.0, 0.5], [9.0, 0.5]], [(None,), (None,)], NOBODY)
    mine, theirs, below = rows_of("large", [0], [edgekit, other, floor], seed=0)
    assert (mine.ratio, mine.median_ms, mine.verdict) == (None, 10.0, None)
    assert theirs.ratio is not None
    assert theirs.ratio.value == pytest.approx(4.0)
    assert (theirs.agreeing, theirs.photos, theirs.wanted, theirs.verdict) == (1, 1, 4.5, "MISSED")
    assert (below.agreeing, below.verdict) == (None, None)
    _, theirs, _ = rows_of("small", [1], [edgekit, other, floor], seed=0)
    assert (theirs.agreeing, theirs.verdict) == (0, "met")
    _, theirs, _ = rows_of("both", [0, 1], [edgekit, other, floor], seed=0)
    assert (theirs.agreeing, theirs.photos, theirs.wanted, theirs.verdict) == (1, 2, None, None)


def test_each_photo_of_a_folder_is_compared() -> None:
    many = Results("many", [[10.0]], [(1, 2, 3)], NOBODY)
    slow = Results("slow", [[20.0]], [(1, 2, 4)], {"folder": 1.8})
    row = rows_of("folder", [0], [many, slow], seed=0)[1]
    assert (row.agreeing, row.photos, row.verdict) == (2, 3, "met")


@pytest.mark.parametrize(
    ("whole", "allowed", "verdict"),
    [(100.0, 5.0, "MISSED"), (96.0, 4.8, "MISSED"), (95.0, 4.75, "met"), (91.0, 4.55, "met")],
)
def test_what_edgekit_takes_above_its_floor_may_be_a_twentieth(whole: float, allowed: float, verdict: str) -> None:
    found = excess_of("large", [0], [[whole]] * 5, [[[88.0]] * 5, [[2.5]] * 5], seed=0)
    assert found.milliseconds.value == pytest.approx(whole - 90.5)
    assert found.allowed_ms == pytest.approx(allowed)
    assert found.verdict == verdict


def test_what_is_missed_by_less_than_can_be_told_is_neither_met_nor_missed() -> None:
    noisy = [[9.8], [9.9], [9.9], [10.1], [10.2]]
    slower = rows_of("all", [0], [Results("edgekit", [[10.0]] * 5, [(1,)], NOBODY), _other(noisy)], seed=0)[1]
    assert slower.ratio is not None
    assert slower.ratio.value < 1 < slower.ratio.high
    assert slower.verdict == "within the interval"
    surely = rows_of("all", [0], [Results("edgekit", [[10.0]] * 5, [(1,)], NOBODY), _other([[9.9]] * 5)], seed=0)[1]
    assert surely.verdict == "MISSED"
    above = excess_of("all", [0], [[5.4], [5.4], [5.6], [5.6], [5.6]], [[[5.0]] * 5], seed=0)
    assert above.milliseconds.low < above.allowed_ms < above.milliseconds.value
    assert above.verdict == "within the interval"


def _other(times: list[list[float]]) -> Results:
    return Results("other", times, [(1,)], {"all": 1.0})


def test_half_a_millisecond_above_the_floor_is_allowed_for_any_photo() -> None:
    found = excess_of("small", [1], [[100.0, 4.0]] * 3, [[[1.0, 1.0]] * 3, [[1.0, 2.6]] * 3], seed=0)
    assert found.milliseconds.value == pytest.approx(0.4)
    assert (found.allowed_ms, found.verdict) == (0.5, "met")


def test_the_table_has_a_block_for_each_group() -> None:
    edgekit = Results("edgekit", [[10.0, 2.0]], [(5,), (7,)], NOBODY)
    other = Results("the other", [[40.0, 3.0]], [(5,), (8,)], {"large": 5.0, "small": 1.0})
    rows = rows_of("large", [0], [edgekit, other], seed=0) + rows_of("small", [1], [edgekit, other], seed=0)
    lines = [" ".join(line.split()) for line in table(rows).splitlines()]
    assert lines == [
        "large, 1 photo median times edgekit (95 %) same answer wanted",
        "edgekit 10.0 ms 1 of 1",
        "the other 40.0 ms 4.00 (4.00 to 4.00) 1 of 1 5 MISSED",
        "",
        "small, 1 photo median times edgekit (95 %) same answer wanted",
        "edgekit 2.0 ms 1 of 1",
        "the other 3.0 ms 1.50 (1.50 to 1.50) 0 of 1 1 met",
    ]

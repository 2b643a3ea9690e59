"""Intervals: against published numbers, against their definitions, and against how often they hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_export.assess.intervals import (
    ClassCounts,
    Pairs,
    Share,
    f1_interval,
    f1_scores,
    mean_over_classes,
    paired_interval,
    pairs_of,
    recalls,
    resampled,
)
from edgekit_export.statistics import wilson_interval

COUNTS = st.integers(0, 300)
PAIRS = st.tuples(COUNTS, COUNTS, COUNTS, COUNTS).filter(any).map(lambda counts: Pairs(*counts))


def test_a_share_is_its_proportion_and_wilsons_interval() -> None:
    share = Share(93, 100)
    assert share.value == 0.93
    assert (share.low, share.high) == wilson_interval(93, 100)


def test_a_share_of_nothing_is_not_a_number_and_can_be_anything() -> None:
    share = Share(0, 0)
    assert np.isnan(share.value)
    assert (share.low, share.high) == (0.0, 1.0)


@given(COUNTS, COUNTS, COUNTS)
def test_the_interval_of_f1_holds_it(hits: int, misses: int, alarms: int) -> None:
    low, high = f1_interval(hits, misses, alarms)
    assert 0 <= low < high <= 1
    if hits + misses + alarms:
        assert low - 1e-9 <= 2 * hits / (2 * hits + misses + alarms) <= high + 1e-9


@given(COUNTS, COUNTS, COUNTS)
def test_f1_does_not_tell_misses_from_false_alarms(hits: int, misses: int, alarms: int) -> None:
    assert f1_interval(hits, misses, alarms) == f1_interval(hits, alarms, misses)


def test_five_of_five_do_not_prove_a_perfect_class() -> None:
    low, high = f1_interval(5, 0, 0)
    assert low == pytest.approx(2 * 0.56552 / 1.56552, abs=1e-4)  # 0.56552: where Wilson's for 5 of 5 begins
    assert high == pytest.approx(1)


def test_the_interval_of_f1_holds_the_truth_in_95_of_100_samples() -> None:
    """Photos of a class with recall 0.8, one in four photos, and one false alarm in 20 others: F1 is 0.821."""
    rng = np.random.default_rng(0)
    truth = 2 * 0.25 * 0.8 / (0.25 + 0.25 * 0.8 + 0.75 * 0.05)
    held = 0
    for _ in range(2000):
        photos = rng.binomial(120, 0.25)
        hits, alarms = rng.binomial(photos, 0.8), rng.binomial(120 - photos, 0.05)
        low, high = f1_interval(hits, photos - hits, alarms)
        held += low <= truth <= high
    assert 0.94 <= held / 2000 <= 0.97


def test_the_paired_interval_is_as_published() -> None:
    """Source: R. G. Newcombe, 1998, table II: 36, 12, 2, 0 by method 10."""
    assert paired_interval(Pairs(36, 12, 2, 0)) == pytest.approx((0.0569, 0.3404), abs=1e-4)


def test_answers_that_go_together_are_corrected_for_continuity() -> None:
    """By hand, from the paper: phi is (ad - bc - n/2) / sqrt(margins) where ad - bc is above 0."""
    phi = (70 * 15 - 10 * 5 - 50) / np.sqrt(80 * 20 * 75 * 25)
    (low1, high1), (low2, high2) = wilson_interval(80, 100), wilson_interval(75, 100)
    down = np.sqrt((0.8 - low1) ** 2 - 2 * phi * (0.8 - low1) * (high2 - 0.75) + (high2 - 0.75) ** 2)
    up = np.sqrt((high1 - 0.8) ** 2 - 2 * phi * (high1 - 0.8) * (0.75 - low2) + (0.75 - low2) ** 2)
    assert paired_interval(Pairs(70, 10, 5, 15)) == pytest.approx((0.05 - down, 0.05 + up))


@given(PAIRS)
def test_the_paired_interval_holds_the_difference_and_turns_round_with_the_models(pairs: Pairs) -> None:
    low, high = paired_interval(pairs)
    assert -1 <= low <= pairs.difference + 1e-9
    assert pairs.difference - 1e-9 <= high <= 1
    swapped = paired_interval(Pairs(pairs.both, pairs.second, pairs.first, pairs.neither))
    assert swapped == pytest.approx((-high, -low), abs=1e-9)


def test_the_paired_interval_holds_the_truth_in_95_of_100_samples() -> None:
    rng = np.random.default_rng(0)
    cells = (0.7, 0.12, 0.06, 0.12)
    held = 0
    for _ in range(2000):
        low, high = paired_interval(Pairs(*map(int, rng.multinomial(150, cells))))
        held += low <= 0.06 <= high
    assert 0.94 <= held / 2000 <= 0.97


def test_the_same_answers_make_a_narrower_interval_than_different_ones() -> None:
    """Both models are right on 80 and 70 of 100 photos: what counts is on how many they differ."""
    alike, different = paired_interval(Pairs(70, 10, 0, 20)), paired_interval(Pairs(50, 30, 20, 0))
    assert alike[1] - alike[0] < 0.6 * (different[1] - different[0])
    assert alike[0] > 0 > different[0]


def test_pairs_are_counted_by_who_is_right() -> None:
    first = np.array([1, 1, 1, 0, 0, 1], bool)
    second = np.array([1, 0, 0, 1, 0, 0], bool)
    assert pairs_of(first, second) == Pairs(both=1, first=3, second=1, neither=1)
    assert pairs_of(first, second).difference == pytest.approx(2 / 6)


def one_hot(
    places: np.ndarray[tuple[int], np.dtype[np.int64]], count: int
) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    return np.eye(count, dtype=bool)[places]


def test_resampling_agrees_with_drawing_photos_one_by_one() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 4, 150)
    given = np.where(rng.random(150) < 0.7, truth, rng.integers(0, 4, 150))

    def balanced(t: np.ndarray[tuple[int], np.dtype[np.int64]], g: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
        return float(np.mean([(g[t == c] == c).mean() for c in range(4) if (t == c).any()]))

    draws = []
    for _ in range(2000):
        chosen = rng.integers(0, 150, 150)
        draws.append(balanced(truth[chosen], given[chosen]))
    found = resampled(
        one_hot(truth, 4), one_hot(given, 4), lambda counts: mean_over_classes(recalls(counts), counts), seed=0
    )
    assert found.value == pytest.approx(balanced(truth, given))
    assert (found.low, found.high) == pytest.approx(np.quantile(draws, (0.025, 0.975)), abs=0.01)


def test_resampling_is_the_same_for_the_same_seed_and_holds_the_value() -> None:
    truth, given = one_hot(np.arange(30) % 3, 3), one_hot(np.arange(30) // 2 % 3, 3)

    def macro(counts: ClassCounts) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return mean_over_classes(f1_scores(counts), counts)

    first, again, other = (resampled(truth, given, macro, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.value == other.value
    assert (first.low, first.high) != (other.low, other.high)
    assert first.low < first.value < first.high


def test_means_go_over_the_classes_that_have_photos() -> None:
    """A class that was only answered has no recall, and does not make the mean worse."""
    counts = ClassCounts(np.array([4.0, 3.0, 0.0]), np.array([5.0, 6.0, 0.0]), np.array([6.0, 3.0, 2.0]))
    assert mean_over_classes(recalls(counts), counts) == pytest.approx((0.8 + 0.5) / 2)
    assert f1_scores(counts) == pytest.approx([8 / 11, 6 / 9, 0.0])

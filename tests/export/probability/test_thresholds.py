"""Thresholds for a wanted precision: right on the photos they were chosen on, and modest where photos are few."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_export.probability.thresholds import NEVER, choose_thresholds


def photos(rows: list[tuple[int, float, bool]]) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Scores and truth of photos that were called a class of three with a score, rightly or not."""
    scores = np.zeros((len(rows), 3), np.float32)
    truth = np.zeros((len(rows), 3), bool)
    for i, (called, score, right) in enumerate(rows):
        scores[i] = (1 - score) / 2
        scores[i, called] = score
        truth[i, called if right else (called + 1) % 3] = True
    return scores, truth


def test_a_class_that_is_right_often_enough_has_no_threshold() -> None:
    found = choose_thresholds(*photos([(0, 0.6 + i / 100, True) for i in range(30)]), 0.9)
    assert (found.classes, found.abstain_below, found.wanted) == ((0.0, 0.0, 0.0), 0.0, 0.9)


def test_the_lowest_score_is_taken_from_which_answers_are_right_often_enough() -> None:
    rows = [(1, 0.9, True)] * 20 + [(1, 0.625, i % 2 == 0) for i in range(20)] + [(1, 0.75, True)] * 10
    found = choose_thresholds(*photos(rows), 0.9)
    assert found.classes == (0.0, 0.75, 0.0)
    assert found.abstain_below == 0.75


def test_a_class_that_is_never_right_often_enough_never_counts() -> None:
    rows = [(2, 0.5 + i / 100, i % 2 == 0) for i in range(40)]
    assert choose_thresholds(*photos(rows), 0.9).classes[2] == NEVER


def test_too_few_photos_say_nothing() -> None:
    rows = [(0, 0.9, False)] * 7 + [(1, 0.9, True)] * 200
    assert choose_thresholds(*photos(rows), 0.9).classes[0] == 0.0


def test_equal_scores_stand_or_fall_together() -> None:
    rows = [(0, 0.75, True)] * 30 + [(0, 0.75, False)] * 30 + [(0, 0.875, True)] * 30
    assert choose_thresholds(*photos(rows), 0.9).classes[0] == 0.875


ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(90, 255).map(lambda n: n / 256), st.booleans()), max_size=80)


@given(ROWS.filter(bool), st.floats(0.5, 0.99))
def test_above_its_threshold_a_class_is_right_as_often_as_wanted(
    rows: list[tuple[int, float, bool]], wanted: float
) -> None:
    found = choose_thresholds(*photos(rows), wanted)
    for index, threshold in enumerate(found.classes):
        counted = [right for called, score, right in rows if called == index and score >= threshold]
        if 0 < threshold < NEVER:
            assert sum(counted) / len(counted) >= wanted - 1e-9
        assert 0 <= threshold <= 1
    if 0 < found.abstain_below < NEVER:
        counted = [right for _, score, right in rows if score >= found.abstain_below]
        assert np.mean(counted) >= wanted - 1e-9


@pytest.mark.parametrize("wanted", [0.5, 0.9, 0.99])
def test_more_wanted_means_no_lower_threshold(wanted: float) -> None:
    rng = np.random.default_rng(0)
    rows = [(0, s := float(rng.uniform(0.4, 1)), bool(rng.random() < s)) for _ in range(300)]
    lower, higher = (choose_thresholds(*photos(rows), one).classes[0] for one in (wanted - 0.2, wanted))
    assert lower <= higher

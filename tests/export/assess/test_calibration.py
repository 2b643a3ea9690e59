"""Calibration: against a slow count, models that are exactly right or too sure, and many equal scores."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit_export.assess.calibration import Calibration, calibrate
from edgekit_export.assess.intervals import Share


def answers(seed: int, photos: int, *, shift: float = 0.0) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Scores, and answers that are right as often as the score says less `shift`."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0.5, 1, photos).astype(np.float32)
    return scores, rng.random(photos) < scores - shift


def test_the_error_is_the_mean_distance_over_the_bins() -> None:
    scores, correct = answers(0, 300)
    found = calibrate(scores, correct, seed=0)
    order = np.argsort(scores)
    slow, start = 0.0, 0
    for one in found.bins:
        places = order[start : start + one.right.whole]
        start += one.right.whole
        assert (one.least, one.greatest) == pytest.approx((scores[places].min(), scores[places].max()))
        assert one.mean == pytest.approx(scores[places].mean(), rel=1e-5)
        assert one.right.part == correct[places].sum()
        slow += abs(correct[places].sum() - scores[places].sum(dtype=float))
    assert start == 300
    assert found.error.value == pytest.approx(slow / 300, rel=1e-5)
    assert found.excess.value == pytest.approx(scores.mean(dtype=float) - correct.mean(), rel=1e-5)


def test_bins_hold_about_as_many_photos_each() -> None:
    found = calibrate(*answers(1, 300), seed=0)
    assert len(found.bins) == 15
    assert all(15 <= one.right.whole <= 25 for one in found.bins)


def test_few_photos_make_few_bins() -> None:
    assert len(calibrate(*answers(1, 45), seed=0).bins) == 2
    assert len(calibrate(*answers(1, 7), seed=0).bins) == 1


def test_equal_scores_stay_together() -> None:
    """An int8 model gives most photos the same high score: whichever bin they fall into, it is one."""
    scores = np.array([0.99609375] * 180 + [0.5, 0.6, 0.7, 0.8] * 5, np.float32)
    correct = np.ones(200, bool)
    correct[:18] = False
    found = calibrate(scores, correct, seed=0)
    last = found.bins[-1]
    assert last.right == Share(162, 180) or (last.right.whole > 180 and last.greatest == scores[0])
    shuffled = np.random.default_rng(0).permutation(200)
    assert calibrate(scores[shuffled], correct[shuffled], seed=0).bins == found.bins


def test_one_score_for_all_is_one_bin() -> None:
    found = calibrate(np.full(100, 0.75, np.float32), np.arange(100) < 75, seed=0)
    assert [one.right for one in found.bins] == [Share(75, 100)]
    assert found.error.value == 0
    assert not found.deviates


def test_scores_that_are_right_are_rarely_blamed() -> None:
    blamed = [calibrate(*answers(seed, 200), seed=seed) for seed in range(40)]
    errors = sum(one.error.value > one.by_chance for one in blamed)
    assert errors <= 6  # 2 expected
    assert sum(one.deviates for one in blamed) <= 9


def test_a_model_that_is_too_sure_is_found_and_so_is_a_modest_one() -> None:
    sure = calibrate(*answers(0, 400, shift=0.15), seed=0)
    assert sure.deviates
    assert sure.excess.low > 0
    assert sure.excess.low < sure.excess.value < sure.excess.high
    assert sure.error.low <= 0.15 <= sure.error.high + 0.03
    scores, correct = answers(0, 400)
    modest = calibrate(scores, correct | (np.arange(400) % 4 == 0), seed=0)
    assert modest.deviates
    assert modest.excess.high < 0


def test_scores_that_are_wrong_both_ways_deviate_though_their_mean_is_right() -> None:
    scores = np.array([0.6, 0.9] * 300, np.float32)
    rng = np.random.default_rng(0)
    found = calibrate(scores, rng.random(600) < np.where(scores < 0.7, 0.75, 0.75), seed=0)
    assert found.deviates
    assert found.excess.low < 0 < found.excess.high
    assert found.error.value == pytest.approx(0.15, abs=0.04)


def test_the_interval_of_the_excess_holds_the_truth_in_95_of_100_samples() -> None:
    held = 0
    for seed in range(80):
        found = calibrate(*answers(seed, 120, shift=0.1), seed=seed)
        held += found.excess.low <= 0.1 <= found.excess.high
    assert 0.9 <= held / 80 <= 0.99


@pytest.mark.parametrize("photos", [1, 2, 30, 1000])
def test_intervals_hold_the_error(photos: int) -> None:
    found = calibrate(*answers(photos, photos, shift=0.1), seed=0)
    assert 0 <= found.error.low <= found.error.value <= found.error.high
    assert found.by_chance >= 0


def test_a_threshold_says_how_many_are_left_and_how_many_of_them_are_right() -> None:
    scores = np.array([0.45, 0.55, 0.55, 0.72, 0.91, 0.96, 0.96, 0.995], np.float32)
    correct = np.array([0, 0, 1, 1, 1, 0, 1, 1], bool)
    trust = {one.threshold: (one.answered, one.right) for one in calibrate(scores, correct, seed=0).trust}
    assert trust == {
        0.5: (Share(7, 8), Share(5, 7)),
        0.6: (Share(5, 8), Share(4, 5)),  # 0.7 leaves the same photos, and is left out
        0.8: (Share(4, 8), Share(3, 4)),
        0.95: (Share(3, 8), Share(2, 3)),
        0.99: (Share(1, 8), Share(1, 1)),
    }


def test_calibration_is_the_same_for_the_same_seed() -> None:
    def found(seed: int) -> Calibration:
        return calibrate(*answers(0, 100), seed=seed)

    assert found(1) == found(1)
    assert found(1).by_chance != found(2).by_chance

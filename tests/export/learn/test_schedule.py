"""The learning rate of each step."""

from __future__ import annotations

import pytest

from edgekit_export.learn.schedule import WARM_UP_STEPS, learning_rate


def test_it_warms_up_and_falls_to_zero() -> None:
    rates = [learning_rate(step, 200, 0.1) for step in range(200)]
    peak = rates.index(max(rates))
    assert peak in (WARM_UP_STEPS - 1, WARM_UP_STEPS)
    assert rates[peak] == pytest.approx(0.1)
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert 0 <= rates[-1] < 1e-4


def test_while_it_warms_up_the_plan_may_still_change() -> None:
    assert [learning_rate(s, 50, 1.0) for s in range(WARM_UP_STEPS)] == [
        learning_rate(s, 5000, 1.0) for s in range(WARM_UP_STEPS)
    ]


def test_a_training_shorter_than_the_warm_up_has_rates() -> None:
    assert all(0 < learning_rate(step, 3, 1.0) <= 1 for step in range(3))

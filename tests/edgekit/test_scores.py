"""Output tensor -> probabilities -> predictions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.card import OutputSpec
from edgekit.scores import Prediction, dequantize, probabilities, top_predictions

LABELS = ("a", "b", "c", "d")
LOGITS = st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1, max_size=20)


def f32(*values: float) -> Any:
    return np.array(values, np.float32)


def logits_of(activation: Any, temperature: float = 1.0) -> OutputSpec:
    return OutputSpec("logits", activation, LABELS, temperature)


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point"),
    [("uint8", 1 / 256, 0), ("int8", 1 / 256, -128), ("uint8", 0.1, 200), ("int8", 0.25, 5), ("int16", 1 / 32768, 0)],
)
def test_dequantize_is_the_step_count_times_the_scale(dtype: str, scale: float, zero_point: int) -> None:
    limits = np.iinfo(dtype)
    stored = np.linspace(limits.min, limits.max, 256).astype(dtype).reshape(2, 128)
    found = dequantize(stored, scale, zero_point)
    assert found.dtype == np.float32
    exact = [[(int(q) - zero_point) * scale for q in row] for row in stored]
    np.testing.assert_allclose(found, exact, rtol=2e-7)


def test_dequantize_gives_float_tensors_as_they_are() -> None:
    values = f32(-1.5, 0.0, 3e38)
    assert dequantize(values, 0.0, 0) is values
    assert dequantize(np.array([1, 2], np.int32), 0.0, 0).tolist() == [1.0, 2.0]


def test_probabilities_are_passed_on_and_clipped_to_0_and_1() -> None:
    spec = OutputSpec("probabilities", "softmax", LABELS, temperature=9.0)
    assert probabilities(f32(-0.01, 0.0, 0.25, 1.02), spec).tolist() == [0.0, 0.0, 0.25, 1.0]


@settings(derandomize=True, deadline=None)
@given(LOGITS)
def test_softmax_sums_to_1_and_keeps_the_order(values: list[float]) -> None:
    found = probabilities(np.array(values, np.float32), logits_of("softmax"))
    assert found.dtype == np.float32
    assert math.isclose(math.fsum(found), 1.0, rel_tol=1e-5)
    assert (np.diff(found[np.argsort(values)]) >= 0).all()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("shift", [0.0, -3000.0, 3000.0])
def test_softmax_is_stable_and_of_logits_divided_by_the_temperature(shift: float, temperature: float) -> None:
    logits = (1.0, -2.0, 0.5, 3.0)
    powers = [math.exp(x / temperature) for x in logits]
    found = probabilities(f32(*logits) + np.float32(shift), logits_of("softmax", temperature))
    np.testing.assert_allclose(found, [p / sum(powers) for p in powers], rtol=1e-3 if shift else 1e-6)


def test_softmax_of_far_apart_logits_is_0_and_1() -> None:
    assert probabilities(f32(1e30, -1e30, 0.0), logits_of("softmax")).tolist() == [1.0, 0.0, 0.0]


@settings(derandomize=True, deadline=None)
@given(LOGITS, st.sampled_from([0.5, 1.0, 4.0]))
def test_sigmoid_is_of_each_class_alone(values: list[float], temperature: float) -> None:
    found = probabilities(np.array(values, np.float32), logits_of("sigmoid", temperature))
    exact = [1 / (1 + math.exp(-max(-700.0, min(700.0, x / temperature)))) for x in values]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact, atol=2e-7)


def test_top_k_stands_best_first() -> None:
    assert top_predictions(f32(0.1, 0.5, 0.0, 0.25), LABELS, 2) == [Prediction(1, "b", 0.5), Prediction(3, "d", 0.25)]


def test_top_k_breaks_ties_by_lower_class_id() -> None:
    assert [p.class_id for p in top_predictions(f32(0.2, 0.3, 0.2, 0.3), LABELS, 4)] == [1, 3, 0, 2]
    many = np.zeros(1001, np.float32)
    found = top_predictions(many, tuple(map(str, range(1001))), 1001)
    assert [p.class_id for p in found] == list(range(1001))


@settings(derandomize=True, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(1, 45))
def test_the_best_of_many_are_those_of_a_stable_sort(steps: list[int], top_k: int) -> None:
    scores = np.array(steps, np.float32) / 10
    found = [p.class_id for p in top_predictions(scores, tuple(map(str, range(len(steps)))), top_k)]
    assert found == sorted(range(len(steps)), key=lambda i: (-steps[i], i))[:top_k]


@pytest.mark.parametrize("top_k", [4, 5, 10**9])
def test_more_than_all_classes_are_all_classes(top_k: int) -> None:
    assert [p.label for p in top_predictions(f32(0.1, 0.2, 0.3, 0.4), LABELS, top_k)] == ["d", "c", "b", "a"]


@pytest.mark.parametrize("top_k", [0, -1])
def test_less_than_one_class_is_a_value_error(top_k: int) -> None:
    with pytest.raises(ValueError, match=f"top_k is {top_k}, expected at least 1"):
        top_predictions(f32(0.1, 0.2, 0.3, 0.4), LABELS, top_k)


def test_high_scores_are_never_left_out() -> None:
    scores = f32(0.7, 0.1, 0.5, 0.9)
    assert [p.label for p in top_predictions(scores, LABELS, 1, all_from=0.5)] == ["d", "a", "c"]
    assert [p.label for p in top_predictions(scores, LABELS, 1, all_from=0.75)] == ["d"]
    assert [p.label for p in top_predictions(scores, LABELS, 2, all_from=0.95)] == ["d", "a"]
    assert [p.label for p in top_predictions(f32(1.0, 1.0, 1.0, 1.0), LABELS, 1)] == ["a"]
    with pytest.raises(ValueError, match="top_k is 0"):
        top_predictions(scores, LABELS, 0, all_from=0.5)


def test_each_class_may_have_a_score_of_its_own_from_which_it_is_never_left_out() -> None:
    scores, never_left_out = f32(0.7, 0.1, 0.5, 0.9), np.array([0.8, 0.1, 0.5, 1.0])
    assert [p.label for p in top_predictions(scores, LABELS, 1, all_from=never_left_out)] == ["d", "c", "b"]
    assert [p.label for p in top_predictions(scores, LABELS, 4, all_from=never_left_out)] == ["d", "a", "c", "b"]


SCORES = st.floats(0, 1, width=32)


@given(st.lists(st.tuples(SCORES, st.floats(0, 1)), min_size=1, max_size=20), st.integers(1, 25))
def test_those_never_left_out_join_the_best_in_order(pairs: list[tuple[float, float]], top_k: int) -> None:
    labels = tuple(map(str, range(len(pairs))))
    scores, limits = (np.array(column) for column in zip(*pairs, strict=True))
    found = top_predictions(scores.astype(np.float32), labels, top_k, all_from=limits)
    best = {p.class_id for p in top_predictions(scores.astype(np.float32), labels, top_k)}
    assert {p.class_id for p in found} == best | {i for i, (score, limit) in enumerate(pairs) if score >= limit}
    assert found == sorted(found, key=lambda p: (-p.score, p.class_id))


def test_predictions_hold_plain_numbers() -> None:
    best = top_predictions(f32(0.1, 0.5, 0.0, 0.25), LABELS, 1)[0]
    assert (type(best.class_id), type(best.label), type(best.score)) == (int, str, float)

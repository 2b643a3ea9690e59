"""Predictions -> the answer that counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.card import OutputSpec
from edgekit.decision import PRESENT_FROM, UNSURE, DecisionRule, decision_rule
from edgekit.scores import Prediction
from edgekit.thresholdfile import ThresholdFile

LABELS = ("ant", "bee", "cat")
SCORE = st.floats(0, 1)


def exclusive(**parts: Any) -> OutputSpec:
    return OutputSpec("probabilities", "softmax", LABELS, **parts)


def several(**parts: Any) -> OutputSpec:
    return OutputSpec("probabilities", "sigmoid", LABELS, **parts)


def stated(abstain_below: float | None = None, **thresholds: float) -> ThresholdFile:
    return ThresholdFile(Path("leaf.thresholds.json"), abstain_below, thresholds)


def best_first(*scores: float) -> list[Prediction]:
    return sorted((Prediction(i, LABELS[i], score) for i, score in enumerate(scores)), key=lambda p: -p.score)


@pytest.mark.parametrize(
    ("thresholds", "abstain_below", "scores", "decision"),
    [
        ((0.5, 0.8, 0.0), 0.0, (0.1, 0.8, 0.1), "bee"),
        ((0.5, 0.8, 0.0), 0.0, (0.2, 0.79, 0.01), "unsure"),
        ((0.5, 0.8, 0.0), 0.0, (0.5, 0.4, 0.1), "ant"),
        ((0.5, 0.8, 0.0), 0.0, (0.3, 0.3, 0.4), "cat"),
        ((0.5, 0.8, 0.0), 0.6, (0.5, 0.4, 0.1), "unsure"),
        ((0.5, 0.8, 0.0), 0.6, (0.2, 0.7, 0.1), "unsure"),
        ((0.5, 0.8, 0.0), 0.6, (0.2, 0.2, 0.6), "cat"),
        ((0.0, 0.0, 0.0), 0.0, (0.0, 0.0, 0.0), "ant"),
        ((1.0, 1.0, 1.0), 0.0, (0.996, 0.0, 0.0), "unsure"),
    ],
)
def test_the_best_label_counts_from_its_threshold_and_the_common_one(
    thresholds: tuple[float, ...], abstain_below: float, scores: tuple[float, ...], decision: str
) -> None:
    assert DecisionRule(thresholds, abstain_below).decide(best_first(*scores)) == decision


def test_a_second_label_never_counts_however_low_its_threshold() -> None:
    assert DecisionRule((0.9, 0.1, 0.1)).decide(best_first(0.6, 0.4, 0.0)) == UNSURE


def test_a_label_called_unsure_decides_as_any_other() -> None:
    best = [Prediction(0, UNSURE, 0.7), Prediction(1, "bee", 0.3)]
    assert DecisionRule((0.5, 0.5)).decide(best) == UNSURE
    assert DecisionRule((0.8, 0.5)).decide(best) == UNSURE
    assert DecisionRule((0.8, 0.5)).decide([Prediction(1, "bee", 0.6), Prediction(0, UNSURE, 0.4)]) == "bee"
    assert [p.label for p in DecisionRule((0.6, 0.6)).present(best)] == [UNSURE]


def test_labels_of_a_multi_label_model_are_present_each_from_its_threshold() -> None:
    predictions = best_first(0.3, 0.7, 0.6)
    assert [p.label for p in DecisionRule((0.3, 0.8, 0.5)).present(predictions)] == ["cat", "ant"]
    assert [p.label for p in DecisionRule((0.3, 0.8, 0.5), 0.4).present(predictions)] == ["cat"]
    assert DecisionRule((1.0, 1.0, 1.0)).present(predictions) == ()
    assert DecisionRule((1.0, 1.0, 1.0)).present([]) == ()


@given(st.lists(st.tuples(SCORE, SCORE), min_size=3, max_size=3), SCORE)
def test_counting_agrees_with_the_scores_that_the_rule_names(
    pairs: list[tuple[float, float]], abstain_below: float
) -> None:
    rule = DecisionRule(tuple(threshold for _, threshold in pairs), abstain_below)
    predictions = best_first(*(score for score, _ in pairs))
    present = rule.present(predictions)
    assert present == tuple(p for p in predictions if p.score >= rule.counts_from[p.class_id])
    assert (rule.decide(predictions) != UNSURE) == (predictions[0] in present)


@pytest.mark.parametrize("nothing", [None, stated()])
def test_nobody_decides_about_exclusive_classes_where_nothing_is_said(nothing: ThresholdFile | None) -> None:
    assert decision_rule(exclusive(), nothing) is None


@pytest.mark.parametrize("nothing", [None, stated()])
def test_labels_of_a_multi_label_model_are_present_from_one_half_where_nothing_is_said(
    nothing: ThresholdFile | None,
) -> None:
    assert PRESENT_FROM == 0.5
    assert decision_rule(several(), nothing) == DecisionRule((0.5, 0.5, 0.5))
    assert decision_rule(several(abstain_below=0.6), nothing) == DecisionRule((0.5, 0.5, 0.5), 0.6)


def test_the_card_alone_makes_a_rule() -> None:
    assert decision_rule(exclusive(abstain_below=0.4)) == DecisionRule((0.0, 0.0, 0.0), 0.4)
    assert decision_rule(exclusive(thresholds=(0.1, 0.2, 0.3))) == DecisionRule((0.1, 0.2, 0.3))
    assert decision_rule(exclusive(thresholds=(0.0, 0.0, 0.0))) == DecisionRule((0.0, 0.0, 0.0))
    assert decision_rule(several(thresholds=(0.1, 0.2, 0.3), abstain_below=0.2)) == DecisionRule((0.1, 0.2, 0.3), 0.2)


@pytest.mark.parametrize(
    ("file", "rule"),
    [
        (stated(), DecisionRule((0.1, 0.2, 0.3), 0.2)),
        (stated(0.6), DecisionRule((0.1, 0.2, 0.3), 0.6)),
        (stated(0.0), DecisionRule((0.1, 0.2, 0.3), 0.0)),
        (stated(bee=0.8), DecisionRule((0.1, 0.8, 0.3), 0.2)),
        (stated(0.6, ant=0.0, cat=1.0), DecisionRule((0.0, 0.2, 1.0), 0.6)),
    ],
)
def test_what_the_file_states_goes_before_the_card_and_the_rest_stays(file: ThresholdFile, rule: DecisionRule) -> None:
    card = exclusive(thresholds=(0.1, 0.2, 0.3), abstain_below=0.2)
    assert decision_rule(card, file) == rule


def test_the_file_alone_makes_a_rule() -> None:
    assert decision_rule(exclusive(), stated(bee=0.8)) == DecisionRule((0.0, 0.8, 0.0))
    assert decision_rule(exclusive(), stated(0.6)) == DecisionRule((0.0, 0.0, 0.0), 0.6)
    assert decision_rule(several(), stated(bee=0.8)) == DecisionRule((0.5, 0.8, 0.5))


def test_a_file_that_switches_abstaining_off_still_gets_a_decision() -> None:
    rule = decision_rule(exclusive(abstain_below=0.9), stated(0.0))
    assert rule is not None
    assert rule.decide(best_first(0.1, 0.35, 0.2)) == "bee"


def test_a_label_that_two_classes_share_means_both() -> None:
    output = OutputSpec("probabilities", "softmax", ("crane", "bee", "crane"))
    assert decision_rule(output, stated(crane=0.7)) == DecisionRule((0.7, 0.0, 0.7))

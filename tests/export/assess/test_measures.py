"""The usual figures: against scikit-learn's, and by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgekit_export.assess.answers import Answers
from edgekit_export.assess.intervals import Share, f1_interval
from edgekit_export.assess.measures import Confused, measure

if TYPE_CHECKING:
    from tests.export.assess.conftest import MakeAnswers

RandomAnswers = Callable[[int, int, int], Answers]
CASES = [(0, 200, 3), (1, 60, 8), (2, 40, 15), (3, 500, 38)]


def ids(answers: Answers) -> tuple[list[int], list[int]]:
    return answers.truth.argmax(axis=1).tolist(), answers.scores.argmax(axis=1).tolist()


@pytest.mark.parametrize("case", CASES)
def test_classes_are_as_scikit_learn_says(case: tuple[int, int, int], random_answers: RandomAnswers) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    answers = random_answers(*case)
    truth, given = ids(answers)
    found = measure(answers, seed=0)
    seen = sorted({*truth, *given})
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        truth, given, labels=seen, zero_division=np.nan
    )
    assert [one.label for one in found.classes] == [f"class{i}" for i in seen]
    np.testing.assert_allclose([one.precision.value for one in found.classes], precision)
    np.testing.assert_allclose([one.recall.value for one in found.classes], recall)
    np.testing.assert_allclose([one.f1.value for one in found.classes], f1)
    assert [one.photos for one in found.classes] == support.tolist()
    assert found.confusion is not None
    assert found.confusion.tolist() == metrics.confusion_matrix(truth, given, labels=seen).tolist()


@pytest.mark.parametrize("case", CASES)
def test_totals_are_as_scikit_learn_says(case: tuple[int, int, int], random_answers: RandomAnswers) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    answers = random_answers(*case)
    truth, given = ids(answers)
    found, there = measure(answers, seed=0), sorted(set(truth))
    count = case[2]
    assert found.accuracy.value == pytest.approx(metrics.accuracy_score(truth, given))
    assert found.macro_f1.value == pytest.approx(metrics.f1_score(truth, given, labels=there, average="macro"))
    assert found.mean_recall.value == pytest.approx(metrics.recall_score(truth, given, labels=there, average="macro"))
    scores = answers.scores.astype(float)
    scores /= scores.sum(axis=1, keepdims=True)
    assert found.log_loss == pytest.approx(metrics.log_loss(truth, scores, labels=range(count)), rel=1e-5)
    for k, share in found.top_k.items():
        wanted = metrics.top_k_accuracy_score(truth, answers.scores, k=k, labels=range(count))
        assert share.value == pytest.approx(wanted)
    assert set(found.top_k) == {k for k in (2, 3, 5) if k < count}
    one_hot = np.eye(count)[truth]
    assert found.brier == pytest.approx(((answers.scores - one_hot) ** 2).sum(axis=1).mean(), rel=1e-5)


def test_figures_by_hand(make_answers: MakeAnswers) -> None:
    scores = [[0.8, 0.2, 0], [0.6, 0.4, 0], [0.3, 0.7, 0], [0.1, 0.9, 0], [0.2, 0.8, 0], [0.9, 0.1, 0]]
    found = measure(make_answers([0, 0, 0, 1, 1, 1], scores, ("ash", "oak", "elm")), seed=0)
    assert found.accuracy == Share(4, 6)
    assert found.guess == Share(3, 6)
    assert [one.label for one in found.classes] == ["ash", "oak"]  # no elm, and none was called it
    ash = found.classes[0]
    assert (ash.recall, ash.precision) == (Share(2, 3), Share(2, 3))
    assert (ash.f1.low, ash.f1.high) == f1_interval(2, 1, 1)
    assert found.confused == (Confused("ash", "oak", Share(1, 3)), Confused("oak", "ash", Share(1, 3)))
    assert found.log_loss == pytest.approx(-np.log([0.8, 0.6, 0.3, 0.9, 0.8, 0.1]).mean())


def test_a_class_that_is_only_answered_has_precision_and_no_recall(make_answers: MakeAnswers) -> None:
    found = measure(make_answers([0, 0, 1], [[1, 0, 0], [0, 0, 1], [0, 1, 0]]), seed=0)
    odd = found.classes[2]
    assert (odd.photos, odd.precision, odd.f1.value) == (0, Share(0, 1), 0)
    assert np.isnan(odd.recall.value)
    assert found.weakest.label == "class0"
    assert found.mean_recall.value == pytest.approx(0.75)


def test_the_pair_with_the_most_photos_stands_first_and_of_equals_the_larger_share(make_answers: MakeAnswers) -> None:
    truth = [0] * 6 + [1] * 3 + [2] * 4
    given = [1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 2, 2, 2]
    found = measure(make_answers(truth, np.eye(3)[given]), seed=0)
    assert [(one.label, one.answer, one.share) for one in found.confused] == [
        ("class0", "class1", Share(3, 6)),
        ("class1", "class0", Share(1, 3)),
        ("class2", "class0", Share(1, 4)),
    ]


def test_equal_scores_are_given_to_the_first_class_as_the_runner_does(make_answers: MakeAnswers) -> None:
    answers = make_answers([1, 0], [[0.5, 0.5, 0], [0.5, 0.5, 0]])
    assert answers.correct.tolist() == [False, True]
    assert measure(answers, seed=0).top_k[2] == Share(2, 2)


def test_a_score_of_zero_for_the_true_class_does_not_decide_alone(make_answers: MakeAnswers) -> None:
    """Int8 scores are often 0; the logarithm of 0 is not."""
    assert measure(make_answers([1], [[1.0, 0.0]]), seed=0).log_loss == pytest.approx(-np.log(1e-7), rel=1e-3)


def test_int8_scores_that_do_not_sum_to_one_are_shares(make_answers: MakeAnswers) -> None:
    assert measure(make_answers([0], [[0.5, 0.3]]), seed=0).log_loss == pytest.approx(-np.log(0.5 / 0.8))


def test_the_weakest_class_is_that_with_the_lowest_recall_and_of_equals_the_most_photos(
    make_answers: MakeAnswers,
) -> None:
    found = measure(make_answers([0, 0, 1, 1, 1, 1, 2], np.eye(3)[[0, 1, 1, 1, 0, 0, 2]]), seed=0)
    assert found.weakest.label == "class1"


def multi_label(truth: list[list[int]], scores: list[list[float]]) -> Answers:
    return Answers(("rust", "mould", "mite"), np.array(truth, bool), np.array(scores, np.float32), multi_label=True)


def test_several_labels_are_as_scikit_learn_says() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    truth = rng.random((80, 3)) < 0.4
    scores = np.clip(truth * 0.4 + rng.random((80, 3)) * 0.6, 0, 1)
    answers = Answers(("rust", "mould", "mite"), truth, scores.astype(np.float32), multi_label=True)
    found, given = measure(answers, seed=0), scores.astype(np.float32) >= 0.5
    precision, recall, f1, support = metrics.precision_recall_fscore_support(truth, given)
    np.testing.assert_allclose([one.precision.value for one in found.classes], precision)
    np.testing.assert_allclose([one.recall.value for one in found.classes], recall)
    np.testing.assert_allclose([one.f1.value for one in found.classes], f1)
    assert [one.photos for one in found.classes] == support.tolist()
    assert found.accuracy.value == pytest.approx(metrics.accuracy_score(truth, given))  # the whole set right
    assert found.macro_f1.value == pytest.approx(metrics.f1_score(truth, given, average="macro"))
    assert found.macro_f1.low < found.macro_f1.value < found.macro_f1.high
    assert (found.confusion, found.confused, found.top_k) == (None, (), {})


def test_a_photo_is_right_when_all_its_labels_are_and_no_other() -> None:
    answers = multi_label(
        [[1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 1, 1]],
        [[0.9, 0.5, 0.49], [0.9, 0.6, 0.1], [0.2, 0.1, 0.3], [0.1, 0.9, 0.2]],
    )
    assert answers.correct.tolist() == [True, False, True, False]
    assert answers.named(answers.given) == ("rust + mould", "rust + mould", "none", "mould")
    assert answers.confidence == pytest.approx([0.5, 0.6, 0.7, 0.8])
    assert measure(answers, seed=0).guess == Share(1, 4)

"""Two models on the same photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgekit_export.assess.against import Against, compare_models, only_right
from edgekit_export.assess.answers import Answers
from edgekit_export.assess.intervals import Pairs, paired_interval

if TYPE_CHECKING:
    from tests.export.assess.conftest import MakeAnswers

pytest.importorskip("scipy", reason="scipy is not installed")


def compared(first: Answers, second: Answers) -> Against:
    return compare_models(first, second, name="other", runs_in="x", notes=(), seed=0)


def right_on(make_answers: MakeAnswers, places: set[int], photos: int = 20) -> Answers:
    """Of two classes in turn; right on some photos."""
    truth = [i % 2 for i in range(photos)]
    given = [t if i in places else 1 - t for i, t in enumerate(truth)]
    return make_answers(truth, 0.5 + 0.4 * (np.eye(2)[given] - 0.5))


def test_only_photos_on_which_one_is_right_decide(make_answers: MakeAnswers) -> None:
    found = compared(right_on(make_answers, set(range(16))), right_on(make_answers, {*range(8), 18}))
    assert found.pairs == Pairs(both=8, first=8, second=1, neither=3)
    assert found.p == pytest.approx(20 / 512)
    assert found.is_sure
    assert (found.low, found.high) == paired_interval(found.pairs)
    assert found.same == 11
    assert found.figures.accuracy.part == 9


def test_the_same_model_is_no_better_than_itself(make_answers: MakeAnswers) -> None:
    answers = right_on(make_answers, set(range(15)))
    found = compared(answers, answers)
    assert (found.p, found.is_sure, found.same) == (1.0, False, 20)
    assert found.low < 0 < found.high


def test_labels_may_stand_in_another_order(make_answers: MakeAnswers) -> None:
    first = make_answers([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], ("ash", "oak"))
    second = make_answers([1, 0, 0], [[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], ("oak", "ash"))
    found = compared(first, second)
    assert found.pairs == Pairs(2, 0, 0, 1)
    assert found.same == 3


def test_two_wrong_answers_need_not_be_the_same(make_answers: MakeAnswers) -> None:
    first = make_answers([0, 0], [[0, 1, 0], [0, 1, 0]])
    second = make_answers([0, 0], [[0, 0, 1], [0, 1, 0]])
    found = compared(first, second)
    assert found.pairs == Pairs(0, 0, 0, 2)
    assert found.same == 1


def test_photos_that_only_one_gets_right_are_listed_the_surest_first(make_answers: MakeAnswers) -> None:
    first = make_answers([0, 0, 0, 0], [[0.6, 0.4], [0.9, 0.1], [0.3, 0.7], [0.8, 0.2]])
    second = make_answers([0, 0, 0, 0], [[0.2, 0.8], [0.1, 0.9], [0.7, 0.3], [0.8, 0.2]])
    assert only_right(first, second) == ([1, 0], [2])

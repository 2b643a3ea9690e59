"""Which wrong answers are looked at first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit_export.assess.intervals import Share
from edgekit_export.assess.measures import Confused
from edgekit_export.assess.mistakes import mistakes_of, surest_mistakes

if TYPE_CHECKING:
    from tests.export.assess.conftest import MakeAnswers

TRUTH = [0, 0, 0, 1, 1, 2, 0]
SCORES = [[0.9, 0.1, 0], [0.4, 0.6, 0], [0, 0.3, 0.7], [0.8, 0.2, 0], [0, 1, 0], [0.55, 0, 0.45], [0.05, 0.95, 0]]


def test_the_surest_stand_first_and_right_answers_nowhere(make_answers: MakeAnswers) -> None:
    answers = make_answers(TRUTH, SCORES)
    assert surest_mistakes(answers, 10) == [6, 3, 2, 1, 5]
    assert surest_mistakes(answers, 2) == [6, 3]


def test_equally_sure_ones_stand_in_order(make_answers: MakeAnswers) -> None:
    assert surest_mistakes(make_answers([0, 0, 0], [[0.1, 0.9]] * 3), 9) == [0, 1, 2]


def test_those_of_a_pair_are_of_that_class_and_that_answer(make_answers: MakeAnswers) -> None:
    pair = Confused("class0", "class1", Share(2, 4))
    assert mistakes_of(make_answers(TRUTH, SCORES), pair, 9) == [6, 1]
    assert mistakes_of(make_answers(TRUTH, SCORES), pair, 1) == [6]

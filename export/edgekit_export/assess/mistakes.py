"""Which wrong answers to look at: the surest first, and a few of each pair of classes that is confused."""

from __future__ import annotations

import numpy as np

from edgekit_export.assess.answers import Answers
from edgekit_export.assess.measures import Confused


def surest_mistakes(answers: Answers, most: int) -> list[int]:
    """Photos with wrong answers, those with the highest scores first."""
    wrong = np.flatnonzero(~answers.correct)
    return [int(i) for i in wrong[np.argsort(-answers.confidence[wrong], kind="stable")][:most]]


def mistakes_of(answers: Answers, pair: Confused, most: int) -> list[int]:
    """Photos of one class that were called another, those with the highest scores first."""
    row, column = answers.labels.index(pair.label), answers.labels.index(pair.answer)
    which = np.flatnonzero(answers.truth[:, row] & answers.given[:, column])
    return [int(i) for i in which[np.argsort(-answers.confidence[which], kind="stable")][:most]]

"""Answers held against the truth, and who is chosen by which photos."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score

from edgekit_export.baseline.entrants import judge, listed, recall_of
from edgekit_export.baseline.shortlist import Pairing
from edgekit_export.data.dataset import DataPhoto

if TYPE_CHECKING:
    from tests.export.baseline.conftest import MakeContest, MakeEntrant


@pytest.mark.parametrize("seed", range(4))
def test_accuracy_f1_and_recall_are_those_of_scikit_learn(seed: int, make_entrant: MakeEntrant) -> None:
    """With a class that nobody shows, and one that nobody names."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(["a", "b", "c", "d"], 40, p=[0.5, 0.3, 0.15, 0.05])
    given = np.where(rng.random(40) < 0.6, truth, rng.choice(["a", "b", "e"], 40))
    photos = [DataPhoto(Path(f"{i}.jpg"), label, "test") for i, label in enumerate(truth)]
    found = judge(photos, given.tolist())
    there = sorted(set(truth))
    assert found.right.mean() == pytest.approx(accuracy_score(truth, given))
    assert found.macro_f1 == pytest.approx(f1_score(truth, given, labels=there, average="macro", zero_division=0))
    one = dataclasses.replace(make_entrant("cnn", [True]), right=found.right)
    shares = recall_of(photos, one)
    wanted = recall_score(truth, given, labels=there, average=None, zero_division=0)
    assert [shares[label].value for label in there] == pytest.approx(list(wanted))
    assert sum(share.whole for share in shares.values()) == 40


def test_the_method_to_hold_a_cnn_against_is_chosen_by_the_validation_photos(
    make_contest: MakeContest, make_entrant: MakeEntrant
) -> None:
    lucky = make_entrant("classic", [True] * 10, name="lucky", pairing=Pairing("colour", "svm"), val=30)
    solid = make_entrant("classic", [True] * 7 + [False] * 3, name="solid", pairing=Pairing("hog", "dbn"), val=40)
    ready = make_entrant("cnn features", [True] * 9 + [False], name="ready", pairing=Pairing("cnn", "svm"), val=50)
    contest = make_contest(lucky, solid, ready)
    assert contest.chosen("classic") is solid
    assert contest.chosen("classic", "colour") is lucky
    assert contest.chosen("classic", "lbp") is None
    assert contest.chosen("cnn features") is ready
    assert contest.chosen("cnn") is None
    assert [one.name for one in contest.entrants] == ["lucky", "ready", "solid", "always good"]


def test_of_equals_the_first_in_the_lists_is_chosen(make_contest: MakeContest, make_entrant: MakeEntrant) -> None:
    pairings = [Pairing("classic", "svm"), Pairing("lbp", "dbn"), Pairing("lbp", "forest"), Pairing("hog", "svm")]
    entrants = [make_entrant("classic", [True, False], name=f"{i}", pairing=p, val=9) for i, p in enumerate(pairings)]
    found = make_contest(*entrants).chosen("classic")
    assert found is not None
    assert found.pairing == Pairing("lbp", "forest")
    assert [listed(one) for one in entrants] == [(4, 0), (1, 4), (1, 2), (3, 0)]

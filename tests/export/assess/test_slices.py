"""Groups of photos side by side: planted gaps are found, class mixes are not blamed on groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from edgekit_export.assess.columns import Column
from edgekit_export.assess.intervals import Share
from edgekit_export.assess.slices import Slice, slice_by

rng = np.random.default_rng(0)
CLASSES = [("ash", "oak", "elm")[i] for i in rng.integers(0, 3, 300)]
SITE = rng.integers(0, 3, 300)
RAIN = rng.integers(0, 2, 300)


def column(name: str, places: Sequence[int | None]) -> Column:
    told = [place for place in places if place is not None]
    return Column(name, tuple("ABCDEFG"[: max(told) + 1]), tuple(places))


def by_name(
    *columns: Column, correct: np.ndarray[tuple[int], np.dtype[np.bool_]], classes: Sequence[str] = CLASSES
) -> dict[str, Slice]:
    return {one.name: one for one in slice_by(columns, correct, classes, seed=0)}


def test_a_planted_gap_is_found_and_others_are_not() -> None:
    chance = np.random.default_rng(1).random(300)
    correct = chance < np.where(SITE == 1, 0.6, 0.93)
    found = by_name(column("rain", RAIN.tolist()), column("site", SITE.tolist()), correct=correct)
    assert list(found) == ["site", "rain"]  # the least chance first
    assert (found["site"].verdict, found["rain"].verdict) == ("gap", "chance")
    far = found["site"].farthest
    assert far.name == "B"
    assert far.right == Share(int(correct[SITE == 1].sum()), int((SITE == 1).sum()))
    assert far.others == Share(int(correct[SITE != 1].sum()), int((SITE != 1).sum()))
    assert far.expected == pytest.approx(correct.mean(), abs=0.05)
    assert found["site"].gap == pytest.approx(max(g.right.value for g in found["site"].groups) - far.right.value)


def test_p_values_are_corrected_for_the_columns_tried() -> None:
    chance = np.random.default_rng(5).random(300)
    correct = chance < np.where(SITE == 1, 0.75, 0.9)
    alone = by_name(column("site", SITE.tolist()), correct=correct)["site"]
    noise = [column(f"noise{i}", np.random.default_rng(i).integers(0, 2, 300).tolist()) for i in range(9)]
    among = by_name(column("site", SITE.tolist()), *noise, correct=correct)["site"]
    assert among.p == alone.p == alone.corrected_p
    assert among.corrected_p == pytest.approx(min(1, 10 * among.p))


def test_a_gap_that_the_classes_make_is_said_to_be_theirs() -> None:
    hard = np.array([name == "elm" for name in CLASSES])
    draw = np.random.default_rng(2)
    site = (draw.random(300) < np.where(hard, 0.85, 0.15)).astype(int)
    correct = draw.random(300) < np.where(hard, 0.45, 0.97)
    found = by_name(column("site", site.tolist()), correct=correct)["site"]
    assert found.verdict == "classes"
    assert found.raw_p < 0.001
    assert found.corrected_p > 0.05


def test_groups_that_hold_one_class_each_cannot_be_told_from_classes() -> None:
    classes = ["ash"] * 60 + ["oak"] * 60
    correct = np.array([True] * 60 + [False] * 40 + [True] * 20)
    found = by_name(column("site", [0] * 60 + [1] * 60), correct=correct, classes=classes)["site"]
    assert (found.verdict, found.comparable) == ("unknown", 0)


def test_photos_without_a_value_are_left_out_and_counted() -> None:
    places: list[int | None] = [None if i < 50 else int(place) for i, place in enumerate(SITE)]
    correct = np.random.default_rng(3).random(300) < 0.8
    found = by_name(column("site", places), correct=correct)["site"]
    assert found.untold == 50
    assert sum(group.right.whole for group in found.groups) == 250
    assert found.groups[0].right.whole + found.groups[0].others.whole == 250


def test_no_columns_are_no_slices() -> None:
    assert slice_by((), np.ones(3, bool), ["a", "b", "a"], seed=0) == ()


def test_a_model_that_is_always_right_has_no_gaps() -> None:
    found = by_name(column("site", SITE.tolist()), correct=np.ones(300, bool))["site"]
    assert (found.p, found.verdict, found.gap) == (1, "chance", 0)

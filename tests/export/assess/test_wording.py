"""Figures as words: numbers that do not claim too much, and sentences that fit what was found."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from edgekit_export.assess.against import Against
from edgekit_export.assess.answers import Answers
from edgekit_export.assess.calibration import Calibration
from edgekit_export.assess.chance import mcnemar
from edgekit_export.assess.intervals import Measured, Pairs, Share, paired_interval
from edgekit_export.assess.measures import ClassFigures, measure
from edgekit_export.assess.robustness import Curve, Level, Robustness
from edgekit_export.assess.slices import Group, Slice
from edgekit_export.assess.wording import (
    about_against,
    about_calibration,
    about_curve,
    about_robustness,
    about_slice,
    about_slices,
    about_weakest,
    between,
    chance,
    count,
    joined,
    percent,
    points,
    with_interval,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "50 %"), (0.876, "88 %"), (1.0, "100 %"), (0.0, "0 %"), (0.997, "99.7 %"), (0.9996, "99.96 %"),
     (0.004, "0.4 %"), (1 - 1e-12, "100 %"), (math.nan, "")],
)  # fmt: skip
def test_nearly_all_is_not_all_and_nearly_none_not_none(value: float, text: str) -> None:
    assert percent(value) == text


def test_intervals_are_written_with_words() -> None:
    assert between(0.5, 0.612) == "50 to 61 %"
    assert with_interval(Share(93, 100), digits=1) == "93.0 % (86.3 to 96.6 %)"
    assert with_interval(Share(0, 0)) == ""
    assert with_interval(Measured(math.nan, 0, 1)) == ""


def test_small_words() -> None:
    assert (points(0.0512), points(-0.00001)) == ("5.1 points", "0.0 points")
    assert [chance(p) for p in (0.5, 0.031, 0.0004)] == ["p = 0.50", "p = 0.031", "p < 0.001"]
    assert (count(1, "photo"), count(1200, "photo"), count(2, "class", "classes")) == (
        "1 photo", "1,200 photos", "2 classes",
    )  # fmt: skip
    assert [joined(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    assert joined([str(i) for i in range(9)], most=3) == "0, 1, 2 and 6 more"


def test_the_weakest_class_in_words() -> None:
    f1 = Measured(0.5, 0.4, 0.6)
    weak = about_weakest(ClassFigures("rust", Share(5, 10), Share(5, 6), f1))
    assert weak == "weakest class: rust, recognised on 50 % of its 10 photos (24 to 76 %)"
    often = about_weakest(ClassFigures("rust", Share(9, 10), Share(9, 30), f1))
    assert often.endswith("of its 10 photos (60 to 98 %); of the photos that were called it 30 % are it")
    assert about_weakest(ClassFigures("rust", Share(9, 9), Share(9, 9), f1)) == "no class has a wrong answer"


def calibration(error: float, by_chance: float, low: float, high: float) -> Calibration:
    return Calibration((), Measured(error, 0, 1), by_chance, Measured((low + high) / 2, low, high), ())


def test_scores_in_words() -> None:
    assert "no more than chance" in about_calibration(calibration(0.05, 0.06, -0.02, 0.03))
    sure = about_calibration(calibration(0.08, 0.05, 0.04, 0.1))
    assert sure == "scores are too high, by 7.0 points on average: the model is too sure"
    assert "too low, by 7.0 points" in about_calibration(calibration(0.08, 0.05, -0.1, -0.04))
    assert "too high in some places and too low in others" in about_calibration(calibration(0.08, 0.05, -0.01, 0.01))


def a_slice(*, corrected: float, raw: float = 1.0, comparable: int = 100) -> Slice:
    groups = (
        Group("A", Share(90, 100), Share(35, 50), 0.85, 0.5),
        Group("B", Share(35, 50), Share(90, 100), 0.8, 0.002),
    )
    return Slice("site", groups, 0, 0.002, corrected, raw, comparable)


def test_a_gap_is_told_with_the_group_the_others_and_chance() -> None:
    assert about_slice(a_slice(corrected=0.004)) == (
        "site B: 70 % right (56 to 81 %, 50 photos), all others 90 %; its classes let expect 80 %: "
        "more than chance (p = 0.004)"
    )


def test_other_slices_are_told_for_what_they_are() -> None:
    assert about_slice(a_slice(corrected=0.3, raw=0.01)) == (
        "site: the gap of 20.0 points comes from which classes the groups hold, not from the groups"
    )
    assert "cannot be told apart" in about_slice(a_slice(corrected=1, comparable=3))
    assert about_slice(a_slice(corrected=0.4)) == "site: no more than chance (p = 0.40)"


def test_columns_without_a_gap_share_a_line() -> None:
    lines = about_slices([a_slice(corrected=0.004), a_slice(corrected=0.4), a_slice(corrected=0.5)])
    assert len(lines) == 2
    assert lines[1] == "no difference beyond chance by site and site"


def against(both: int, first: int, second: int, neither: int) -> Against:
    answers = Answers(("a", "b"), np.eye(2, dtype=bool), np.eye(2, dtype=np.float32))
    pairs = Pairs(both, first, second, neither)
    low, high = paired_interval(pairs)
    figures, p = measure(answers, seed=0), mcnemar(first, second)
    return Against("b.tflite", "x", (), answers, figures, pairs, low, high, p, both)


@pytest.mark.parametrize(
    ("pairs", "text"),
    [
        ((70, 20, 4, 6), "a.tflite is better by 16.0 points (6.6 points to 25.5 points): only a.tflite is right on"),
        ((70, 4, 20, 6), "b.tflite is better by 16.0 points (6.6 points to 25.5 points): only a.tflite is right on"),
        ((70, 8, 6, 16), "no difference beyond chance: only a.tflite is right on 8 photos, only b.tflite on 6 photos"),
        (
            (466, 8, 19, 89),
            "too close to call: only a.tflite is right on 8 photos, only b.tflite on 19 photos (p = 0.05",
        ),
    ],
)
def test_two_models_in_words(pairs: tuple[int, int, int, int], text: str) -> None:
    """The exact test and the interval may disagree where they nearly decide."""
    pytest.importorskip("scipy", reason="scipy is not installed")
    assert about_against("a.tflite", against(*pairs)).startswith(text)


def a_curve(name: str, *right: int) -> Curve:
    levels = (
        Level(i, f"{i} steps", Share(n, 100), (90 - n) / 100, (80 - n) / 100, (99 - n) / 100)
        for i, n in enumerate(right, 1)
    )
    return Curve(name, f"much {name}", tuple(levels), "Do something.")


def test_a_curve_is_told_by_where_it_begins_to_hurt() -> None:
    assert about_curve(a_curve("fog", 90, 75, 60)) == "much fog: 75 % right from 2 steps on, 60 % at 3 steps"
    assert about_curve(a_curve("fog", 90, 90, 60)) == "much fog: 60 % right from 3 steps on"
    assert about_curve(a_curve("fog", 90, 90, 90)) == "much fog: no clear loss"


def test_the_three_costliest_are_told_and_the_others_named() -> None:
    curves = (*(a_curve(name, 70, 60, 50) for name in ("a", "b", "c", "d")), a_curve("e", 90, 90, 90))
    lines = about_robustness(Robustness(Share(90, 100), curves, (), Path("x")))
    assert [line.split(":")[0] for line in lines] == [
        "much a", "much b", "much c", "also hurt by d", "not clearly hurt by e",
    ]  # fmt: skip
    unhurt = Robustness(Share(90, 100), curves[4:], (), Path("x"))
    assert about_robustness(unhurt) == ["nothing that was tried costs clearly more than 3 points"]

"""Numbers of photos that are too small to learn or to test anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit_export.check.classes import class_findings
from edgekit_export.check.finding import Finding
from edgekit_export.check.survey import Survey
from edgekit_export.data.dataset import DataPhoto, DataSet, Split
from edgekit_export.data.leaks import Twins

ByKind = Callable[[Any], dict[str, Finding]]


def imagined(counts: dict[str, int] | dict[tuple[str, Split], int], empty: tuple[str, ...] = ()) -> Survey:
    """So many photos of each class, or of each class in each split."""
    photos = []
    for key, number in counts.items():
        label, split = (key, None) if isinstance(key, str) else key
        photos += [DataPhoto(Path(f"{split}/{label}/{i}.jpg"), label, split) for i in range(number)]
    labels = tuple(sorted({photo.label for photo in photos} | set(empty)))
    dataset = DataSet(Path("root"), tuple(photos), labels, empty=tuple(Path("root") / name for name in empty))
    return Survey(dataset, dataset, (), np.zeros((0, 0), np.float16), Twins(dataset), ())


def test_enough_photos_are_no_finding() -> None:
    assert list(class_findings(imagined({"a": 50, "b": 190}))) == []
    split: dict[tuple[str, Split], int] = {("a", "train"): 60, ("a", "test"): 10, ("b", "train"): 60, ("b", "test"): 10}
    assert list(class_findings(imagined(split))) == []


@pytest.mark.parametrize(("number", "severity", "what"), [(2, "bad", "far too few"), (9, "bad", "far too few"),
                                                         (10, "warn", "few"), (49, "warn", "few")])  # fmt: skip
def test_small_classes_are_told(number: int, severity: str, what: str) -> None:
    found = [one for one in class_findings(imagined({"a": 60, "b": 60, "rare": number})) if one.kind == "small_class"]
    assert [one.severity for one in found] == [severity]
    assert found[0].headline == f"1 class has {what} photos: rare ({number})"


def test_hopeless_classes_and_small_ones_are_two_findings() -> None:
    found = [one for one in class_findings(imagined({"a": 3, "b": 30, "c": 5, "d": 60})) if one.kind == "small_class"]
    assert [one.headline for one in found] == [
        "2 classes have far too few photos: a (3) and c (5)",
        "1 class has few photos: b (30)",
    ]


@pytest.mark.parametrize(("most", "severity"), [(239, None), (240, "note"), (600, "warn")])
def test_balance_is_told_by_how_many_times(by_kind: ByKind, most: int, severity: str | None) -> None:
    found = by_kind(class_findings(imagined({"a": most, "b": 60})))
    assert (found["unbalanced"].severity if "unbalanced" in found else None) == severity
    if severity:
        assert found["unbalanced"].headline.startswith(f"{most / 60:.0f} times as many photos of a as of b")


def test_one_class_and_empty_classes_are_told(by_kind: ByKind) -> None:
    found = by_kind(class_findings(imagined({"a": 60})))
    assert found["few_classes"].severity == "bad"
    found = by_kind(class_findings(imagined({"a": 60, "b": 60}, ("nothing",))))
    assert found["empty_class"].headline == "1 folder without photos: 'nothing'"


def test_a_split_without_a_class_is_told(by_kind: ByKind) -> None:
    counts: dict[tuple[str, Split], int] = {("a", "train"): 60, ("b", "train"): 60, ("a", "test"): 20}
    found = by_kind(class_findings(imagined(counts)))
    assert found["absent_class"].severity == "bad"
    assert found["absent_class"].headline == "a split lacks classes: b in test"
    few: dict[tuple[str, Split], int] = {**counts, ("b", "test"): 9}
    found = by_kind(class_findings(imagined(few)))
    assert found["absent_class"].severity == "note"
    assert found["absent_class"].headline == "too few test photos to say much of: b (9 in test)"

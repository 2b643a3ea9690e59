"""Copies and near-duplicates: each told once, where it is worst."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from edgekit_export.check.doubles import double_findings
from edgekit_export.check.finding import Finding

if TYPE_CHECKING:
    from edgekit_export.check.survey import Survey
    from tests.export.check.conftest import Garden

LookOver = Callable[[Path], "Survey"]
ByKind = Callable[[Any], dict[str, Finding]]


def nearly(source: Path, target: Path) -> None:
    image = Image.open(source)
    image.crop((2, 2, 94, 94)).resize((80, 80)).save(target, quality=80)


def test_different_photos_are_no_finding(garden: Garden, look_over: LookOver) -> None:
    assert list(double_findings(look_over(garden(4, ("train", "test"))))) == []


@pytest.mark.parametrize(
    ("target", "near", "kind", "severity"),
    [
        ("train/red/again.jpg", False, "exact_copies", "warn"),
        ("train/blue/again.jpg", False, "contradiction", "bad"),
        ("test/red/again.jpg", False, "exact_leak", "bad"),
        ("test/blue/again.jpg", False, "contradiction", "bad"),
        ("train/red/again.jpg", True, "near_copies", "note"),
        ("train/blue/again.jpg", True, "near_across_classes", "warn"),
        ("test/red/again.jpg", True, "near_leak", "bad"),
        ("test/blue/again.jpg", True, "near_leak", "bad"),
    ],
)
def test_a_photo_twice_is_told_for_what_it_spoils(
    garden: Garden, look_over: LookOver, by_kind: ByKind, target: str, near: bool, kind: str, severity: str
) -> None:
    root = garden(4, ("train", "test"))
    (nearly if near else shutil.copyfile)(root / "train/red/red02.jpg", root / target)
    found = by_kind(double_findings(look_over(root)))
    assert set(found) == {kind}
    assert found[kind].severity == severity
    assert {one.path for one in found[kind].suspects} == {root / "train/red/red02.jpg", root / target}
    assert len(found[kind].sets) == 1
    if not near:
        assert found[kind].sure == "Certain: the files are equal."


def test_copies_of_one_photo_are_one_set_and_are_counted_without_the_first(
    garden: Garden, look_over: LookOver, by_kind: ByKind
) -> None:
    root = garden(3)
    for i in range(3):
        shutil.copyfile(root / "red/red00.jpg", root / f"red/copy{i}.jpg")
    finding = by_kind(double_findings(look_over(root)))["exact_copies"]
    assert finding.headline == "3 photos are exact copies of another in the same class"
    assert [len(together) for together in finding.sets] == [4]

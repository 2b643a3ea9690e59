"""Places, faces and orientations, as findings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from edgekit_export.check.finding import Finding
from edgekit_export.check.privacy import orientation_findings, privacy_findings

if TYPE_CHECKING:
    from edgekit_export.check.survey import Survey
    from tests.export.check.conftest import Garden

LookOver = Callable[[Path], "Survey"]
ByKind = Callable[[Any], dict[str, Finding]]
Names = Callable[[Finding], list[str]]


def with_exif(path: Path, *, orientation: int = 1, place: bool = False) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    if place:
        exif.get_ifd(0x8825).update({1: "N", 2: (1.0, 2.0, 3.0), 3: "E", 4: (4.0, 5.0, 6.0)})
    Image.open(path).save(path, exif=exif)


def test_photos_that_tell_nothing_are_no_finding(garden: Garden, look_over: LookOver) -> None:
    seen = look_over(garden(2))
    assert [*privacy_findings(seen), *orientation_findings(seen)] == []


def test_places_are_told(garden: Garden, look_over: LookOver, by_kind: ByKind, names: Names) -> None:
    root = garden(2)
    with_exif(root / "red/red01.jpg", place=True)
    found = by_kind(privacy_findings(look_over(root)))
    assert names(found["place"]) == ["red01.jpg"]
    assert found["place"].headline == "1 photo says where on earth it was taken"


def test_faces_are_told_with_their_number(garden: Garden, look_over: LookOver, by_kind: ByKind) -> None:
    data = pytest.importorskip("skimage.data")
    root = garden(2)
    Image.fromarray(data.astronaut()).crop((100, 0, 350, 250)).save(root / "red/person.jpg")
    found = by_kind(privacy_findings(look_over(root)))
    assert [(one.path.name, one.detail) for one in found["faces"].suspects] == [("person.jpg", "1 face")]


def test_orientations_are_told_by_kind(garden: Garden, look_over: LookOver, by_kind: ByKind, names: Names) -> None:
    root = garden(4)
    for name, orientation in (("red00", 6), ("red01", 6), ("red02", 3)):
        with_exif(root / f"red/{name}.jpg", orientation=orientation)
    finding = by_kind(orientation_findings(look_over(root)))["orientation"]
    assert names(finding) == ["red00.jpg", "red01.jpg", "red02.jpg"]
    assert finding.headline == (
        "3 photos, 25 %, are stored turned, and upright only by EXIF: 2 on its side and 1 upside down"
    )

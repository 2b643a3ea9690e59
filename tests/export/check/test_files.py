"""Files that cannot be read, are called wrongly, or that nobody finds."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from edgekit_export.check.files import file_findings
from edgekit_export.check.finding import Finding

if TYPE_CHECKING:
    from edgekit_export.check.survey import Survey
    from tests.export.check.conftest import Garden

LookOver = Callable[[Path], "Survey"]
ByKind = Callable[[Any], dict[str, Finding]]
Names = Callable[[Finding], list[str]]


def test_clean_files_are_no_finding(garden: Garden, look_over: LookOver) -> None:
    assert list(file_findings(look_over(garden(2)))) == []


def test_files_that_cannot_be_read_are_told_with_the_reason(
    garden: Garden, look_over: LookOver, by_kind: ByKind, names: Names
) -> None:
    root = garden(3)
    whole = (root / "red/red01.jpg").read_bytes()
    (root / "red/red01.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "blue/empty.png").write_bytes(b"")
    (root / "blue/page.jpg").write_text("<html>404 not found</html>")
    (root / "green/gone.jpg").symlink_to(root / "nowhere.jpg")
    seen = look_over(root)
    finding = by_kind(file_findings(seen))["unreadable"]
    assert finding.severity == "bad"
    assert finding.headline == "4 files cannot be read as a photo"
    assert names(finding) == ["empty.png", "page.jpg", "gone.jpg", "red01.jpg"]
    told = {one.path.name: one.detail for one in finding.suspects}
    assert "truncated" in told["red01.jpg"]
    assert "an empty file" in told["empty.png"]
    assert "an HTML page" in told["page.jpg"]
    assert len(seen.photos) == len(seen.looks) == len(seen.embeddings) == 8


def test_a_class_of_which_nothing_is_left_is_named(garden: Garden, look_over: LookOver, by_kind: ByKind) -> None:
    root = garden(2)
    for path in (root / "red").iterdir():
        path.write_bytes(b"\xff\xd8\xff damaged")
    assert "No photo is left of 'red'." in by_kind(file_findings(look_over(root)))["unreadable"].why


def test_endings_that_lie_are_told_and_those_that_vary_are_not(
    garden: Garden, look_over: LookOver, by_kind: ByKind, names: Names
) -> None:
    root = garden(3)
    Image.open(root / "red/red00.jpg").save(root / "red/picture.jpg", "PNG")
    shutil.move(root / "red/red01.jpg", root / "red/RED01.JPEG")
    shutil.move(root / "red/red02.jpg", root / "red/red02.png")
    finding = by_kind(file_findings(look_over(root)))["wrong_ending"]
    assert names(finding) == ["picture.jpg", "red02.png"]
    assert [one.detail for one in finding.suspects] == ["a PNG image called .jpg", "a JPEG image called .png"]


def test_photos_that_nobody_finds_are_told_and_other_files_are_not(
    garden: Garden, look_over: LookOver, by_kind: ByKind, names: Names
) -> None:
    root = garden(2)
    for name in ("red01.jpg~", "red02.jpg.download", "red03", ".red04.hidden"):
        shutil.copy(root / "red/red00.jpg", root / "red" / name)
    (root / "red/notes.txt").write_text("taken in May")
    (root / "red/Thumbs.db").write_bytes(bytes(100))
    finding = by_kind(file_findings(look_over(root)))["hidden_photo"]
    assert names(finding) == ["red01.jpg~", "red02.jpg.download", "red03"]
    assert finding.headline == "3 photos nobody finds, because of their names"


def test_a_manifest_and_its_folder_are_compared(
    garden: Garden, look_over: LookOver, by_kind: ByKind, names: Names
) -> None:
    root = garden(2)
    lines = ["file", *(f"{label}/{label}00.jpg" for label in ("blue", "green", "red")), "red/lost.jpg"]
    (root / "manifest.csv").write_text("\n".join(lines) + "\n")
    found = by_kind(file_findings(look_over(root)))
    assert names(found["missing"]) == ["lost.jpg"]
    assert found["missing"].headline == "1 photo of the manifest does not exist"
    assert names(found["unlisted"]) == ["blue01.jpg", "green01.jpg", "red01.jpg"]

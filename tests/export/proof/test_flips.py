"""Photos on the page: shown with both answers and the truth, and only if they are still those of the export."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgekit_export.proof.record import Flipped, Given
from edgekit_export.proof.report import report_page

if TYPE_CHECKING:
    from tests.export.proof.conftest import Export

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
Photographed = tuple["Export", Path]


def page_of(export: Export, photos: Path | None, *flipped: Flipped) -> str:
    record = replace(export.record, flipped=flipped) if flipped else export.record
    return report_page(export.card, record, size_bytes=1, photos=photos)


def test_every_flipped_photo_is_shown_with_truth_and_answers(photographed: Photographed) -> None:
    export, root = photographed
    html = page_of(export, root)
    assert html.count("data:image/jpeg") == len(export.record.flipped) == 11
    one = export.record.flipped[0]
    assert f"<span>is {one.label}</span>" in html
    assert f"<span>float: {one.float_answer.score_percent:.0f}\u00a0% {one.float_answer.label}</span>" in html


def test_without_photos_nothing_of_any_picture_is_on_the_page(photographed: Photographed) -> None:
    export, _ = photographed
    html = page_of(export, None)
    assert "data:image" not in html
    assert "<img" not in html
    assert "This page was made without photos." in html
    assert all(one.file in html for one in export.record.flipped)


def test_a_photo_that_is_missing_or_another_one_is_said_to_be(photographed: Photographed) -> None:
    export, root = photographed
    gone, other, *rest = export.record.flipped
    (root / gone.file).unlink()
    (root / other.file).write_bytes((root / rest[0].file).read_bytes())
    html = page_of(export, root)
    assert html.count("data:image/jpeg") == len(rest)
    assert html.count('<div class="unreadable">missing</div>') == 1
    assert html.count('<div class="unreadable">changed since the export</div>') == 1


def test_a_name_that_leads_elsewhere_shows_nothing(photographed: Photographed, tmp_path: Path) -> None:
    export, root = photographed
    (tmp_path / "secret.txt").write_text("secret")
    os.mkfifo(root / "pipe")
    one = export.record.flipped[0]
    for name in ("../secret.txt", "/etc/passwd", "pipe", ".", "", "a\0b", "x" * 5000):
        assert "data:image" not in page_of(export, root, replace(one, file=name))


def test_answers_of_kernel_families_stand_together_where_they_are_the_same(export: Export) -> None:
    def flip(reference: str) -> Flipped:
        answers = {"xnnpack": Given("b", 51.0), "reference": Given(reference, 52.0)}
        return Flipped("a/1.jpg", "0" * 64, "a", Given("a", 70.0), answers)

    same, apart = page_of(export, Path("/nowhere"), flip("b")), page_of(export, Path("/nowhere"), flip("c"))
    assert "<span>file: 51\u00a0% b</span>" in same
    assert "<span>file, xnnpack: 51\u00a0% b</span><span>file, reference: 52\u00a0% c</span>" in apart

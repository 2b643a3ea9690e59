"""Pages: every text is only text, wherever it stands, and a page asks for no other file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from edgekit_export.page.html import Page, Shown

if TYPE_CHECKING:
    from tests.export.page.conftest import PageReader

    ReadPage = Callable[[str], PageReader]

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title><svg onload=alert(1)>",
    "]]> --> &lt; &amp; \x00 \x1b[31m \u202e",
    "javascript:alert(1)",
    os.fsdecode(b"\xff"),
)
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def full_page(text: str) -> Page:
    """A page with `text` in every place."""
    page = Page(text, text)
    for mood in ("good", "warn", "bad", "plain"):
        page.verdict(mood, text, text)
    for _ in range(4):
        page.section(text, text, text)
    page.heading(text)
    page.items([text, text])
    page.command(text)
    page.facts([(text, text)])
    page.table([text, "count"], [[text, 3], [text, 0.25]], moods=["bad", "good"])
    page.figure("<svg></svg>", text)
    page.figure("<svg></svg>", text, least_rem=30)
    page.figures([("<svg></svg>", text)])
    with page.folded(text):
        page.photos(
            [Shown(PIXELS, (text, text), "bad"), Shown(Path(text.replace("\0", "")), (text,)), Shown(PIXELS, ())]
        )
    return page


@pytest.mark.parametrize("text", HOSTILE[:-1])
def test_a_hostile_text_is_only_text_wherever_it_stands(read_page: ReadPage, text: str) -> None:
    plain, hostile = read_page(full_page("harmless").html()), read_page(full_page(text).html())
    assert hostile.elements == plain.elements
    assert [name for name, _ in hostile.attributes] == [name for name, _ in plain.attributes]
    assert len(hostile.texts) == len(plain.texts)
    found = sum(text in one for one in hostile.texts)
    assert found == sum(one == "harmless" for one in plain.texts) > 20
    assert (
        sum(value == text for _, value in hostile.attributes) == sum(v == "harmless" for _, v in plain.attributes) > 3
    )


def test_a_text_outside_unicode_can_be_written(read_page: ReadPage) -> None:
    """A file name that is not UTF-8 comes as a lone surrogate."""
    html = full_page(f"name {HOSTILE[-1]}").html()
    html.encode()
    read_page(html)


def test_a_page_is_the_same_every_time() -> None:
    assert full_page("x").html() == full_page("x").html()


def test_a_page_has_title_language_and_charset_first(read_page: ReadPage) -> None:
    html = Page("A & B").html()
    assert html.startswith('<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n')
    assert "<title>A &amp; B</title>" in html
    reader = read_page(html)
    assert reader.elements["h1"] == 1
    assert ("content", "width=device-width, initial-scale=1") in reader.attributes


def test_contents_lead_to_sections_of_a_long_page_only(read_page: ReadPage) -> None:
    short, long = Page("short"), Page("long")
    for number in range(3):
        short.section(f"part {number}")
    for number in range(5):
        long.section(f"part {number}")
    assert read_page(short.html()).elements["nav"] == 0
    reader = read_page(long.html())
    assert [address for address in reader.addresses if address.startswith("#")] == ["#s0", "#s1", "#s2", "#s3", "#s4"]
    assert max(reader.names.values()) == 1


def test_numbers_stand_right_and_words_left(read_page: ReadPage) -> None:
    page = Page("t")
    page.table(["class", "photos", "accuracy"], [["rust", 12345, 0.98765], ["-3.5 %", "≈ 12", ""]])
    html = page.html()
    for cell in ("<td>rust</td>", '<td class="number">12,345</td>', '<td class="number">0.9877</td>'):
        assert cell in html
    assert '<td class="number">-3.5 %</td>' in html
    assert "<td></td>" in html


def test_rows_have_moods_and_as_many_as_there_are_rows() -> None:
    page = Page("t")
    page.table(["a"], [["x"], ["y"]], moods=["bad", "plain"])
    assert '<tr class="bad"><td>x</td></tr><tr class="plain">' in page.html()
    with pytest.raises(ValueError, match="zip"):
        page.table(["a"], [["x"], ["y"]], moods=["bad"])


def test_what_is_folded_is_inside(read_page: ReadPage) -> None:
    page = Page("t")
    with page.folded("more"):
        page.text("inside")
    page.text("outside")
    assert "<details><summary>more</summary>\n<p>inside</p>\n</details>\n<p>outside</p>" in page.html()
    with pytest.raises(RuntimeError), page.folded("broken"):
        raise RuntimeError
    read_page(page.html())


def test_photos_stand_in_the_page_and_bad_ones_are_told(read_page: ReadPage, tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    (tmp_path / "bad.jpg").write_bytes(b"no photo")
    page = Page("t")
    page.photos([
        Shown(tmp_path / "a.png", ("a.png", "rust"), "warn"), Shown(PIXELS, ("pixels",)),
        Shown(Image.fromarray(PIXELS), ("image",)), Shown(tmp_path / "bad.jpg", ("bad.jpg",), "bad"),
    ])  # fmt: skip
    reader = read_page(page.html())
    assert reader.elements["img"] == 3
    assert reader.texts.count("cannot be read") == 1
    assert [value for name, value in reader.attributes if name == "alt"] == ["a.png", "pixels", "image"]


def test_an_empty_page_is_a_page(read_page: ReadPage) -> None:
    page = Page("")
    page.table([], [])
    page.items([])
    page.photos([])
    page.facts([])
    page.figures([])
    read_page(page.html())


def test_contents_stand_behind_the_verdict_and_before_the_first_section() -> None:
    page = Page("t")
    page.verdict("good", "yes")
    for number in range(4):
        page.section(f"part {number}")
    html = page.html()
    assert html.index('<div class="verdict') < html.index("<nav>") < html.index("<h2")


def test_where_there_is_no_photo_the_reason_stands(read_page: ReadPage) -> None:
    page = Page("t")
    page.photos([Shown(None, ("a.jpg",), instead="not <found>")])
    reader = read_page(page.html())
    assert reader.elements["img"] == 0
    assert "not <found>" in reader.texts

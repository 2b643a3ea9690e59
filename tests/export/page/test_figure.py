"""Plots: SVG that takes the page's colour and font, whatever the labels say."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

if TYPE_CHECKING:
    from tests.export.page.conftest import PageReader

    ReadPage = Callable[[str], PageReader]

pytest.importorskip("matplotlib", reason="needs matplotlib")

from edgekit_export.page.figure import BLUE, SERIES, draw
from edgekit_export.page.html import Page

LABELS = (
    "rust", "<script>alert(1)</script>", '" onload="alert(1)', "$x^2$", r"$\frac{", "cost: 5 $", "a & b", "Ä ß 🌱",
    "--> <!-- ]]>", "\x1b[31m", "two\nlines", "_hidden", ' id="x"', "font-family: Papyrus",
)  # fmt: skip


def bars(*labels: str) -> Callable[[Any], None]:
    def plot(axes: Any) -> None:
        axes.bar(range(len(labels)), range(1, len(labels) + 1), color=BLUE)
        axes.set_xticks(range(len(labels)), labels)
        axes.plot([0, 1], [1, 2], marker="o", label="line")
        axes.imshow([[1, 2], [3, 4]])
        axes.set_ylim(0.5)

    return plot


@pytest.mark.parametrize("label", LABELS)
def test_a_label_is_drawn_as_it_is_and_is_only_text(read_page: ReadPage, label: str) -> None:
    page = Page("t")
    page.figure(draw(bars(label, "other")), "caption")
    plain = Page("t")
    plain.figure(draw(bars("x" if "\n" not in label else "x\ny", "other")), "caption")
    reader = read_page(page.html())
    assert reader.elements["script"] == 0
    assert reader.elements["text"] == read_page(plain.html()).elements["text"]
    for line in label.split("\n"):
        assert any(line.strip() == text.strip() for text in reader.texts)


def test_a_plot_is_the_same_every_time() -> None:
    assert draw(bars("a", "b")) == draw(bars("a", "b"))


def test_two_plots_of_a_page_share_no_names(read_page: ReadPage) -> None:
    page = Page("t")
    page.figure(draw(bars("a", "b")))
    page.figure(draw(bars("c", "d", "e"), height_inches=2))
    reader = read_page(page.html())
    assert {name: count for name, count in reader.names.items() if not re.fullmatch("[a-z]+[0-9a-f]{10}", name)} == {}
    referred = set(re.findall(r"url\(#([^)]+)\)", page.html()))
    assert referred
    assert referred <= set(reader.names)


def test_the_page_gives_colour_font_and_width() -> None:
    svg = draw(bars("a", "b"))
    root = ElementTree.fromstring(svg.replace("xlink:href", "href"))  # noqa: S314 - our own
    assert "width" not in root.attrib
    assert "height" not in root.attrib
    assert root.attrib["viewBox"].startswith("0 0 403.2 ")
    assert "currentColor" in svg
    assert "#010203" not in svg
    assert BLUE in svg
    assert {style for style in re.findall(r'<text style="[^"]*font[^"]*"', svg) if "system-ui" not in style} == set()
    assert "DejaVu" not in svg
    assert "<style" not in svg
    assert "<metadata" not in svg


def test_series_have_different_colours() -> None:
    assert len(set(SERIES)) == len(SERIES) >= 6


def test_drawing_leaves_settings_and_windows_alone() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    draw(bars("a"))
    assert dict(mpl.rcParams) == before
    assert "matplotlib.pyplot" not in str(mpl.get_backend(auto_select=False))

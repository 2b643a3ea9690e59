"""The page of an export: the verdict first, all of the record behind it, and nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgekit.card import InputSpec, ModelCard, OutputSpec
from edgekit_export.proof.record import Allowed, ExportRecord, Given
from edgekit_export.proof.report import report_page

if TYPE_CHECKING:
    from tests.export.page.conftest import PageReader
    from tests.export.proof.conftest import Export, MakeExport

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
ReadPage = Callable[[str], "PageReader"]
HOSTILE = ("<script>alert(1)</script>", "</style><b>", '" onload="x', "$\\frac{1}{$", "叶斑病 עלה \u202e", "x" * 300)


def page_of(export: Export, photos: Path | None = None) -> str:
    return report_page(export.card, export.record, size_bytes=export.size_bytes, photos=photos)


def headings(html: str) -> list[str]:
    return re.findall(r"<h2[^>]*>(.*?)</h2>", html)


def minimal() -> tuple[ModelCard, ExportRecord]:
    card = ModelCard("m", InputSpec(8, 8, 3, (0.0,), (1.0,)), OutputSpec("probabilities", "softmax", ("a", "b")))
    return card, ExportRecord("edgekit-export convert", "", Allowed(1.0, 98.0, "quick", ()), ())


def test_the_verdict_comes_first_and_then_all_of_the_record(export: Export, read_page: ReadPage) -> None:
    html = page_of(export)
    read_page(html)
    assert '<div class="verdict good"><strong>Ready to ship: the file is right on 94.0 % of 580 photos' in html
    assert html.index('class="verdict') < html.index("<nav>") < html.index("<h2")
    first = html[: html.index("<nav>")]
    for text in ("94.5 % (92.3 to 96.1 %)", "98.1 % (96.6 to 98.9 %)", "int8+bias: integers of 8 bits throughout",
                 "712 kB", "3.1 ms", "tflite-2.14, litert, mediapipe and browser"):  # fmt: skip
        assert text in first
    assert headings(html) == [
        "What was asked for", "Right answers, and the same answers", "Class by class",
        "Which classes are taken for one another", "Photos whose answer flipped", "Recipes that were tried",
        "Errors layer by layer", "Calibration", "Can the scores be believed?", "From which score on an answer counts",
        "Size and time", "What it runs on", "Where this comes from",
    ]  # fmt: skip


def test_everything_that_the_record_holds_is_on_the_page(export: Export, read_page: ReadPage) -> None:
    texts = "\n".join(read_page(page_of(export)).texts)
    record = export.record
    for rung in record.rungs:
        assert rung.recipe in texts
        assert rung.reason in texts
    for name in (*(one.layer for one in record.layers), *(one.file for one in record.flipped)):
        assert name in texts
    assert export.card.provenance is not None
    for text in (record.command, export.card.provenance.source_sha256, "1 recipe before this one kept the budget",
                 "divided by 1.31", "big enough: the first 56 photos of 194", "leaf.thresholds.json",
                 "pixel range: -1..1, found out by trying"):  # fmt: skip
        assert text in texts, text


def test_the_page_is_the_same_every_time(export: Export) -> None:
    assert page_of(export) == page_of(export)


def test_a_refused_export_says_what_was_tried_and_what_to_do(export: Export, read_page: ReadPage) -> None:
    rungs = tuple(replace(one, outcome="missed") if one.images else one for one in export.record.rungs)[:3]
    record = ExportRecord("convert", "", export.record.allowed, rungs, export.record.choice)
    html = report_page(replace(export.card, verification=None), record, size_bytes=0, photos=None)
    texts = read_page(html).texts
    assert '<div class="verdict bad"><strong>Nothing to ship: no file was written.' in html
    assert "Closest came int8+mse: it loses 1.7 points of accuracy" in html
    assert "If you can live with that loss, allow it: --max-drop 1.8." in texts
    assert "Let more recipes be tried: --effort thorough." in texts
    assert "No file was put to the photos for confirming, so there are no figures here." in texts
    assert not {"Size and time", "What it runs on", "Photos whose answer flipped"} & set(headings(html))


def test_an_export_with_next_to_nothing_known_gets_a_page(read_page: ReadPage) -> None:
    card, record = minimal()
    html = report_page(card, record, size_bytes=0, photos=None)
    read_page(html)
    assert '<div class="verdict bad">' in html
    assert headings(html) == ["What was asked for", "Right answers, and the same answers", "Where this comes from"]


def test_a_rebuilt_page_has_no_times_and_says_why(export: Export, read_page: ReadPage) -> None:
    rungs = tuple(replace(rung, milliseconds=0.0) for rung in export.record.rungs)
    html = report_page(export.card, replace(export.record, rungs=rungs), size_bytes=712_345, photos=None)
    read_page(html)
    assert "Times are only on the page that the export itself wrote" in html
    assert "time for a photo" not in html


def test_several_labels_in_a_photo_have_no_confusion(export: Export, read_page: ReadPage) -> None:
    output = replace(export.card.output, activation="sigmoid")
    record = replace(
        export.record,
        scores=None,
        flipped=tuple(
            replace(one, answers={family: Given("a + b", 51.0) for family in one.answers})
            for one in export.record.flipped
        ),
    )
    html = report_page(replace(export.card, output=output), record, size_bytes=1, photos=None)
    texts = "\n".join(read_page(html).texts)
    assert "Which classes are taken for one another" not in headings(html)
    assert "all labels right, this file" in texts
    assert "counts as absent" in texts


@pytest.mark.parametrize("count", [2, 41, 150])
def test_many_classes_stay_usable(count: int, new_export: MakeExport, read_page: ReadPage) -> None:
    html = page_of(new_export([f"plant {i}" for i in range(count)], photos=6 * count))
    reader = read_page(html)
    assert "<details><summary>All 150 classes</summary>" in html or count < 150
    assert len(html) < 1_000_000
    assert ("plant 1, " in html) or reader.elements["table"] > 8


def test_names_are_text_wherever_they_stand(export: Export, new_export: MakeExport, read_page: ReadPage) -> None:
    harmless = [f"name {i}" for i in range(len(HOSTILE))]
    pages = []
    for names in (harmless, list(HOSTILE)):
        made = new_export(names, photos=200, name_of=lambda label, number: (f"{label}/{number}", "0"))
        odd = names[0]
        record = replace(
            made.record,
            command=odd,
            photos_root=odd,
            notes=(odd,),
            rungs=tuple(replace(rung, reason=odd, told=(odd,)) for rung in made.record.rungs),
            layers=tuple(replace(one, layer=f"{odd} {i}", kind=odd) for i, one in enumerate(made.record.layers)),
        )
        card = replace(made.card, name=odd)
        pages.append(read_page(report_page(card, record, size_bytes=1, photos=None)))
    plain, hostile = pages
    assert hostile.elements["script"] == hostile.elements["b"] == 0
    svg = ("path", "g", "use", "text", "tspan", "clippath", "div")  # long names have other plots, which scroll
    assert {k: v for k, v in hostile.elements.items() if k not in svg} == {
        k: v for k, v in plain.elements.items() if k not in svg
    }

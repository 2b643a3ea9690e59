"""The page and the words of a checkup, from findings that are made up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edgekit_export.check.checkup import Checkup
from edgekit_export.check.finding import Finding, Suspect, alone
from edgekit_export.check.report import checkup_page
from edgekit_export.check.survey import Survey
from edgekit_export.check.text import describe_checkup
from edgekit_export.check.wording import clean_kinds, verdict
from edgekit_export.data.dataset import DataPhoto, DataSet
from edgekit_export.data.leaks import Twins

if TYPE_CHECKING:
    from edgekit_export.check.finding import Kind, Severity
    from tests.export.check.conftest import Examine, Garden

pytest.importorskip("matplotlib")


def finding(kind: Kind, severity: Severity, photos: int = 1, **changes: Any) -> Finding:
    sets = alone([Suspect(Path(f"root/a/{i}.jpg"), "a", f"detail {i}") for i in range(photos)])
    texts = {"headline": f"about {kind}", "why": "why", "sure": "sure", "advice": "advice", "sets": sets, **changes}
    return Finding(kind, severity, **texts)


def imagined(*findings: Finding) -> Checkup:
    photos = tuple(DataPhoto(Path(f"root/{label}/{i}.jpg"), label) for label in "ab" for i in range(3))
    dataset = DataSet(Path("root"), photos, ("a", "b"))
    survey = Survey(dataset, dataset, (), np.zeros((0, 0), np.float16), Twins(dataset), ())
    return Checkup(survey, findings, None, None)


@pytest.mark.parametrize(
    ("severities", "mood", "text"),
    [
        ((), "good", "nothing was found that would spoil a training or its test"),
        (("note",), "good", "nothing was found that would spoil a training or its test"),
        (("warn", "note"), "warn", "nothing that forbids training; 1 thing is worth a look"),
        (("bad", "warn", "warn"), "bad", "1 thing to mend before you train on these photos; 2 more are worth a look"),
        (("bad", "bad"), "bad", "2 things to mend before you train on these photos"),
    ],
)
def test_the_verdict_goes_by_the_gravest(severities: tuple[Severity, ...], mood: str, text: str) -> None:
    assert verdict(imagined(*(finding("dark", severity) for severity in severities))) == (mood, text)


def test_what_was_not_found_is_what_was_looked_for() -> None:
    clean = clean_kinds(imagined(finding("dark", "note")))
    assert "blurred photos" in clean
    assert "dark photos" not in clean
    assert "near-duplicates in several splits" not in clean  # there are no splits
    assert "labels that are likely wrong" not in clean  # they were not judged
    assert "labels and backgrounds were not judged" in describe_checkup(imagined(), report=None).lower()


def test_the_page_has_each_finding_with_why_how_sure_and_what_to_do() -> None:
    pairs = ((Suspect(Path("root/a/0.jpg"), "a"), Suspect(Path("root/b/0.jpg"), "b")),)
    html = checkup_page(
        imagined(finding("contradiction", "bad", sets=pairs), finding("blurred", "note", 30)),
        command="edgekit-export x",
    )
    assert html.index("1 thing to mend") < html.index(">Mend before training</h2>") < html.index(">Good to know</h2>")
    assert html.count("<h3") >= 2
    for text in ("About contradiction", "About blurred", "why it matters", "how sure", "what to do"):
        assert text in html
    assert html.count('<figure class="group">') == 1
    assert html.count('<figure class="photo') == 2 + 18
    assert "12 more, by name" in html
    assert "detail 29" in html
    assert not re.search(r'(?:src|href)="(?!data:|#)', html)
    assert "<script" not in html


def test_long_lists_are_cut_on_the_page_and_in_the_terminal() -> None:
    many = imagined(finding("blurred", "note", 500))
    assert "And 282 more; --csv FILE.csv lists all." in checkup_page(many, command="x")
    assert "    and 497 more" in describe_checkup(many, report=None).splitlines()


def test_names_are_text_on_the_page() -> None:
    sets = alone([Suspect(Path("root/a/<script>.jpg"), "<b>a</b>", "<i>")])
    html = checkup_page(imagined(finding("dark", "warn", sets=sets, headline="<u>")), command="<x>")
    for bad in ("<script>", "<b>a", "<i>", "<u>", "<x>"):
        assert bad not in html


def test_a_real_page_shows_classes_and_borders(garden: Garden, examine: Examine) -> None:
    html = checkup_page(examine(garden(20, border=True)), command="x")
    assert "What the border tells" in html
    assert html.count("data:image/jpeg") >= 3
    assert "Photos of each class" in html
    assert "<svg" in html

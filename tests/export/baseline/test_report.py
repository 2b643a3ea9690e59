"""The page: what a reader finds on it, and that nothing from outside becomes markup."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgekit_export.baseline.report import contest_page
from edgekit_export.baseline.shortlist import Pairing
from edgekit_export.baseline.verdict import verdict_of
from edgekit_export.baseline.wording import (
    ALGORITHM_SENTENCES,
    ALGORITHM_TITLES,
    FEATURE_SENTENCES,
    FEATURE_TITLES,
    name_of,
)
from edgekit_export.data.dataset import DataPhoto
from edgekit_export.data.pixels import Unreadable

if TYPE_CHECKING:
    from edgekit_export.baseline.entrants import Contest
    from tests.export.baseline.conftest import MakeContest, MakeEntrant

matplotlib = pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def page(contest: Contest) -> str:
    return contest_page(contest, command="edgekit-export compare photos/ --model 'a b.tflite'")


def rows(page: str) -> list[list[str]]:
    body = page.split("<tbody>")[1].split("</tbody>", maxsplit=1)[0]
    return [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in body.split("</tr>")[:-1]]


def test_the_verdict_comes_first_and_every_method_has_its_line(page: str, contest: Contest) -> None:
    verdict = verdict_of(contest)
    assert page.index(verdict.headline) < page.index("<h2")
    table = rows(page)
    assert [row[0] for row in table] == [name_of(one) for one in contest.entrants]
    assert all(len(row) == 7 for row in table)
    cnn = next(row for row in table if row[0] == "colour.tflite")
    assert cnn[-1] == "not known"
    assert all(all(row) for row in table if not row[0].startswith("always"))


def test_the_lines_that_the_verdict_is_about_are_marked(page: str, contest: Contest) -> None:
    marked = re.findall(r'<tr class="good"><td>([^<]*)</td>', page)
    best = contest.chosen("classic")
    assert best is not None
    assert set(marked) == {"colour.tflite", name_of(best)}


def test_both_figures_show_every_method(page: str, contest: Contest) -> None:
    accuracy, costs = (part.partition("</svg>")[0] for part in page.split("<svg")[1:])
    assert [accuracy.count(f">{title}<") for title in ("Colours (histograms)", "Coarse texture (GLCM)", "CNN")] == [
        1,
        1,
        1,
    ]
    assert [accuracy.count(f">{name}<") for name in ("SVM", "belief network")] == [2, 2]
    assert "time for a photo, ms" in costs
    assert costs.count("colour.tflite") == 1
    timed = [one for one in contest.entrants if one.latency_ms]
    assert costs.count("<use") >= len(timed)


def test_what_is_used_is_explained_and_nothing_else(page: str) -> None:
    assert FEATURE_SENTENCES["colour"][:30] in page
    assert f"{FEATURE_TITLES['glcm']}: " in page
    assert FEATURE_SENTENCES["cnn"][:40] not in page
    assert all(f"{ALGORITHM_TITLES[name]}: {text[:20]}" in page for name, text in ALGORITHM_SENTENCES.items())


def test_photos_on_which_they_differ_are_shown_with_what_the_other_said(page: str, contest: Contest) -> None:
    duel = verdict_of(contest).duel
    assert duel is not None
    shown = page.count("data:image/jpeg;base64,")
    assert shown == min(8, duel.pairs.first) + min(8, duel.pairs.second)
    assert page.count("<span>the other says ") == shown > 0


def test_the_same_comparison_gives_the_same_page(page: str, contest: Contest) -> None:
    assert contest_page(contest, command="edgekit-export compare photos/ --model 'a b.tflite'") == page


def test_hostile_names_stay_text(make_contest: MakeContest, make_entrant: MakeEntrant) -> None:
    """Labels, paths and files with markup, mathematics, other scripts and broken characters."""
    bad = "<script>alert(1)</script> $\\frac{a}{b}$ 叶 \udce4"
    entrant = make_entrant("classic", [True, False] * 9, pairing=Pairing("colour", "svm"), val=9)
    cnn = make_entrant("cnn", [True] * 18, name=f"{bad}.tflite")
    made = make_contest(cnn, entrant)
    photos = tuple(
        DataPhoto(Path(bad) / photo.path.name, bad if photo.label == "bad" else photo.label, photo.split)
        for photo in made.dataset.photos
    )
    dataset = dataclasses.replace(made.dataset, root=Path(bad), photos=photos, labels=(bad, "good"))
    skipped = (Unreadable(Path(bad), bad),)
    made = dataclasses.replace(made, dataset=dataset, skipped=skipped, notes=(bad,))
    page = contest_page(made, command=bad)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert page.encode(errors="backslashreplace")


def test_a_hundred_classes_fit_a_page(make_contest: MakeContest, make_entrant: MakeEntrant) -> None:
    entrant = make_entrant("classic", [True, False] * 60, pairing=Pairing("hog", "knn"), val=9)
    made = make_contest(entrant, make_entrant("cnn", [True] * 120, name="m.tflite"))
    photos = tuple(
        dataclasses.replace(photo, label=f"class {i % 100:03}") for i, photo in enumerate(made.dataset.photos)
    )
    labels = tuple(f"class {i:03}" for i in range(100))
    page = contest_page(
        dataclasses.replace(made, dataset=dataclasses.replace(made.dataset, photos=photos, labels=labels)), command="x"
    )
    assert "40 more are recognised better" in page

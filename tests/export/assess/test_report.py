"""The page of an evaluation: what is on it, in which order, and that nothing in it is taken for markup."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from edgekit_export.assess.advice import advice
from edgekit_export.assess.evaluate import Evaluation
from edgekit_export.assess.figures import confusion_figure, intervals_figure
from edgekit_export.assess.intervals import Share
from edgekit_export.assess.measures import measure
from edgekit_export.assess.report import evaluation_page
from edgekit_export.page.html import Page

if TYPE_CHECKING:
    from tests.export.assess.conftest import ColourPredictor, MakeAnswers
    from tests.export.conftest import MakePhotos

pytest.importorskip("scipy", reason="scipy is not installed")
pytest.importorskip("matplotlib", reason="matplotlib is not installed")
Evaluate = Callable[..., Evaluation]


class Reader(HTMLParser):
    """The headings, texts and pictures of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.tags: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "img", "path", "use", "rect", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.texts.append((self.open[-1], data.strip()))

    def of(self, tag: str) -> list[str]:
        return [text for place, text in self.texts if place == tag]


@pytest.fixture(scope="module")
def found(
    make_photos: MakePhotos,
    tmp_path_factory: pytest.TempPathFactory,
    evaluate_colours: Evaluate,
    colours: type[ColourPredictor],
) -> Evaluation:
    folder = make_photos(tmp_path_factory.mktemp("report") / "photos", count=12)
    for path in sorted(folder.glob("*/*"))[::3]:
        Image.fromarray(np.asarray(Image.open(path).convert("RGB")) // 6).save(path)
    return evaluate_colours(folder, colours(blind_below=40), colours(name="lamp.tflite"), robustness_photos=6)


@pytest.fixture(scope="module")
def html(found: Evaluation) -> str:
    return evaluation_page(found, command="edgekit-export evaluate x y")


def test_the_page_tells_the_verdict_first_and_then_all_of_it(html: str, found: Evaluation) -> None:
    page = Reader(html)
    assert page.of("h1") == ["Evaluation of colours.tflite"]
    assert page.of("strong")[0].startswith("Right on 77.8 % of 36 photos; of all such photos 61.9 to 88.3 %")
    assert page.of("h2") == [
        "Class by class", "Which classes are taken for one another", "The surest mistakes",
        "Can the scores be believed?", "Groups of photos", "Worse photos", "Against lamp.tflite",
        "Where this comes from",
    ]  # fmt: skip
    assert page.of("code") == ["edgekit-export evaluate x y"]
    assert found.sha256 in page.of("td")


def test_the_page_asks_for_nothing_from_elsewhere(html: str) -> None:
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:image/jpeg;base64,|#)""", html)
    assert "url(http" not in html
    assert "<script" not in html


def test_every_mistake_is_shown_with_what_it_is_and_what_it_was_called(html: str, found: Evaluation) -> None:
    wrong = int((~found.answers.correct).sum())
    shown = [text for text in Reader(html).of("span") if text.startswith("called blue, ")]
    assert len(shown) >= wrong
    assert html.count("data:image/jpeg") >= wrong + len(found.robustness.curves if found.robustness else ())


def test_there_is_a_curve_for_each_kind_of_damage(html: str) -> None:
    assert html.count('<div class="figures">') == 1
    assert html.split('<div class="figures">')[1].count("<svg") >= 12


def test_labels_and_paths_are_text_wherever_they_stand(
    make_photos: MakePhotos, tmp_path: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]
) -> None:
    """Also in plots, where a dollar begins a formula."""
    labels = ("<b>x", '$\\frac{1}{$ & "q"', "叶斑病 עלה")
    folder = make_photos(tmp_path / "photos", count=6, classes=labels)
    names = colours(labels=labels, name="<i>.tflite", blind_below=90)
    found = evaluate_colours(folder, names, colours(labels=labels, name="<img src=x>"), robustness_photos=0)
    html = evaluation_page(found, command="<u>")
    page = Reader(html)
    assert not {"b", "i", "u"} & set(page.tags)
    assert "<img src=x" not in html
    assert "<b>x" in page.of("td")
    assert any(text.startswith("$\\frac{1}{$ &") for text in page.of("text"))


def test_captions_are_text_and_wide_plots_scroll() -> None:
    page = Page("x")
    page.figure("<svg></svg>", "<b>&", least_rem=50)
    page.figures([("<svg></svg>", "<i>")])
    html = page.html()
    assert html.count("&lt;b&gt;&amp;") == 2  # below it, and for those who cannot see it
    assert "<b>" not in html
    assert "<i>" not in html
    assert '<div class="wide"><div style="width: max(100%, 50rem)"><svg></svg></div></div>' in html


def test_figures_with_intervals_stand_right_under_their_heading() -> None:
    page = Page("x")
    page.table(("class", "recall"), [("100 leaves", "50 % (22 to 78 %)"), ("ash", "")])
    html = page.html()
    assert "<th>class</th>" in html
    assert '<th class="number">recall</th>' in html
    assert '<td class="number">50 % (22 to 78 %)</td>' in html
    assert "<td>100 leaves</td>" in html


def test_a_model_without_a_mistake_gets_a_page_too(
    make_photos: MakePhotos, tmp_path: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]
) -> None:
    folder = make_photos(tmp_path / "photos", count=4)
    page = Reader(evaluation_page(evaluate_colours(folder, colours(), robustness_photos=0), command="x"))
    assert "None: every answer is right." in page.of("p")
    assert "There are none." in page.of("p")


def test_several_labels_have_no_confusion_and_no_calibration(
    make_photos: MakePhotos, tmp_path: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]
) -> None:
    folder = make_photos(tmp_path / "photos", count=4)
    found = evaluate_colours(folder, colours(multi_label=True), robustness_photos=0)
    page = Reader(evaluation_page(found, command="x"))
    assert page.of("strong")[0].startswith("All labels right on 100 % of 12 photos") or page.of("strong")[0].startswith(
        "All labels right on 100.0 %"
    )
    assert "all labels of a photo right" in page.of("th")
    assert "Can the scores be believed?" not in page.of("h2")
    assert "Which classes are taken for one another" not in page.of("h2")


@pytest.mark.parametrize(("count", "scrolls"), [(2, False), (3, False), (8, False), (15, True), (38, True)])
def test_a_confusion_matrix_is_as_wide_as_it_must_be_to_be_read(
    count: int, scrolls: bool, make_answers: MakeAnswers
) -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, count, 40 * count)
    scores = np.eye(count)[np.where(rng.random(len(truth)) < 0.8, truth, rng.integers(0, count, len(truth)))]
    labels = [f"plant {i % 7}, disease {i}" for i in range(count)]
    matrix = confusion_figure(measure(make_answers(truth.tolist(), scores, labels), seed=0))
    assert bool(matrix.least_rem) == scrolls
    assert matrix.least_rem <= 62  # a page is 60 wide
    numbers = re.findall(r"<text[^>]*>([^<]+)</text>", matrix.svg)
    assert sum(int(text) for text in numbers if text.isdigit()) >= 40 * count


def test_what_lies_clearly_below_the_line_is_coloured() -> None:
    rows = [("weak", Share(20, 100)), ("unsure", Share(4, 5)), ("good", Share(95, 100))]
    svg = intervals_figure(rows, line=0.85, about="x")
    assert svg.count("#d55e00") > 0
    assert intervals_figure(rows[1:], line=0.85, about="x").count("#d55e00") == 0


def test_advice_names_what_to_work_on(found: Evaluation) -> None:
    text = "\n".join(advice(found))
    assert "fewer than 20 photos here (blue, green and red)" in text
    assert "Recognised clearly less often" not in text  # 8 of 12 may be chance


def test_classes_that_fare_clearly_worse_and_groups_that_do_are_named(
    make_photos: MakePhotos, tmp_path: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]
) -> None:
    folder = make_photos(tmp_path / "photos", count=30)
    for path in sorted((folder / "red").glob("*"))[:20]:
        Image.fromarray(np.asarray(Image.open(path).convert("RGB")) // 6).save(path)
    found = evaluate_colours(folder, colours(blind_below=40), slices=("brightness",), robustness_photos=9)
    text = advice(found)
    assert text[0] == "Recognised clearly less often than the rest: red. Add photos of them for training."
    assert "Add photos of brightness darkest quarter for training: the model fares worse there." in text
    assert any(line.startswith("Costs most: less light. Train with darkened copies") for line in text)


def test_a_model_that_guesses_is_told_to_check_its_labels(
    make_photos: MakePhotos, tmp_path: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]
) -> None:
    folder = make_photos(tmp_path / "photos", count=8)
    swapped = evaluate_colours(folder, colours(labels=("red", "blue", "green")), robustness_photos=0)
    assert advice(swapped)[0].startswith("Most answers are wrong. Before anything else, check that the model's labels")
    page = evaluation_page(swapped, command="x")
    assert '<div class="verdict bad">' in page


def test_classes_that_are_taken_for_one_another_both_ways_are_named(
    make_photos: MakePhotos, tmp_path: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]
) -> None:
    folder = make_photos(tmp_path / "photos", count=20)
    for i in range(4):
        blue, red = folder / "blue" / f"{i:03}.png", folder / "red" / f"{i:03}.png"
        if i % 2:
            blue, red = blue.with_suffix(".jpg"), red.with_suffix(".jpg")
        data = blue.read_bytes()
        blue.write_bytes(red.read_bytes())
        red.write_bytes(data)
    found = evaluate_colours(folder, colours(), robustness_photos=0)
    assert any(line.startswith("blue and red are taken for one another both ways.") for line in advice(found))

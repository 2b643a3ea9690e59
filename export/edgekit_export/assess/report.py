"""The page of an evaluation."""

from __future__ import annotations

import math

from edgekit.version import __version__
from edgekit_export.assess.advice import advice
from edgekit_export.assess.calibration import Calibration
from edgekit_export.assess.evaluate import Evaluation
from edgekit_export.assess.figures import confusion_figure, intervals_figure, reliability_figure
from edgekit_export.assess.measures import ClassFigures
from edgekit_export.assess.mistakes import mistakes_of, surest_mistakes
from edgekit_export.assess.sections import add_groups, add_other_model, add_worse_photos, shown_answer
from edgekit_export.assess.wording import (
    WEAK_BELOW,
    about_calibration,
    about_guessing,
    about_weakest,
    about_width,
    count,
    headline,
    joined,
    mood,
    percent,
    points,
    sentence,
    with_interval,
)
from edgekit_export.page.html import Mood, Page

_SUREST_MISTAKES = 24
_PAIRS, _OF_A_PAIR = 6, 6


def evaluation_page(evaluation: Evaluation, *, command: str) -> str:
    """The page as HTML; `command` is what was typed."""
    page = Page(f"Evaluation of {evaluation.model.name}", _about(evaluation))
    _verdict(page, evaluation)
    _classes(page, evaluation)
    if evaluation.figures.confusion is not None:
        _confusion(page, evaluation)
    _mistakes(page, evaluation)
    if evaluation.calibration:
        _scores(page, evaluation.calibration)
    if evaluation.slices:
        add_groups(page, evaluation.slices)
    if evaluation.robustness:
        add_worse_photos(page, evaluation.robustness)
    if evaluation.against:
        add_other_model(page, evaluation, evaluation.against)
    _origin(page, evaluation, command)
    return page.html()


def _about(evaluation: Evaluation) -> str:
    part = "all photos" if evaluation.part == "all" else f"the {evaluation.part} photos"
    return f"{part} in {evaluation.dataset.root}"


def _verdict(page: Page, evaluation: Evaluation) -> None:
    figures = evaluation.figures
    text = headline(evaluation)
    lines = [about_guessing(evaluation), about_weakest(figures.weakest)]
    if evaluation.calibration:
        lines.append(about_calibration(evaluation.calibration))
    page.verdict(mood(evaluation), sentence(text), " ".join(sentence(line) for line in lines))
    page.text(
        f"The range after each figure is where it lies, with 95 % certainty, for all photos like these. "
        f"{about_width(figures.accuracy)}"
    )
    page.facts(_overall(evaluation))
    if evaluation.notes:
        page.heading("Before you trust these figures")
        page.items([sentence(note) for note in evaluation.notes])
    if todo := advice(evaluation):
        page.heading("What to do")
        page.items(todo)


def _overall(evaluation: Evaluation) -> list[tuple[str, str]]:
    figures = evaluation.figures
    rows = [
        ("right answers", f"{figures.accuracy.part:,} of {figures.accuracy.whole:,}"),
        ("accuracy", with_interval(figures.accuracy, digits=1)),
        *((f"right class among the best {k}", with_interval(share, digits=1)) for k, share in figures.top_k.items()),
        ("mean recall: every class counts alike", with_interval(figures.mean_recall, digits=1)),
        ("mean F1 of the classes (macro F1)", with_interval(figures.macro_f1, digits=1)),
        ("log loss, Brier score: lower is better", f"{figures.log_loss:.3f}, {figures.brier:.3f}"),
    ]
    if evaluation.answers.multi_label:
        rows[1] = ("all labels of a photo right", rows[1][1])
    return rows


def _classes(page: Page, evaluation: Evaluation) -> None:
    classes = sorted(evaluation.figures.classes, key=_by_recall)
    page.section(
        "Class by class",
        "Recall: of the photos of a class, how many were recognised. Precision: of the photos that were called it, how "
        "many are it. F1 is the mean of both. The weakest class stands first.",
    )
    seen = [(one.label, one.recall) for one in classes if one.photos]
    line = evaluation.figures.mean_recall.value
    caption = "Recall of each class with its 95 % range; in brackets its photos. The dashed line is the mean."
    page.figure(intervals_figure(seen, line=line, about="recognised, % of the class's photos"), caption)
    rows = [
        (one.label, one.photos, with_interval(one.recall), with_interval(one.precision), with_interval(one.f1))
        for one in classes
    ]
    page.table(("class", "photos", "recall", "precision", "F1"), rows, moods=[_mood_of(one) for one in classes])
    if evaluation.unseen:
        page.text(f"No photos here of {joined(evaluation.unseen, most=12)}: nothing is known about them.")


def _by_recall(one: ClassFigures) -> tuple[bool, float, str]:
    return math.isnan(one.recall.value), one.recall.value, one.label


def _mood_of(one: ClassFigures) -> Mood:
    if not one.photos or one.recall.value >= WEAK_BELOW:
        return "plain"
    return "bad" if one.recall.high < WEAK_BELOW else "warn"


def _confusion(page: Page, evaluation: Evaluation) -> None:
    figures = evaluation.figures
    page.section("Which classes are taken for one another")
    if not figures.confused:
        page.text("None: every answer is right.")
        return
    page.text(
        "Each row is a class and shows what its photos were called. Green stands on the diagonal and is right, orange "
        "is wrong; the fuller the colour, the larger the share of the row. Where two classes are orange both ways, "
        "look at the photos below and ask whether their labels are right and whether a person could tell them apart."
    )
    matrix = confusion_figure(figures)
    page.figure(matrix.svg, "Photos of each class, by answer.", least_rem=matrix.least_rem)
    rows = [(one.label, one.answer, one.share.part, with_interval(one.share)) for one in figures.confused[:12]]
    page.table(("photos of", "called", "photos", "of that class"), rows)


def _mistakes(page: Page, evaluation: Evaluation) -> None:
    answers = evaluation.answers
    places = surest_mistakes(answers, _SUREST_MISTAKES)
    wrong = int((~answers.correct).sum())
    page.section("The surest mistakes")
    if not wrong:
        page.text("There are none.")
        return
    page.text(
        f"{count(wrong, 'photo')} got a wrong answer; these are the ones that the model was surest about. A wrong "
        "label in the data set is most likely among them: look whether the model may be right."
    )
    page.photos([shown_answer(evaluation, answers, i) for i in places])
    for pair in evaluation.figures.confused[:_PAIRS]:
        found = mistakes_of(answers, pair, _OF_A_PAIR)
        with page.folded(f"{pair.label}, called {pair.answer}: {count(pair.share.part, 'photo')}"):
            page.photos([shown_answer(evaluation, answers, i) for i in found])


def _scores(page: Page, found: Calibration) -> None:
    page.section("Can the scores be believed?", sentence(about_calibration(found)))
    page.text(
        "Of all answers with a score of 80 %, 80 in 100 should be right: then the points lie on the dashed line. Below "
        f"it the model is too sure, above it too modest. The mean distance is {points(found.error.value)} (expected "
        f"calibration error, {points(found.error.low)} to {points(found.error.high)}); with scores that are exactly "
        f"right it would, on so many photos, seldom be above {points(found.by_chance)}."
    )
    page.figure(reliability_figure(found), "Score of the answer, and how many of such answers are right.")
    page.heading("What a threshold would do")
    page.text("Believe an answer only from some score on, and have a person look at the other photos:")
    rows = [
        (f"from {percent(one.threshold)}", with_interval(one.answered), with_interval(one.right)) for one in found.trust
    ]
    page.table(("score", "photos that get an answer", "right among these"), rows)


def _origin(page: Page, evaluation: Evaluation, command: str) -> None:
    asked = evaluation.asked
    page.section("Where this comes from")
    page.facts(
        [
            ("model", str(evaluation.model)),
            ("SHA-256 of the model", evaluation.sha256),
            ("computed in", evaluation.runs_in),
            ("photos", f"{count(len(asked.photos), 'photo')}, {_about(evaluation)}"),
            ("fingerprint of the photos", asked.fingerprint),
            ("edgekit", __version__),
        ]
    )
    page.command(command)
    if evaluation.found:
        page.heading("How the model was read")
        page.items([sentence(line) for line in evaluation.found])
    if asked.skipped:
        page.heading(f"Skipped: {count(len(asked.skipped), 'photo')} that cannot be read")
        page.items([f"{one.path}: {one.reason}" for one in asked.skipped[:50]])

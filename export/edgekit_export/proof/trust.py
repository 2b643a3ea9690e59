"""The part of the page about scores: whether they mean what they say, and from which one an answer counts."""

from __future__ import annotations

import json
from collections.abc import Sequence

from edgekit_export.assess.intervals import Share
from edgekit_export.assess.wording import count, percent, with_interval
from edgekit_export.page.html import Cell, Mood, Page
from edgekit_export.proof.answers import MANY_CLASSES
from edgekit_export.proof.facts import Proof
from edgekit_export.proof.figures import lowest_score, reliability_figure
from edgekit_export.proof.record import Decided, Decisions, Scored, Scores

_GOOD_PERCENT, _FAIR_PERCENT = 3.0, 8.0


def add_scores(page: Page, proof: Proof) -> None:
    """Reliability before and after."""
    scores = proof.record.scores
    if not scores:
        return
    page.section(
        "Can the scores be believed?",
        "Of all answers with a score of 80 %, 80 in 100 should be right: then the points lie on the dashed line. Below "
        "it the model is too sure, above it too modest. The mean distance from the line is the expected calibration "
        f"error (ECE), in points: up to {_GOOD_PERCENT:g} is good, from {_FAIR_PERCENT:g} on do not act on scores.",
    )
    page.text(_temperature(scores))
    drawn = [one for one in scores.scored if any(bin_.photos for bin_ in one.bins)]
    lowest = lowest_score(drawn)
    page.figures([(reliability_figure(one, lowest), f"{one.who}: ECE {one.ece_percent:.1f} points") for one in drawn])
    page.table(
        ("scores of", "photos", "ECE, points"),
        [(one.who, sum(bin_.photos for bin_ in one.bins), f"{one.ece_percent:.1f}") for one in scores.scored],
        moods=[_mood(one) for one in scores.scored],
    )


def _mood(one: Scored) -> Mood:
    return "good" if one.ece_percent <= _GOOD_PERCENT else "bad" if one.ece_percent >= _FAIR_PERCENT else "warn"


def _temperature(scores: Scores) -> str:
    if scores.temperature == 1:
        return "The scores are as the model gave them: nothing was corrected."
    too = "sure" if scores.temperature > 1 else "modest"
    return (
        f"The model was too {too}, so its last layer was divided by {scores.temperature:.3g} (its temperature, fitted "
        f"on {count(scores.fitted_on, 'photo')} for choosing). That is part of the file, so every runtime gives the "
        "corrected scores, and it changes no answer."
    )


def add_decisions(page: Page, proof: Proof) -> None:
    """Thresholds, what they do, and how to set others."""
    found = proof.record.decisions
    if not found:
        return
    below = "a label with a lower score counts as absent" if proof.multi_label else (
        "an answer with a lower score is reported as unsure")  # fmt: skip
    page.section(
        "From which score on an answer counts",
        f"Every class has a threshold: {below}, so that of those that count, about "
        f"{found.wanted_precision_percent:g} % are right. It was chosen on the photos for choosing; the figures are of "
        f"the {count(found.photos, 'photo')} for confirming.",
    )
    page.text(_overall(proof, found))
    missing = [one for one in found.classes if one.threshold_percent is None]
    if missing:
        page.text(
            f"{count(len(missing), 'class has', 'classes have')} no threshold: on the photos for choosing none made "
            "the answers precise enough. That needs more or better photos in training."
        )
    rows = sorted(found.classes, key=_precision)
    if len(rows) <= MANY_CLASSES:
        _table(page, rows, found)
    else:
        _table(page, rows[:20], found)
        with page.folded(f"All {len(rows):,} classes"):
            _table(page, rows, found)
    label = found.classes[0].label if found.classes else "label"
    example = {"abstain_below": 0.6, "thresholds": {label: 0.8}}
    page.heading("Other thresholds, without a new export")
    page.text(
        f"Put a text file beside the model that is called like it, with .thresholds.json in place of .tflite, such as "
        f"{proof.card.name}.thresholds.json, and write into it what is to be different. A higher threshold gives fewer "
        "and surer answers. abstain_below holds for all classes."
    )
    page.command(json.dumps(example, ensure_ascii=False))


def _overall(proof: Proof, found: Decisions) -> str:
    answered, right = sum(one.answered for one in found.classes), sum(one.right for one in found.classes)
    text, abstain = "", found.abstain_below_percent
    if abstain:
        text = f"Below {abstain:.0f} % no answer counts, whatever its class: it is reported as unsure. "
    if proof.multi_label or not 0 < answered <= found.photos:
        return text
    unsure = percent(1 - answered / found.photos)
    rest = "" if answered == found.photos else f"; for the other {unsure} it is unsure, and a person has to look"
    return (
        f"{text}With all this, {with_interval(Share(answered, found.photos))} of the photos get an answer, and "
        f"{with_interval(Share(right, answered), digits=1)} of these are right{rest}."
    )


def _precision(one: Decided) -> tuple[float, str]:
    return (one.right / one.answered if one.answered else 2.0), one.label


def _table(page: Page, rows: Sequence[Decided], found: Decisions) -> None:
    cells: list[list[Cell]] = [
        [
            one.label,
            "none" if one.threshold_percent is None else f"{one.threshold_percent:.1f} %",
            one.answered,
            one.right,
            with_interval(Share(one.right, one.answered)) if one.answered else "",
        ]
        for one in rows
    ]
    moods: list[Mood] = [
        "warn"
        if one.answered and 100 * Share(one.right, one.answered).high < found.wanted_precision_percent
        else "plain"
        for one in rows
    ]
    page.table(("class", "threshold", "photos with that answer", "right", "precision"), cells, moods=moods)

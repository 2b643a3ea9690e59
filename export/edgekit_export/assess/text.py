"""An evaluation as plain text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from edgekit_export.assess.against import Against
from edgekit_export.assess.evaluate import Evaluation
from edgekit_export.assess.measures import ClassFigures, Confused
from edgekit_export.assess.wording import (
    about_against,
    about_calibration,
    about_guessing,
    about_robustness,
    about_slices,
    about_weakest,
    count,
    headline,
    percent,
    with_interval,
)

_SHOWN_CLASSES = 40
_SHOWN_PAIRS = 6


def describe_evaluation(evaluation: Evaluation, *, report: str | None) -> str:
    """The summary; its last line says where the page is, or how to get one."""
    figures = evaluation.figures
    lines = [
        f"{evaluation.model} on {_photos(evaluation)}:",
        f"  {headline(evaluation)}",
        f"  {about_guessing(evaluation)}",
        f"  {about_weakest(figures.weakest)}",
    ]
    if evaluation.calibration:
        lines.append(f"  {about_calibration(evaluation.calibration)}")
    lines += ["", *_table(list(_class_rows(figures.classes)))]
    lines += _section("taken for one another:", [_pair(one) for one in figures.confused[:_SHOWN_PAIRS]])
    lines += _section("groups of photos:", about_slices(evaluation.slices))
    if evaluation.robustness:
        found = evaluation.robustness
        about = f"worse photos ({count(found.unchanged.whole, 'photo')}, {percent(found.unchanged.value)} right as is):"
        lines += _section(about, about_robustness(found))
    if evaluation.against:
        lines += _section(f"against {evaluation.against.name}:", _against_lines(evaluation, evaluation.against))
    if evaluation.asked.skipped:
        skipped = [f"{one.path}: {one.reason}" for one in evaluation.asked.skipped[:5]]
        lines += _section(f"skipped {count(len(evaluation.asked.skipped), 'unreadable photo')}:", skipped)
    lines += ["", f"Report: {report}" if report else "-o REPORT.html shows the mistakes as photos, and all as figures"]
    return "\n".join(lines)


def _photos(evaluation: Evaluation) -> str:
    whole = count(len(evaluation.asked.photos), "photo")
    part = "" if evaluation.part == "all" else f" of {evaluation.part}"
    return f"{whole}{part} in {evaluation.dataset.root}"


def _section(heading: str, lines: Sequence[str]) -> list[str]:
    return ["", heading, *(f"  {line}" for line in lines)] if lines else []


def _class_rows(classes: Sequence[ClassFigures]) -> Iterator[tuple[str, ...]]:
    yield ("", "photos", "recall", "precision", "F1")
    for one in sorted(classes, key=lambda c: (math.isnan(c.recall.value), c.recall.value, c.label))[:_SHOWN_CLASSES]:
        yield (
            one.label,
            str(one.photos),
            with_interval(one.recall),
            with_interval(one.precision),
            with_interval(one.f1),
        )
    if len(classes) > _SHOWN_CLASSES:
        yield (f"and {len(classes) - _SHOWN_CLASSES} more; --json lists all", "", "", "", "")


def _pair(pair: Confused) -> str:
    return f"{pair.label} taken for {pair.answer}: {pair.share.part} of {count(pair.share.whole, 'photo')}"


def _against_lines(evaluation: Evaluation, against: Against) -> list[str]:
    ours, theirs = evaluation.figures, against.figures
    rows = [
        ("", evaluation.model.name, against.name),
        ("accuracy", with_interval(ours.accuracy, digits=1), with_interval(theirs.accuracy, digits=1)),
        ("mean recall", with_interval(ours.mean_recall, digits=1), with_interval(theirs.mean_recall, digits=1)),
        ("macro F1", with_interval(ours.macro_f1, digits=1), with_interval(theirs.macro_f1, digits=1)),
    ]
    table = [line.removeprefix("  ") for line in _table(rows)]
    return [*table, about_against(evaluation.model.name, against)]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]

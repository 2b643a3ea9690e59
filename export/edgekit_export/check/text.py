"""A checkup as plain text, and as records for programs and tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from edgekit.console import printable
from edgekit_export.assess.choice import shown_name
from edgekit_export.assess.wording import joined, sentence
from edgekit_export.check.checkup import SEVERITIES, Checkup
from edgekit_export.check.finding import Finding, Suspect
from edgekit_export.check.wording import HEADINGS, clean_kinds, facts, not_judged, verdict

_SETS, _OF_A_SET = 3, 3


def describe_checkup(checkup: Checkup, *, report: str | None, mended: str = "") -> str:
    """What was found, the gravest first; its last lines say what was written, or how to see more."""
    seen = checkup.survey
    lines = [f"{seen.whole.root}: {verdict(checkup)[1]}"]
    lines += [f"  {name}: {text}" for name, text in facts(checkup)]
    for severity in SEVERITIES:
        found = checkup.of(severity)
        if found:
            lines += ["", f"{HEADINGS[severity]}:"]
            for finding in found:
                lines += [f"- {finding.headline}", *(f"    {line}" for line in _photos(checkup, finding))]
                lines += [f"    {finding.advice}"] * (severity != "note")
    clean = clean_kinds(checkup)
    lines += ["", sentence(f"looked for, and not found: {joined(clean, most=len(clean))}")] if clean else []
    lines += [sentence(text)] if (text := not_judged(checkup)) else []
    lines += ["", *mended.splitlines()] if mended else []
    lines += [
        "",
        f"Report: {report}" if report else "-o CHECK.html shows the photos, how sure each finding is, and why",
    ]
    return "\n".join(map(printable, lines))


def _photos(checkup: Checkup, finding: Finding) -> Iterator[str]:
    for together in finding.sets[:_SETS]:
        names = [_named(checkup, one) for one in together[:_OF_A_SET]]
        yield " = ".join(names) + (f" and {len(together) - _OF_A_SET} more" if len(together) > _OF_A_SET else "")
    if len(finding.sets) > _SETS:
        yield f"and {len(finding.sets) - _SETS:,} more"


def _named(checkup: Checkup, one: Suspect) -> str:
    name = shown_name(one.path, checkup.survey.whole.root)
    return f"{name} ({one.detail})" if one.detail else name


def checkup_record(checkup: Checkup) -> dict[str, Any]:
    """The same as JSON, with every photo."""
    seen, labels, shortcut = checkup.survey, checkup.labels, checkup.shortcut
    return {
        "root": str(seen.whole.root),
        "photos": len(seen.whole.photos),
        "readable": len(seen.photos),
        "classes": seen.whole.counts(),
        "splits": {split: len(seen.whole.part(split)) for split in seen.whole.splits},
        "findings": [_finding_record(checkup, finding) for finding in checkup.findings],
        "quick_model_accuracy": labels and round(labels.opinions.accuracy, 4),
        "label_trial": labels and {"swapped": labels.planted, "found": labels.found},
        "border_accuracy": shortcut and round(shortcut.border.accuracy, 4),
        "border_chance": shortcut and round(shortcut.border.chance, 4),
    }


def _finding_record(checkup: Checkup, finding: Finding) -> dict[str, Any]:
    root = checkup.survey.whole.root
    sets = [
        [{"file": shown_name(one.path, root), "class": one.label or None, "detail": one.detail or None} for one in each]
        for each in finding.sets
    ]
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "headline": finding.headline,
        "why": finding.why,
        "how_sure": finding.sure,
        "advice": finding.advice,
        "photos": sets,
    }


def findings_csv(checkup: Checkup) -> str:
    """A line for each photo of each finding: to work through in a spreadsheet."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("severity", "finding", "set", "file", "class", "detail"))
    for finding in checkup.findings:
        for number, together in enumerate(finding.sets, 1):
            for one in together:
                name = shown_name(one.path, checkup.survey.whole.root)
                writer.writerow((finding.severity, finding.kind, number, name, one.label, one.detail))
    return out.getvalue()

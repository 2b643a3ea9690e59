"""A comparison as plain text and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from edgekit_export.assess.choice import shown_name
from edgekit_export.assess.intervals import Share
from edgekit_export.assess.wording import between, count, percent
from edgekit_export.baseline.entrants import Contest, Entrant
from edgekit_export.baseline.verdict import Duel, Verdict, verdict_of
from edgekit_export.baseline.wording import bytes_text, ms_text, name_of, seconds_text
from edgekit_export.data.dataset import SPLITS

_SHOWN_SKIPPED = 5
_HEADER = ("", "right", "95 % range", "macro F1", "a photo", "size", "training")


def describe_contest(contest: Contest, *, report: str | None) -> str:
    """The summary; its last line says where the page is, or how to get one."""
    verdict = verdict_of(contest)
    lines = [verdict.headline, verdict.explanation, "", about_photos(contest), ""]
    lines += _table([_HEADER, *(_row(one) for one in contest.entrants)])
    lines += ["", *(f"- {line}" for line in verdict.advice)] if verdict.advice else []
    if contest.skipped:
        shown = [f"  {one.path}: {one.reason}" for one in contest.skipped[:_SHOWN_SKIPPED]]
        lines += ["", f"skipped {count(len(contest.skipped), 'unreadable photo')}:", *shown]
    lines += ["", f"Report: {report}" if report else "-o REPORT.html shows this as figures, and what the methods see"]
    return "\n".join(lines)


def about_photos(contest: Contest) -> str:
    """Which photos did what."""
    train, val, test = (count(len(contest.dataset.part(split)), "photo") for split in SPLITS)
    classes = count(len(contest.dataset.labels), "class", "classes")
    return f"{classes}; {train} taught, {val} chose the settings, {test} tested, once"


def _row(one: Entrant) -> tuple[str, ...]:
    return (
        name_of(one),
        percent(one.test.value, digits=1),
        between(one.test.low, one.test.high),
        f"{one.macro_f1:.3f}",
        ms_text(one.latency_ms),
        bytes_text(one.size_bytes),
        seconds_text(one.training_s),
    )


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()


def contest_record(contest: Contest) -> dict[str, Any]:
    """The record behind `compare --json`: shares as fractions, the best method first."""
    verdict = verdict_of(contest)
    dataset = contest.dataset
    return {
        "photos": str(dataset.root),
        "classes": list(dataset.labels),
        "counts": {split: dataset.counts(dataset.part(split)) for split in SPLITS},
        "seed": contest.seed,
        "verdict": _verdict(verdict),
        "methods": [_entrant(one) for one in contest.entrants],
        "feature_ms": {name: _number(value) for name, value in contest.feature_ms.items()},
        "skipped": [{"file": shown_name(one.path, dataset.root), "error": one.reason} for one in contest.skipped],
        "notes": list(contest.notes),
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "headline": verdict.headline,
        "explanation": verdict.explanation,
        "advice": list(verdict.advice),
        "duel": verdict.duel and _duel(verdict.duel),
    }


def _duel(duel: Duel) -> dict[str, Any]:
    return {
        "network": name_of(duel.network),
        "classic": name_of(duel.classic),
        "both_right": duel.pairs.both,
        "only_network_right": duel.pairs.first,
        "only_classic_right": duel.pairs.second,
        "neither_right": duel.pairs.neither,
        "lead": {"value": _number(duel.pairs.difference), "low": _number(duel.low), "high": _number(duel.high)},
        "mcnemar_p": _number(duel.p),
    }


def _entrant(one: Entrant) -> dict[str, Any]:
    return {
        "name": name_of(one),
        "kind": one.kind,
        "features": one.pairing and one.pairing.features,
        "algorithm": one.pairing and one.pairing.algorithm,
        "settings": one.settings or None,
        "val": one.val and _share(one.val),
        "test": _share(one.test),
        "macro_f1": _number(one.macro_f1),
        "latency_ms": _number(one.latency_ms),
        "size_bytes": one.size_bytes,
        "fit_s": _number(one.fit_s),
        "training_s": _number(one.training_s),
        "runs_in": one.runs_in or None,
    }


def _share(share: Share) -> dict[str, Any]:
    low, high = _number(share.low), _number(share.high)
    return {"part": share.part, "whole": share.whole, "value": _number(share.value), "low": low, "high": high}


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(f"{value:.6g}")

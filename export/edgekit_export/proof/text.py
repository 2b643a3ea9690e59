"""The verdict on an export for the terminal, and as a record."""

from __future__ import annotations

from edgekit.card import ModelCard
from edgekit.console import printable
from edgekit.records import to_json
from edgekit_export.assess.wording import with_interval
from edgekit_export.proof.facts import Proof
from edgekit_export.proof.record import ExportRecord
from edgekit_export.proof.verdict import verdict
from edgekit_export.proof.wording import loss_text


def describe_report(card: ModelCard, record: ExportRecord, size_bytes: int, path: str) -> str:
    """The verdict in a few lines; the last says where the page is."""
    proof = Proof(card, record, size_bytes)
    found = verdict(proof)
    lines = [f"{card.name}: {found.headline}", *(f"  {line}" for line in found.reasons)]
    if proof.worst and proof.agreement and proof.accuracy:
        lines += [
            f"  right answers: {with_interval(proof.accuracy, digits=1)}",
            f"  lost: {loss_text(proof.lost(proof.worst))}",
            f"  same answer as float: {with_interval(proof.agreement, digits=1)}",
        ]
    lines += [f"- {line}" for line in dict.fromkeys(found.advice)]
    return "\n".join(map(printable, [*lines, f"Report: {path}"]))


def report_record(card: ModelCard, record: ExportRecord, size_bytes: int, file: str, path: str) -> dict[str, object]:
    """The record behind `report --json`."""
    found = verdict(Proof(card, record, size_bytes))
    return {
        "file": file,
        "report": path,
        "verdict": found.mood,
        "headline": found.headline,
        "reasons": list(found.reasons),
        "advice": list(dict.fromkeys(found.advice)),
        "record": to_json(record),
    }

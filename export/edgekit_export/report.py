"""What a person sees of an export and of a file: plain text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgekit.card import ClassResult, DecodeCheck, Evidence, EvidenceRow, FamilyResult, ModelCard, Verification
from edgekit.info import describe_model
from edgekit.modelfile import ModelFile
from edgekit.records import to_json
from edgekit_export.graph import float_leftovers, operators_used, parameter_count, tensor_types
from edgekit_export.proof.record import ExportRecord, Rung
from edgekit_export.statistics import wilson_interval
from edgekit_export.verify import Answer, Comparison, Flip

if TYPE_CHECKING:
    from edgekit_export.errors import AccuracyDropError, InputRangeError
    from edgekit_export.pipeline import ExportResult
    from edgekit_export.search.climb import Step

_SHOWN_FLIPS = 10
_SHOWN_HYPOTHESES = 12
_SHOWN_SKIPPED = 5


def describe_export(result: ExportResult, path: str, page: str) -> str:
    """The summary of a finished export and where its page is; its last line is the next command to type."""
    card = result.card
    calibration = card.calibration.images if card.calibration else 0
    lines = [
        f"{path}: {len(result.model_file):,} bytes, {_recipe(card)}, {len(card.output.labels)} classes",
        f"input: {card.input.height}x{card.input.width}x{card.input.channels} raw pixels; "
        + (
            f"trained on {card.provenance.input_range} ({card.provenance.input_range_source})"
            if card.provenance
            else ""
        ),
        *(line for one in (card.provenance.evidence if card.provenance else ()) for line in describe_evidence(one)),
        f"calibrated on {calibration} photos",
        *_search_lines(result.record),
        describe_comparison(result.comparison),
    ]
    if result.skipped:
        lines.append(f"skipped {len(result.skipped)} unreadable photos:")
        lines += _shortened(result.skipped, _SHOWN_SKIPPED)
    lines += [f"Report: {page}", f"Next: edgekit selftest {path}"]
    return "\n".join(lines)


def _recipe(card: ModelCard) -> str:
    return card.quantization.recipe if card.quantization else "of unknown recipe"


def _search_lines(record: ExportRecord) -> list[str]:
    measured = next((rung for rung in record.rungs if rung.images), None)
    if measured is None:
        return []
    how = "the recipe asked for" if record.allowed.recipe else f"search with effort {record.allowed.effort}"
    return [
        f"{how}, on {measured.images} photos for choosing (float {_percent(measured.float_correct, measured.images)}):",
        *describe_rungs(record.rungs),
    ]


def describe_evidence(evidence: Evidence) -> list[str]:
    """What was found out by trying, as lines: how it was decided, and a table of what was tried, the best first."""
    rows = sorted(
        evidence.rows,
        key=lambda row: (
            row.hypothesis != evidence.chosen,
            -row.images,
            -row.correct / row.images,
            -row.mean_confidence_percent,
        ),
    )
    with_divergence = any(row.divergence is not None for row in rows)
    head = ("", "photos", "accuracy", "mean confidence", "distance from training")
    table = [head, *(_evidence_row(row, evidence.chosen) for row in rows[:_SHOWN_HYPOTHESES])]
    lines = _table([cells if with_divergence else cells[:-1] for cells in table])
    if len(rows) > _SHOWN_HYPOTHESES:
        lines.append(f"  ... and {len(rows) - _SHOWN_HYPOTHESES} more; --json lists all")
    return [f"{evidence.question}, tried with the float model on photos for calibration: {evidence.how}", *lines]


def _evidence_row(row: EvidenceRow, chosen: str | None) -> tuple[str, ...]:
    return (
        f"{'*' if row.hypothesis == chosen else ' '} {row.hypothesis}",
        str(row.images),
        _percent(row.correct, row.images),
        f"{row.mean_confidence_percent:.1f} %",
        "" if row.divergence is None else f"{row.divergence:.3g}",
    )


def evidence_record(error: InputRangeError, path: str) -> dict[str, object]:
    """The record behind `convert --json` where no range is clearly best: no file was written to `path`."""
    return {"file": path, "error": str(error), "evidence": to_json(error.evidence)}


def describe_comparison(comparison: Comparison) -> str:
    """Float against int8: a table of the kernel families, one of the classes that changed, and the flipped photos."""
    result = comparison.verification
    images = result.photos.images
    lines = [f"verified on {images} photos that calibration never saw:"]
    measure = "all labels right" if comparison.multi_label else "top-1"
    lines += _table(
        [("", measure, "change", "same answer as float (95 % interval)", "run in")]
        + [("float", _percent(result.float_correct, images), "", "", result.float_runtime or "")]
        + [_family_row(family, result) for family in result.families]
    )
    if result.decode:
        lines.append(describe_decode(result.decode, measure))
    changed = [c for c in result.classes if any(n != c.float_correct for n in c.correct.values())]
    if changed:
        lines.append(f"classes whose accuracy changed ({len(changed)} of {len(result.classes)}):")
        families = [family.family for family in result.families]
        lines += _table([("", "photos", "float", *families)] + [_class_row(c, families) for c in changed])
    if comparison.flips:
        lines.append(f"photos whose answer flipped ({len(comparison.flips)}):")
        lines += _shortened([_describe_flip(flip) for flip in comparison.flips], _SHOWN_FLIPS)
    return "\n".join(lines)


def describe_decode(check: DecodeCheck, measure: str) -> str:
    """How often fast and exact decoding get the same answer, in one line."""
    if not check.reduced:
        return f"fast decode: all {check.images} photos are small enough to be decoded as they are"
    low, high = wilson_interval(check.agreeing, check.images)
    return (
        f"fast decode, {check.reduced} of {check.images} photos at a part of their size: same answer as exact decode "
        f"{_percent(check.agreeing, check.images)} ({100 * low:.1f} to {100 * high:.1f} %), {measure} "
        f"{_percent(check.fast_correct, check.images)} (exact {_percent(check.exact_correct, check.images)})"
    )


def budget_shortfall(steps: Sequence[Step], nearest: Step) -> str:
    """Why an export was refused, and what to do."""
    tried = sum(step.trial is not None for step in steps)
    what = "the recipe" if len(steps) == 1 else f"none of {tried} recipes keeps what is wanted; the nearest,"
    where = "photos for confirming" if nearest.turned_down else "photos for choosing"
    return (
        f"{what} {nearest.recipe.name}: on {where}, {nearest.reason}. No file was written. Allow more (--max-drop, "
        "--max-class-drop, --min-agreement, fewer of --target), search longer (--effort thorough), or give more photos."
    )


def describe_refusal(error: AccuracyDropError) -> str:
    """What was tried where no recipe keeps what is wanted, and how the nearest compares."""
    return "\n".join([*_search_lines(error.record), describe_comparison(error.comparison)])


def describe_rungs(rungs: Sequence[Rung]) -> list[str]:
    """The recipes of a search as a table, in the order of trying."""
    return _table([("recipe", "top-1", "same answer", "size", "time", ""), *(_rung_row(rung) for rung in rungs)])


def _rung_row(rung: Rung) -> tuple[str, ...]:
    outcome = f"{rung.outcome}: {rung.reason}" if rung.reason else rung.outcome
    if not rung.images:
        return (rung.recipe, "", "", "", "", outcome)
    return (
        rung.recipe,
        _percent(rung.correct, rung.images),
        _percent(rung.agreeing, rung.images),
        f"{rung.size_bytes / 1000:,.0f} kB",
        f"{rung.milliseconds:.2g} ms",
        outcome,
    )


def export_record(result: ExportResult, path: str) -> dict[str, object]:
    """The record behind `convert --json`."""
    return {
        "file": path,
        "size_bytes": len(result.model_file),
        "drop_points": round(result.comparison.drop_points, 4),
        "search": to_json(result.record.rungs),
        "flipped": to_json(result.comparison.flips),
        "skipped": list(result.skipped),
        "duplicates": [str(path) for path in result.duplicates.copies],
        "contradictions": [str(path) for path in result.duplicates.contradictions],
        "notes": list(result.notes),
        "card": json.loads(result.card.to_json()),
    }


def refusal_record(error: AccuracyDropError, path: str) -> dict[str, object]:
    """The record behind `convert --json` where int8 loses too much: no file was written to `path`."""
    return {
        "file": path,
        "error": str(error),
        "drop_points": round(error.comparison.drop_points, 4),
        "search": to_json(error.record.rungs),
        "flipped": to_json(error.comparison.flips),
        "verification": to_json(error.comparison.verification),
    }


def describe_inspection(path: str, file: ModelFile, loads_in: Sequence[tuple[str, str | None]]) -> str:
    """What is in a `.tflite`; `loads_in` has the runtimes tried here, with the reason where one refused."""
    graph = file.graph
    leftovers = float_leftovers(graph)
    rows = [
        ("parameters", f"{parameter_count(graph):,}"),
        ("tensors", ", ".join(f"{count} {dtype}" for dtype, count in tensor_types(graph).items())),
        ("float leftovers", "; ".join(leftovers[:3]) + (" ..." if len(leftovers) > 3 else "") or "none"),
        ("declared runtime", graph.declared_min_runtime or "not declared"),
    ]
    rows += [("tried here", f"{name}: {f'refused: {reason}' if reason else 'runs it'}") for name, reason in loads_in]
    operators = [("operator", "versions", "count")]
    operators += [(use.name, ", ".join(map(str, use.versions)), str(use.count)) for use in operators_used(graph)]
    width = max(len(name) for name, _ in rows)
    facts = [f"{name:<{width}}  {text}" for name, text in rows]
    return "\n".join([describe_model(path, file), "", *facts, "", *_table(operators)])


def inspection_record(file: ModelFile, loads_in: Sequence[tuple[str, str | None]]) -> dict[str, object]:
    """The record behind `inspect --json`, beside that of `edgekit info`."""
    return {
        "operators": to_json(operators_used(file.graph)),
        "tensor_types": tensor_types(file.graph),
        "float_leftovers": list(float_leftovers(file.graph)),
        "parameters": parameter_count(file.graph),
        "declared_min_runtime": file.graph.declared_min_runtime or None,
        "tried_here": [{"runtime": name, "refused": reason} for name, reason in loads_in],
    }


def _family_row(family: FamilyResult, result: Verification) -> tuple[str, ...]:
    images = result.photos.images
    change = 100 * (family.correct - result.float_correct) / images
    interval = f"({family.agreement_low_percent:.1f} to {family.agreement_high_percent:.1f} %)"
    agreement = f"{_percent(family.agreeing, images)} {interval}"
    return (
        f"int8 {family.family}",
        _percent(family.correct, images),
        f"{change:+.1f}",
        agreement,
        f"{family.runtime} {family.runtime_version}",
    )


def _class_row(result: ClassResult, families: Sequence[str]) -> tuple[str, ...]:
    answers = [_percent(result.correct[family], result.images) for family in families]
    return (result.label, str(result.images), _percent(result.float_correct, result.images), *answers)


def _describe_flip(flip: Flip) -> str:
    answers = ", ".join(f"{family} {_describe_answer(answer)}" for family, answer in flip.answers.items())
    return f"{flip.file} ({flip.label}): float {_describe_answer(flip.float_answer)}, {answers}"


def _describe_answer(answer: Answer) -> str:
    return f"{answer.label} {answer.score:.0%}"


def _shortened(lines: Sequence[str], most: int) -> list[str]:
    rest = [f"  ... and {len(lines) - most} more; --json lists all"] if len(lines) > most else []
    return [f"  {line}" for line in lines[:most]] + rest


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"

"""Two benches side by side: what became faster or slower, and whether that is more than noise.

The rounds of a bench measure the same thing at different moments. A difference counts where every round of one bench
was faster than every round of the other: between eight and eight rounds of the same thing that happens once in 6,435
times. It must also be of a size that matters, and neither machine may have been too noisy to trust.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from edgekit.bench.record import BenchRecord, RuntimeFigures
from edgekit.bench.spread import Spread
from edgekit.bench.text import runtime_text
from edgekit.console import printable

SMALLEST_PERCENT = 2.0
Verdict = Literal["faster", "slower", "less", "more", "no more than noise", "cannot be told"]


@dataclass(frozen=True)
class Row:
    """One figure in both benches, in milliseconds or megabytes; `ratio` is new to old."""

    runtime: str
    figure: str
    unit: Literal["ms", "MB"]
    old: float
    new: float
    ratio: float
    verdict: Verdict


@dataclass(frozen=True)
class Comparison:
    """All figures that both benches have; `differences` is what else was not the same, `warnings` are of both."""

    rows: tuple[Row, ...]
    differences: tuple[str, ...]
    warnings: tuple[str, ...]


def compare_records(old: BenchRecord, new: BenchRecord) -> Comparison:
    """What changed from one bench to another."""
    trusted = not (old.warnings or new.warnings)
    rows = [
        row
        for before in old.runtimes
        for after in new.runtimes
        if before.runtime == after.runtime
        for row in _rows(before, after, trusted)
    ]
    warnings = [f"{name}: {text}" for name, record in (("old", old), ("new", new)) for text in record.warnings]
    return Comparison(tuple(rows), tuple(_differences(old, new)), tuple(warnings))


def judge(old: Spread, new: Spread) -> Verdict:
    """Whether a time changed by more than noise."""
    if abs(new.p50 / old.p50 - 1) * 100 < SMALLEST_PERCENT:
        return "no more than noise"
    if max(new.rounds) < min(old.rounds):
        return "faster"
    return "slower" if min(new.rounds) > max(old.rounds) else "no more than noise"


def _rows(old: RuntimeFigures, new: RuntimeFigures, trusted: bool) -> Iterator[Row]:
    for name, before, after in _pairs(old, new):
        verdict: Verdict = judge(before, after) if trusted else "cannot be told"
        yield Row(old.runtime, name, "ms", before.p50, after.p50, after.p50 / before.p50, verdict)
    if old.peak_memory_mb and new.peak_memory_mb:
        ratio = new.peak_memory_mb / old.peak_memory_mb
        changed: Verdict = "no more than noise"
        if abs(ratio - 1) * 100 >= SMALLEST_PERCENT:
            changed = "more" if ratio > 1 else "less"
        yield Row(old.runtime, "peak memory", "MB", old.peak_memory_mb, new.peak_memory_mb, ratio, changed)


def _pairs(old: RuntimeFigures, new: RuntimeFigures) -> Iterator[tuple[str, Spread, Spread]]:
    yield "whole photo", old.whole, new.whole
    yield from ((name, old.stages[name], new.stages[name]) for name in old.stages if name in new.stages)
    yield "cold start", old.cold_start, new.cold_start
    for count in old.threads:
        if count in new.threads:
            yield f"invoke, {count} thr.", old.threads[count], new.threads[count]


def _differences(old: BenchRecord, new: BenchRecord) -> Iterator[str]:
    """What a reader must know before the ratios: another model, photo or machine explains any of them."""
    if old.model.sha256 != new.model.sha256:
        names = [f"{model.file} ({model.sha256[:8]})" for model in (old.model, new.model)]
        yield f"another model: {names[0]}, then {names[1]}"
    if old.photo.sha256 != new.photo.sha256:
        names = [f"{photo.file or 'generated'} {photo.width}x{photo.height}" for photo in (old.photo, new.photo)]
        yield f"another photo: {names[0]}, then {names[1]}"
    for name, before in vars(old.machine).items():
        after = vars(new.machine)[name]
        if before != after:
            yield f"another machine: {name} {before}, then {after}"
    for name in sorted({*old.versions, *new.versions}):
        if old.versions.get(name) != new.versions.get(name):
            yield f"another version: {name} {old.versions.get(name)}, then {new.versions.get(name)}"
    yield from _runtime_differences(old, new)


def _runtime_differences(old: BenchRecord, new: BenchRecord) -> Iterator[str]:
    befores, afters = ({figures.runtime: figures for figures in record.runtimes} for record in (old, new))
    for name in sorted({*befores, *afters}):
        before, after = befores.get(name), afters.get(name)
        if before is None or after is None:
            yield f"{name} is only in the {'new' if before is None else 'old'} bench"
        elif (before.description, before.num_threads) != (after.description, after.num_threads):
            yield f"another runtime: {runtime_text(before)}, then {runtime_text(after)}"


def comparison_text(comparison: Comparison) -> str:
    """The text behind `edgekit bench --compare`."""
    lines = [f"note: {text}" for text in comparison.differences]
    lines += [f"Warning: {text}." for text in comparison.warnings]
    form = "{:<8} {:<15} {:>12} {:>12} {:>7}  {}"
    lines.append(form.format("runtime", "figure", "old", "new", "ratio", ""))
    for row in comparison.rows:
        old, new = (f"{value:.3f} {row.unit}" for value in (row.old, row.new))
        lines.append(form.format(row.runtime, row.figure, old, new, f"{row.ratio:.2f}", row.verdict))
    return "\n".join(printable(line.rstrip()) for line in lines)  # the files may be anybody's

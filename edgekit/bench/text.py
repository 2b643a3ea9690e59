"""A bench as a table for people."""

from __future__ import annotations

from edgekit.bench.conditions import Conditions
from edgekit.bench.record import BenchRecord, PhotoFacts, RuntimeFigures
from edgekit.bench.spread import Spread

_ROW = "  {:<14} {:>9} {:>9} {:>9} {:>9}"


def bench_text(record: BenchRecord) -> str:
    """The text behind `edgekit bench`."""
    model, machine = record.model, record.machine
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    memory = f", {machine.memory_mb} MB" if machine.memory_mb else ""
    lines = [
        f"model    {model.file}, {model.size_bytes:,} bytes, {model.input}, decode {model.decode}",
        f"photo    {photo_text(record.photo)}",
        f"machine  {machine.board or machine.processor}, {machine.cores} cores{memory}, {machine.system}",
        f"         {versions}",
    ]
    for figures in record.runtimes:
        lines += ["", *runtime_lines(figures)]
    for name, reason in (record.refused or {}).items():
        lines += ["", f"{name} was left out: {reason}"]
    lines += ["", f"before   {conditions_text(record.before)}", f"after    {conditions_text(record.after)}"]
    return "\n".join([*lines, *(f"Warning: {text}." for text in record.warnings), *_verdict(record)])


def photo_text(photo: PhotoFacts) -> str:
    """What the photo is.

    >>> photo_text(PhotoFacts("", 3_073_009, 4000, 3000))
    'generated, 4000x3000 pixels, 3,073,009 bytes'
    """
    return f"{photo.file or 'generated'}, {photo.width}x{photo.height} pixels, {photo.size_bytes:,} bytes"


def runtime_text(figures: RuntimeFigures) -> str:
    """A runtime with its version, and its threads."""
    return f"{figures.description}, {figures.num_threads} thread{'' if figures.num_threads == 1 else 's'}"


def runtime_lines(figures: RuntimeFigures) -> list[str]:
    """The part of the table for one runtime."""
    lines = [
        f"{runtime_text(figures)}, {figures.whole.count} photos in {len(figures.whole.rounds)} rounds",
        _ROW.format("milliseconds", "p50", "p95", "p99", "minimum"),
        _spread_line("whole photo", figures.whole),
    ]
    lines += [_spread_line(f"  {name}", spread) for name, spread in figures.stages.items()]
    lines.append(_spread_line("cold start", figures.cold_start))
    lines += [_spread_line(f"invoke, {count} thr.", spread) for count, spread in figures.threads.items()]
    memory = f", peak memory {figures.peak_memory_mb:.1f} MB" if figures.peak_memory_mb else ""
    lines.append(f"  model loaded in {_ms(figures.load_ms)} ms, first photo {_ms(figures.first_photo_ms)} ms{memory}")
    return lines


def _spread_line(name: str, spread: Spread) -> str:
    p99 = "-" if spread.p99 is None else _ms(spread.p99)
    return _ROW.format(name, _ms(spread.p50), _ms(spread.p95), p99, _ms(spread.minimum))


def _ms(value: float) -> str:
    """Three digits that mean something.

    >>> [_ms(value) for value in (0.01234, 1.234, 123.4, 1234.5)]
    ['0.012', '1.23', '123', '1234']
    """
    return (
        f"{value:.0f}"
        if value >= 100
        else f"{value:.1f}"
        if value >= 10
        else f"{value:.2f}"
        if value >= 1
        else (f"{value:.3f}")
    )


def conditions_text(conditions: Conditions) -> str:
    """The state of the machine at a moment, in one line; what it does not show is left out."""
    found = [f"{value:.1f} C {name}" for name, value in conditions.temperatures_c.items()]
    if conditions.clocks_mhz:
        low, high = min(conditions.clocks_mhz), max(conditions.clocks_mhz)
        found.append(f"{low:.0f} MHz" if low == high else f"{low:.0f} to {high:.0f} MHz")
    found += [f"governor {name}" for name in conditions.governors]
    if conditions.throttled is not None:
        found.append(", ".join(conditions.throttled) or "not throttled")
    if conditions.load_1min is not None:
        found.append(f"load {conditions.load_1min:.2f}")
    return ", ".join(found) or "not shown by this system"


def _verdict(record: BenchRecord) -> list[str]:
    if not record.warnings:
        return []
    return ["Do not trust these times. Stop other programs, cool the machine down, and measure again."]

"""What became faster or slower, from made-up benches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edgekit.bench.compare import Comparison, compare_records, comparison_text, judge
from edgekit.bench.record import BenchRecord, RuntimeFigures
from edgekit.bench.spread import Spread, spread_of

RecordOf = Callable[..., BenchRecord]
FiguresOf = Callable[..., RuntimeFigures]


def verdicts(found: Comparison) -> dict[str, str]:
    return {row.figure: row.verdict for row in found.rows}


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ([10] * 8, [9] * 8, "faster"),
        ([10] * 8, [11] * 8, "slower"),
        ([10] * 8, [10.1] * 8, "no more than noise"),
        ([10] * 8, [9.9] * 8, "no more than noise"),
        ([10, 10, 10, 10, 10, 10, 10, 8.9], [9] * 8, "no more than noise"),
        ([10] * 8, [9, 9, 9, 9, 9, 9, 9, 10], "no more than noise"),
        ([10] * 8, [9, 9, 9, 9, 9, 9, 9, 9.99], "faster"),
        ([10, 14, 10, 14, 10, 14, 10, 14], [12, 12, 12, 12, 12, 12, 12, 12], "no more than noise"),
    ],
)
def test_only_rounds_that_do_not_overlap_are_more_than_noise(old: list[float], new: list[float], verdict: str) -> None:
    def spread(medians: list[float]) -> Spread:
        return spread_of([[median] for median in medians])

    assert judge(spread(old), spread(new)) == verdict


def test_a_bench_beside_itself_shows_no_difference(record_of: RecordOf) -> None:
    found = compare_records(record_of(), record_of())
    assert set(verdicts(found).values()) == {"no more than noise"}
    assert {row.ratio for row in found.rows} == {1.0}
    assert (found.differences, found.warnings) == ((), ())


def test_each_figure_is_judged_by_itself(
    record_of: RecordOf, figures_of: FiguresOf, steady_spread: Callable[..., Spread]
) -> None:
    old = figures_of()
    stages = {**old.stages, "decode": steady_spread(20.0)}
    new = replace(old, stages=stages, whole=steady_spread(25.3), threads={"1": steady_spread(4.0)}, peak_memory_mb=60.0)
    found = compare_records(record_of(old), record_of(new))
    assert verdicts(found) == {
        "whole photo": "faster",
        "read": "no more than noise",
        "decode": "faster",
        "preprocess": "no more than noise",
        "invoke": "no more than noise",
        "scores": "no more than noise",
        "cold start": "no more than noise",
        "invoke, 1 thr.": "slower",
        "peak memory": "less",
    }
    row = next(row for row in found.rows if row.figure == "decode")
    assert (row.old, row.new, row.ratio, row.unit) == (40.0, 20.0, 0.5, "ms")


@pytest.mark.parametrize("noisy", ["old", "new"])
def test_of_a_noisy_machine_nothing_can_be_told_but_memory(
    noisy: str, record_of: RecordOf, figures_of: FiguresOf
) -> None:
    records = {"old": record_of(), "new": record_of(figures_of(0.5, peak_memory_mb=90.0))}
    records[noisy] = replace(records[noisy], warnings=("it was hot",))
    found = compare_records(records["old"], records["new"])
    assert found.warnings == (f"{noisy}: it was hot",)
    times = {row.verdict for row in found.rows if row.unit == "ms"}
    assert (times, verdicts(found)["peak memory"]) == ({"cannot be told"}, "more")


def test_other_models_photos_machines_and_versions_are_said(record_of: RecordOf, figures_of: FiguresOf) -> None:
    old = record_of()
    new = record_of(
        figures_of(description="ai-edge-litert 2.4.0", num_threads=2),
        model=replace(old.model, sha256="ef" * 32, file="bean.tflite"),
        photo=replace(old.photo, sha256="00", file="a.jpg", width=640, height=480),
        machine=replace(old.machine, board="Raspberry Pi 5", cores=2),
        versions={"edgekit": "0.2.0", "python": "3.11.2"},
    )
    assert compare_records(old, new).differences == (
        "another model: leaf.tflite (abababab), then bean.tflite (efefefef)",
        "another photo: generated 4000x3000, then a.jpg 640x480",
        "another machine: cores 4, then 2",
        "another machine: board Raspberry Pi 4, then Raspberry Pi 5",
        "another version: edgekit 0.1.0, then 0.2.0",
        "another runtime: ai-edge-litert 2.3.0, 1 thread, then ai-edge-litert 2.4.0, 2 threads",
    )


def test_a_runtime_that_only_one_has_is_said_and_not_compared(record_of: RecordOf, figures_of: FiguresOf) -> None:
    both = record_of(figures_of(), figures_of(runtime="tflite", description="tflite-runtime 2.14.0"))
    found = compare_records(both, record_of())
    assert {row.runtime for row in found.rows} == {"litert"}
    assert found.differences == ("tflite is only in the old bench",)
    assert compare_records(record_of(), both).differences == ("tflite is only in the new bench",)


def test_memory_that_one_system_does_not_tell_is_left_out(record_of: RecordOf, figures_of: FiguresOf) -> None:
    found = compare_records(record_of(), record_of(figures_of(peak_memory_mb=None)))
    assert "peak memory" not in verdicts(found)


def test_the_text_has_a_line_a_figure(record_of: RecordOf, figures_of: FiguresOf) -> None:
    new = record_of(figures_of(0.5), warnings=("hot\x1b[31m",), versions={"edgekit": "0.2.0", "python": "3.11.2"})
    lines = comparison_text(compare_records(record_of(), new)).splitlines()
    assert lines[:3] == [
        "note: another version: edgekit 0.1.0, then 0.2.0",
        "Warning: new: hot\\x1b[31m.",
        "runtime  figure                   old          new   ratio",
    ]
    assert lines[3] == "litert   whole photo        45.300 ms    22.650 ms    0.50  cannot be told"


def test_a_faster_bench_is_called_so(record_of: RecordOf, figures_of: FiguresOf) -> None:
    found: Any = verdicts(compare_records(record_of(), record_of(figures_of(0.5))))
    assert {found.pop("peak memory")} == {"no more than noise"}
    assert set(found.values()) == {"faster"}

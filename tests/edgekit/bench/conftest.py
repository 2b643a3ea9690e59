"""Made-up benches: nothing here is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edgekit.bench.conditions import Conditions
from edgekit.bench.record import BenchRecord, ModelFacts, PhotoFacts, RuntimeFigures
from edgekit.bench.spread import Spread, spread_of
from edgekit.machine import Machine

STAGES = {"read": 0.1, "decode": 40.0, "preprocess": 2.0, "invoke": 3.0, "scores": 0.2}


def steady(median: float, *, by: float = 0.01) -> Spread:
    """Eight rounds of fifteen times around a median, up to 1 % to either side."""
    rounds = [[median * (1 + by * (step % 3 - 1)) for step in range(turn, turn + 15)] for turn in range(8)]
    return spread_of(rounds)


def make_figures(factor: float = 1.0, **changes: Any) -> RuntimeFigures:
    stages = {name: steady(value * factor) for name, value in STAGES.items()}
    figures = RuntimeFigures(
        runtime="litert",
        description="ai-edge-litert 2.3.0",
        num_threads=1,
        load_ms=5.0,
        first_photo_ms=60.0,
        whole=steady(sum(STAGES.values()) * factor),
        stages=stages,
        cold_start=spread_of([[500.0 * factor]] * 8),
        threads={"1": steady(3.0 * factor), "2": steady(1.7 * factor)},
        peak_memory_mb=66.0,
        waiting_percent=0.4,
    )
    return replace(figures, **changes)


def make_record(*figures: RuntimeFigures, **changes: Any) -> BenchRecord:
    quiet = Conditions({"cpu-thermal": 51.5}, (600.0, 1800.0), ("ondemand",), 0.2, (), ())
    record = BenchRecord(
        created="2026-11-25T12:00:00Z",
        versions={"edgekit": "0.1.0", "python": "3.11.2"},
        machine=Machine("implementer 0x41 part 0xd08", "aarch64", 64, 4, "Debian GNU/Linux 12", "Raspberry Pi 4", 3793),
        model=ModelFacts("leaf.tflite", "ab" * 32, 3_900_000, "leaf", "224x224x3 uint8, crop, bilinear", "exact"),
        photo=PhotoFacts("cd" * 32, 3_073_009, 4000, 3000),
        before=quiet,
        after=quiet,
        runtimes=figures or (make_figures(),),
    )
    return replace(record, **changes)


@pytest.fixture
def figures_of() -> Callable[..., RuntimeFigures]:
    """`figures_of(2.0, peak_memory_mb=None)`: figures of one runtime, all times doubled, one field changed."""
    return make_figures


@pytest.fixture
def record_of() -> Callable[..., BenchRecord]:
    """`record_of(*figures, photo=...)`: a bench of a quiet Raspberry Pi."""
    return make_record


@pytest.fixture
def steady_spread() -> Callable[..., Spread]:
    return steady

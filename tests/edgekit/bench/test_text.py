from collections.abc import Callable

import pytest

from edgekit.bench.conditions import Conditions
from edgekit.bench.record import BenchRecord, PhotoFacts, RuntimeFigures
from edgekit.bench.spread import spread_of
from edgekit.bench.text import bench_text, conditions_text, photo_text

RecordOf = Callable[..., BenchRecord]
FiguresOf = Callable[..., RuntimeFigures]


def test_the_table_names_what_was_measured_on_what(record_of: RecordOf) -> None:
    assert bench_text(record_of()).splitlines()[:4] == [
        "model    leaf.tflite, 3,900,000 bytes, 224x224x3 uint8, crop, bilinear, decode exact",
        "photo    generated, 4000x3000 pixels, 3,073,009 bytes",
        "machine  Raspberry Pi 4, 4 cores, 3793 MB, Debian GNU/Linux 12",
        "         edgekit 0.1.0, python 3.11.2",
    ]


def test_each_stage_has_a_row_of_percentiles(record_of: RecordOf, figures_of: FiguresOf) -> None:
    whole = spread_of([[float(n) for n in range(1, 201)]])
    lines = bench_text(record_of(figures_of(whole=whole))).splitlines()[5:]
    assert lines == [
        "ai-edge-litert 2.3.0, 1 thread, 200 photos in 1 rounds",
        "  milliseconds         p50       p95       p99   minimum",
        "  whole photo          100       190       198      1.00",
        "    read             0.100     0.101     0.101     0.099",
        "    decode            40.0      40.4      40.4      39.6",
        "    preprocess        2.00      2.02      2.02      1.98",
        "    invoke            3.00      3.03      3.03      2.97",
        "    scores           0.200     0.202     0.202     0.198",
        "  cold start           500       500         -       500",
        "  invoke, 1 thr.      3.00      3.03      3.03      2.97",
        "  invoke, 2 thr.      1.70      1.72      1.72      1.68",
        "  model loaded in 5.00 ms, first photo 60.0 ms, peak memory 66.0 MB",
        "",
        "before   51.5 C cpu-thermal, 600 to 1800 MHz, governor ondemand, not throttled, load 0.20",
        "after    51.5 C cpu-thermal, 600 to 1800 MHz, governor ondemand, not throttled, load 0.20",
    ]


def test_a_noisy_machine_has_the_last_word(record_of: RecordOf) -> None:
    lines = bench_text(record_of(warnings=("it was hot", "it was busy"))).splitlines()
    assert lines[-3:] == [
        "Warning: it was hot.",
        "Warning: it was busy.",
        "Do not trust these times. Stop other programs, cool the machine down, and measure again.",
    ]
    assert "trust" not in bench_text(record_of())


def test_a_runtime_that_was_left_out_is_named(record_of: RecordOf, figures_of: FiguresOf) -> None:
    text = bench_text(record_of(figures_of(num_threads=4, peak_memory_mb=None), refused={"tflite": "numpy is too new"}))
    assert "tflite was left out: numpy is too new" in text
    assert "ai-edge-litert 2.3.0, 4 threads, 120 photos" in text
    assert "peak memory" not in text


@pytest.mark.parametrize(
    ("conditions", "text"),
    [
        (Conditions({}, (), ()), "not shown by this system"),
        (Conditions({}, (1500.0, 1500.0), (), 1.0), "1500 MHz, load 1.00"),
        (Conditions({}, (), (), None, ("throttled", "under-voltage"), ()), "throttled, under-voltage"),
    ],
)
def test_conditions_say_only_what_the_system_shows(conditions: Conditions, text: str) -> None:
    assert conditions_text(conditions) == text


def test_a_photo_of_the_users_is_named() -> None:
    assert photo_text(PhotoFacts("", 1000, 64, 48, "leaf.jpg")) == "leaf.jpg, 64x48 pixels, 1,000 bytes"

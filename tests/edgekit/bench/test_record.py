import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgekit.bench.record import BenchRecord, RuntimeFigures, parse_record, read_record
from edgekit.errors import BenchError

RecordOf = Callable[..., BenchRecord]


def test_a_record_comes_back_as_it_went(
    record_of: RecordOf, figures_of: Callable[..., RuntimeFigures], tmp_path: Path
) -> None:
    bare = figures_of(runtime="tflite", peak_memory_mb=None, waiting_percent=None, threads={})
    record = record_of(figures_of(), bare, warnings=("hot",), refused={"tflite": "numpy 2"})
    path = tmp_path / "bench.json"
    path.write_text(record.to_json())
    assert read_record(path) == record


def test_it_is_one_line_with_machine_versions_and_the_models_hash(record_of: RecordOf) -> None:
    text = record_of().to_json()
    value = json.loads(text)
    assert "\n" not in text
    assert (value["kind"], value["schema"]) == ("edgekit bench", 1)
    assert value["machine"]["board"] == "Raspberry Pi 4"
    assert value["versions"]["edgekit"] == "0.1.0"
    assert value["model"]["sha256"] == "ab" * 32
    assert list(value["runtimes"][0]["stages"]) == ["read", "decode", "preprocess", "invoke", "scores"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "found no JSON"), (b"model    leaf.tflite", "found no JSON"), (b"\xff\xfe", "found no JSON"),
        (b"[" * 100_000, "found no JSON"), (b"[]", "found other JSON"), (b'{"file": "a.jpg"}', "found other JSON"),
    ],
)  # fmt: skip
def test_what_is_no_record_is_told_with_its_name_and_what_to_do(data: bytes, words: str) -> None:
    with pytest.raises(BenchError) as refused:
        parse_record(data, "old.json")
    assert str(refused.value).startswith(f"old.json: {words}")
    assert str(refused.value).endswith("Make one with: edgekit bench MODEL.tflite --json > old.json")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "found a record of schema 2, this edgekit knows 1"),
        ({"runtimes": 3}, "runtimes: found 3, expected a list"),
        ({"model": {"file": "leaf.tflite"}}, "model: sha256 is missing"),
        ({"created": None}, "created: found None, expected a string"),
    ],
)
def test_a_damaged_record_is_told_with_the_place(change: dict[str, Any], words: str, record_of: RecordOf) -> None:
    value = {**json.loads(record_of().to_json()), **change}
    with pytest.raises(BenchError) as refused:
        parse_record(json.dumps(value).encode(), "old.json")
    assert words in str(refused.value)
    assert "Make one with: edgekit bench" in str(refused.value)


def test_changed_bytes_are_a_record_or_a_bench_error(
    record_of: RecordOf, mutate: Callable[[bytes, int], bytes]
) -> None:
    data = record_of().to_json().encode()
    for seed in range(200):
        with contextlib.suppress(BenchError):
            parse_record(mutate(data, seed), "old.json")

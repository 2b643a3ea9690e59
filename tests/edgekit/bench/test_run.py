"""A whole bench in real processes, of one round; and the command around it."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit.bench import run
from edgekit.bench.crew import Worker
from edgekit.bench.record import parse_record
from edgekit.bench.run import Plan, run_bench
from edgekit.bench.samplephoto import sample_photo
from edgekit.errors import InferenceError, RuntimeUnavailableError
from edgekit.runtime import installed_runtimes

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "ROUNDS", 1)
    monkeypatch.setattr(run, "sample_photo", lambda: sample_photo(64, 48))
    monkeypatch.setattr(run, "usable_cores", lambda: 2)


@pytest.fixture
def path(tiny_path: Path, photo: NDArray[np.uint8]) -> Path:
    found = tiny_path.with_name("photo.png")
    Image.fromarray(photo).save(found)
    return found


def only_one_error_line(found: subprocess.CompletedProcess[str]) -> str:
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("Error: ")
    assert found.stderr.count("\n") == 1
    return found.stderr


def test_every_runtime_and_number_of_threads_is_measured(tiny_path: Path, path: Path, tiny_model: bytes) -> None:
    rounds: list[tuple[int, int]] = []
    record = run_bench(Plan(str(tiny_path), str(path), photos=8), lambda done, of: rounds.append((done, of)))
    measured = [figures.runtime for figures in record.runtimes]
    assert sorted([*measured, *(record.refused or {})]) == sorted(installed_runtimes())
    for figures in record.runtimes:
        assert figures.whole.count >= 8
        assert {spread.count for spread in figures.stages.values()} == {figures.whole.count}
        assert (figures.cold_start.count, list(figures.threads), figures.num_threads) == (1, ["1", "2"], 1)
        assert figures.cold_start.p50 > figures.whole.p50
        assert figures.waiting_percent is not None
    assert record.model.sha256 == hashlib.sha256(tiny_model).hexdigest()
    assert (record.photo.file, record.photo.width, record.photo.height) == ("photo.png", 12, 16)
    assert record.photo.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert rounds == [(1, 1)]
    assert parse_record(record.to_json().encode(), "new.json") == record


def test_without_a_photo_one_is_generated_and_said_so(tiny_path: Path, run_edgekit: RunCommand) -> None:
    found = run_edgekit("bench", tiny_path, "--photos", "8", "--runtime", installed_runtimes()[0])
    assert (found.returncode, found.stderr) == (0, "")
    lines = found.stdout.splitlines()
    assert lines[0].startswith("model    tiny.tflite, ")
    assert lines[1].startswith("photo    generated, 64x48 pixels, ")
    assert re.search(r", 1 thread, \d+ photos in 1 rounds$", lines[5])


def test_json_is_one_record_that_can_be_compared(
    tiny_path: Path, path: Path, run_edgekit: RunCommand, tmp_path: Path
) -> None:
    options = ("--photo", path, "--photos", "8", "--threads", "2", "--runtime", installed_runtimes()[0])
    found = run_edgekit("bench", tiny_path, *options, "--json")
    assert (found.returncode, found.stderr, found.stdout.count("\n")) == (0, "", 1)
    record = parse_record(found.stdout.encode(), "old.json")
    assert (record.runtimes[0].num_threads, record.runtimes[0].waiting_percent) == (2, None)
    (tmp_path / "old.json").write_text(found.stdout)
    old = tmp_path / "old.json"
    table = run_edgekit("bench", "--compare", old, old)
    assert (table.returncode, table.stderr) == (0, "")
    assert "whole photo" in table.stdout
    rows = json.loads(run_edgekit("bench", "--compare", old, old, "--json").stdout)["rows"]
    assert {row["ratio"] for row in rows} == {1.0}


def test_a_runtime_that_refuses_leaves_the_other(tiny_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Picky(Worker):
        def __init__(self, job: Any) -> None:
            if job.runtime == "tflite":
                msg = "tflite-runtime 2.14.0 refuses the model"
                raise InferenceError(msg)
            super().__init__(job)

    has_litert = "litert" in installed_runtimes()
    monkeypatch.setattr(run, "Worker", Picky)
    for module in ("edgekit.bench.run", "edgekit.runtime"):
        monkeypatch.setattr(f"{module}.installed_runtimes", lambda: ("litert", "tflite"))
    if has_litert:
        record = run_bench(Plan(str(tiny_path), str(path), photos=8))
        assert [figures.runtime for figures in record.runtimes] == ["litert"]
        assert record.refused == {"tflite": "tflite-runtime 2.14.0 refuses the model"}
    with pytest.raises(InferenceError, match="refuses the model"):
        run_bench(Plan(str(tiny_path), str(path), photos=8, runtime="tflite"))


def test_without_a_runtime_the_line_to_type_is_told(
    tiny_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "installed_runtimes", lambda: ())
    monkeypatch.setattr("edgekit.runtime.installed_runtimes", lambda: ())
    with pytest.raises(RuntimeUnavailableError, match=r"no TFLite runtime is installed\. Run: pip install"):
        run_bench(Plan(str(tiny_path), str(path)))


def test_what_cannot_be_measured_is_one_error_line(
    tiny_path: Path, path: Path, run_edgekit: RunCommand, tmp_path: Path
) -> None:
    def told(*arguments: str | Path) -> str:
        return only_one_error_line(run_edgekit("bench", *arguments))

    none, text = tmp_path / "none", tmp_path / "text"
    text.write_text("no photo")
    assert told(none, "--photo", path) == f"Error: {none}: No such file or directory\n"
    assert told(text, "--photo", path).startswith(f"Error: {text}: a text file of 8 bytes, not a TFLite model")
    assert told(tiny_path, "--photo", none) == f"Error: {none}: No such file or directory\n"
    assert told(tiny_path, "--photo", text).startswith(f"Error: {text}: found a text file of 8 bytes, expected a photo")
    assert told(tiny_path, "--photo", path, "--labels", none) == f"Error: {none}: No such file or directory\n"
    assert told("--compare", none, none) == f"Error: {none}: No such file or directory\n"
    assert told("--compare", text, text).startswith(f"Error: {text}: found no JSON")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["MODEL", "--compare", "a", "b"],
        ["--compare", "a"],
        ["MODEL", "--photos", "3"],
        ["MODEL", "--runtime", "x"],
        ["--compare", "a", "b", "--photo", "c"],
        ["--compare", "a", "b", "--threads", "1"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(arguments: list[str], tiny_path: Path, run_edgekit: RunCommand) -> None:
    found = run_edgekit("bench", *(tiny_path if word == "MODEL" else word for word in arguments))
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.count("Error: ") == 1


def test_a_foreign_model_takes_labels_and_range(
    tiny_float: bytes, path: Path, run_edgekit: RunCommand, tmp_path: Path
) -> None:
    model, labels = tmp_path / "foreign.tflite", tmp_path / "labels.txt"
    model.write_bytes(tiny_float)
    labels.write_text("a\nb\nc\n")
    options = ["--photo", path, "--photos", "8", "--runtime", installed_runtimes()[0]]
    found = run_edgekit("bench", model, *options, "--labels", labels, "--input-range", "0..1")
    assert found.returncode == 0, found.stderr
    assert "12x16x3 float32" in found.stdout
    missing = run_edgekit("bench", model, *options, "--labels", labels)
    assert "--input-range" in only_one_error_line(missing)


def test_the_round_is_shown_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from edgekit.cli import _show_round

    _show_round(1, 2)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    _show_round(1, 2)
    _show_round(2, 2)
    assert capsys.readouterr().err == "\rround 1 of 2\rround 2 of 2\n"

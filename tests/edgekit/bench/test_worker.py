"""The process that measures, asked in this process; see test_crew for fresh ones."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit.bench import worker
from edgekit.bench.worker import STAGES, Job, peak_memory_mb, serve
from edgekit.runtime import RuntimeName, installed_runtimes


@pytest.fixture
def job(tiny_path: Path, photo: NDArray[np.uint8]) -> Job:
    path = tiny_path.with_name("photo.png")
    Image.fromarray(photo).save(path)
    return Job(str(tiny_path), str(path), installed_runtimes()[0], 1)


def answers(
    job: Job, requests: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[dict[str, Any]]:
    monkeypatch.setattr(worker, "_WARM_UP_S", 0)
    monkeypatch.setattr(worker, "_MEASURE_S", 0)
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(json.dumps(request) + "\n" for request in requests)))
    serve(job)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_request_gets_an_answer(
    job: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    requests: list[dict[str, Any]] = [
        {"do": "first photo"}, {"do": "photos", "count": 3}, {"do": "inferences"}, {"do": "memory"},
    ]  # fmt: skip
    ready, first, photos, inferences, memory = answers(job, requests, monkeypatch, capsys)
    assert (ready["num_threads"], ready["name"], ready["decode"]) == (1, "tiny", "exact")
    assert ready["input"] == "12x16x3 uint8, stretch, bilinear"
    assert min(ready["load_ms"], first["milliseconds"]) > 0
    assert [len(stages) for stages in photos["stages_ms"]] == [len(STAGES)] * 3
    assert min(min(stages) for stages in photos["stages_ms"]) > 0
    assert sum(map(sum, photos["stages_ms"])) <= 1000 * photos["wall_s"]
    assert photos["processor_s"] > 0
    assert len(inferences["inferences_ms"]) == 1
    assert memory["peak_memory_mb"] is None or 20 < memory["peak_memory_mb"] < 20_000


def test_what_goes_wrong_is_an_answer_too(
    job: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def told(**changes: Any) -> dict[str, Any]:
        (*_, last) = answers(Job(**{**vars(job), **changes}), [{"do": "first photo"}], monkeypatch, capsys)
        return last

    none = str(tmp_path / "none")
    assert told(model=none) == {"error": f"{none}: No such file or directory"}
    assert told(photo=none) == {"error": f"{none}: No such file or directory"}
    assert told(labels=none) == {"error": f"{none}: No such file or directory"}
    (tmp_path / "none").write_text("no photo")
    assert told(photo=none)["error"].startswith("image: found a text file of 8 bytes, expected a photo")
    assert told(num_threads=0) == {"error": "num_threads is 0, expected at least 1"}


def test_a_runtime_that_cannot_work_is_another_answer(
    job: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("edgekit.runtime.installed_runtimes", lambda: ())
    (found,) = answers(job, [], monkeypatch, capsys)
    assert list(found) == ["refused"]
    assert "is not installed. Run: pip install" in found["refused"]


def test_peak_memory_is_what_the_kernel_says(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/status").write_text("Name:\tpython\nVmHWM:\t   61236 kB\nVmRSS:\t   50000 kB\n")
    assert peak_memory_mb(tmp_path) == pytest.approx(62.705664)


def test_both_runtimes_are_measured(
    runtime_name: RuntimeName, job: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (ready,) = answers(Job(**{**vars(job), "runtime": runtime_name}), [], monkeypatch, capsys)
    assert ready["description"].startswith({"litert": "ai-edge-litert ", "tflite": "tflite-runtime "}[runtime_name])

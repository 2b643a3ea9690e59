"""Fresh processes: started, asked, and stopped, also when they break."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit.bench import crew
from edgekit.bench.crew import Worker, cold_start_ms
from edgekit.bench.worker import Job
from edgekit.errors import BenchError, InferenceError
from edgekit.runtime import installed_runtimes


@pytest.fixture
def job(tiny_path: Path, photo: NDArray[np.uint8]) -> Job:
    path = tiny_path.with_name("photo.png")
    Image.fromarray(photo).save(path)
    return Job(str(tiny_path), str(path), installed_runtimes()[0], 1)


def test_a_fresh_process_answers_until_it_is_not_needed(job: Job) -> None:
    with Worker(job) as worker:
        assert worker.ready["name"] == "tiny"
        assert worker.ask("first photo")["milliseconds"] > 0
        assert len(worker.ask("photos", count=2)["stages_ms"]) >= 2
        process = worker._process
    assert process.returncode is not None


def test_what_goes_wrong_in_it_is_raised_here(job: Job, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"none\.tflite: No such file or directory"):
        Worker(Job(str(tmp_path / "none.tflite"), job.photo, job.runtime, 1))
    with Worker(Job(job.model, str(tmp_path / "none.jpg"), job.runtime, 1)) as worker:
        with pytest.raises(BenchError, match=r"none\.jpg: No such file or directory"):
            worker.ask("first photo")
        with pytest.raises(BenchError, match="ended with exit code 0"):
            worker.ask("first photo")


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_a_process_that_is_killed_is_one_error(job: Job) -> None:
    with Worker(job) as worker:
        os.kill(worker._process.pid, signal.SIGKILL)
        with pytest.raises(BenchError, match=r"was ended by signal 9\. Is there memory enough\?"):
            worker.ask("first photo")


def test_a_runtime_that_refuses_is_an_inference_error(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = "import json; print(json.dumps({'refused': 'tflite-runtime 2.14.0 refuses the model'}))"
    monkeypatch.setattr(crew, "_START_WORKER", refusal)
    with pytest.raises(InferenceError, match=r"tflite-runtime 2\.14\.0 refuses the model"):
        Worker(job)


def test_a_cold_start_is_the_whole_command(job: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cold_start_ms(job) > 10
    keep = f"import json, pathlib; pathlib.Path({str(tmp_path / 'words')!r}).write_text(json.dumps(sys.argv[1:]))"
    monkeypatch.setattr(crew, "_START_COMMAND", keep)
    cold_start_ms(Job("leaf.tflite", "photo.jpg", "litert", "auto", "labels.txt", "-1..1"))
    assert (tmp_path / "words").read_text() == (
        '["classify", "leaf.tflite", "photo.jpg", "--runtime", "litert", "--threads", "auto", '
        '"--labels", "labels.txt", "--input-range=-1..1"]'
    )


def test_a_cold_start_that_fails_is_one_error(job: Job, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="ended with exit code 4"):
        cold_start_ms(Job(job.model, str(tmp_path / "none.jpg"), job.runtime, 1))

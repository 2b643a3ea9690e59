"""A whole bench: every runtime in processes of its own, in rounds that take turns.

Two runtimes are never measured in one process: the second would find the memory, the caches and the native libraries
that the first has left. In every round each of them is asked, in changing order, so that a machine that gets warmer or
busier does so for all.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image
from PIL import __version__ as pillow_version

from edgekit.bench.conditions import read_conditions
from edgekit.bench.crew import Worker, cold_start_ms
from edgekit.bench.noise import waiting_percent, warnings_of
from edgekit.bench.record import BenchRecord, ModelFacts, PhotoFacts, RuntimeFigures
from edgekit.bench.samplephoto import sample_photo
from edgekit.bench.spread import Spread, spread_of
from edgekit.bench.worker import STAGES, Job
from edgekit.errors import EdgekitError, InferenceError
from edgekit.machine import read_machine, usable_cores
from edgekit.modelfile import read_model_file
from edgekit.photo import load_photo
from edgekit.runtime import RuntimeName, choose_runtime, installed_runtimes
from edgekit.threads import thread_counts
from edgekit.version import __version__

ROUNDS = 8
"""Enough that two benches whose rounds do not overlap at all are no accident: 2 in 12,870 for equal ones."""

PHOTOS = 120  # of each runtime; the 99th percentile needs 100

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Plan:
    """What is asked for: how many photos, at least, in all rounds together, and options as for `edgekit classify`."""

    model: str
    photo: str | None = None
    photos: int = PHOTOS
    runtime: RuntimeName | Literal["all"] = "all"
    num_threads: int | Literal["auto"] = 1
    labels: str | None = None
    input_range: str | None = None


def run_bench(plan: Plan, progress: Progress = lambda *_: None) -> BenchRecord:
    """Measure a model on this machine.

    Args:
        plan: What is measured; without a photo, one is generated.
        progress: Is told how many rounds of how many are done.

    Raises:
        ModelFileError: not a model file, or damaged.
        ImageError: the photo cannot be read.
        RuntimeUnavailableError: no usable TFLite runtime.
        InferenceError: every runtime refuses the model.
        BenchError: a process that measures failed.
        OSError: a file cannot be read, or the generated photo cannot be written.
    """
    data = read_model_file(plan.model).data
    runtimes = installed_runtimes() if plan.runtime == "all" else (plan.runtime,)
    choose_runtime(runtimes[0] if runtimes else "auto")
    with contextlib.ExitStack() as stack:
        path, photo = _photo(plan, stack)
        crew, refused = _crew([_job(plan, str(path), name) for name in runtimes], stack)
        before = read_conditions()
        _rounds(crew, plan.photos, progress)
        after = read_conditions()
        figures = tuple(member.figures() for member in crew)
        ready = crew[0].worker.ready
    return BenchRecord(
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        versions=_versions(),
        machine=read_machine(),
        model=ModelFacts(
            file=os.path.basename(plan.model),  # noqa: PTH119 - of any spelling of a path
            sha256=hashlib.sha256(data).hexdigest(),
            size_bytes=len(data),
            name=ready["name"],
            input=ready["input"],
            decode=ready["decode"],
        ),
        photo=photo,
        before=before,
        after=after,
        runtimes=figures,
        warnings=warnings_of(figures, before, after),
        refused=refused or None,
    )


def _job(plan: Plan, photo: str, runtime: RuntimeName) -> Job:
    return Job(plan.model, photo, runtime, plan.num_threads, plan.labels, plan.input_range)


def _photo(plan: Plan, stack: contextlib.ExitStack) -> tuple[Path, PhotoFacts]:
    """The photo's file, and what it is; one that is missing or no photo is told before anything is started."""
    if plan.photo is not None:
        path = Path(plan.photo)
        width, height = load_photo(path).size
        return path, _photo_facts(path.read_bytes(), width, height, path.name)
    path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "photo.jpg"
    data = sample_photo()
    path.write_bytes(data)
    with Image.open(io.BytesIO(data)) as image:
        return path, _photo_facts(data, *image.size, None)


def _photo_facts(data: bytes, width: int, height: int, file: str | None) -> PhotoFacts:
    return PhotoFacts(hashlib.sha256(data).hexdigest(), len(data), width, height, file)


@dataclass
class _Member:
    """One runtime: the process that takes photos, those that try numbers of threads, and what they found."""

    job: Job
    worker: Worker
    sweep: dict[int, Worker]
    first_photo_ms: float
    stages_ms: list[list[list[float]]] = field(default_factory=list)
    cold_ms: list[list[float]] = field(default_factory=list)
    threads_ms: dict[int, list[list[float]]] = field(default_factory=dict)
    wall_s: float = 0.0
    processor_s: float = 0.0

    def measure(self, photos: int) -> None:
        """One round."""
        answer = self.worker.ask("photos", count=photos)
        self.stages_ms.append(answer["stages_ms"])
        self.wall_s += answer["wall_s"]
        self.processor_s += answer["processor_s"]
        for count, worker in self.sweep.items():
            self.threads_ms.setdefault(count, []).append(worker.ask("inferences")["inferences_ms"])
        self.cold_ms.append([cold_start_ms(self.job)])

    def figures(self) -> RuntimeFigures:
        """What all rounds came to."""
        ready, one_thread = self.worker.ready, self.worker.ready["num_threads"] == 1
        return RuntimeFigures(
            runtime=self.job.runtime,
            description=ready["description"],
            num_threads=ready["num_threads"],
            load_ms=ready["load_ms"],
            first_photo_ms=self.first_photo_ms,
            whole=spread_of([[sum(photo) for photo in photos] for photos in self.stages_ms]),
            stages={name: self._stage(i) for i, name in enumerate(STAGES)},
            cold_start=spread_of(self.cold_ms),
            threads={str(count): spread_of(rounds) for count, rounds in self.threads_ms.items()},
            peak_memory_mb=self.worker.ask("memory")["peak_memory_mb"],
            waiting_percent=waiting_percent(self.wall_s, self.processor_s) if one_thread else None,
        )

    def _stage(self, index: int) -> Spread:
        return spread_of([[photo[index] for photo in photos] for photos in self.stages_ms])


def _crew(jobs: Sequence[Job], stack: contextlib.ExitStack) -> tuple[list[_Member], dict[str, str]]:
    """The processes of each runtime, ready; and why a runtime that is installed is not among them."""
    crew: list[_Member] = []
    refused: dict[str, str] = {}
    reason: EdgekitError | None = None
    for job in jobs:
        try:
            worker = stack.enter_context(Worker(job))
            first_photo_ms = worker.ask("first photo")["milliseconds"]
        except InferenceError as error:
            reason, refused[job.runtime] = reason or error, str(error)
            continue
        counts = thread_counts(usable_cores())
        sweep = {n: stack.enter_context(Worker(_with_threads(job, n))) for n in counts} if len(counts) > 1 else {}
        crew.append(_Member(job, worker, sweep, first_photo_ms))
    if reason and not crew:
        raise reason
    return crew, refused


def _with_threads(job: Job, count: int) -> Job:
    return Job(job.model, job.photo, job.runtime, count, job.labels, job.input_range)


def _rounds(crew: Sequence[_Member], photos: int, progress: Progress) -> None:
    for turn in range(ROUNDS):
        for member in crew if turn % 2 else reversed(crew):
            member.measure(max(1, -(-photos // ROUNDS)))
        progress(turn + 1, ROUNDS)


def _versions() -> dict[str, Any]:
    return {
        "edgekit": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pillow": pillow_version,
    }

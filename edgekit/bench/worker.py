"""The process that measures: one runtime, one number of threads, nothing else in memory.

It reads a request a line from standard input and answers with a line of JSON, so that several of them can be asked in
turns, and what the machine does meanwhile meets all alike. `edgekit.bench.crew` starts it.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edgekit.classifier import Classifier
from edgekit.console import describe_error
from edgekit.errors import EdgekitError, InferenceError, RuntimeUnavailableError
from edgekit.labelfile import read_label_file
from edgekit.machine import read_text
from edgekit.runtime import RuntimeName
from edgekit.threads import time_inferences

STAGES = ("read", "decode", "preprocess", "invoke", "scores")

# The threads of an interpreter, also in another process, spin for a while after its last inference and take a core.
_WARM_UP_S = 0.05
_MEASURE_S = 0.1


@dataclass(frozen=True)
class Job:
    """What a worker measures; the options are those of `edgekit classify`."""

    model: str
    photo: str
    runtime: RuntimeName
    num_threads: int | Literal["auto"]
    labels: str | None = None
    input_range: str | None = None


def serve(job: Job) -> None:
    """Measure as standard input asks, until it ends."""
    try:
        bench, ready = _start(job)
        _say(ready)
        for line in sys.stdin:
            _say(_answer(bench, json.loads(line)))
    except (RuntimeUnavailableError, InferenceError) as error:
        _say({"refused": describe_error(error)})
    except (EdgekitError, OSError) as error:
        _say({"error": describe_error(error)})
    except ValueError as error:
        _say({"error": " ".join(str(error).split())})


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _start(job: Job) -> tuple[Bench, dict[str, Any]]:
    start = time.perf_counter()
    labels = read_label_file(job.labels) if job.labels else None
    classifier = Classifier(
        job.model, runtime=job.runtime, num_threads=job.num_threads, labels=labels, input_range=job.input_range
    )
    loaded = time.perf_counter()
    engine, spec = classifier.engine, classifier.card.input
    return Bench(classifier, Path(job.photo)), {
        "description": engine.description,
        "num_threads": engine.num_threads,
        "name": classifier.card.name,
        "input": f"{spec.width}x{spec.height}x{spec.channels} {engine.input.dtype}, {spec.fit}, {spec.resize_kernel}",
        "decode": spec.decode,
        "load_ms": 1000 * (loaded - start),
    }


def _answer(bench: Bench, request: dict[str, Any]) -> dict[str, Any]:
    if request["do"] == "first photo":
        return {"milliseconds": sum(bench.one_photo())}
    if request["do"] == "photos":
        return bench.photos(request["count"])
    if request["do"] == "inferences":
        return {"inferences_ms": bench.inferences_ms()}
    return {"peak_memory_mb": peak_memory_mb()}


class Bench:
    """A classifier and a photo file, ready to be timed."""

    def __init__(self, classifier: Classifier, photo: Path) -> None:
        self._classifier = classifier
        self._photo = photo

    def one_photo(self) -> tuple[float, ...]:
        """Milliseconds of each of `STAGES` for the photo, from its file to its labels."""
        start = time.perf_counter()
        data = self._photo.read_bytes()
        read_ms = 1000 * (time.perf_counter() - start)
        timing = self._classifier.predict_timed(data).timing_ms
        scores = timing.total - timing.decode - timing.preprocess - timing.invoke
        return (read_ms, timing.decode, timing.preprocess, timing.invoke, scores)

    def photos(self, count: int) -> dict[str, Any]:
        """The stages of the photo, at least `count` times after one that does not count, and for a tenth of a second.

        `wall_s` and `processor_s` are the seconds that all of them took.
        """
        self.one_photo()
        wall, cpu = time.perf_counter(), time.process_time()
        stages_ms: list[tuple[float, ...]] = []
        while len(stages_ms) < count or time.perf_counter() < wall + _MEASURE_S:
            stages_ms.append(self.one_photo())
        return {
            "stages_ms": stages_ms,
            "wall_s": time.perf_counter() - wall,
            "processor_s": time.process_time() - cpu,
        }

    def inferences_ms(self) -> list[float]:
        """Milliseconds of inferences one after another, for a tenth of a second."""
        time_inferences(self._classifier.engine, _WARM_UP_S)
        return time_inferences(self._classifier.engine, _MEASURE_S)


def peak_memory_mb(root: Path = Path("/")) -> float | None:
    """The most memory that this process has held at once, in 10^6 bytes; None where the system does not tell."""
    for line in read_text(root / "proc/self/status").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return None

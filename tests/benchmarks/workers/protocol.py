"""How a contender talks to the benchmark: a line in, a line out, both JSON. Needs the standard library only.

It is started as `python -m tests.benchmarks.workers.NAME MODEL.tflite THREADS [VARIANT]` and first tells who it is,
`{"ready": "tflite-runtime 2.14.0, Pillow 13.0.0"}`. Each line that comes is a list of photos; the answer is
`{"class_ids": [286], "milliseconds": 178.2}`, by the contender's own clock, so that pipes and JSON do not count. A
photo that it cannot answer ends it with `{"error": "..."}`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import TypeAlias

Classify: TypeAlias = "Callable[[Sequence[str]], Sequence[int | None]]"
"""Paths of photos -> the best class of each; None where the contender does only a part of the work."""

Load: TypeAlias = "Callable[[str, int, str], tuple[str, Classify]]"
"""Model file, threads, variant -> who answers, and how."""


def serve(load: Load) -> None:
    """Answer until standard input ends. Native code writes to standard output, too: that goes to standard error."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        model, threads, *variant = sys.argv[1:]

        def say(**answer: object) -> None:
            print(json.dumps(answer), file=answers, flush=True)

        try:
            name, classify = load(model, int(threads), *variant or [""])
            say(ready=name)
            for line in sys.stdin:
                photos = json.loads(line)
                start = time.perf_counter()
                class_ids = classify(photos)
                milliseconds = 1000 * (time.perf_counter() - start)
                say(class_ids=list(class_ids), milliseconds=milliseconds)
        except Exception as error:  # noqa: BLE001 - whatever a foreign package raises is told to the benchmark
            say(error=f"{type(error).__name__}: {' '.join(str(error).split())}")


def one_at_a_time(classify: Callable[[str], int | None]) -> Classify:
    """Photos one after the other."""
    return lambda photos: [classify(photo) for photo in photos]


def versions(*distributions: str) -> str:
    """`tflite-runtime 2.14.0, pillow 13.0.0`."""
    return ", ".join(f"{name} {metadata.version(name)}" for name in distributions)

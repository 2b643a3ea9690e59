"""How many threads one inference should have here: a short measured sweep, remembered per model and machine.

More threads are not always faster: small layers end before a second thread has begun, and other programs need cores as
well. So one thread is the default everywhere, and a larger number is taken only where it won every round.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from edgekit.atomic import write_whole
from edgekit.cachefolder import cache_folder
from edgekit.machine import Machine, read_machine, usable_cores
from edgekit.runtime import Engine, RuntimeName, choose_runtime, runtime_version

ROUNDS = 5
MAX_THREADS = 8  # layers of small CNNs do not fill more
WORTH = 0.95
"""More threads must take at most this part of the time of fewer: they cost power and other programs' time."""

_WARM_UP_S = 0.02
_MEASURE_S = 0.04


def thread_counts(cores: int) -> tuple[int, ...]:
    """Numbers of threads worth trying: 1, 2, 4, 8 and all cores, at most 8.

    >>> thread_counts(6)
    (1, 2, 4, 6)
    """
    most = min(cores, MAX_THREADS)
    return tuple(sorted({n for n in (1, 2, 4, 8, most) if n <= most}))


def choose_threads(times_ms: Mapping[int, Sequence[float]]) -> int:
    """The number of threads that was fastest beyond doubt.

    Args:
        times_ms: For each number of threads, 1 among them, the time of an inference in each round, in the same order.

    Returns:
        A number that took at most `WORTH` of the time of one thread in every round, and of the median time of every
        smaller number; 1 where there is none.
    """
    best = 1
    for count in sorted(times_ms):
        always = all(mine <= WORTH * one for mine, one in zip(times_ms[count], times_ms[1], strict=True))
        if always and statistics.median(times_ms[count]) <= WORTH * statistics.median(times_ms[best]):
            best = count
    return best


def auto_threads(model: bytes, runtime: RuntimeName | Literal["auto"] = "auto") -> int:
    """As `measure_threads` and `choose_threads`; what was found once is remembered in the user's cache folder.

    Args:
        model: The bytes of a TFLite file.
        runtime: Which runtime, as for `Engine`.

    Raises:
        RuntimeUnavailableError: it is not installed or cannot work in this environment.
        InferenceError: the runtime refuses the model or fails.
    """
    cores = usable_cores()
    if cores == 1:
        return 1
    name = choose_runtime(runtime)
    path = _memory_path(model, name, read_machine())
    remembered = _read(path, cores) if path else None
    if remembered is not None:
        return remembered
    times_ms = measure_threads(model, name, thread_counts(cores))
    chosen = choose_threads(times_ms)
    if path:
        _write(path, chosen, times_ms)
    return chosen


def measure_threads(model: bytes, runtime: RuntimeName, counts: Sequence[int]) -> dict[int, list[float]]:
    """Median milliseconds of an inference in each of `ROUNDS` rounds, for each number of threads.

    Every round tries all numbers, so that whatever else the machine does meets all of them. There is one interpreter at
    a time: the threads of another would still spin for a while after its last inference, and take a core.
    """
    times_ms: dict[int, list[float]] = {count: [] for count in counts}
    for turn in range(ROUNDS):
        for count in counts if turn % 2 else reversed(counts):
            times_ms[count].append(_median_ms(Engine(model, runtime=runtime, num_threads=count)))
    return times_ms


def _median_ms(engine: Engine) -> float:
    time_inferences(engine, _WARM_UP_S)
    return statistics.median(time_inferences(engine, _MEASURE_S))


def time_inferences(engine: Engine, seconds: float) -> list[float]:
    """Milliseconds of each inference, one after another on random bytes, until the seconds are over; at least one."""
    tensor = np.random.default_rng(0).integers(0, 128, engine.input.shape).astype(engine.input.dtype)
    times_ms: list[float] = []
    end = time.perf_counter() + seconds
    while not times_ms or time.perf_counter() < end:
        start = time.perf_counter()
        engine.run(tensor)
        times_ms.append(1000 * (time.perf_counter() - start))
    return times_ms


def _memory_path(model: bytes, runtime: RuntimeName, machine: Machine) -> Path | None:
    """A file for this model, runtime and kind of machine; None without a cache folder."""
    folder = cache_folder()
    if folder is None:
        return None
    digest = hashlib.sha256(hashlib.sha256(model).digest())
    digest.update(
        repr((runtime, runtime_version(runtime), machine.processor, machine.architecture, machine.cores)).encode()
    )
    return folder / "threads" / f"{digest.hexdigest()[:32]}.json"


def _read(path: Path, cores: int) -> int | None:
    """The remembered number; None where none is, or the file is damaged."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    found = value.get("num_threads") if isinstance(value, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and 1 <= found <= cores else None


def _write(path: Path, chosen: int, times_ms: Mapping[int, Sequence[float]]) -> None:
    """Remember; where nothing can be written, the next start measures again."""
    rounds = {str(count): [round(value, 4) for value in times] for count, times in times_ms.items()}
    text = json.dumps({"num_threads": chosen, "inference_ms": rounds})
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode(), overwrite=True)

"""A function over many items, in several threads ahead of whoever takes the results; in order, in bounded memory.

For photos, threads do as well as processes: Pillow and the TFLite runtime let go of Python's lock while they work, and
a process would have to load the model once more.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 4
"""Items of each thread that are taken before their results are wanted: one in work, and some for uneven ones."""

_MOST_WORKERS = 8  # one interpreter for all of them: more only take memory


def usable_workers() -> int:
    """A thread for each processor that this process may use, at most 8."""
    from edgekit.machine import usable_cores  # takes a millisecond, and one photo does not need it

    return min(usable_cores(), _MOST_WORKERS)


def map_ahead(function: Callable[[T], R], items: Iterable[T], *, workers: int) -> Generator[R, None, None]:
    """What `function` returns for each item, in their order, each as soon as it and those before it are there.

    Args:
        function: Called in the threads; what it raises comes out in its place, and ends the iterator.
        items: Iterated in the caller's thread, at most `AHEAD * workers` beyond the results that were taken.
        workers: Threads. With 1, and for a single item, everything happens in the caller's thread and nothing ahead.

    An iterator that is closed or fails waits for the calls that have begun, and begins no more.
    """
    source = iter(items)
    first = list(itertools.islice(source, 1 if workers == 1 else 2))
    everything = itertools.chain(first, source)
    if len(first) < 2:
        yield from map(function, everything)
    else:
        yield from _map_in_threads(function, everything, workers)


def _map_in_threads(function: Callable[[T], R], items: Iterable[T], workers: int) -> Generator[R, None, None]:
    from concurrent.futures import ThreadPoolExecutor  # loads logging and more, which one photo does not need

    waiting: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="edgekit")
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            while waiting and (len(waiting) >= AHEAD * workers or waiting[0].done()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)

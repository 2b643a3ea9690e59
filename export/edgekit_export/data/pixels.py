"""Many photos -> the pixels that a model sees, by `edgekit.preprocess`, several at once and in order.

Threads suffice: Pillow lets go of Python's lock while it decodes and resizes.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgekit.card import InputSpec
from edgekit.console import describe_error
from edgekit.errors import ImageError
from edgekit.preprocess import photo_pixels

T = TypeVar("T")

Views: TypeAlias = "tuple[NDArray[np.uint8], ...]"


@dataclass(frozen=True)
class Unreadable:
    """A photo that cannot be read, and why, in one sentence without its name."""

    path: Path
    reason: str


def read_views(paths: Sequence[Path], specs: Sequence[InputSpec], *, workers: int = 0) -> Iterator[Views | Unreadable]:
    """Each photo as each of `specs` says, in the order of `paths`; a few are decoded ahead, never more.

    Args:
        paths: Of the photos.
        specs: What is wanted of each.
        workers: Threads; 0 for one a core.

    Yields:
        uint8 arrays of shape (height, width, channels), one for each of `specs`, or why there are none.
    """

    def one(path: Path) -> Views | Unreadable:
        try:
            return photo_pixels(path, specs)
        except (ImageError, OSError) as error:
            return Unreadable(path, describe_error(error).removeprefix(f"{path}: "))

    yield from in_order(paths, one, workers=workers)


def in_order(items: Sequence[Path], work: Callable[[Path], T], *, workers: int = 0) -> Iterator[T]:
    """`work` on each item in several threads; results come in order, and at most a few wait to be taken."""
    workers = workers or os.cpu_count() or 1
    ahead: deque[Future[T]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                ahead.append(pool.submit(work, item))
                if len(ahead) > 2 * workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for waiting in ahead:
                waiting.cancel()

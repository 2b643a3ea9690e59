"""Calls that are compared, in turns: whatever else the machine does meets all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def in_turns(calls: Sequence[Callable[[], T]], rounds: int) -> list[list[T]]:
    """What each call returned in each round. Rounds begin with each in turn; one before does not count."""
    found: list[list[T]] = [[] for _ in calls]
    for call in calls:
        call()
    for turn in range(rounds):
        for place in range(len(calls)):
            which = (turn + place) % len(calls)
            found[which].append(calls[which]())
    return found


def milliseconds(call: Callable[[], object]) -> float:
    """What a call takes."""
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)

"""Many measured times in a few numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_FOR_P99 = 100  # of fewer, the 99th percentile is just the slowest


@dataclass(frozen=True)
class Spread:
    """Times in milliseconds. `rounds` are the medians of the rounds that they were measured in, in order.

    `p95` is a time that 95 % of them did not exceed, and so on; `p99` is None for fewer than 100.
    """

    count: int
    minimum: float
    p50: float
    p95: float
    rounds: tuple[float, ...]
    p99: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no clock shows."""
        if min(self.minimum, self.p50, self.p95, *self.rounds) <= 0 or not self.rounds:
            msg = "times in milliseconds must be above 0, one for each round"
            raise ValueError(msg)


def spread_of(rounds: Sequence[Sequence[float]]) -> Spread:
    """The spread of times in milliseconds that were measured in rounds.

    Raises:
        ValueError: a round without times, or no round.
    """
    if not rounds or not all(rounds):
        msg = "every round needs a time"
        raise ValueError(msg)
    times = sorted(map(_shown_by_clocks, itertools.chain.from_iterable(rounds)))
    return Spread(
        count=len(times),
        minimum=times[0],
        p50=percentile(times, 50),
        p95=percentile(times, 95),
        p99=percentile(times, 99) if len(times) >= LEAST_FOR_P99 else None,
        rounds=tuple(_shown_by_clocks(percentile(sorted(times), 50)) for times in rounds),
    )


def _shown_by_clocks(time_ms: float) -> float:
    """To a tenth of a microsecond, and not less: no clock shows more."""
    return max(round(time_ms, 4), 0.0001)


def percentile(times: Sequence[float], percent: float) -> float:
    """The smallest of the times, in ascending order, that `percent` of them do not exceed (nearest rank).

    >>> percentile([1.0, 2.0, 3.0, 4.0], 50)
    2.0
    """
    return times[max(0, math.ceil(len(times) * percent / 100) - 1)]

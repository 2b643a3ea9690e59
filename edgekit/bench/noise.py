"""Whether the clock can be trusted: what other programs, heat and a weak power supply did to the times.

Two things are asked of the times themselves, not of the machine's load, which also counts the bench: did the rounds,
which measure the same thing at different moments, agree, and did the process get a processor whenever it wanted one?
"""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.bench.conditions import Conditions
from edgekit.bench.record import RuntimeFigures

MAX_ROUND_SPREAD_PERCENT = 10.0
MAX_WAITING_PERCENT = 5.0
HOT_C = 80.0  # where a Raspberry Pi begins to lower its clock. Source: Raspberry Pi documentation, frequency management


def round_spread_percent(medians: Sequence[float]) -> float:
    """How far the slowest of most rounds is above the fastest: the rounds without their one slowest.

    A single round may meet a short burst of something else; the percentiles show it, and the medians over all times do
    not move.

    >>> round_spread_percent([10.0, 10.5, 10.2, 30.0])
    5.0
    """
    most = sorted(medians)[: max(1, len(medians) - 1)]
    return round(100 * (most[-1] / most[0] - 1), 6)


def waiting_percent(wall_s: float, processor_s: float) -> float:
    """The part of the time without a processor, of a process with one thread that always has work to do."""
    return max(0.0, 100 * (1 - processor_s / wall_s)) if wall_s > 0 else 0.0


def warnings_of(runtimes: Sequence[RuntimeFigures], before: Conditions, after: Conditions) -> tuple[str, ...]:
    """Why not to trust the times, one sentence each; empty where they may be trusted."""
    return tuple(text for figures in runtimes for text in _about_times(figures)) + tuple(_about_machine(before, after))


def _about_times(figures: RuntimeFigures) -> list[str]:
    found = []
    spread = round_spread_percent(figures.whole.rounds)
    if spread > MAX_ROUND_SPREAD_PERCENT:
        found.append(
            f"{figures.description}: rounds differ by {spread:.0f} %, at most {MAX_ROUND_SPREAD_PERCENT:.0f} % can be "
            "trusted"
        )
    if figures.waiting_percent is not None and figures.waiting_percent > MAX_WAITING_PERCENT:
        found.append(
            f"{figures.description}: it waited {figures.waiting_percent:.0f} % of the time for a processor, other "
            "programs are at work"
        )
    return found


def _about_machine(before: Conditions, after: Conditions) -> list[str]:
    held_back = {*(before.throttled or ()), *(after.throttled or ())}
    held_back |= set(after.throttled_since_start or ()) - set(before.throttled_since_start or ())
    found = [f"the machine held itself back: {', '.join(sorted(held_back))}"] if held_back else []
    hottest = max([*before.temperatures_c.values(), *after.temperatures_c.values()], default=0.0)
    if hottest >= HOT_C:
        found.append(f"the machine was {hottest:.0f} degrees Celsius hot; from {HOT_C:.0f} on, clocks may be lowered")
    return found

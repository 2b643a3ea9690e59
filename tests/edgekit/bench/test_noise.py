"""When times are not to be trusted, from made-up ones."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edgekit.bench.conditions import Conditions
from edgekit.bench.noise import round_spread_percent, waiting_percent, warnings_of
from edgekit.bench.record import RuntimeFigures
from edgekit.bench.spread import spread_of

QUIET = Conditions({}, (), ())


def rounds(*medians: float) -> Any:
    return spread_of([[median] for median in medians])


@pytest.mark.parametrize(
    ("medians", "percent"),
    [
        ([10.0] * 8, 0),
        ([10, 11, 10, 10, 10, 10, 10, 10], 0),
        ([10, 11, 11, 10, 10, 10, 10, 10], 10),
        ([10, 30, 10.5, 10, 10, 10, 10, 10], 5),
        ([10, 12, 14, 16, 18, 20, 22, 24], 120),
        ([10.0], 0),
    ],
)
def test_the_spread_of_rounds_forgives_one(medians: list[float], percent: float) -> None:
    assert round_spread_percent(medians) == pytest.approx(percent)


@pytest.mark.parametrize(("wall", "cpu", "percent"), [(2, 2, 0), (2, 1, 50), (2, 2.1, 0), (0, 0, 0)])
def test_waiting_is_the_time_without_a_processor(wall: float, cpu: float, percent: float) -> None:
    assert waiting_percent(wall, cpu) == pytest.approx(percent)


def test_a_quiet_machine_gives_no_warning(figures_of: Callable[..., RuntimeFigures]) -> None:
    warm = Conditions({"cpu": 70.0}, (1500.0,), ("ondemand",), 3.0, (), ("throttled",))
    assert warnings_of([figures_of()], warm, warm) == (), "what was throttled long ago is over"


def test_rounds_that_do_not_agree_are_told_with_their_runtime(figures_of: Callable[..., RuntimeFigures]) -> None:
    drifting = figures_of(whole=rounds(10, 10, 10, 10, 12, 12, 12, 12), description="ai-edge-litert 9.9")
    assert warnings_of([figures_of(), drifting], QUIET, QUIET) == (
        "ai-edge-litert 9.9: rounds differ by 20 %, at most 10 % can be trusted",
    )


def test_a_process_that_waited_for_a_processor_is_told(figures_of: Callable[..., RuntimeFigures]) -> None:
    (text,) = warnings_of([figures_of(waiting_percent=31.2)], QUIET, QUIET)
    assert text == ("ai-edge-litert 2.3.0: it waited 31 % of the time for a processor, other programs are at work")
    assert warnings_of([figures_of(waiting_percent=None, num_threads=4)], QUIET, QUIET) == ()


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"throttled": ("throttled",)}, {}, "throttled"),
        ({}, {"throttled": ("under-voltage",)}, "under-voltage"),
        ({"throttled_since_start": ("throttled",)}, {"throttled_since_start": ("throttled",)}, None),
        ({"throttled_since_start": ()}, {"throttled_since_start": ("throttled",)}, "throttled"),
    ],
)
def test_only_throttling_of_this_bench_counts(
    before: dict[str, Any], after: dict[str, Any], told: str | None, figures_of: Callable[..., RuntimeFigures]
) -> None:
    found = warnings_of([figures_of()], replace(QUIET, **before), replace(QUIET, **after))
    assert found == ((f"the machine held itself back: {told}",) if told else ())


def test_heat_is_told(figures_of: Callable[..., RuntimeFigures]) -> None:
    hot = replace(QUIET, temperatures_c={"wifi": 40.0, "cpu-thermal": 82.4})
    assert warnings_of([figures_of()], QUIET, hot) == (
        "the machine was 82 degrees Celsius hot; from 80 on, clocks may be lowered",
    )

"""What measured times come to: medians, ratios with an interval, agreement, and the table of it."""

from __future__ import annotations

import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Times: TypeAlias = "Sequence[Sequence[float]]"
"""Milliseconds a photo, of each round those of each request. A request is mostly one photo, or a folder of them."""

Verdict: TypeAlias = Literal["met", "within the interval", "MISSED"]
"""Within the interval: missed by less than this measurement can tell."""

_RESAMPLES = 2000
_FLOOR_SHARE, _FLOOR_MS = 0.05, 0.5


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"

    def negative(self) -> Estimate:
        return Estimate(-self.value, -self.high, -self.low)


@dataclass(frozen=True)
class Results:
    """What one contender did: its times, and by request its first answer to each photo, None where it gave none."""

    title: str
    times: Times
    class_ids: Sequence[tuple[int | None, ...]]
    wanted: Mapping[str, float]


@dataclass(frozen=True)
class Row:
    """A line of the table. `ratio` says how many times as long as edgekit it takes; None for edgekit itself."""

    group: str
    title: str
    median_ms: float
    ratio: Estimate | None
    agreeing: int | None
    photos: int
    wanted: float | None

    @property
    def verdict(self) -> Verdict | None:
        """Whether the ratio is at least what is wanted; None where nothing is."""
        return None if self.ratio is None or self.wanted is None else _verdict(self.ratio, at_least=self.wanted)


@dataclass(frozen=True)
class Excess:
    """What edgekit takes above what decoder and interpreter need by themselves, in milliseconds."""

    group: str
    milliseconds: Estimate
    allowed_ms: float

    @property
    def verdict(self) -> Verdict:
        return _verdict(self.milliseconds.negative(), at_least=-self.allowed_ms)


def ratio_to(ours: Times, theirs: Times, seed: int) -> Estimate:
    """How many times as long they take: each photo beside itself in the same round.

    The ratio of a round is the geometric mean over its photos, so that a photo of 18 megapixels counts as much as one
    of 8; the figure is the median over rounds, and its interval comes from rounds drawn again (bootstrap).
    """
    rounds = [
        statistics.geometric_mean(b / a for a, b in zip(mine, other, strict=True))
        for mine, other in zip(ours, theirs, strict=True)
    ]
    return median_with_interval(rounds, seed)


def median_with_interval(values: Sequence[float], seed: int) -> Estimate:
    """The median, and a 95 % percentile bootstrap interval."""
    chance = random.Random(seed)  # noqa: S311
    again = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(_RESAMPLES))
    edge = round(0.025 * _RESAMPLES)
    return Estimate(statistics.median(values), again[edge], again[-edge - 1])


def rows_of(group: str, requests: Sequence[int], results: Sequence[Results], seed: int) -> list[Row]:
    """The table of a group; `requests` are the indices of its photos. The first of `results` is edgekit."""
    ours = results[0]
    rows = []
    for theirs in results:
        times = _only(theirs.times, requests)
        answers = [pair for i in requests for pair in zip(theirs.class_ids[i], ours.class_ids[i], strict=True)]
        answered = all(mine is not None for mine, _ in answers)
        rows.append(
            Row(
                group=group,
                title=theirs.title,
                median_ms=statistics.median(ms for one in times for ms in one),
                ratio=None if theirs is ours else ratio_to(_only(ours.times, requests), times, seed),
                agreeing=sum(a == b for a, b in answers) if answered else None,
                photos=len(answers),
                wanted=theirs.wanted.get(group),
            )
        )
    return rows


def excess_of(group: str, requests: Sequence[int], whole: Times, parts: Sequence[Times], seed: int) -> Excess:
    """What the whole takes above the sum of its parts, of a round the median over its photos."""
    above = []
    for mine, *others in zip(_only(whole, requests), *(_only(part, requests) for part in parts), strict=True):
        above.append(statistics.median(a - sum(rest) for a, *rest in zip(mine, *others, strict=True)))
    median_ms = statistics.median(ms for one in _only(whole, requests) for ms in one)
    return Excess(group, median_with_interval(above, seed), max(_FLOOR_SHARE * median_ms, _FLOOR_MS))


def table(rows: Sequence[Row]) -> str:
    """For people: a block a group."""
    lines = []
    for group in dict.fromkeys(row.group for row in rows):
        some = [row for row in rows if row.group == group]
        what = f"{group}, {some[0].photos} photo{'s' * (some[0].photos != 1)}"
        lines.append(f"{what:<42} {'median':>10}  {'times edgekit (95 %)':<22} {'same answer':<11}  wanted")
        lines += [_line(row) for row in some]
        lines.append("")
    return "\n".join(lines[:-1])


def _line(row: Row) -> str:
    ratio = str(row.ratio) if row.ratio else ""
    same = "" if row.agreeing is None else f"{row.agreeing} of {row.photos}"
    wanted = "" if row.verdict is None else f"{row.wanted:g} {row.verdict}"
    return f"  {row.title:<40} {row.median_ms:>7.1f} ms  {ratio:<22} {same:<11}  {wanted}".rstrip()


def _verdict(found: Estimate, *, at_least: float) -> Verdict:
    if found.value >= at_least:
        return "met"
    return "within the interval" if found.high >= at_least else "MISSED"


def _only(times: Times, requests: Sequence[int]) -> list[list[float]]:
    return [[one[i] for i in requests] for one in times]

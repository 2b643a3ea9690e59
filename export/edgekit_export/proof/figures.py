"""The plots of an export, as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from edgekit_export.assess.intervals import Share
from edgekit_export.page.figure import BLUE, GREEN, ORANGE, RED, draw
from edgekit_export.page.matrix import shortened
from edgekit_export.proof.record import LayerError, Rung, Scored

_GRAY = "#888888"
_LINE = 0.24  # inches
_LONGEST_LAYER = 44
NOISY_BELOW_DB, CLEAR_FROM_DB = 10.0, 20.0
"""Below the first, noise is a third of the signal or more; from the second on, a tenth or less."""


def classes_figure(rows: Sequence[tuple[str, Share, Share]]) -> str:
    """Of each class, right answers of the float model (hollow) and of the file with its interval (full)."""

    def plot(axes: Any) -> None:
        for place, (_, before, after) in enumerate(rows):
            colour = BLUE if after.part >= before.part else RED
            axes.plot([100 * after.low, 100 * after.high], [place, place], color=colour, lw=2, alpha=0.45)
            axes.plot([100 * after.value], [place], "o", color=colour, ms=5)
            axes.plot([100 * before.value], [place], "o", mfc="none", mec=_GRAY, ms=8, mew=1.4)
        axes.set_yticks(range(len(rows)), [f"{shortened(name)} ({one.whole})" for name, one, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(right=101)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("right answers, % of the class's photos")
        axes.grid(visible=True, axis="x")

    return draw(plot, height_inches=0.7 + _LINE * len(rows))


def recipes_figure(rungs: Sequence[Rung]) -> str:
    """Time against the same answers as float; the chosen one green, others that keep the budget blue, others gray."""
    shown = sorted(rungs, key=lambda one: (-one.agreeing / one.images, one.milliseconds))

    def plot(axes: Any) -> None:
        for one in shown:
            share, colour = Share(one.agreeing, one.images), _colour(one)
            x, y = one.milliseconds, 100 * share.value
            axes.plot([x, x], [100 * share.low, 100 * share.high], color=colour, lw=1.5, alpha=0.4)
            axes.plot([x], [y], "o", color=colour, ms=9 if one.outcome == "chosen" else 5, zorder=3)
        frontier = _frontier(rungs)
        if len(frontier) > 1:
            axes.step(*zip(*frontier, strict=True), where="post", color=_GRAY, lw=1, ls="--", zorder=1)
        _time_axis(axes, [one.milliseconds for one in shown])
        axes.set_ylabel("same answer as float, %")
        axes.set_ylim(axes.get_ylim())
        for tick in axes.get_yticks():
            axes.axhline(tick, xmax=0.5, color=_GRAY, lw=0.6, alpha=0.4, zorder=0)  # a grid would strike names out
        _names(axes, shown)

    return draw(plot, height_inches=max(3.6, 0.9 + _LINE * len(shown)))


def _colour(one: Rung) -> str:
    return {"chosen": GREEN, "met": BLUE}.get(one.outcome, _GRAY)


def agreement_figure(rungs: Sequence[Rung]) -> str:
    """The same answers as float, of each recipe in a line of its own; colours as in `recipes_figure`."""

    def plot(axes: Any) -> None:
        for place, one in enumerate(rungs):
            share, colour = Share(one.agreeing, one.images), _colour(one)
            axes.plot([100 * share.low, 100 * share.high], [place, place], color=colour, lw=2, alpha=0.45)
            axes.plot([100 * share.value], [place], "o", color=colour, ms=8 if one.outcome == "chosen" else 5)
        axes.set_yticks(range(len(rungs)), [shortened(one.recipe, 34) for one in rungs])
        for label, one in zip(axes.get_yticklabels(), rungs, strict=True):
            label.set_fontweight("bold" if one.outcome == "chosen" else "normal")
        axes.set_ylim(len(rungs) - 0.5, -0.5)
        axes.set_xlim(right=100.5)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("same answer as float, %")
        axes.grid(visible=True, axis="x")

    return draw(plot, height_inches=0.8 + _LINE * len(rungs))


def _frontier(rungs: Sequence[Rung]) -> list[tuple[float, float]]:
    """Time and agreement of those that no faster one equals, the fastest first."""
    found: list[tuple[float, float]] = []
    for one in sorted(rungs, key=lambda one: (one.milliseconds, -one.agreeing / one.images)):
        same = 100 * one.agreeing / one.images
        if not found or same > found[-1][1]:
            found.append((one.milliseconds, same))
    return found


def _time_axis(axes: Any, times: Sequence[float]) -> None:
    """Half of the width for the points, the right half for names."""
    least, most = max(min(times), 1e-3), max(*times, 1e-3)
    axes.set_xlabel("time for a photo on the machine that exported, ms")
    if most / least < 3:
        spread = max(most - least, 0.2 * most)
        axes.set_xlim(least - 0.12 * spread, most + 1.25 * spread)
        ticks = axes.get_xticks()
    else:
        axes.set_xscale("log")
        spread = most / least
        axes.set_xlim(least / spread**0.1, most * spread**1.1)
        ticks = [n * 10.0**power for power in range(-3, 10) for n in (1, 2, 3, 5, 7)]
        axes.set_xticks([], minor=True)
    # Where names stand there are no times.
    axes.set_xticks([tick for tick in ticks if least / 1.3 <= tick <= most * 1.3] or [most], minor=False)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _names(axes: Any, shown: Sequence[Rung]) -> None:
    """Names at the right, one under the other, with a line to each point."""
    bottom, top = axes.get_ylim()
    gap = (top - bottom) / (len(shown) + 1)
    for number, one in enumerate(shown):
        chosen = one.outcome == "chosen"
        axes.annotate(
            shortened(one.recipe, 34) + (" (chosen)" if chosen else ""),
            (one.milliseconds, 100 * one.agreeing / one.images),
            xytext=(0.54, top - (number + 1) * gap),
            textcoords=axes.get_yaxis_transform(),
            va="center",
            fontsize=9,
            fontweight="bold" if chosen else "normal",
            parse_math=False,
            arrowprops={"arrowstyle": "-", "color": _GRAY, "lw": 0.6, "alpha": 0.7, "shrinkA": 2, "shrinkB": 4},
        )


def layers_figure(layers: Sequence[LayerError]) -> str:
    """The ratio of signal to noise of layers, as bars."""
    values = [one.sqnr_db if one.sqnr_db is not None else math.nan for one in layers]

    def plot(axes: Any) -> None:
        for place, value in enumerate(values):
            colour = RED if value < NOISY_BELOW_DB else ORANGE if value < CLEAR_FROM_DB else BLUE
            axes.barh(place, 0 if math.isnan(value) else value, color=colour, height=0.7)
        axes.set_yticks(range(len(layers)), _layers([one.layer for one in layers]), fontsize=8)
        axes.set_ylim(len(layers) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        for limit in (NOISY_BELOW_DB, CLEAR_FROM_DB):
            axes.axvline(limit, color=_GRAY, lw=1, ls="--")
        axes.set_xlabel("signal to noise, dB: more is better")
        axes.grid(visible=True, axis="x")

    return draw(plot, width_inches=6.4, height_inches=0.8 + 0.2 * len(layers))


def _layers(names: Sequence[str]) -> list[str]:
    """Without the path that all share; of a long rest the end, which tells more than its beginning."""
    parts = [name.split("/") for name in names]
    shared = 0
    while len({tuple(one[: shared + 1]) for one in parts}) == 1 and all(len(one) > shared + 1 for one in parts):
        shared += 1
    rests = ["/".join(one[shared:]) for one in parts]
    return [name if len(name) <= _LONGEST_LAYER else f"…{name[1 - _LONGEST_LAYER :]}" for name in rests]


def convergence_figure(covered_percent: Sequence[float]) -> str:
    """How much of the final ranges the first photos cover."""

    def plot(axes: Any) -> None:
        photos = range(1, len(covered_percent) + 1)
        axes.plot(photos, covered_percent, color=BLUE, lw=2, marker="o" if len(photos) < 3 else None)
        axes.axhline(100, color=_GRAY, lw=1, ls="--")
        axes.set_xlabel("photos for calibration")
        axes.set_ylabel("of the final ranges, %")
        axes.set_xlim(left=0)
        axes.set_ylim(min(90.0, *covered_percent) - 1, 101)
        axes.grid(visible=True)

    return draw(plot, height_inches=2.8)


def reliability_figure(scored: Scored, lowest: float) -> str:
    """Score against the share of right answers: on the line where scores mean what they say. From `lowest` percent."""
    bins = [one for one in scored.bins if one.photos]

    def plot(axes: Any) -> None:
        axes.plot([0, 100], [0, 100], color=_GRAY, lw=1, ls="--")
        shares = [Share(one.right, one.photos) for one in bins]
        x, y = [one.mean_score_percent for one in bins], [100 * one.value for one in shares]
        for place, one in zip(x, shares, strict=True):
            axes.plot([place, place], [100 * one.low, 100 * one.high], color=BLUE, lw=1.5, alpha=0.45)
        axes.plot(x, y, "o-", color=BLUE, ms=5, lw=1)
        axes.set_xlim(lowest, 102)
        axes.set_ylim(lowest, 102)
        axes.set_aspect("equal")
        axes.set_xlabel("score, %", fontsize=9)
        axes.set_ylabel("right, %", fontsize=9)
        axes.set_title(shortened(scored.who, 36), fontsize=10)
        axes.grid(visible=True)

    return draw(plot, width_inches=3.1, height_inches=3.0)


def lowest_score(scored: Sequence[Scored]) -> float:
    """Where the axes of reliability figures begin, so that all have the same."""
    found = [
        min(bin_.mean_score_percent, 100 * Share(bin_.right, bin_.photos).value)
        for one in scored
        for bin_ in one.bins
        if bin_.photos
    ]
    return max(0.0, min(found, default=0.0) - 5)

"""The plots of an evaluation, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgekit_export.assess.calibration import Calibration
from edgekit_export.assess.intervals import Share
from edgekit_export.assess.measures import Figures
from edgekit_export.assess.robustness import Curve
from edgekit_export.page.figure import BLUE, RED, draw
from edgekit_export.page.matrix import Matrix, matrix_figure, shortened


def confusion_figure(figures: Figures) -> Matrix:
    """Photos of each class (rows) by answer (columns)."""
    assert figures.confusion is not None  # noqa: S101 - a multi-label model has none, and no section for it
    return matrix_figure(figures.confusion, [one.label for one in figures.classes])


def reliability_figure(found: Calibration) -> str:
    """Score against the share of right answers: on the line where scores mean what they say."""

    def plot(axes: Any) -> None:
        axes.plot([0, 100], [0, 100], color="#888888", lw=1, ls="--")
        x = [100 * one.mean for one in found.bins]
        y = [100 * one.right.value for one in found.bins]
        down = [max(0.0, value - 100 * one.right.low) for value, one in zip(y, found.bins, strict=True)]
        up = [max(0.0, 100 * one.right.high - value) for value, one in zip(y, found.bins, strict=True)]
        axes.errorbar(x, y, yerr=[down, up], fmt="o-", color=BLUE, ecolor=BLUE, elinewidth=1, ms=5, lw=1, capsize=2)
        least = min(100 * min(one.mean for one in found.bins), 100 * min(one.right.low for one in found.bins))
        axes.set_xlim(max(0, least - 5), 101)
        axes.set_ylim(max(0, least - 5), 101)
        axes.set_xlabel("score of the answer, %")
        axes.set_ylabel("right answers, %")
        axes.grid(visible=True)

    return draw(plot, height_inches=3.6)


def intervals_figure(rows: Sequence[tuple[str, Share]], *, line: float, about: str) -> str:
    """Shares with their intervals below one another, and a line to hold them against."""

    def plot(axes: Any) -> None:
        for place, (_, share) in enumerate(rows):
            value, low, high = 100 * share.value, 100 * share.low, 100 * share.high
            colour = RED if share.high < line else BLUE
            axes.plot([low, high], [place, place], color=colour, lw=2, solid_capstyle="butt")
            axes.plot([value], [place], "o", color=colour, ms=5)
        axes.axvline(100 * line, color="#888888", lw=1, ls="--")
        axes.set_yticks(
            range(len(rows)), [f"{shortened(name)} ({share.whole})" for name, share in rows], parse_math=False
        )
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(right=101)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(about)
        axes.grid(visible=True, axis="x")

    return draw(plot, height_inches=0.7 + 0.24 * len(rows))


def curve_figure(curve: Curve, unchanged: Share, lowest: float) -> str:
    """Accuracy by strength, from the photos as they are; small, to stand beside others on one scale."""

    def plot(axes: Any) -> None:
        shares = [unchanged, *(level.right for level in curve.levels)]
        x = range(len(shares))
        axes.fill_between(x, [100 * s.low for s in shares], [100 * s.high for s in shares], color=BLUE, alpha=0.2, lw=0)
        axes.plot(x, [100 * s.value for s in shares], "o-", color=BLUE, ms=4)
        axes.axhline(100 * unchanged.value, color="#888888", lw=1, ls="--")
        numbers = [_number(level.text) for level in curve.levels]
        axes.set_xticks(list(x), ["as is", *numbers])
        axes.set_xlabel(" ".join(curve.levels[0].text.replace(numbers[0], "").split()), fontsize=9)
        axes.set_ylim(lowest, 101)
        axes.set_title(curve.title, fontsize=10)
        axes.grid(visible=True, axis="y")

    return draw(plot, width_inches=3.1, height_inches=2.25)


def _number(text: str) -> str:
    """The number in a strength; the rest is its unit."""
    return next((word for word in text.split() if word[0].isdigit()), text)

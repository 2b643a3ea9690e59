"""The plots of a comparison, as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edgekit_export.assess.intervals import Share
from edgekit_export.baseline.entrants import Contest, Entrant, Kind, listed
from edgekit_export.baseline.features import FEATURES
from edgekit_export.baseline.wording import ALGORITHM_NAMES, FEATURE_TITLES, KIND_NAMES, name_of
from edgekit_export.page.figure import BLUE, GREEN, ORANGE, draw

COLOURS: Mapping[Kind, str] = {"guess": "#888888", "classic": BLUE, "cnn features": ORANGE, "cnn": GREEN}
_LINE = 0.21  # inches for one method
_LONGEST_NAME = 26
_NAMES_SHARE = 0.65  # how much of the width of all circles is kept free for names
_SMALLEST, _LARGEST = 20.0, 420.0  # areas of markers, in square points


def accuracy_figure(contest: Contest) -> str:
    """Accuracy of every method with its interval, in groups of the same features; a line at the constant guess."""
    lines = list(_lines(contest))
    guess = 100 * contest.of("guess")[0].test.value

    def plot(axes: Any) -> None:
        for place, (_, one) in enumerate(lines):
            if one is not None:
                _whiskers(axes, place, one.test, COLOURS[one.kind])
        axes.axvline(guess, color="#888888", lw=1, ls="--")
        axes.set_yticks(range(len(lines)), [text for text, _ in lines], parse_math=False)
        for label, (_, one) in zip(axes.get_yticklabels(), lines, strict=True):
            label.set_fontweight("bold" if one is None else "normal")
        axes.set_ylim(len(lines) - 0.5, -0.5)
        axes.set_xlim(right=101)
        axes.set_xlabel("right answers, % of the test photos")
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=True, axis="x")

    return draw(plot, height_inches=0.8 + _LINE * len(lines))


def _lines(contest: Contest) -> Iterable[tuple[str, Entrant | None]]:
    """Titles of groups, and methods: groups in the order of the features, CNNs behind; in each the best first."""
    for features in FEATURES:
        group = [one for one in contest.entrants if one.pairing and one.pairing.features == features]
        if group:
            yield FEATURE_TITLES[features], None
        for one in group:
            if one.pairing:
                yield ALGORITHM_NAMES[one.pairing.algorithm], one
    networks = contest.of("cnn")
    if networks:
        yield "CNN", None
    yield from ((_short(one.name), one) for one in networks)


def _whiskers(axes: Any, place: int, share: Share, colour: str) -> None:
    axes.plot([100 * share.low, 100 * share.high], [place, place], color=colour, lw=2, solid_capstyle="butt")
    axes.plot([100 * share.value], [place], "o", color=colour, ms=5)


def cost_figure(contest: Contest, named: Sequence[Entrant]) -> str:
    """Accuracy against the time for a photo; the larger a method's file, the larger its circle. `named` get a name."""
    shown = [one for one in sorted(contest.entrants, key=listed) if one.latency_ms]
    largest = max(one.size_bytes or 1 for one in shown)

    def plot(axes: Any) -> None:
        for kind in dict.fromkeys(one.kind for one in shown):
            group = [one for one in shown if one.kind == kind]
            times, rates = [one.latency_ms for one in group], [100 * one.test.value for one in group]
            areas = [_SMALLEST + (_LARGEST - _SMALLEST) * (one.size_bytes or 0) / largest for one in group]
            axes.scatter(times, rates, s=areas, color=COLOURS[kind], alpha=0.55, lw=0, label=KIND_NAMES[kind])
        _time_axis(axes, [one.latency_ms or 1 for one in shown])
        axes.set_ylabel("right answers, %")
        axes.margins(y=0.1)
        axes.grid(visible=True)
        _names(axes, named)
        legend = axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
        for handle in legend.legend_handles:
            handle.set_sizes([40])

    return draw(plot, height_inches=4.2)


def _names(axes: Any, named: Sequence[Entrant]) -> None:
    """Names at the left edge, one under the other, with a line to each circle."""
    bottom, top = axes.get_ylim()
    apart = (top - bottom) * 0.07
    place = top
    for one in sorted(named, key=lambda one: -one.test.value):
        rate = 100 * one.test.value
        place = min(place - apart, rate)
        axes.annotate(
            _short(name_of(one)),
            (one.latency_ms, rate),
            xytext=(0.015, place),
            textcoords=axes.get_yaxis_transform(),
            va="center",
            fontsize=9,
            parse_math=False,
            arrowprops={"arrowstyle": "-", "color": "#888888", "lw": 0.7, "shrinkA": 2, "shrinkB": 0},
        )
        axes.plot([one.latency_ms], [rate], "o", color=COLOURS[one.kind], ms=4)


def _time_axis(axes: Any, times: Sequence[float]) -> None:
    axes.set_xscale("log")
    axes.set_xlabel("time for a photo, ms")
    ticks = [n * 10**power for power in range(-3, 6) for n in (1, 2, 5)]
    axes.set_xticks([tick for tick in ticks if min(times) / 1.5 <= tick <= max(times) * 1.5], minor=False)
    axes.set_xticks([], minor=True)
    longest, shortest = max(times), min(times)
    spread = max(longest / shortest, 2)
    axes.set_xlim(shortest / spread**_NAMES_SHARE, longest * spread**0.06)  # names stand left of all circles
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"

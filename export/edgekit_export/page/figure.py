"""Plots as SVG that stands in a page: its text takes the page's colour and font, so that it reads in light and dark."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

# Okabe and Ito's colours: they stay apart for colour-blind readers, on white and on black.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9"
SERIES = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY)

_INK = "#010203"  # stands for the page's text colour until the SVG is in the page
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "edgekit",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.parse_math": False,  # a class may be called $x$
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": _INK,
    "grid.alpha": 0.15,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.transparent": True,
}


def draw(plot: Callable[[Any], None], *, width_inches: float = 5.6, height_inches: float = 3.2) -> str:
    """The SVG of what `plot` draws on a matplotlib `Axes`; the same bytes every time.

    At 5.6 inches its text has the page's size on a desk and stays readable on a phone; matrices may be larger.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # The reader's browser has the fonts; a sign that this machine lacks is only taken to be a little too wide.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure = Figure(figsize=(width_inches, height_inches), layout="constrained")
        plot(figure.add_subplot())
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return _for_page(out.getvalue())


def _for_page(svg: str) -> str:
    body = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    body = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", body, count=1)
    body = re.sub(r' xmlns(:xlink)?="[^"]*"', "", body, count=2)  # a page needs none, and asks for no address
    body = _without_idle_names(body)
    # Versions of matplotlib write the font in two ways.
    body = re.sub(r"(<text style=\"[^\"]*?font: [\d.]+px) [^;\"]*", r"\1 system-ui, sans-serif", body)
    return re.sub(r"(<text style=\"[^\"]*?font-family: )[^;\"]*", r"\1system-ui, sans-serif", body)


def _without_idle_names(svg: str) -> str:
    """Only what is referred to keeps its id: two plots of a page would have a `figure_1` each."""
    wanted = set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg))
    return re.sub(r'(<\w+) id="([^"]*)"', lambda found: found[0] if found[2] in wanted else found[1], svg)

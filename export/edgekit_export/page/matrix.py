"""A confusion matrix as SVG: which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit_export.page.figure import GREEN, RED, draw

_LONGEST_NAME = 30
_FEW_CLASSES, _MANY_CLASSES = 12, 25
_CELL, _SMALL_CELL = 0.27, 0.2  # inches
_PAGE_INCHES = 5.6  # as wide as a figure may be whose text is read on any screen
_REM_AN_INCH = 5.7  # of a wider one that is scrolled: a letter of 8 points is 10 pixels high


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix as SVG, and how wide it has to be to be read; 0 where it fits any screen."""

    svg: str
    least_rem: float


def matrix_figure(matrix: NDArray[np.int_], labels: Sequence[str]) -> Matrix:
    """Photos of each class (rows) by answer (columns): right ones green, wrong ones red, the fuller the more.

    Args:
        matrix: int (classes, classes): photos.
        labels: Of the classes.
    """
    count = len(matrix)
    few = count <= _FEW_CLASSES
    cell = max(0.3, min(0.75, 3.6 / count)) if few else _CELL if count <= _MANY_CLASSES else _SMALL_CELL
    names = [shortened(label) for label in labels]
    rows = names if few else [f"{name}  {i}" for i, name in enumerate(names, 1)]
    columns = names if few else [str(i) for i in range(1, count + 1)]
    beside = 0.085 * max(map(len, rows)) + 0.3
    above = 0.07 * max(map(len, columns)) + 0.5 if few else 0.5

    def plot(axes: Any) -> None:
        _cells(axes, matrix)
        plain = {"parse_math": False, "fontsize": 9 if few else 8}
        axes.set_yticks(range(count), rows, **plain)
        axes.set_xticks(range(count), columns, **plain, **({"rotation": 40, "ha": "left"} if few else {}))
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.set_xlabel("called" if few else "called (the number of the class)")
        axes.xaxis.set_label_position("top")
        axes.set_ylabel("photos of")
        for side in axes.spines.values():
            side.set_visible(True)
            side.set_alpha(0.3)

    width, height = cell * count + beside, cell * count + above
    svg = draw(plot, width_inches=max(width, _PAGE_INCHES), height_inches=height)
    return Matrix(svg, 0 if width <= _PAGE_INCHES else round(_REM_AN_INCH * width, 1))


def _cells(axes: Any, matrix: NDArray[np.int_]) -> None:
    from matplotlib.patches import Rectangle

    count = len(matrix)
    photos = np.maximum(1, matrix.sum(axis=1))
    for row, column in zip(*np.nonzero(matrix), strict=True):
        share = matrix[row, column] / photos[row]
        colour = GREEN if row == column else RED
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, alpha=0.12 + 0.88 * share, lw=0))
        ink = {"color": "#ffffff"} if share > 0.45 else {}
        axes.text(
            column,
            row,
            str(matrix[row, column]),
            ha="center",
            va="center",
            fontsize=8 if count <= _MANY_CLASSES else 7,
            **ink,
        )
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_aspect("equal")


def shortened(name: str, longest: int = _LONGEST_NAME) -> str:
    """A name as a plot has room for it."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"

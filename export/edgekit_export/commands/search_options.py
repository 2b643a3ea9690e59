"""What a user may ask of a search for a recipe: how much may be lost, how long to look, what it must run on."""

from __future__ import annotations

import functools
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edgekit_export.search.ladder import Effort
    from edgekit_export.search.targets import Target

_TARGETS: tuple[Target, ...] = (
    "tflite-2.14",
    "litert",
    "mediapipe",
    "browser",
)  # as edgekit_export.search.targets: help loads no numpy


@dataclass(frozen=True)
class SearchOptions:
    """As `edgekit_export.pipeline.export_model` takes them."""

    max_drop: float
    max_class_drop: float | None
    min_agreement: float | None
    effort: Effort
    recipe: str | None
    targets: tuple[Target, ...]
    precision: float | None


_OPTIONS = (
    click.option(
        "--max-drop",
        type=click.FloatRange(min=0),
        default=1.0,
        show_default=True,
        help="Points of accuracy that the file may lose.",
    ),
    click.option("--max-class-drop", type=click.FloatRange(min=0), help="Points that each class may lose; else any."),
    click.option(
        "--min-agreement",
        type=click.FloatRange(0, 100),
        help="Percent of photos that must get the float model's answer. Else 97 is aimed at, but no slower file taken "
        "for it.",
    ),
    click.option(
        "--effort",
        type=click.Choice(["quick", "default", "thorough"]),
        default="default",
        show_default=True,
        help="How long to search for a recipe.",
    ),
    click.option(
        "--recipe", metavar="NAME", help="Take this one and skip the search, such as int8, int8+bias or float16."
    ),
    click.option(
        "--target",
        "targets",
        type=click.Choice(_TARGETS),
        multiple=True,
        help="What the file must run on, may be repeated; else all of them.",
    ),
    click.option(
        "--precision",
        type=click.FloatRange(0, 100, max_open=True),
        default=90.0,
        show_default=True,
        help="Percent of answers that should be right, for the thresholds below which the runner says unsure; 0 for "
        "none.",
    ),
)


def search_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a search; it gets them as `wanted`."""

    @functools.wraps(command)
    def with_options(**given: Any) -> Any:
        names = ("max_drop", "max_class_drop", "min_agreement", "effort", "recipe")
        options = {name: given.pop(name) for name in names}
        targets, precision = given.pop("targets"), given.pop("precision") / 100
        wanted = SearchOptions(**options, targets=targets or _TARGETS, precision=precision or None)
        return command(**given, wanted=wanted)

    for option in reversed(_OPTIONS):
        with_options = option(with_options)
    return with_options


def typed_command() -> str:
    """What was typed, to be typed again."""
    return shlex.join(["edgekit-export", *sys.argv[1:]])

"""Which recipes a search tries, the fastest files first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from edgekit_export.recipes.recipe import Recipe, parse_recipe

Effort: TypeAlias = Literal["quick", "default", "thorough"]
EFFORTS: tuple[Effort, ...] = get_args(Effort)


@dataclass(frozen=True)
class Ladder:
    """What an effort means.

    Attributes:
        rungs: Recipes, in the order of trying: full int8 first, then what runs slower.
        distill_steps: How long distillation learns, in batches of 32 photos.
        tuning_photos: How many photos it learns from, at most.
        verification_photos: How many photos choose, and how many confirm, at most.
        looks_on: Whether all int8 recipes are tried, and the best is taken, not the first that is good enough.
    """

    rungs: tuple[Recipe, ...]
    distill_steps: int
    tuning_photos: int
    verification_photos: int
    looks_on: bool = False


def _rungs(*names: str) -> tuple[Recipe, ...]:
    return tuple(parse_recipe(name) for name in names)


_CHEAP = ("int8", "int8+bias", "int8+mse+bias", "int8+equalize+bias")
_SLOWER = ("float16", "dynamic", "int16")

LADDERS: Mapping[Effort, Ladder] = MappingProxyType(
    {
        "quick": Ladder(_rungs(*_CHEAP, *_SLOWER), 0, 0, 250),
        "default": Ladder(
            _rungs(
                *_CHEAP, "int8+bias+distill", "int8+equalize+bias+distill",
                "int8+bias+keep-float:1", "int8+bias+keep-float:3", "int8+bias+keep-float:8", *_SLOWER,
            ),
            150, 800, 500,
        ),
        "thorough": Ladder(
            _rungs(
                *_CHEAP, "int8+average+bias", "int8+percentile+bias", "int8+equalize+mse+bias", "int8+bias+distill",
                "int8+mse+bias+distill", "int8+equalize+bias+distill", "int8+equalize+mse+bias+distill",
                "int8+bias+keep-float:1", "int8+bias+keep-float:2", "int8+bias+keep-float:4", "int8+bias+keep-float:8",
                "int8+bias+keep-float:16", *_SLOWER,
            ),
            600, 2000, 1000, looks_on=True,
        ),
    }
)  # fmt: skip

"""`Recipe`: a named way from a float network to a small file, such as ``int8+mse+bias``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from edgekit_export.errors import RecipeError

Base: TypeAlias = Literal["int8", "int16", "dynamic", "float16"]
BASES: tuple[Base, ...] = get_args(Base)

STEPS: Mapping[str, str] = MappingProxyType(
    {
        "equalize": "channels of uneven size evened out",
        "average": "ranges from the mean extremes of photos",
        "percentile": "ranges without one value in 10,000 at each end",
        "mse": "ranges with the smallest mean square error",
        "bias": "biases corrected for the shift that rounding makes",
        "distill": "weights that learned, without labels, to answer like the float model",
    }
)
"""What may be done before int8, in the order in which it makes sense."""

MEANINGS: Mapping[Base, str] = MappingProxyType(
    {
        "int8": "integers of 8 bits throughout: the fastest on every device",
        "int16": "activations of 16 bits: far slower, and no phone accelerator takes it",
        "dynamic": "weights of 8 bits, computed in float: slower than int8, as small",
        "float16": "weights of 16 bits, computed in float: slower, and twice as large as int8",
    }
)
_KEEP = "keep-float"
_CALIBRATORS = ("average", "percentile", "mse")
_SIMULATED = ("equalize", "bias", "distill")


@dataclass(frozen=True)
class Recipe:
    """A way to make a file.

    Attributes:
        base: What the numbers in it are.
        steps: What is done to the float network before.
        keep_float: How many of the most expensive layers stay in float.
    """

    base: Base = "int8"
    steps: tuple[str, ...] = ()
    keep_float: int = 0

    @property
    def name(self) -> str:
        """As users type it."""
        kept = (f"{_KEEP}:{self.keep_float}",) if self.keep_float else ()
        return "+".join((self.base, *self.steps, *kept))

    @property
    def is_full_int8(self) -> bool:
        """Whether nothing in the file computes in another type."""
        return self.base == "int8" and not self.keep_float

    @property
    def needs_simulation(self) -> bool:
        """Whether the network has to be run in TensorFlow for it."""
        return bool(self.keep_float or set(self.steps).intersection(_SIMULATED))


def parse_recipe(text: str) -> Recipe:
    """A recipe by its name.

    Raises:
        RecipeError: there is none of that name.

    >>> parse_recipe("int8+mse+keep-float:2")
    Recipe(base='int8', steps=('mse',), keep_float=2)
    """
    base, *parts = text.strip().split("+")
    if base not in BASES:
        msg = f"recipe {text!r}: found {base!r}, expected it to begin with {', '.join(BASES)}."
        raise RecipeError(msg)
    keep, steps = 0, []
    for part in parts:
        name, _, count = part.partition(":")
        if name == _KEEP and count.isdecimal() and 0 < int(count) < 1000:
            keep = int(count)
        elif part in STEPS and part not in steps:
            steps.append(part)
        else:
            msg = (
                f"recipe {text!r}: found {part!r}, expected steps such as {', '.join(STEPS)}, each once, or {_KEEP}:N."
            )
            raise RecipeError(msg)
    recipe = Recipe(next(one for one in BASES if one == base), tuple(steps), keep)
    _check(recipe, text)
    return recipe


def _check(recipe: Recipe, text: str) -> None:
    order = list(STEPS)
    if recipe.base != "int8" and (recipe.steps or recipe.keep_float):
        msg = f"recipe {text!r}: steps are for int8, {recipe.base} takes none."
        raise RecipeError(msg)
    if sum(step in _CALIBRATORS for step in recipe.steps) > 1:
        msg = f"recipe {text!r}: expected one way to find ranges, of {', '.join(_CALIBRATORS)}."
        raise RecipeError(msg)
    if [order.index(step) for step in recipe.steps] != sorted(order.index(step) for step in recipe.steps):
        wanted = "+".join((recipe.base, *sorted(recipe.steps, key=order.index)))
        msg = f"recipe {text!r}: the order of steps is another. Write {wanted}."
        raise RecipeError(msg)

"""What a file must run on, and which recipes each of these can run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from edgekit_export.recipes.recipe import Recipe

Target: TypeAlias = Literal["tflite-2.14", "litert", "mediapipe", "browser"]
TARGETS: tuple[Target, ...] = get_args(Target)

# A recipe whose file was never seen running on a target is not tried for it.
_REFUSED: Mapping[tuple[str, Target], str] = MappingProxyType(
    {
        ("int16", "browser"): "LiteRT.js has no fast kernels for activations of 16 bits",
        ("dynamic", "browser"): "weights of 8 bits under float activations were never seen running in LiteRT.js",
    }
)


def refusal(recipe: Recipe, targets: Sequence[Target]) -> str | None:
    """Why a recipe is not tried for what the file must run on; None where it is."""
    for target in targets:
        reason = _REFUSED.get((recipe.base, target))
        if reason:
            return f"not for {target}: {reason}"
    return None

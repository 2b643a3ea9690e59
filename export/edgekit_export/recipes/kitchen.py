"""`Kitchen`: makes a `.tflite` by any recipe from one model and its photos, and does nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from edgekit.tflite import Graph
from edgekit_export.errors import ConversionError
from edgekit_export.graph import check_ends, check_full_integer, float_leftovers
from edgekit_export.progress import Progress
from edgekit_export.quantize import calibrate, quantize_int8, quantize_int16
from edgekit_export.recipes.bias import correct_bias
from edgekit_export.recipes.distill import distill
from edgekit_export.recipes.draft import Draft, Material
from edgekit_export.recipes.equalize import equalize, find_pairs
from edgekit_export.recipes.network import FloatNetwork
from edgekit_export.recipes.observe import Spread, spreads
from edgekit_export.recipes.ranges import CALIBRATORS
from edgekit_export.recipes.recipe import Recipe
from edgekit_export.recipes.sensitivity import Cost, keep_float, layer_costs
from edgekit_export.recipes.simulate import unsupported
from edgekit_export.recipes.storage import half_weights, int8_weights, with_byte_ends


@dataclass(frozen=True)
class Made:
    """A `.tflite` with uint8 ends, and what its recipe did.

    Attributes:
        tflite: The file's graph.
        told: What each step did, one line each.
        kept_float: Names of the tensors whose nodes stayed in float.
    """

    tflite: bytes
    told: tuple[str, ...] = ()
    kept_float: tuple[str, ...] = ()


class Kitchen:
    """Makes files by recipes.

    Args:
        material: The model and the photos.
        distill_steps: How long distillation learns.
        progress: Where to show progress.
    """

    def __init__(self, material: Material, *, distill_steps: int, progress: Progress) -> None:
        self.material, self._distill_steps, self._progress = material, distill_steps, progress
        self._drafts: dict[tuple[str, ...], Draft] = {}
        self._spreads: dict[tuple[str, ...], dict[int, Spread]] = {}

    @cached_property
    def network(self) -> FloatNetwork:
        """The float network."""
        return FloatNetwork(self.material.model.tflite)

    @cached_property
    def costs(self) -> tuple[Cost, ...]:
        """Which layers cost most, by the plain recipe."""
        with self._progress.stage("weighing layers", len(self.network.layers)) as step:
            return layer_costs(self._drafted(()), self.material, step)

    def obstacle(self, recipe: Recipe) -> str | None:
        """Why a recipe makes no sense for this model; None where it does."""
        missing = unsupported(self.network) if recipe.needs_simulation else ()
        if missing:
            return f"operators that edgekit cannot simulate: {', '.join(missing)}"
        if "equalize" in recipe.steps and not find_pairs(self.network):
            return "no two layers whose channels could be evened out: between all of them lies more than a ReLU"
        if recipe.keep_float > len(self.network.layers):
            return f"it has only {len(self.network.layers)} layers"
        return None

    def make(self, recipe: Recipe) -> Made:
        """A file by a recipe that has no obstacle.

        Raises:
            ConversionError: TensorFlow refuses it.
            NotFullyQuantizedError: what came out is not what the recipe says.
            VerificationError: a runtime refuses the float model.
        """
        draft = self._drafted(recipe.steps)
        made = self._int8(draft, recipe) if recipe.base == "int8" else self._in_float(draft, recipe)
        check = check_full_integer if recipe.is_full_int8 else check_ends
        check(Graph(made.tflite), self.material.model)
        return made

    def _in_float(self, draft: Draft, recipe: Recipe) -> Made:
        model = replace(self.material.model, tflite=draft.network.bytes())
        if recipe.base == "int16":
            data = quantize_int16(model, self.material.photos)
        else:
            data = {"dynamic": int8_weights, "float16": half_weights}[recipe.base](model.tflite)
        return Made(with_byte_ends(data, model.mean, model.std), draft.told)

    def reference(self, recipe: Recipe) -> FloatNetwork:
        """The float network whose tensors those of a recipe's file stand for: evened-out channels have other sizes."""
        return self._drafted(tuple(step for step in recipe.steps[:1] if step == "equalize")).network

    def ranges(self, recipe: Recipe) -> dict[int, tuple[float, float]]:
        """What int8 covers of each computed tensor, by a recipe that was made."""
        return dict(self._drafted(recipe.steps).ranges)

    def _int8(self, draft: Draft, recipe: Recipe) -> Made:
        if recipe.keep_float:
            draft = keep_float(draft, self.costs, recipe.keep_float)
        names = tuple(draft.network.name(tensor) for tensor in draft.keep_float)
        made = Made(quantize_int8(draft.network, draft.ranges, names), draft.told, names)
        if names and not _has_floats(made.tflite):
            msg = f"TensorFlow's quantizer did not leave {len(names)} layers in float as it was told."
            raise ConversionError(msg)
        return made

    def _drafted(self, steps: tuple[str, ...]) -> Draft:
        """The draft after steps, each of which is done once however many recipes share it."""
        if steps not in self._drafts:
            self._drafts[steps] = self._step(steps[-1], steps[:-1]) if steps else self._first()
        return self._drafts[steps]

    def _first(self) -> Draft:
        with self._progress.stage("calibrating", len(self.material.calibration)) as step:

            def photos() -> Iterator[NDArray[np.uint8]]:
                for pixels in self.material.photos():
                    yield pixels
                    step()

            return Draft(self.network, calibrate(self.material.model, photos))

    def _step(self, name: str, before: tuple[str, ...]) -> Draft:
        draft = self._drafted(before)
        if name in CALIBRATORS:
            return self._recalibrated(name, before)
        if name == "distill":
            with self._progress.stage("distilling", self._distill_steps) as step:
                return distill(draft, self.material, steps=self._distill_steps, step_done=step)
        return _STEPS[name](draft, self.material)

    def spreads(self, steps: tuple[str, ...] = ()) -> dict[int, Spread]:
        """How the values of every computed tensor spread over the photos for calibration, after steps."""
        if steps not in self._spreads:
            draft, photos = self._drafted(steps), self.material.calibration
            inputs = (self.material.model.tensor(pixels) for pixels in photos)
            with self._progress.stage("looking at tensors", len(photos)) as step:
                self._spreads[steps] = spreads(draft.network.bytes(), sorted(draft.ranges), inputs, step)
        return self._spreads[steps]

    def _recalibrated(self, name: str, before: tuple[str, ...]) -> Draft:
        """Other ranges, but for the input: its range is the meaning of a pixel."""
        draft = self._drafted(before)
        found = {tensor: CALIBRATORS[name](spread) for tensor, spread in self.spreads(before).items()}
        ranges = {**draft.ranges, **{t: r for t, r in found.items() if t != self.network.input and r[0] < r[1]}}
        return replace(draft, ranges=ranges, told=(*draft.told, f"ranges by {name}"))


_STEPS: Mapping[str, Callable[[Draft, Material], Draft]] = MappingProxyType(
    {"equalize": equalize, "bias": correct_bias}
)


def _has_floats(tflite: bytes) -> bool:
    return bool(float_leftovers(Graph(tflite)))

"""One recipe tried: its file measured on the photos for choosing, in the fast kernels."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.card import InputSpec, OutputSpec
from edgekit_export.device import DeviceRuntime, open_family
from edgekit_export.images import Sample
from edgekit_export.progress import Progress
from edgekit_export.recipes.kitchen import Made
from edgekit_export.recipes.recipe import Recipe
from edgekit_export.verify import Comparison, compare

_WARM, _TIMED = 3, 15


@dataclass(frozen=True)
class Trial:
    """A recipe's file and what it does.

    Attributes:
        recipe: Which.
        made: Its file.
        comparison: With the float model, on the photos for choosing, in the xnnpack kernels.
        milliseconds: Of one inference here: the median of 15, one thread, with the way to and from its process.
    """

    recipe: Recipe
    made: Made
    comparison: Comparison
    milliseconds: float


@dataclass(frozen=True)
class Trials:
    """What trials have in common.

    Attributes:
        answer_float: From uint8 pixels (height, width, channels) to probabilities (classes,), of the float model.
        sample: The photos for choosing.
        spec: How a photo becomes the input.
        output: What the scores are.
        float_runtime: What runs the float model.
        progress: Where to show progress.
    """

    answer_float: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    sample: Sample
    spec: InputSpec
    output: OutputSpec
    float_runtime: str
    progress: Progress

    def of(self, recipe: Recipe, made: Made) -> Trial:
        """Measure a file.

        Raises:
            VerificationError: a runtime refuses it, or crashes.
            PhotosError: no photo could be read.
        """
        device, _ = open_family(made.tflite, "xnnpack")
        with device, self.progress.stage(f"trying {recipe.name}", self.sample.length) as step:
            comparison = compare(
                self.answer_float,
                {"xnnpack": (device,)},
                self.sample,
                self.spec,
                self.output,
                float_runtime=self.float_runtime,
                max_drop=0.0,
                step=step,
            )
            return Trial(recipe, made, comparison, _milliseconds(device, self.spec))


def _milliseconds(device: DeviceRuntime, spec: InputSpec) -> float:
    pixels = np.random.default_rng(0).integers(0, 256, (spec.height, spec.width, spec.channels), dtype=np.uint8)
    times = []
    for _ in range(_WARM + _TIMED):
        start = time.perf_counter()
        device.run(pixels, "noise")
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times[_WARM:]))

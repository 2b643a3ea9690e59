"""`Draft`: a float network on its way to int8, and the photos that recipes look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edgekit_export.frontend import ExplicitModel
from edgekit_export.recipes.network import FloatNetwork, Ranges


@dataclass(frozen=True)
class Draft:
    """What a step of a recipe gets and gives.

    Attributes:
        network: In float, with what earlier steps changed.
        ranges: Of its computed tensors.
        keep_float: Tensors whose nodes stay in float.
        told: What earlier steps did, one line each, for the report.
    """

    network: FloatNetwork
    ranges: Ranges
    keep_float: tuple[int, ...] = ()
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class Material:
    """What recipes are made from.

    Attributes:
        model: The float network as the frontend made it.
        calibration: uint8 pixels (height, width, channels) of the photos for calibration.
        read_tuning: Reads the same of the photos to learn from, without labels.
        seed: Of everything random.
    """

    model: ExplicitModel
    calibration: tuple[NDArray[np.uint8], ...]
    read_tuning: Callable[[], tuple[NDArray[np.uint8], ...]] | None = None
    seed: int = 0

    @cached_property
    def tuning(self) -> tuple[NDArray[np.uint8], ...]:
        """The photos to learn from, read when they are first wanted; those for calibration, where there are no more."""
        return self.read_tuning() if self.read_tuning is not None else self.calibration

    def photos(self) -> Iterator[NDArray[np.uint8]]:
        """The photos for calibration, one at a time."""
        return iter(self.calibration)

    def batch(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The network's input, float32 (photos, height, width, channels), for uint8 pixels of that shape."""
        return np.asarray((pixels.astype(np.float32) - np.float32(self.model.mean)) / np.float32(self.model.std))

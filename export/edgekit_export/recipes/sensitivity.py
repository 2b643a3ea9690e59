"""Which layers cost most: how far the answers move when one layer alone rounds as int8 does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgekit_export.recipes.draft import Draft, Material
from edgekit_export.recipes.simulate import Simulation

_PHOTOS = 24


@dataclass(frozen=True)
class Cost:
    """Of one node, by the tensor that it computes: the mean square by which the logits move, against their own."""

    output: int
    cost: float


def layer_costs(draft: Draft, material: Material, step: Callable[[], None] = lambda: None) -> tuple[Cost, ...]:
    """The cost of every layer with weights, the most expensive first."""
    simulation = Simulation(draft.network, draft.ranges)
    image = material.batch(np.stack(material.calibration[:_PHOTOS]))
    logits = simulation.logits
    wanted = _logits(simulation, image, logits, None)
    size = float(np.square(wanted - wanted.mean(axis=1, keepdims=True)).mean()) + 1e-12
    found = []
    for layer in draft.network.layers:
        moved = _logits(simulation, image, logits, layer.output)
        found.append(Cost(layer.output, float(np.square(moved - wanted).mean()) / size))
        step()
    return tuple(sorted(found, key=lambda one: -one.cost))


def keep_float(draft: Draft, costs: Sequence[Cost], count: int) -> Draft:
    """Leave the `count` most expensive layers in float, each between two conversions."""
    kept = tuple(one.output for one in costs[:count])
    return replace(draft, keep_float=kept)


def _logits(
    simulation: Simulation, image: NDArray[np.float32], logits: int, rounded: int | None
) -> NDArray[np.float32]:
    values = simulation.run(image, rounded=lambda output: output == rounded, keep=frozenset({logits}))
    return np.asarray(values[logits], np.float32)

"""Bias correction: rounding shifts the mean of a channel, and a bias can take the shift back.

Source of the idea: M. Nagel et al., Data-free quantization through weight equalization and bias correction, 2019;
here the shift is measured on photos, layer after layer, each behind the layers that were corrected before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit_export.recipes.draft import Draft, Material
from edgekit_export.recipes.network import Layer, Weights
from edgekit_export.recipes.simulate import Simulation

_PHOTOS = 32  # in one batch: every layer needs all of them


def correct_bias(draft: Draft, material: Material) -> Draft:
    """Biases with which the mean of each channel, on photos for calibration, is that of the float network."""
    simulation = Simulation(draft.network, draft.ranges)
    image = material.batch(np.stack(material.calibration[:_PHOTOS]))
    wanted: dict[int, NDArray[np.float32]] = {}
    shifts: dict[int, NDArray[np.float32]] = {}

    def remember(layer: Layer, sums: Any) -> Any:
        wanted[layer.output] = _means(sums)
        return sums

    def correct(layer: Layer, sums: Any) -> Any:
        if draft.network.weights(layer).bias is None:
            return sums
        shifts[layer.output] = wanted[layer.output] - _means(sums)
        return sums + shifts[layer.output]

    simulation.run(image, before_activation=remember)
    simulation.run(image, rounded=lambda _: True, before_activation=correct)
    changed = {}
    for layer in draft.network.layers:
        own = draft.network.weights(layer)
        if own.bias is not None and layer.output in shifts:
            changed[layer.output] = Weights(own.kernel, own.bias + shifts[layer.output])
    told = f"corrected the biases of {len(changed)} layers"
    return replace(draft, network=draft.network.with_weights(changed), told=(*draft.told, told))


def _means(sums: Any) -> NDArray[np.float32]:
    values = np.asarray(sums)
    return np.asarray(values.reshape(-1, values.shape[-1]).mean(axis=0, dtype=np.float64), np.float32)

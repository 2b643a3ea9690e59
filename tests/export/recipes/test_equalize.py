"""Evened-out channels: the float network answers as before, and what cannot be evened out is left alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.inputrange import parse_input_range
from edgekit_export.device import DeviceRuntime
from edgekit_export.frontend import ExplicitModel, make_explicit
from edgekit_export.mapping import Mapping
from edgekit_export.quantize import calibrate
from edgekit_export.recipes.draft import Draft, Material
from edgekit_export.recipes.equalize import channel_sizes, equalize, find_pairs
from edgekit_export.recipes.network import FloatNetwork
from edgekit_export.recipes.storage import int8_weights

if TYPE_CHECKING:
    from tests.export.conftest import Nets, See

pytestmark = pytest.mark.host


def network(nets: Nets, kind: str) -> Any:
    k = nets.keras
    k.utils.set_random_seed(3)
    image = k.Input((24, 24, 3))
    x = k.layers.Conv2D(6, 3, strides=2, activation="relu")(image)
    if kind == "depth multiplier":
        x = k.layers.DepthwiseConv2D(3, depth_multiplier=3, activation="relu")(x)
        x = k.layers.GlobalAveragePooling2D()(x)
    elif kind == "flattened":
        x = k.layers.Flatten()(k.layers.MaxPooling2D(3)(x))
    elif kind == "mean of channels":
        x = k.layers.Flatten()(k.ops.mean(k.layers.Conv2D(6, 3, activation="relu")(x), axis=3))
    return k.Model(image, k.layers.Dense(4, activation="softmax")(x))


def answers(data: bytes, model: ExplicitModel, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
    with DeviceRuntime(data, "litert", "default") as device:
        return np.stack([device.run(model.tensor(pixels), "noise") for pixels in photos])


@pytest.mark.parametrize(("kind", "pairs"), [("depth multiplier", 2), ("flattened", 1), ("mean of channels", 1)])
def test_the_float_network_answers_as_before(
    nets: Nets,
    see: See,
    noise: NDArray[np.uint8],
    material: Callable[[ExplicitModel], Material],
    kind: str,
    pairs: int,
) -> None:
    """Whatever lies between two layers; what mixes the channels makes no pair."""
    model = make_explicit(see(network(nets, kind)), Mapping(parse_input_range("0..1"), "RGB"))
    matter, before = material(model), FloatNetwork(model.tflite)
    assert len(find_pairs(before)) == pairs
    draft = Draft(before, calibrate(model, matter.photos))
    after = equalize(draft, matter)
    data = after.network.bytes()
    np.testing.assert_allclose(answers(data, model, noise[:8]), answers(model.tflite, model, noise[:8]), atol=1e-4)
    first = before.layers[0].output
    spread = [float(np.ptp(np.log(size[size > 0]))) for size in (sizes(d, matter)[first] for d in (draft, after))]
    assert spread[1] < spread[0]


def sizes(draft: Draft, material: Material) -> dict[int, NDArray[np.float64]]:
    changed = replace(material, model=replace(material.model, tflite=draft.network.bytes()))
    return channel_sizes(draft, changed)


def test_layers_that_share_weights_share_the_small_ones(nets: Nets, see: See, noise: NDArray[np.uint8]) -> None:
    k = nets.keras
    k.utils.set_random_seed(3)
    image = k.Input((24, 24, 3))
    twice = k.layers.Conv2D(16, 3, padding="same", activation="relu")
    x = twice(twice(k.layers.Conv2D(16, 1)(image)))
    head = k.layers.Dense(4, activation="softmax")(k.layers.GlobalAveragePooling2D()(x))
    model = make_explicit(see(k.Model(image, head)), Mapping(parse_input_range("0..1"), "RGB"))
    found = answers(int8_weights(model.tflite), model, noise[:8])
    np.testing.assert_allclose(found, answers(model.tflite, model, noise[:8]), atol=0.05)

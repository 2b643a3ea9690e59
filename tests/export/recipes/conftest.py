"""Networks for tests of recipes: a classic CNN on coloured noise, and the same made hard for int8 on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.inputrange import parse_input_range
from edgekit_export.device import DeviceRuntime
from edgekit_export.frontend import ExplicitModel, make_explicit
from edgekit_export.mapping import Mapping
from edgekit_export.recipes.draft import Material

if TYPE_CHECKING:
    from tests.export.conftest import Nets, See

Answers = Callable[[bytes], NDArray[np.float32]]
MakeModel = Callable[..., ExplicitModel]

_COUNT = 96


@pytest.fixture(scope="session")
def noise() -> NDArray[np.uint8]:
    """Photos of coarse noise, uint8 (photos, 24, 24, 3)."""
    rng = np.random.default_rng(7)
    coarse = rng.integers(0, 256, (_COUNT, 6, 6, 3), dtype=np.uint8)
    return np.asarray(coarse.repeat(4, axis=1).repeat(4, axis=2))


@pytest.fixture
def make_model(nets: Nets, see: See) -> MakeModel:
    """`make_model(uneven=0, seed=1)`: a CNN with random weights; uneven spreads its channels over so many powers of 2.

    What a channel gains, the next layer takes back, so the answers of the float network are the same.
    """

    def make(uneven: float = 0.0, seed: int = 1, activation: str = "relu") -> ExplicitModel:
        keras = nets.keras
        image = keras.Input((24, 24, 3))
        x = keras.layers.Rescaling(1 / 127.5, offset=-1)(image)
        x = keras.layers.Conv2D(16, 3, strides=2, activation=activation, name="first")(x)
        x = keras.layers.DepthwiseConv2D(3, activation=activation, name="second")(x)
        x = keras.layers.Conv2D(24, 1, activation=activation, name="third")(x)
        x = keras.layers.GlobalAveragePooling2D()(x)
        model = keras.Model(image, keras.layers.Dense(5, activation="softmax", name="answer")(x))
        _fill(model, uneven, seed)
        return make_explicit(see(model), Mapping(parse_input_range("0..255"), "RGB"))

    return make


def _fill(model: Any, uneven: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers = [model.get_layer(name) for name in ("first", "second", "third", "answer")]
    kernels = [
        rng.normal(0, 1 / np.sqrt(fan), layer.kernel.shape) for layer, fan in zip(layers, (27, 9, 16, 1), strict=True)
    ]
    biases = [rng.normal(0, 0.1, layer.bias.shape) for layer in layers]
    for i, (channels, reading) in enumerate(((16, (16, 1)), (16, (16, 1)), (24, (24, 1)))):
        factor = 2.0 ** rng.permutation(np.linspace(-uneven / 2, uneven / 2, channels))
        kernels[i] = kernels[i] * (factor[:, None] if kernels[i].shape[-1] == 1 else factor)
        biases[i] = biases[i] * factor
        kernels[i + 1] = kernels[i + 1] / factor.reshape(reading)
    for layer, kernel, bias in zip(layers, kernels, biases, strict=True):
        layer.set_weights([kernel, bias])


@pytest.fixture
def material(noise: NDArray[np.uint8]) -> Callable[[ExplicitModel], Material]:
    """`material(model)`: with the first third of the photos."""
    return lambda model: Material(model, tuple(noise[:32]))


@pytest.fixture
def float_answers(noise: NDArray[np.uint8]) -> Callable[[ExplicitModel], NDArray[np.float32]]:
    """`float_answers(model)`: float32 (photos, classes) for the photos that recipes have not seen."""

    def ask(model: ExplicitModel) -> NDArray[np.float32]:
        with DeviceRuntime(model.tflite, "litert", "default") as device:
            return np.stack([device.run(model.tensor(pixels), "noise") for pixels in noise[32:]])

    return ask


@pytest.fixture
def answers(noise: NDArray[np.uint8]) -> Answers:
    """`answers(tflite)`: the same of a file that takes bytes."""

    def ask(tflite: bytes) -> NDArray[np.float32]:
        with DeviceRuntime(tflite, "litert", "default") as device:
            found = []
            for pixels in noise[32:]:
                device.send(pixels, "noise")
                found.append(device.receive_scores("noise"))
        return np.stack(found)

    return ask

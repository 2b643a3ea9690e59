"""The input range that a model's own preprocessing tells, in every shape in which people build it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit_export.own_range import own_input_range

if TYPE_CHECKING:
    from tests.export.conftest import Nets

pytestmark = pytest.mark.host

Layers = Callable[[Any], list[Any]]
SHAPE = (16, 12, 3)


def body(k: Any) -> list[Any]:
    return [k.layers.Conv2D(4, 3), k.layers.GlobalAveragePooling2D(), k.layers.Dense(3)]


def applied(layers: list[Any], x: Any) -> Any:
    for layer in layers:
        x = layer(x)
    return x


def sequential(k: Any, before: Layers, shape: tuple[int, ...] = SHAPE) -> Any:
    return k.Sequential([k.Input(shape), *before(k), *body(k)])


def functional(k: Any, before: Layers, shape: tuple[int, ...] = SHAPE) -> Any:
    x = k.Input(shape)
    return k.Model(x, applied([*before(k), *body(k)], x))


def sequential_in_functional(k: Any, before: Layers, shape: tuple[int, ...] = SHAPE) -> Any:
    x = k.Input(shape)
    return k.Model(x, k.Sequential([k.Input(shape), *before(k), *body(k)])(x))


def functional_in_sequential(k: Any, before: Layers, shape: tuple[int, ...] = SHAPE) -> Any:
    return k.Sequential([k.Input(shape), functional(k, before, shape), k.layers.Softmax()])


def two_levels(k: Any, before: Layers, shape: tuple[int, ...] = SHAPE) -> Any:
    x = k.Input(shape)
    return k.Model(x, k.layers.Softmax()(functional_in_sequential(k, before, shape)(x)))


def split(k: Any, before: Layers, shape: tuple[int, ...] = SHAPE) -> Any:
    """Preprocessing outside, as in transfer learning: a backbone without any stands behind it."""
    x = k.Input(shape)
    prepared = applied(before(k), x)
    inner = k.Input(tuple(prepared.shape[1:]))
    return k.Model(x, k.Model(inner, applied(body(k), inner))(prepared))


def preprocessing_model(k: Any, before: Layers, shape: tuple[int, ...] = SHAPE) -> Any:
    """Augmentation and preprocessing as a Sequential of their own, first."""
    return k.Sequential([k.Input(shape), k.Sequential([k.layers.RandomFlip(), *before(k)]), *body(k)])


BUILDS = (
    sequential,
    functional,
    sequential_in_functional,
    functional_in_sequential,
    two_levels,
    split,
    preprocessing_model,
)


def nothing(_: Any) -> list[Any]:
    return []


def numbers(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def rescaling(scale: float, offset: float = 0.0) -> Layers:
    return lambda k: [k.layers.Rescaling(scale, offset)]


def adapted(top: float) -> Layers:
    def layers(k: Any) -> list[Any]:
        layer = k.layers.Normalization()
        layer.adapt(np.random.default_rng(0).uniform(0, top, (8, *SHAPE)).astype(np.float32))
        return [layer]

    return layers


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        (rescaling(1 / 255), "0..255"),
        (rescaling(2.0, -1.0), "0..1"),
        (adapted(255.0), "0..255"),
        (nothing, None),
    ],
)
def test_it_is_found_in_every_kind_of_model(
    nets: Nets, build: Callable[[Any, Layers], Any], before: Layers, wanted: str | None
) -> None:
    assert own_input_range(build(nets.keras, before)) == wanted


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        (rescaling(1 / 127.5, -1.0), "0..255"),
        (rescaling(1 / 128, -1.0), "0..255"),
        (rescaling(255.0), None),  # 0..1 perhaps, but no network proper wants 0..255
        (lambda k: [k.layers.Rescaling(255.0), k.layers.Rescaling(1 / 127.5, -1.0)], "0..1"),
        (rescaling(1.0), None),  # says nothing, as if it were not there
        (adapted(1.0), "0..1"),
        (lambda k: [k.layers.Normalization(mean=[124, 117, 104], variance=[3400, 3200, 3300])], "0..255"),
        (lambda k: [k.layers.Normalization(mean=[0.485, 0.456, 0.406], variance=[0.05, 0.05, 0.05])], "0..1"),
        (lambda k: [k.layers.Rescaling(1 / 255), k.layers.Normalization(mean=0.45, variance=0.05)], "0..255"),
        (lambda k: [k.layers.Resizing(20, 20), k.layers.Rescaling(1 / 255)], "0..255"),
        (lambda k: [k.layers.Rescaling(1 / 255), k.layers.ZeroPadding2D(2)], "0..255"),
        (lambda k: [k.layers.CenterCrop(10, 10), k.layers.Rescaling(1 / 255)], "0..255"),
        (
            lambda k: [
                k.layers.RandomFlip(),
                k.layers.RandomRotation(0.1),
                k.layers.RandomContrast(0.2),
                *rescaling(1 / 255)(k),
            ],
            "0..255",
        ),
        (lambda k: [k.layers.RandomFlip(), k.layers.RandomTranslation(0.1, 0.1)], None),
        (lambda k: [k.layers.BatchNormalization()], None),
        (lambda k: [k.layers.Rescaling(1 / 255), k.layers.BatchNormalization()], "0..255"),
    ],
)
@pytest.mark.parametrize("build", [sequential, functional])
def test_it_is_found_behind_every_layer(
    nets: Nets, build: Callable[[Any, Layers], Any], before: Layers, wanted: str | None
) -> None:
    assert own_input_range(build(nets.keras, before)) == wanted


@pytest.mark.parametrize(
    ("arithmetic", "wanted"),
    [
        (lambda x: x / 127.5 - 1.0, "0..255"),  # keras.applications, mode tf
        (
            lambda x: (x / 255.0 - numbers(0.485, 0.456, 0.406)) / numbers(0.229, 0.224, 0.225),
            "0..255",
        ),  # mode torch
        (lambda x: x[..., ::-1] - numbers(104, 117, 124), None),  # mode caffe: could be anything
        (lambda x: x * 2.0 - 1.0, "0..1"),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_arithmetic_in_the_graph_is_preprocessing(
    nets: Nets, arithmetic: Callable[[Any], Any], wanted: str | None, nested: bool
) -> None:
    k = nets.keras
    x = k.Input(SHAPE)
    model = k.Model(x, applied(body(k), arithmetic(x)))
    if nested:
        model = k.Sequential([k.Input(SHAPE), k.layers.RandomFlip(), model])
    assert own_input_range(model) == wanted


@pytest.mark.parametrize(("scale", "wanted"), [(1 / 255, "0..255"), (2.0, "0..1")])
def test_it_is_found_for_gray_pixels(nets: Nets, scale: float, wanted: str) -> None:
    assert own_input_range(sequential(nets.keras, rescaling(scale, -0.5), (16, 12, 1))) == wanted


def test_two_branches_before_the_first_weights_tell_nothing_wrong(nets: Nets) -> None:
    k = nets.keras
    x = k.Input(SHAPE)
    joined = k.layers.Concatenate()([k.layers.Rescaling(1 / 255)(x), k.layers.Rescaling(-1 / 255, 1.0)(x)])
    assert own_input_range(k.Model(x, applied(body(k), joined))) in ("0..255", None)


def test_a_model_without_weights_tells_nothing(nets: Nets) -> None:
    k = nets.keras
    assert own_input_range(k.Sequential([k.Input(SHAPE), k.layers.Rescaling(1 / 255), k.layers.Flatten()])) is None


def test_a_loaded_model_tells_the_same(nets: Nets, tmp_path: Any) -> None:
    model = two_levels(nets.keras, adapted(255.0))
    model.save(tmp_path / "m.keras")
    assert own_input_range(nets.keras.models.load_model(tmp_path / "m.keras")) == "0..255"

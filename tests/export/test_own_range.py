"""The input range that a model's own preprocessing tells, in every shape in which people build it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit_export.frontend import ImageInput
from edgekit_export.own_range import own_input_range
from edgekit_export.sources.keras_model import network_of

if TYPE_CHECKING:
    from tests.export.conftest import Nets

pytestmark = pytest.mark.host

Layers = Callable[[Any], list[Any]]
SHAPE = (16, 12, 3)


def told(model: Any, nets: Nets, image: ImageInput | None = None) -> str | None:
    height, width, channels = model.inputs[0].shape[1:] if image is None else (0, 0, 0)
    image = image or ImageInput(height, width, channels, (1, height, width, channels))
    return own_input_range(network_of(model, nets.keras).entry(0, None), image)


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
    assert told(build(nets.keras, before), nets) == wanted


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
    assert told(build(nets.keras, before), nets) == wanted


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
    assert told(model, nets) == wanted


@pytest.mark.parametrize("low", [-1.0, 0.0])
@pytest.mark.parametrize("module", ["keras", "tf_keras"])
@pytest.mark.filterwarnings("ignore")  # about tf_keras' own imports
def test_batch_normalization_of_the_pixels_does_not_tell_one_range_from_another(
    nets: Nets, module: str, low: float
) -> None:
    """Its statistics make black and white plausible in either."""
    k = pytest.importorskip(module)
    normalize = k.layers.BatchNormalization(name="first")
    model = k.Sequential([k.layers.InputLayer(SHAPE), normalize, *body(k)])
    spread = 1 - low
    mean, variance = np.full(3, low + 0.45 * spread), np.full(3, 0.06 * spread**2)
    normalize.set_weights([np.ones(3), np.zeros(3), mean, variance])
    entry = network_of(model, k).entry(0, None)
    assert own_input_range(entry, ImageInput(*SHAPE, (1, *SHAPE))) is None


@pytest.mark.parametrize(("scale", "wanted"), [(1 / 255, "0..255"), (2.0, "0..1")])
def test_it_is_found_for_gray_pixels(nets: Nets, scale: float, wanted: str) -> None:
    assert told(sequential(nets.keras, rescaling(scale, -0.5), (16, 12, 1)), nets) == wanted


def test_two_branches_before_the_first_weights_tell_nothing_wrong(nets: Nets) -> None:
    k = nets.keras
    x = k.Input(SHAPE)
    joined = k.layers.Concatenate()([k.layers.Rescaling(1 / 255)(x), k.layers.Rescaling(-1 / 255, 1.0)(x)])
    assert told(k.Model(x, applied(body(k), joined)), nets) in ("0..255", None)


def test_a_model_without_weights_tells_nothing(nets: Nets) -> None:
    k = nets.keras
    model = k.Sequential([k.Input(SHAPE), k.layers.Rescaling(1 / 255), k.layers.GlobalAveragePooling2D()])
    assert told(model, nets) is None


def test_a_loaded_model_tells_the_same(nets: Nets, tmp_path: Any) -> None:
    model = two_levels(nets.keras, adapted(255.0))
    model.save(tmp_path / "m.keras")
    assert told(nets.keras.models.load_model(tmp_path / "m.keras"), nets) == "0..255"


@pytest.mark.parametrize(
    "image",
    [
        ImageInput(16, 12, 3, (1, 3, 16, 12), "channels first"),
        ImageInput(28, 28, 1, (1, 784), "in another shape"),
        ImageInput(28, 28, 1, (1, 28, 28), "in another shape"),
    ],
)
@pytest.mark.parametrize(("scale", "wanted"), [(1 / 255, "0..255"), (2.0, "0..1"), (None, None)])
def test_it_is_found_behind_an_image_in_another_shape(
    nets: Nets, image: ImageInput, scale: float | None, wanted: str | None
) -> None:
    k = nets.keras
    inner = (image.height, image.width, image.channels)
    turn = k.layers.Permute((2, 3, 1)) if image.layout == "channels first" else k.layers.Reshape(inner)
    before = rescaling(scale, -0.5)(k) if scale else []
    model = k.Sequential([k.Input(image.original_shape[1:]), turn, *before, *body(k)])
    assert told(model, nets, image) == wanted


@pytest.mark.parametrize("dense", [True, False])
def test_it_is_found_before_dense_layers_alone(nets: Nets, dense: bool) -> None:
    k = nets.keras
    layers = [k.layers.Rescaling(1 / 255), k.layers.Flatten(), k.layers.Dense(3)]
    model = k.Sequential([k.Input(SHAPE), *layers[not dense :]])
    assert told(model, nets) == ("0..255" if dense else None)


def test_bytes_that_are_rescaled_are_raw_pixels(nets: Nets) -> None:
    k = nets.keras
    model = k.Sequential([k.Input(SHAPE, dtype="uint8"), *rescaling(1 / 255)(k), *body(k)])
    assert told(model, nets) == "0..255"


def test_other_inputs_are_no_matter(nets: Nets) -> None:
    k = nets.keras
    number, image = k.Input((5,)), k.Input(SHAPE)
    scores = applied(body(k), k.layers.Rescaling(1 / 255)(image))
    network = network_of(k.Model([number, image], [k.layers.Dense(3)(number), scores]), k)
    assert own_input_range(network.entry(1, None), ImageInput(*SHAPE, (1, *SHAPE))) == "0..255"
    assert network.entry(0, None) is None


def test_an_entry_is_what_the_first_weights_get(nets: Nets) -> None:
    k = nets.keras
    pixels = np.random.default_rng(0).integers(0, 256, (1, *SHAPE)).astype(np.float32)
    for before, wanted in ((rescaling(1 / 127.5, -1.0), pixels / 127.5 - 1), (nothing, pixels)):
        entry = network_of(sequential(k, before), k).entry(0, None)
        assert entry is not None
        assert np.allclose(entry(pixels), wanted, atol=1e-6)

"""The int8 file: integers only, raw pixels in, the same bytes every time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.inputrange import parse_input_range
from edgekit.runtime import Engine
from edgekit.scores import dequantize
from edgekit.tflite import Graph
from edgekit_export.frontend import Activation, ExplicitModel, make_explicit
from edgekit_export.graph import check_full_integer, float_leftovers, tensor_types
from edgekit_export.mapping import ChannelOrder, Mapping
from edgekit_export.quantize import quantizer_version
from tests.export.conftest import plain_int8

if TYPE_CHECKING:
    from tests.export.conftest import Nets, See

pytestmark = pytest.mark.host

NOISE = np.random.default_rng(0).integers(40, 90, (9, 16, 12, 3), dtype=np.uint8)
PHOTOS = list(NOISE + 130 * np.eye(3, dtype=np.uint8)[[i % 3 for i in range(9)], None, None])  # red, green, blue ...


def mapping(text: str, order: ChannelOrder = "RGB") -> Mapping:
    return Mapping(parse_input_range(text), order)


def explicit(nets: Nets, see: See, given: str) -> ExplicitModel:
    """A model trained on `given`; `own` for one with Rescaling. No photo is black or white anywhere."""
    if given == "own":
        return make_explicit(see(nets.own()), mapping("0..255"))
    range_ = parse_input_range(given)
    return make_explicit(see(nets.colour(mean=range_.mean, std=range_.std)), mapping(given))


def answers(model: ExplicitModel) -> list[NDArray[np.float32]]:
    engine = Engine(model.tflite, runtime="litert")
    return [np.asarray(engine.run(model.tensor(pixels))[0]) for pixels in PHOTOS]


def scores(tflite: bytes) -> list[NDArray[np.float32]]:
    engine, output = Engine(tflite, runtime="litert"), Graph(tflite).outputs[0]
    return [dequantize(engine.run(pixels[None])[0], output.scale, output.zero_point) for pixels in PHOTOS]


@pytest.mark.parametrize(
    ("given", "scale", "zero_point"),
    [
        ("0..255", 1.0, 0),
        ("0..1", 1 / 255, 0),
        ("-1..1", 1 / 127.5, 127),
        ("mean=124,117,104/std=58,57,57", 1.0, 0),
        ("own", 1.0, 0),
    ],
)
def test_raw_pixels_are_the_input_whatever_the_training_range(
    nets: Nets, see: See, given: str, scale: float, zero_point: int
) -> None:
    model = explicit(nets, see, given)
    tflite = plain_int8(model, lambda: iter(PHOTOS))
    graph = Graph(tflite)
    check_full_integer(graph, model)
    assert float_leftovers(graph) == ()
    assert set(tensor_types(graph)) <= {"uint8", "int8", "int32"}
    image, output = graph.inputs[0], graph.outputs[0]
    assert (image.dtype, image.shape, output.dtype, output.shape) == ("uint8", (1, 16, 12, 3), "uint8", (1, 3))
    assert image.scale == pytest.approx(scale, rel=1e-6)
    assert abs(image.zero_point - zero_point) <= (given == "-1..1")  # 127.5 rounds to either side
    assert (output.scale, output.zero_point) == (1 / 256, 0)
    for found, wanted in zip(scores(tflite), answers(model), strict=True):
        assert np.abs(found - wanted).max() < 0.06
        assert found.argmax() == wanted.argmax()


def one_unit(nets: Nets, activation: str | None) -> Any:
    """Red against the rest."""
    k = nets.keras
    model = nets.own(head="logits")
    model.add(k.layers.Dense(1, activation=activation))
    model.layers[-1].set_weights([np.array([[-2.0], [-2.0], [3.0]]), np.array([-1.0])])
    return model


def convolution(nets: Nets, *after: str) -> Any:
    k = nets.keras
    model = nets.own(head="logits")
    weights, offsets = model.layers[4].get_weights()
    layers = [*model.layers[:3], k.layers.GlobalAveragePooling2D(keepdims=True), k.layers.Conv2D(3, 1)]
    made = k.Sequential([k.Input((16, 12, 3)), *layers, k.layers.Reshape((3,)), *map(k.layers.Activation, after)])
    layers[4].set_weights([weights[None, None], offsets])
    return made


@pytest.mark.parametrize(
    ("build", "activation", "classes"),
    [
        (lambda nets: nets.own(), None, [2, 1, 0]),
        (lambda nets: nets.own(head="logits"), None, [2, 1, 0]),
        (lambda nets: nets.own(head="logits"), "sigmoid", [2, 1, 0]),
        (lambda nets: nets.own(head="sigmoid"), None, [2, 1, 0]),
        (lambda nets: one_unit(nets, "sigmoid"), None, [1, 0, 0]),
        (lambda nets: one_unit(nets, None), None, [1, 0, 0]),
        (convolution, None, [2, 1, 0]),
        (lambda nets: convolution(nets, "softmax"), None, [2, 1, 0]),
    ],
    ids=["softmax", "logits", "logits of sigmoids", "sigmoids", "a sigmoid", "a logit", "convolution", "both"],
)
def test_every_head_in_int8_agrees_with_its_float_model(
    nets: Nets, see: See, build: Any, activation: Activation | None, classes: list[int]
) -> None:
    model = make_explicit(see(build(nets), activation), mapping("0..255"))
    tflite = plain_int8(model, lambda: iter(PHOTOS))
    check_full_integer(Graph(tflite), model)
    assert Graph(tflite).outputs[0].shape == (1, model.head.classes)
    wanted, found = answers(model), scores(tflite)
    assert [int(row.argmax()) for row in wanted[:3]] == classes
    for a, b in zip(found, wanted, strict=True):
        assert a.argmax() == b.argmax()
        assert np.abs(a - b).max() < 0.06


@pytest.mark.parametrize("text", ["0..1", "mean=124,117,104/std=58,57,57"])
def test_blue_before_red_takes_raw_pixels_in_the_usual_order(nets: Nets, see: See, text: str) -> None:
    range_ = parse_input_range(text)
    keras_model = nets.colour(mean=range_.mean[::-1], std=range_.std[::-1])
    kernel, bias = keras_model.layers[0].get_weights()
    keras_model.layers[0].set_weights([kernel[:, :, ::-1], bias])
    model = make_explicit(see(keras_model), mapping(text, "BGR"))
    assert [int(row.argmax()) for row in answers(model)[:3]] == [2, 1, 0]
    tflite = plain_int8(model, lambda: iter(PHOTOS))
    check_full_integer(Graph(tflite), model)
    image = Graph(tflite).inputs[0]
    assert image.scale == pytest.approx(1.0, rel=1e-6)
    assert image.zero_point == 0
    for found, wanted in zip(scores(tflite), answers(model), strict=True):
        assert found.argmax() == wanted.argmax()
        assert np.abs(found - wanted).max() < 0.06


def test_the_file_is_of_the_model_in_inference_mode(nets: Nets, see: See) -> None:
    """Without dropout and augmentation, and with the statistics of training: here they change nothing."""
    k = nets.keras
    normalize, half = k.layers.BatchNormalization(epsilon=0.0), np.full(3, 0.5)
    augment = [k.layers.RandomFlip(), k.layers.RandomBrightness(1.0), k.layers.Dropout(0.9)]
    model = nets.colour(*augment, k.layers.Rescaling(1 / 255), normalize)
    normalize.set_weights([half, half, half, half**2])
    made = make_explicit(see(model), mapping("0..255"))
    wanted = answers(explicit(nets, see, "own"))
    assert np.allclose(answers(made), wanted, atol=1e-4)
    assert np.abs(np.subtract(scores(plain_int8(made, lambda: iter(PHOTOS))), wanted)).max() < 0.06


def test_weights_are_quantized_per_channel(nets: Nets, see: See) -> None:
    graph = Graph(plain_int8(explicit(nets, see, "own"), lambda: iter(PHOTOS)))
    kernel = next(tensor for tensor in graph.tensors if tensor.shape == (6, 3, 3, 3))
    assert (kernel.dtype, len(kernel.scales), set(kernel.zero_points)) == ("int8", 6, {0})


def test_the_photos_themselves_are_not_marked(nets: Nets, see: See) -> None:
    before = [pixels.copy() for pixels in PHOTOS]
    for pixels in PHOTOS:
        pixels.flags.writeable = False
    plain_int8(explicit(nets, see, "own"), lambda: iter(PHOTOS))
    assert all(np.array_equal(a, b) for a, b in zip(before, PHOTOS, strict=True))


def test_photos_are_taken_one_at_a_time(nets: Nets, see: See) -> None:
    """The converter asks for the next photo only when it has used the one before."""
    asked: list[int] = []

    def stream() -> Iterator[NDArray[np.uint8]]:
        for i, pixels in enumerate(PHOTOS):
            asked.append(i)
            yield pixels

    plain_int8(explicit(nets, see, "own"), stream)
    assert asked == list(range(len(PHOTOS)))  # one pass


def test_the_same_input_gives_the_same_bytes(nets: Nets, see: See) -> None:
    """In another process too: see test_cli.py."""
    model = explicit(nets, see, "own")
    first, second = (plain_int8(model, lambda: iter(PHOTOS)) for _ in range(2))
    other = plain_int8(model, lambda: iter(PHOTOS[:3]))
    assert first == second != other


def test_the_bytes_are_those_of_tensorflows_own_converter(nets: Nets, see: See) -> None:
    """Ranges are read from its calibrator and given back: the quantizer must not notice."""
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.python.optimize import calibrator

    model = explicit(nets, see, "own")
    photos = [pixels.copy() for pixels in PHOTOS]
    photos[0][0, 0], photos[0][-1, -1] = 0, 255
    made = calibrator.Calibrator(calibrator.add_intermediate_tensors(model.tflite)).calibrate(
        lambda: ([model.tensor(pixels)] for pixels in photos)
    )
    wanted = mlir_quantize(made, input_data_type=tf.uint8, output_data_type=tf.uint8)
    assert plain_int8(model, lambda: iter(PHOTOS)) == wanted


def test_the_version_is_tensorflows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tensorflow.__version__", "9.9.9")
    assert quantizer_version() == "9.9.9"

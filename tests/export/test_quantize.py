"""The int8 file: integers only, raw pixels in, the same bytes every time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.inputrange import parse_input_range
from edgekit.runtime import Engine
from edgekit.scores import dequantize
from edgekit.tflite import Graph
from edgekit_export.frontend import ExplicitModel, ImageInput, make_explicit
from edgekit_export.graph import check_full_integer, float_leftovers, tensor_types
from edgekit_export.quantize import quantize_int8

if TYPE_CHECKING:
    from tests.export.conftest import Nets

pytestmark = pytest.mark.host

IMAGE = ImageInput(16, 12, 3, 3)
NOISE = np.random.default_rng(0).integers(40, 90, (9, 16, 12, 3), dtype=np.uint8)
PHOTOS = list(NOISE + 130 * np.eye(3, dtype=np.uint8)[[i % 3 for i in range(9)], None, None])  # red, green, blue ...


def explicit(nets: Nets, given: str) -> ExplicitModel:
    """A model trained on `given`; `own` for one with Rescaling. No photo is black or white anywhere."""
    if given == "own":
        return make_explicit(nets.own(), IMAGE, parse_input_range("0..255"), PHOTOS)
    range_ = parse_input_range(given)
    return make_explicit(nets.colour(mean=range_.mean, std=range_.std), IMAGE, range_, PHOTOS)


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
    nets: Nets, given: str, scale: float, zero_point: int
) -> None:
    model = explicit(nets, given)
    tflite = quantize_int8(model, lambda: iter(PHOTOS)).tflite
    graph = Graph(tflite)
    check_full_integer(graph, model)
    assert float_leftovers(graph) == ()
    assert set(tensor_types(graph)) <= {"uint8", "int8", "int32"}
    image, output = graph.inputs[0], graph.outputs[0]
    assert (image.dtype, image.shape, output.dtype, output.shape) == ("uint8", (1, 16, 12, 3), "uint8", (1, 3))
    assert image.scale == pytest.approx(scale, rel=1e-6)
    assert abs(image.zero_point - zero_point) <= (given == "-1..1")  # 127.5 rounds to either side
    assert (output.scale, output.zero_point) == (1 / 256, 0)
    engine = Engine(tflite, runtime="litert")
    answer = model.compiled()
    for pixels in PHOTOS:
        scores = dequantize(engine.run(pixels[None])[0], output.scale, output.zero_point)
        assert np.abs(scores - answer(pixels)).max() < 0.06
        assert scores.argmax() == answer(pixels).argmax()


def test_the_file_is_of_the_model_in_inference_mode(nets: Nets) -> None:
    """Without dropout and augmentation, and with the statistics of training: here they change nothing."""
    k = nets.keras
    normalize, half = k.layers.BatchNormalization(epsilon=0.0), np.full(3, 0.5)
    augment = [k.layers.RandomFlip(), k.layers.RandomBrightness(1.0), k.layers.Dropout(0.9)]
    model = nets.colour(*augment, k.layers.Rescaling(1 / 255), normalize)
    normalize.set_weights([half, half, half, half**2])
    made = make_explicit(model, IMAGE, parse_input_range("0..255"), PHOTOS)
    engine = Engine(quantize_int8(made, lambda: iter(PHOTOS)).tflite, runtime="litert")
    answer = explicit(nets, "own").compiled()
    for pixels in PHOTOS:
        assert np.allclose(made.compiled()(pixels), answer(pixels), atol=1e-4)
        assert np.abs(engine.run(pixels[None])[0] / 256 - answer(pixels)).max() < 0.06


def test_weights_are_quantized_per_channel(nets: Nets) -> None:
    graph = Graph(quantize_int8(explicit(nets, "own"), lambda: iter(PHOTOS)).tflite)
    kernel = next(tensor for tensor in graph.tensors if tensor.shape == (6, 3, 3, 3))
    assert (kernel.dtype, len(kernel.scales), set(kernel.zero_points)) == ("int8", 6, {0})


def test_the_photos_themselves_are_not_marked(nets: Nets) -> None:
    before = [pixels.copy() for pixels in PHOTOS]
    for pixels in PHOTOS:
        pixels.flags.writeable = False
    quantize_int8(explicit(nets, "own"), lambda: iter(PHOTOS))
    assert all(np.array_equal(a, b) for a, b in zip(before, PHOTOS, strict=True))


def test_photos_are_taken_one_at_a_time(nets: Nets) -> None:
    """The converter asks for the next photo only when it has used the one before."""
    asked: list[int] = []

    def stream() -> Iterator[NDArray[np.uint8]]:
        for i, pixels in enumerate(PHOTOS):
            asked.append(i)
            yield pixels

    quantize_int8(explicit(nets, "own"), stream)
    assert asked == list(range(len(PHOTOS)))  # one pass


def test_the_same_input_gives_the_same_bytes(nets: Nets) -> None:
    """In another process too: see test_cli.py."""
    model = explicit(nets, "own")
    first, second = (quantize_int8(model, lambda: iter(PHOTOS)).tflite for _ in range(2))
    other = quantize_int8(model, lambda: iter(PHOTOS[:3])).tflite
    assert first == second != other


def test_the_recipe_names_the_converter_that_made_the_file(nets: Nets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tensorflow.__version__", "9.9.9")
    made = quantize_int8(explicit(nets, "own"), lambda: iter(PHOTOS[:1])).quantization
    assert (made.recipe, made.quantizer, made.quantizer_version) == ("int8-full", "TFLiteConverter", "9.9.9")

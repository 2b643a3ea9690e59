"""The explicit model: which models it takes, and that it computes exactly what the original did."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.inputrange import parse_input_range
from edgekit_export.errors import InputRangeError, ModelLoadError
from edgekit_export.frontend import ExplicitModel, find_input_range, head_of, image_input, make_explicit

if TYPE_CHECKING:
    from tests.export.conftest import Nets

pytestmark = pytest.mark.host

Build = Callable[[Any], Any]
NOISE = np.random.default_rng(0).integers(0, 60, (6, 16, 12, 3), dtype=np.uint8)
PHOTOS = list(NOISE + 190 * np.eye(3, dtype=np.uint8)[[0, 1, 2, 0, 1, 2], None, None])  # red, green, blue ...


def explicit(model: Any, given: str | None, photos: list[NDArray[np.uint8]] = PHOTOS) -> ExplicitModel:
    return make_explicit(model, image_input(model), find_input_range(model, given)[0], photos)


def softmax(x: NDArray[np.float64]) -> NDArray[np.float64]:
    e = np.exp(x - x.max())
    return np.asarray(e / e.sum())


def two_inputs(k: Any) -> Any:
    a, b = k.Input((8, 8, 3)), k.Input((8, 8, 3))
    return k.Model([a, b], k.layers.Flatten()(k.layers.Add()([a, b])))


def two_outputs(k: Any) -> Any:
    a = k.Input((8, 8, 3))
    return k.Model(a, [k.layers.Flatten()(a), k.layers.GlobalAveragePooling2D()(a)])


def unsized(k: Any) -> Any:
    return k.Sequential([k.Input((None, None, 3)), k.layers.GlobalAveragePooling2D(), k.layers.Dense(3)])


def flat(shape: tuple[int, ...], units: int = 3) -> Build:
    return lambda k: k.Sequential([k.Input(shape), k.layers.Flatten(), k.layers.Dense(units)])


def words(k: Any) -> Any:
    return k.Sequential([k.Input((20,)), k.layers.Embedding(9, 4), k.layers.Flatten(), k.layers.Dense(3)])


def heatmap(k: Any) -> Any:
    return k.Sequential([k.Input((8, 8, 3)), k.layers.Conv2D(3, 1)])


def unbuilt(k: Any) -> Any:
    return k.Sequential([k.layers.Flatten(), k.layers.Dense(3)])


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (two_inputs, "found 2 inputs and 1 outputs, expected one of each. Wrap it: keras.Model"),
        (two_outputs, "found 1 inputs and 2 outputs"),
        (unbuilt, "found 0 inputs and 0 outputs"),
        (words, "found input (None, 20), expected (batch, height, width, 3 or 1)."),
        (flat((8, 8, 4)), "found input (None, 8, 8, 4)"),
        (flat((4, 8, 8, 3)), "found input (None, 4, 8, 8, 3)"),
        (flat((3, 8, 9)), "(batch, height, width, 3 or 1). Channels stand last in TFLite."),
        (unsized, "without a fixed size. Build the model with keras.Input((height, width, 3))."),
        (heatmap, "found output (None, 8, 8, 3), expected (batch, classes). Add pooling and a Dense layer."),
        (flat((8, 8, 3), units=1), "found one output unit"),
    ],
)
def test_what_is_no_image_classifier_is_refused(nets: Nets, build: Build, reason: str) -> None:
    with pytest.raises(ModelLoadError) as caught:
        image_input(build(nets.keras))
    assert reason in str(caught.value)


def test_a_grayscale_classifier_is_taken(nets: Nets) -> None:
    image = image_input(flat((8, 6, 1), units=2)(nets.keras))
    assert (image.height, image.width, image.channels, image.classes, image.color_order) == (8, 6, 1, 2, "L")
    gray = np.random.default_rng(0).integers(0, 256, (8, 6, 1), dtype=np.uint8)
    nets.keras.utils.set_random_seed(0)
    model = flat((8, 6, 1), units=2)(nets.keras)
    model.layers[1].set_weights([3 * model.layers[1].get_weights()[0], np.array([5, -5])])
    found = explicit(model, "0..1", [gray]).compiled()(gray)
    assert np.allclose(found, softmax(np.asarray(model(gray[None] / 255))[0]), atol=1e-5)


@pytest.mark.parametrize(
    ("given", "mean", "std"),
    [
        ("0..255", 0.0, 1.0),
        ("0..1", 0.0, 255.0),
        ("-1..1", 127.5, 127.5),
        ("mean=10,20,30/std=50,60,70", (10.0, 20.0, 30.0), (50.0, 60.0, 70.0)),
        ("mean=100/std=50", 100.0, 50.0),
    ],
)
@pytest.mark.parametrize("head", ["softmax", "logits"])
def test_the_explicit_model_answers_as_the_original(
    nets: Nets, given: str, mean: float | tuple[float, ...], std: float | tuple[float, ...], head: str
) -> None:
    model = nets.colour(mean=mean, std=std, head=head)
    result = explicit(model, given)
    assert result.head == head
    assert [tensor.shape for tensor in (*result.keras_model.inputs, *result.keras_model.outputs)] == [
        (1, 16, 12, 3),
        (1, 3),
    ]
    answer = result.compiled()
    for pixels in PHOTOS:
        wanted = np.asarray(model(((pixels - np.array(mean)) / np.array(std))[None]), np.float64)[0]
        wanted = softmax(wanted) if head == "logits" else wanted
        found = answer(pixels)
        assert found.dtype == np.float32
        assert np.allclose(found, wanted, atol=1e-5)
        assert found.sum() == pytest.approx(1, abs=1e-5)


def test_preprocessing_of_its_own_takes_raw_pixels(nets: Nets) -> None:
    model = nets.own(head="logits")
    result = explicit(model, None)
    assert (result.mean, result.std) == (0.0, 1.0)
    for pixels in PHOTOS:
        assert np.allclose(result.compiled()(pixels), softmax(np.asarray(model(pixels[None]))[0]), atol=1e-5)


@pytest.mark.parametrize("kept", [True, False])
def test_a_convolution_as_the_head_is_flattened(nets: Nets, kept: bool) -> None:
    k = nets.keras
    layers = [k.layers.GlobalAveragePooling2D(keepdims=True), k.layers.Conv2D(4, 1), k.layers.Softmax()]
    model = k.Sequential([k.Input((16, 12, 3)), k.layers.Conv2D(5, 3), *layers])
    if not kept:
        model.add(k.layers.Reshape((4,)))
    result = explicit(model, "0..255")
    assert image_input(model).classes == 4
    assert result.keras_model.output_shape == (1, 4)
    assert np.allclose(result.compiled()(PHOTOS[0]), np.asarray(model(PHOTOS[0][None])).reshape(-1), atol=1e-5)


def test_it_runs_in_inference_mode(nets: Nets) -> None:
    k = nets.keras
    k.utils.set_random_seed(0)
    layers = [k.layers.Conv2D(6, 3), k.layers.BatchNormalization(), k.layers.Dropout(0.9)]
    augment = [k.layers.RandomFlip(), k.layers.RandomRotation(0.5), k.layers.RandomContrast(0.9)]
    model = k.Sequential([k.Input((16, 12, 3)), *augment, *layers, k.layers.Flatten(), k.layers.Dense(3)])
    model.layers[4].set_weights([np.arange(6), np.ones(6), np.full(6, 3.0), np.full(6, 9.0)])
    result = explicit(model, "0..255")
    first, second = (result.compiled()(PHOTOS[0]) for _ in range(2))
    assert np.array_equal(first, second)
    assert np.allclose(first, softmax(np.asarray(model(PHOTOS[0][None], training=False))[0]), atol=1e-5)


@pytest.mark.parametrize(
    ("head", "reason"),
    [("sigmoid", r"independent scores \(sigmoid\)"), ("relu6", None), ("linear", None)],
)
def test_a_head_of_independent_scores_is_refused(nets: Nets, head: str, reason: str | None) -> None:
    model = nets.own(head=head)
    tensors = [np.asarray(pixels[None], np.float32) for pixels in PHOTOS]
    if reason is None:
        assert head_of(model, tensors) == "logits"
    else:
        with pytest.raises(ModelLoadError, match=reason):
            head_of(model, tensors)


@pytest.mark.parametrize("nested", [False, True])
def test_small_logits_are_not_taken_for_independent_scores(nets: Nets, nested: bool) -> None:
    model = nets.own(head="linear")
    weights, _ = model.layers[4].get_weights()
    model.layers[4].set_weights([np.zeros_like(weights), np.array([0.1, 0.5, 0.9], np.float32)])
    if nested:
        pixels = nets.keras.Input((16, 12, 3))
        model = nets.keras.Model(pixels, model(pixels))
    assert head_of(model, [np.asarray(pixels[None], np.float32) for pixels in PHOTOS]) == "logits"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_answers_that_are_no_numbers_are_refused(nets: Nets, value: float) -> None:
    model = nets.own()
    weights, offsets = model.layers[4].get_weights()
    model.layers[4].set_weights([weights, np.add(offsets, [0, value, 0])])
    with pytest.raises(ModelLoadError, match="not numbers"):
        explicit(model, None)


@pytest.mark.parametrize(
    ("given", "channels", "reason"),
    [
        ("0-255", 3, "--input-range: '0-255'; expected 0..255, 0..1, -1..1, or mean="),
        ("mean=0.5/std=0.5", 3, "in pixel units"),
        ("mean=1,2,3/std=4", 1, "has values for 3 channels, the model takes 1"),
    ],
)
def test_a_range_that_cannot_be_is_refused(nets: Nets, given: str, channels: int, reason: str) -> None:
    with pytest.raises(InputRangeError) as caught:
        find_input_range(flat((8, 8, channels))(nets.keras), given)
    assert reason in str(caught.value)


def test_a_given_range_goes_before_the_models_own(nets: Nets) -> None:
    model = nets.own()
    assert find_input_range(model, None) == (parse_input_range("0..255"), "the model's own preprocessing")
    assert find_input_range(model, "0..1") == (parse_input_range("0..1"), "given")


def test_where_nothing_tells_the_choices_are_shown(nets: Nets) -> None:
    with pytest.raises(InputRangeError, match=r"Pass --input-range: 0\.\.255, 0\.\.1, -1\.\.1, or mean="):
        find_input_range(nets.colour(), None)

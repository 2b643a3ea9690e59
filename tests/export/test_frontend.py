"""What is seen in a float `.tflite`: which models are taken, and that the explicit one computes what they did."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.card import MAX_SIDE
from edgekit.errors import UnsupportedModelError
from edgekit.inputrange import parse_input_range
from edgekit.runtime import Engine
from edgekit.tflite import CAST, Graph
from edgekit_export.convert import convert_traced
from edgekit_export.errors import ModelLoadError
from edgekit_export.frontend import Activation, ExplicitModel, Head, ImageInput, make_explicit, see_network
from edgekit_export.graph import operator_name
from edgekit_export.mapping import CHANNEL_ORDERS, ChannelOrder, Mapping
from edgekit_export.rewire import Rewiring
from edgekit_export.sources.keras_model import network_of
from edgekit_export.sources.network import Port, TracedNetwork

if TYPE_CHECKING:
    from tests.conftest import EditGraph
    from tests.export.conftest import Nets, See

pytestmark = pytest.mark.host

Build = Callable[[Any], Any]
Floats = NDArray[np.float32]
NOISE = np.random.default_rng(0).integers(0, 60, (6, 16, 12, 3), dtype=np.uint8)
PHOTOS = list(NOISE + 190 * np.eye(3, dtype=np.uint8)[[0, 1, 2, 0, 1, 2], None, None])  # red, green, blue ...
RANGES = ("0..255", "0..1", "-1..1", "mean=10,20,30/std=50,60,70", "mean=100/std=50", "mean=1,2,3/std=2")
LAST = "channels last"


def softmax(x: NDArray[Any]) -> NDArray[Any]:
    e = np.exp(x - x.max())
    return np.asarray(e / e.sum())


def sigmoid(x: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(1 / (1 + np.exp(-x)))


def pair(p: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([1 - p, p])


def flat(shape: tuple[int, ...], dtype: str = "float32", before: Build | None = None) -> Build:
    def build(k: Any) -> Any:
        layers = [before(k)] if before else []
        return k.Sequential([k.Input(shape, dtype=dtype), *layers, k.layers.Flatten(), k.layers.Dense(3)])

    return build


def network(k: Any, *after: Any, units: int = 3, activation: str | None = None, convolution: bool = False) -> Any:
    """A network whose answers are moderate whatever its input range, so that none hides behind a saturated head."""
    k.utils.set_random_seed(0)
    x = k.Input((16, 12, 3))
    y = k.layers.ReLU()(k.layers.Conv2D(8, 3)(x))
    y = k.layers.LayerNormalization()(k.layers.GlobalAveragePooling2D(keepdims=convolution)(y))
    head = k.layers.Conv2D(units, 1, activation=activation) if convolution else k.layers.Dense(units, activation)
    y = head(y)
    for layer in after:
        y = layer(y)
    return k.Model(x, y)


def powers(k: Any) -> Any:
    """A softmax by hand, in a way that the converter does not see through."""
    x = k.Input((16, 12, 3))
    y = 2.0 ** network(k)(x)
    return k.Model(x, y / k.ops.sum(y, axis=-1, keepdims=True))


HEADS: dict[str, tuple[Build, Activation | None, Head, Callable[[NDArray[Any]], NDArray[Any]]]] = {
    "softmax": (lambda k: network(k, activation="softmax"), None, Head(3, "softmax", False), np.asarray),
    "logits": (network, None, Head(3, "softmax", True), softmax),
    "logits, said": (network, "softmax", Head(3, "softmax", True), softmax),
    "logits of sigmoids": (network, "sigmoid", Head(3, "sigmoid", True), sigmoid),
    "sigmoids": (lambda k: network(k, activation="sigmoid"), None, Head(3, "sigmoid", False), np.asarray),
    "hard sigmoids": (lambda k: network(k, activation="hard_sigmoid"), None, Head(3, "sigmoid", False), np.asarray),
    "a sigmoid": (lambda k: network(k, units=1, activation="sigmoid"), None, Head(1, "sigmoid", False), pair),
    "a logit": (lambda k: network(k, units=1), None, Head(1, "sigmoid", True), lambda z: pair(sigmoid(z))),
    "a softmax by hand": (powers, None, Head(3, "softmax", False), np.asarray),
    "a convolution": (
        lambda k: network(k, k.layers.Softmax(), convolution=True), None, Head(3, "softmax", False), np.asarray,
    ),
    "a reshaped convolution": (
        lambda k: network(k, k.layers.Reshape((3,)), convolution=True), None, Head(3, "softmax", True), softmax,
    ),
    "a convolution with a sigmoid": (
        lambda k: network(k, units=1, activation="sigmoid", convolution=True), None, Head(1, "sigmoid", False), pair,
    ),
    "a reshaped sigmoid": (
        lambda k: network(k, k.layers.Reshape((1, 1)), units=1, activation="sigmoid"),
        None, Head(1, "sigmoid", False), pair,
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=HEADS)
def headed(request: pytest.FixtureRequest, nets: Nets, see: See) -> Any:
    """The Keras model, what is seen in it, and what its answers mean, for each head."""
    build, activation, head, meaning = HEADS[request.param]
    model = build(nets.keras)
    seen = see(model, activation)
    assert seen.head == head
    return model, seen, meaning


def answer(model: ExplicitModel, pixels: NDArray[np.uint8]) -> Floats:
    return np.asarray(Engine(model.tflite, runtime="litert").run(model.tensor(pixels))[0])


def explicit(see: See, model: Any, text: str, order: ChannelOrder = "RGB") -> ExplicitModel:
    return make_explicit(see(model), Mapping(parse_input_range(text), order))


def operators(data: bytes) -> list[str]:
    return [operator_name(node) for node in Graph(data).operators]


@pytest.mark.parametrize("order", CHANNEL_ORDERS)
@pytest.mark.parametrize("text", RANGES)
def test_the_explicit_model_answers_as_the_original(headed: Any, text: str, order: ChannelOrder) -> None:
    model, seen, meaning = headed
    mapping = Mapping(parse_input_range(text), order)
    made = make_explicit(seen, mapping)
    (image,), (output,) = Graph(made.tflite).inputs, Graph(made.tflite).outputs
    assert (image.shape, image.dtype) == ((1, 16, 12, 3), "float32")
    assert (output.shape, output.dtype) == ((1, seen.head.classes), "float32")
    engine = Engine(made.tflite, runtime="litert")
    for pixels in PHOTOS:
        values = np.asarray(model(mapping.tensor(pixels)), np.float64).reshape(-1)
        found = engine.run(made.tensor(pixels))[0]
        assert np.allclose(found, meaning(values), atol=1e-4)
        assert np.allclose(seen.head.scores(values.astype(np.float32)), meaning(values), atol=1e-5)
        assert seen.head.multi_label or found.sum() == pytest.approx(1, abs=1e-5)


def test_the_network_of_these_tests_tells_ranges_orders_and_photos_apart(nets: Nets) -> None:
    model = network(nets.keras, activation="softmax")
    mappings = [Mapping(parse_input_range(text), order) for text in RANGES for order in CHANNEL_ORDERS]
    answers = [np.asarray(model(mapping.tensor(pixels)))[0] for mapping in mappings for pixels in PHOTOS[:3]]
    apart = [np.abs(a - b).max() for i, a in enumerate(answers) for b in answers[:i]]
    assert np.median(apart) > 1e-2
    assert all(np.max(values) < 0.99 for values in answers)


@pytest.mark.parametrize(
    ("text", "order", "mean", "std", "operator"),
    [
        ("0..255", "RGB", 0.0, 1.0, None),
        ("0..1", "RGB", 0.0, 255.0, None),
        ("-1..1", "RGB", 127.5, 127.5, None),
        ("mean=100/std=50", "RGB", 0.0, 1.0, "DEPTHWISE_CONV_2D"),
        ("mean=1,2,3/std=4", "RGB", 0.0, 1.0, "DEPTHWISE_CONV_2D"),
        ("0..1", "BGR", 0.0, 1.0, "CONV_2D"),
    ],
)
def test_one_scale_stays_outside_the_graph_and_all_else_goes_into_it(
    nets: Nets, see: See, text: str, order: ChannelOrder, mean: float, std: float, operator: str | None
) -> None:
    seen = see(nets.colour())
    made = make_explicit(seen, Mapping(parse_input_range(text), order))
    assert (made.mean, made.std) == (mean, std)
    assert operators(made.tflite) == [operator] * (operator is not None) + operators(seen.tflite)


@pytest.mark.parametrize("head", ["softmax", "logits"])
@pytest.mark.parametrize("text", RANGES[:4])
def test_a_network_trained_on_a_range_knows_colours_in_it(nets: Nets, see: See, text: str, head: str) -> None:
    given = parse_input_range(text)
    made = explicit(see, nets.colour(mean=given.mean, std=given.std, head=head), text)
    assert [int(answer(made, pixels).argmax()) for pixels in PHOTOS[:3]] == [2, 1, 0]


@pytest.mark.parametrize(
    ("shape", "image", "dtype"),
    [
        ((16, 12, 3), ImageInput(16, 12, 3, (1, 16, 12, 3)), "float32"),
        ((8, 6, 1), ImageInput(8, 6, 1, (1, 8, 6, 1)), "float32"),
        ((784,), ImageInput(28, 28, 1, (1, 784), "in another shape"), "float32"),
        ((3072,), ImageInput(32, 32, 3, (1, 3072), "in another shape"), "float32"),
        ((28, 28), ImageInput(28, 28, 1, (1, 28, 28), "in another shape"), "float32"),
        ((3, 16, 12), ImageInput(16, 12, 3, (1, 3, 16, 12), "channels first"), "float32"),
        ((1, 16, 12), ImageInput(16, 12, 1, (1, 1, 16, 12), "channels first"), "float32"),
        ((16, 12, 3), ImageInput(16, 12, 3, (1, 16, 12, 3)), "uint8"),
        ((16, 12, 3), ImageInput(16, 12, 3, (1, 16, 12, 3)), "int32"),
        ((784,), ImageInput(28, 28, 1, (1, 784), "in another shape"), "uint8"),
        ((3, 16, 12), ImageInput(16, 12, 3, (1, 3, 16, 12), "channels first"), "uint8"),
    ],
)
def test_an_image_is_found_in_every_shape_that_people_give_it(
    nets: Nets, see: See, shape: tuple[int, ...], image: ImageInput, dtype: str
) -> None:
    nets.keras.utils.set_random_seed(0)
    model = flat(shape, dtype, None if dtype == "float32" else lambda k: k.layers.Rescaling(1.0))(nets.keras)
    model.layers[-1].set_weights([model.layers[-1].get_weights()[0] / 255, np.array([0.1, 0.2, -0.3])])
    seen = see(model)
    assert (seen.image, seen.takes_bytes) == (image, dtype != "float32")
    assert seen.image.color_order == ("L" if image.channels == 1 else "RGB")
    assert Graph(seen.tflite).inputs[0].shape == (1, image.height, image.width, image.channels)
    assert CAST not in {node.code for node in Graph(seen.tflite).operators}
    pixels = np.random.default_rng(0).integers(0, 256, (image.height, image.width, image.channels), dtype=np.uint8)
    mapping = Mapping(parse_input_range("0..255"))
    original = image.as_original(mapping.tensor(pixels))
    assert original.shape == (1, *shape)
    found = answer(make_explicit(seen, mapping), pixels)
    assert np.allclose(found, softmax(np.asarray(model(original.astype(dtype)))[0]), atol=1e-5)
    reversed_ = original.reshape(-1)[::-1].reshape(original.shape).astype(dtype)
    assert not np.allclose(found, softmax(np.asarray(model(reversed_))[0]), atol=1e-3)


def test_channels_first_are_the_same_image_in_another_order() -> None:
    tensor = np.arange(24, dtype=np.float32).reshape(1, 4, 2, 3)
    first = ImageInput(4, 2, 3, (1, 3, 4, 2), "channels first").as_original(tensor)
    assert first.flags.c_contiguous
    assert all(np.array_equal(first[0, i], tensor[0, :, :, i]) for i in range(3))


def test_an_image_without_a_batch_is_taken(nets: Nets) -> None:
    k = nets.keras
    model = k.Sequential([k.Input((16, 12, 3)), k.layers.Flatten(), k.layers.Dense(3)])
    traced = TracedNetwork(
        "a test", (Port("image", (16, 12, 3), "float32"),), (), lambda ts: [model(ts[0][None])[0]], owner=model
    )
    seen = see_network(traced.to_tflite(0, None))
    assert seen.image == ImageInput(16, 12, 3, (16, 12, 3), "in another shape")
    made = make_explicit(seen, Mapping(parse_input_range("0..1")))
    tensor = Mapping(parse_input_range("0..1")).tensor(PHOTOS[0])
    assert seen.image.as_original(tensor).shape == (16, 12, 3)
    assert np.allclose(answer(made, PHOTOS[0]), softmax(np.asarray(model(tensor))[0]), atol=1e-5)


def two_inputs(k: Any) -> Any:
    a, b = k.Input((8, 8, 3)), k.Input((8, 8, 3))
    return k.Model([a, b], k.layers.Flatten()(k.layers.Add()([a, b])))


def words(k: Any) -> Any:
    return k.Sequential([k.Input((20,)), k.layers.Embedding(9, 4), k.layers.Flatten(), k.layers.Dense(3)])


def heatmap(k: Any) -> Any:
    return k.Sequential([k.Input((8, 8, 3)), k.layers.Conv2D(3, 1)])


def pooled(shape: tuple[int, ...]) -> Build:
    return lambda k: k.Sequential([k.Input(shape), k.layers.GlobalAveragePooling2D(), k.layers.Dense(3)])


def strings(k: Any) -> Any:
    x = k.Input((8, 8, 3), dtype="bool")
    return k.Model(x, k.layers.Dense(3)(k.layers.Flatten()(k.ops.cast(x, "float32"))))


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (
            two_inputs,
            "its output depends on 2 inputs (input_0 (1, 8, 8, 3), input_1 (1, 8, 8, 3)), expected one image.",
        ),
        (words, "found input (batch, 20), expected (batch, height, width, 3 or 1)."),
        (flat((8, 8, 4)), "found input (batch, 8, 8, 4)"),
        (flat((4, 8, 8, 3)), "found input (batch, 4, 8, 8, 3)"),
        (flat((192 + 1,)), "found input (batch, 193)"),
        (flat((49,)), "found input (batch, 49)"),
        (heatmap, "found output (1, 8, 8, 3) float32, expected (batch, classes). Add pooling and a Dense layer"),
        (pooled((1, 8, 3)), "its input (1, 1, 8, 3) has no size that an image can have (2 to 8192 pixels a side)."),
        (pooled((8, MAX_SIDE + 1, 3)), "has no size that an image can have"),
        (strings, "its input (1, 8, 8, 3) is bool, expected an image of float32 or uint8."),
        (lambda k: network(k, k.layers.Lambda(lambda y: k.ops.cast(y > 0, "int32"))), "found output (1, 3) int32"),
    ],
)
def test_what_is_no_image_classifier_is_refused(nets: Nets, see: See, build: Build, reason: str) -> None:
    with pytest.raises(ModelLoadError) as caught:
        see(build(nets.keras))
    assert reason in str(caught.value)


def test_the_largest_image_is_taken(nets: Nets, see: See) -> None:
    assert see(pooled((2, MAX_SIDE, 1))(nets.keras)).image.width == MAX_SIDE


def test_an_input_that_the_scores_do_not_depend_on_is_left_out(nets: Nets) -> None:
    k = nets.keras
    image, other = k.Input((8, 8, 3)), k.Input((5,))
    features = k.layers.Flatten()(image)
    traced = network_of(k.Model([other, image], [k.layers.Dense(3)(features), k.layers.Dense(2)(other)]), k)
    seen = see_network(traced.to_tflite(0, None))
    assert (seen.image.original_shape, seen.head.units) == ((1, 8, 8, 3), 3)
    assert len(Graph(seen.tflite).inputs) == 1
    with pytest.raises(ModelLoadError, match=r"found input \(batch, 5\)"):
        see_network(traced.to_tflite(1, None))


def test_integers_that_are_not_turned_into_floats_at_once_are_refused(nets: Nets, see: See) -> None:
    with pytest.raises(ModelLoadError, match="is uint8, expected an image of float32 or uint8"):
        see(flat((16, 12, 3), "uint8")(nets.keras))


def test_a_softmax_of_one_unit_is_refused(nets: Nets, see: See) -> None:
    x = nets.keras.Input((16, 12, 3))
    y = nets.keras.ops.exp(network(nets.keras, units=1)(x))
    model = nets.keras.Model(x, y / nets.keras.ops.sum(y, axis=-1, keepdims=True))
    with pytest.raises(ModelLoadError, match="its softmax has one unit, so its answer is always 1"):
        see(model)


def test_one_unit_that_is_bounded_by_no_sigmoid_is_refused(nets: Nets, see: See) -> None:
    with pytest.raises(ModelLoadError, match="its one output is bounded by something that is no sigmoid"):
        see(network(nets.keras, units=1, activation="hard_sigmoid"))


def test_a_fixed_batch_of_several_images_is_refused(nets: Nets) -> None:
    import tensorflow as tf

    model = network(nets.keras)
    traced = tf.function(lambda x: model(x, training=False), autograph=False)
    data = convert_traced(traced.get_concrete_function(tf.TensorSpec((4, 16, 12, 3))))
    with pytest.raises(ModelLoadError, match=r"it takes 4 images at once: found input \(4, 16, 12, 3\)"):
        see_network(data)


@pytest.mark.parametrize("found", ["softmax", "sigmoid"])
def test_an_activation_that_contradicts_the_model_is_refused(nets: Nets, see: See, found: Activation) -> None:
    model = network(nets.keras, activation=found)
    (other,) = (name for name in get_args(Activation) if name != found)
    with pytest.raises(ModelLoadError) as caught:
        see(model, other)
    assert str(caught.value) == f"--activation {other}: the model itself ends in a {found}. Leave the option out."
    assert see(model, found) == see(model)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("convolution", [False, True])
def test_small_logits_are_not_taken_for_independent_scores(
    nets: Nets, see: See, nested: bool, convolution: bool
) -> None:
    k = nets.keras
    model = network(k, convolution=convolution)
    weights, _ = model.layers[-1].get_weights()
    model.layers[-1].set_weights([np.zeros_like(weights), np.array([0.1, 0.5, 0.9], np.float32)])
    if nested:
        pixels = k.Input((16, 12, 3))
        model = k.Model(pixels, model(pixels))
    assert see(model).head == Head(3, "softmax", is_logits=True)


@pytest.mark.parametrize("head", ["softmax", "logits", "sigmoid"])
def test_answers_that_are_no_numbers_are_refused(nets: Nets, see: See, head: str) -> None:
    model = nets.own(head=head)
    weights, offsets = model.layers[4].get_weights()
    model.layers[4].set_weights([weights, np.add(offsets, [0, np.nan, 0])])
    with pytest.raises(ModelLoadError, match="not numbers"):
        see(model)


def test_answers_that_are_no_numbers_beyond_the_range_of_training_are_no_matter(nets: Nets, see: See) -> None:
    k = nets.keras
    x = k.Input((16, 12, 3))
    y = k.ops.exp(k.layers.GlobalAveragePooling2D()(x))  # beyond float32 from 89 on
    assert see(k.Model(x, k.layers.Dense(3, use_bias=False)(y))).head.is_logits


def test_an_operator_of_special_runtimes_is_refused(tiny_float: bytes, edit_graph: EditGraph) -> None:
    def make_custom(model: Any) -> None:
        code = model.operatorCodes[0]
        code.builtinCode, code.deprecatedBuiltinCode, code.customCode = 32, 32, b"FlexErf"

    with pytest.raises(UnsupportedModelError, match="TensorFlow's own operator FlexErf"):
        see_network(edit_graph(tiny_float, make_custom))


@pytest.mark.parametrize(
    ("head", "classes", "multi_label", "text"),
    [
        (Head(3, "softmax", False), 3, False, "softmax"),
        (Head(3, "softmax", True), 3, False, "softmax logits"),
        (Head(3, "sigmoid", False), 3, True, "sigmoid"),
        (Head(1, "sigmoid", True), 2, False, "sigmoid logits"),
    ],
)
def test_a_head_says_what_it_is(head: Head, classes: int, multi_label: bool, text: str) -> None:
    assert (head.classes, head.multi_label, head.text) == (classes, multi_label, text)


def test_half_weights_are_read_like_whole_ones(nets: Nets, see: See) -> None:
    import tensorflow as tf

    from edgekit_export.convert import quiet_converter

    model = network(nets.keras)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    with quiet_converter():
        data = bytes(converter.convert())
    half = see_network(data)
    assert "DEQUANTIZE" in operators(data)
    assert "DEQUANTIZE" not in operators(half.tflite)
    mapping = Mapping(parse_input_range("0..1"))
    for pixels in PHOTOS[:2]:
        found = answer(make_explicit(half, mapping), pixels)
        assert np.allclose(found, answer(make_explicit(see(model), mapping), pixels), atol=5e-3)


def test_what_was_made_explicit_is_seen_again_as_it_is(nets: Nets, see: See) -> None:
    """Also after its end was rewired before: a `.tflite` that another tool wrote has any shape there."""
    made = explicit(see, network(nets.keras), "mean=1,2,3/std=4", "BGR")
    rewiring = Rewiring(made.tflite)
    rewiring.append_reshape((1, 1, 3, 1))
    seen = see_network(rewiring.finish())
    assert (seen.head, seen.image) == (Head(3, "softmax", is_logits=False), made.image)
    again = make_explicit(seen, Mapping(parse_input_range("0..255")))
    assert np.allclose(answer(again, PHOTOS[0]), answer(made, PHOTOS[0]), atol=1e-6)

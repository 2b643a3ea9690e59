"""A traced network and a Keras model as one: what they take, what they answer, and the `.tflite` they turn into."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.runtime import Engine
from edgekit.tflite import Graph
from edgekit_export.errors import ModelLoadError
from edgekit_export.graph import operator_name
from edgekit_export.sources.keras_model import network_of
from edgekit_export.sources.network import Port, TracedNetwork, image_port, ports, shape_of, static_shape

if TYPE_CHECKING:
    from tests.export.conftest import Nets

Shape = tuple[int | None, ...]
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 1, 16, 12, 3)).astype(np.float32)
FREE = "no fixed size. Pass the size it was trained on: --input-size HEIGHTxWIDTH."


def port(*shape: int | None) -> Port:
    return Port("image", shape, "float32")


def run(data: bytes, tensor: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(Engine(data, runtime="litert").run(tensor), np.float32).reshape(-1)


@pytest.mark.parametrize(
    ("shape", "size", "wanted"),
    [
        ((None, 16, 12, 3), None, (1, 16, 12, 3)),
        ((None, 16, 12, 3), (8, 9), (1, 16, 12, 3)),
        ((4, 16, 12, 3), None, (1, 16, 12, 3)),
        ((None, None, None, 3), (8, 9), (1, 8, 9, 3)),
        ((None, None, 12, 3), (8, 9), (1, 8, 12, 3)),
        ((None, 3, None, None), (8, 9), (1, 3, 8, 9)),
        ((None, 1, None, None), (8, 9), (1, 1, 8, 9)),
        ((16, 12, 3), None, (16, 12, 3)),
        ((None, 28, 28), None, (1, 28, 28)),
        ((None, 784), None, (1, 784)),
    ],
)
def test_a_batch_of_one_has_a_static_shape(shape: Shape, size: tuple[int, int] | None, wanted: tuple[int, ...]) -> None:
    assert static_shape(port(*shape), size) == wanted


@pytest.mark.parametrize(
    ("shape", "size", "reason"),
    [
        ((None, None, None, 3), None, f"its input image (None, None, None, 3) float32 has {FREE}"),
        ((None, 3, None, None), None, FREE),
        ((None, 16, 12, None), (8, 9), "no fixed size. Build the model with a fixed input shape."),
        ((None, None), (8, 9), "no fixed size. Build the model with a fixed input shape."),
        ((None, None, 28), (8, 9), "no fixed size. Build the model with a fixed input shape."),
    ],
)
def test_a_shape_that_stays_free_is_refused(shape: Shape, size: tuple[int, int] | None, reason: str) -> None:
    with pytest.raises(ModelLoadError) as caught:
        static_shape(port(*shape), size)
    assert str(caught.value).endswith(reason)


@pytest.mark.parametrize(
    ("shapes", "wanted"),
    [
        (((None, 8, 8, 3),), 0),
        (((), (None, 5), (None, 8, 8, 3)), 2),
        (((None, 8, 8, 3), (None, 9, 9, 3)), 0),
    ],
)
def test_the_image_is_the_input_of_highest_rank(shapes: tuple[Shape, ...], wanted: int) -> None:
    assert image_port([port(*shape) for shape in shapes]) == wanted


def test_a_port_is_told_with_name_shape_and_type() -> None:
    assert str(Port("image", (None, 224, 224, 3), "float32")) == "image (None, 224, 224, 3) float32"


@pytest.mark.parametrize(
    ("shape", "wanted"), [([None, 2, np.int64(3)], (None, 2, 3)), ((), ()), (None, ()), (["a"], ())]
)
def test_a_shape_is_plain_numbers(shape: Any, wanted: Shape) -> None:
    assert shape_of(shape) == wanted


def test_ports_come_from_specs_by_name() -> None:
    spec = SimpleNamespace(shape=(None, 4), dtype=SimpleNamespace(name="uint8"))
    assert ports({"a": spec}) == (Port("a", (None, 4), "uint8"),)


@pytest.mark.host
@pytest.mark.parametrize("head", ["softmax", "logits", "sigmoid"])
def test_it_answers_as_the_model_and_so_does_its_file(nets: Nets, head: str) -> None:
    model = nets.own(head=head)
    network = network_of(model, nets.keras)
    assert network.maker == f"Keras {nets.keras.__version__}"
    assert [(p.shape, p.dtype) for p in network.inputs] == [((None, 16, 12, 3), "float32")]
    assert [p.shape for p in network.outputs] == [(None, 3)]
    answer, data = network.answer(0, None), network.to_tflite(0, None)
    for tensor in IMAGES:
        found, wanted = answer(tensor), np.asarray(model(tensor))[0]
        assert (found.dtype.name, found.shape) == ("float32", (3,))
        assert np.allclose(found, wanted, atol=1e-6)
        assert np.allclose(run(data, tensor), wanted, atol=1e-5)


@pytest.mark.host
def test_it_is_in_inference_mode(nets: Nets) -> None:
    k = nets.keras
    k.utils.set_random_seed(0)
    augment = [k.layers.RandomFlip(), k.layers.RandomRotation(0.5), k.layers.RandomContrast(0.9)]
    layers = [k.layers.Conv2D(6, 3), k.layers.BatchNormalization(), k.layers.Dropout(0.9), k.layers.GaussianNoise(0.9)]
    model = k.Sequential([k.Input((16, 12, 3)), *augment, *layers, k.layers.Flatten(), k.layers.Dense(3)])
    model.layers[4].set_weights([np.arange(6), np.ones(6), np.full(6, 3.0), np.full(6, 9.0)])
    network = network_of(model, k)
    data, answer = network.to_tflite(0, None), network.answer(0, None)
    names = [operator_name(node) for node in Graph(data).operators]
    assert set(names) <= {"CONV_2D", "RESHAPE", "FULLY_CONNECTED", "MUL", "ADD"}
    for tensor in IMAGES:
        wanted = np.asarray(model(tensor, training=False))[0]
        assert np.allclose(answer(tensor), wanted, rtol=1e-4, atol=1e-3)
        assert np.allclose(run(data, tensor), wanted, rtol=1e-4, atol=1e-3)
    assert not np.allclose(np.asarray(model(tensor, training=True))[0], wanted, rtol=1e-1)


@pytest.mark.host
def test_a_free_size_is_given_or_that_of_its_own_resizing(nets: Nets) -> None:
    k = nets.keras
    pooled = [k.layers.Conv2D(2, 3), k.layers.GlobalAveragePooling2D(), k.layers.Dense(3)]
    free = network_of(k.Sequential([k.Input((None, None, 3)), *pooled]), k)
    assert free.default_size is None
    with pytest.raises(ModelLoadError, match=r"--input-size HEIGHTxWIDTH\.$"):
        free.to_tflite(0, None)
    with pytest.raises(ModelLoadError, match=r"--input-size HEIGHTxWIDTH\.$"):
        free.answer(0, None)
    assert Graph(free.to_tflite(0, (8, 9))).inputs[0].shape == (1, 8, 9, 3)

    resizing = k.Sequential([k.Input((None, None, 3)), k.Sequential([k.layers.Resizing(10, 14)]), *pooled])
    network = network_of(resizing, k)
    assert network.default_size == (10, 14)
    data = network.to_tflite(0, None)
    assert Graph(data).inputs[0].shape == (1, 10, 14, 3)
    assert Graph(network.to_tflite(0, (20, 28))).inputs[0].shape == (1, 20, 28, 3)
    tensor = IMAGES[0][:, :10, :10].repeat(2, axis=2)[:, :, :14]
    assert np.allclose(run(data, tensor), np.asarray(resizing(tensor))[0], rtol=1e-4, atol=1e-3)
    assert network.answer(0, None)(tensor) == pytest.approx(np.asarray(resizing(tensor))[0], rel=1e-4)


@pytest.mark.host
def test_a_size_it_was_not_built_for_is_refused_with_the_reason(nets: Nets) -> None:
    k = nets.keras
    network = network_of(k.Sequential([k.Input((None, None, 3)), k.layers.Reshape((12,)), k.layers.Dense(2)]), k)
    with pytest.raises(ModelLoadError) as caught:
        network.to_tflite(0, (9, 9))
    assert str(caught.value).startswith("it cannot be run on input of shape (1, 9, 9, 3) (")
    assert str(caught.value).endswith("Check the size it was built for.")
    assert "\n" not in str(caught.value)


@pytest.mark.host
def test_other_inputs_get_zeros_and_the_output_is_the_one_asked_for(nets: Nets) -> None:
    k = nets.keras
    number, image = k.Input((1,), name="number"), k.Input((16, 12, 3), name="image")
    colours = k.layers.GlobalAveragePooling2D()(image)
    model = k.Model([number, image], [k.ops.sum(colours, axis=-1) + 7 + number[:, 0], colours])
    network = network_of(model, k)
    assert [p.name for p in network.inputs] == ["number", "image"]
    assert len(network.outputs) == 2
    assert network.divergence is None
    mean = IMAGES[0].mean(axis=(0, 1, 2))
    assert network.answer(0, None)(IMAGES[0]) == pytest.approx(mean.sum() + 7, rel=1e-5)
    assert network.answer(1, None)(IMAGES[0]) == pytest.approx(mean, rel=1e-5)
    assert Graph(network.to_tflite(1, None)).outputs[0].shape == (1, 3)


@pytest.mark.host
def test_an_input_of_bytes_gets_bytes(nets: Nets) -> None:
    import tensorflow as tf

    def call(tensors: Any) -> list[Any]:
        assert tensors[0].dtype == tf.uint8
        return [tf.reduce_mean(tf.cast(tensors[0], tf.float32), (1, 2))]

    network = TracedNetwork("a test", (Port("image", (None, 16, 12, 3), "uint8"),), (), call)
    assert network.answer(0, None)(IMAGES[0]) == pytest.approx(IMAGES[0].mean(axis=(0, 1, 2)), rel=1e-5)
    assert Graph(network.to_tflite(0, None)).inputs[0].dtype == "uint8"


@pytest.mark.host
@pytest.mark.parametrize("built", ["by a call", "by its build method"])
def test_a_model_of_a_class_is_asked_what_it_was_built_for(nets: Nets, built: str) -> None:
    k = nets.keras

    class Own(k.Model):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.pool, self.dense = k.layers.GlobalAveragePooling2D(), k.layers.Dense(3)

        def build(self, input_shape: Any) -> None:
            self.dense.build((None, 3))
            self.built = True

        def call(self, x: Any) -> Any:
            return self.dense(self.pool(x))

    model = Own()
    with pytest.raises(ModelLoadError, match="does not say what its input is"):
        network_of(model, k)
    if built == "by a call":
        model(IMAGES[0])
    else:
        model.build((None, 16, 12, 3))
    network = network_of(model, k)
    assert [p.shape[1:] for p in network.inputs] == [(16, 12, 3)]
    assert len(network.outputs) == 1
    assert np.allclose(run(network.to_tflite(0, None), IMAGES[0]), np.asarray(model(IMAGES[0]))[0], rtol=1e-4)


@pytest.mark.host
@pytest.mark.parametrize(
    "build",
    [
        lambda k: k.Sequential([k.layers.Flatten(), k.layers.Dense(3)]),
        lambda k: k.Sequential(),
    ],
)
def test_a_model_that_was_never_built_is_refused(nets: Nets, build: Callable[[Any], Any]) -> None:
    with pytest.raises(ModelLoadError, match=r"begin with keras\.Input\(\(height, width, 3\)\)\.$"):
        network_of(build(nets.keras), nets.keras)


@pytest.mark.host
@pytest.mark.filterwarnings("ignore")  # about its own imports
def test_the_keras_of_old_files_is_taken_too(nets: Nets) -> None:
    k = pytest.importorskip("tf_keras")
    layers = [k.layers.RandomFlip(), k.layers.Conv2D(4, 3), k.layers.GlobalAveragePooling2D(), k.layers.Dense(3)]
    model = k.Sequential([k.layers.InputLayer((16, 12, 3), name="photo"), *layers])
    network = network_of(model, k)
    assert network.maker == f"tf_keras {k.__version__}"
    assert [p.shape for p in network.inputs] == [(None, 16, 12, 3)]
    found = run(network.to_tflite(0, None), IMAGES[0])
    assert np.allclose(found, np.asarray(model(IMAGES[0], training=False))[0], rtol=1e-4, atol=1e-3)

"""Rewired ends: each held against numpy, in the runtime that devices have, and the network between left as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.runtime import Engine
from edgekit.tflite import DEQUANTIZE, SOFTMAX, Graph
from edgekit_export.graph import operator_name
from edgekit_export.rewire import Rewiring

if TYPE_CHECKING:
    from tests.conftest import EditGraph
    from tests.export.conftest import Nets

schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="needs ai-edge-litert's schema")

Floats = NDArray[np.float32]
PIXELS = np.random.default_rng(0).integers(0, 256, (1, 16, 12, 3)).astype(np.float32)
UNIT = PIXELS / 255


def run(data: bytes, tensor: Floats) -> Floats:
    return np.asarray(Engine(data, runtime="litert").run(tensor), np.float32)


def operators(data: bytes) -> list[str]:
    return [operator_name(node) for node in Graph(data).operators]


def ends(data: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    graph = Graph(data)
    (image,), (output,) = graph.inputs, graph.outputs
    return image.shape, output.shape


def place(part: memoryview, whole: bytes) -> int:
    """Where a part of the bytes begins."""
    first, second = (np.frombuffer(data, np.uint8).__array_interface__["data"][0] for data in (part, whole))
    return int(first - second)


def misplaced(data: bytes) -> list[int]:
    """Buffers that do not begin at a multiple of 16."""
    graph = Graph(data)
    blobs = {tensor.buffer: graph.buffer(tensor.buffer) for tensor in graph.tensors}
    return [i for i, blob in blobs.items() if len(blob) and place(blob, data) % 16]


def close(found: Floats, wanted: Any) -> bool:
    return found.shape == np.shape(wanted) and np.allclose(found, wanted, atol=1e-5)


def softmax(x: Floats) -> Floats:
    e = np.exp(x - x.max())
    return np.asarray(e / e.sum())


@pytest.fixture(scope="module")
def one_unit(tiny_float: bytes, edit_graph: EditGraph) -> bytes:
    """The tiny float network, its first logit alone."""

    def cut(model: Any) -> None:
        graph = model.subgraphs[0]
        last = graph.operators[-1]
        graph.tensors[last.outputs[0]].shape = [1, 1]
        for index in last.inputs[1:]:
            tensor = graph.tensors[index]
            data = bytes(bytearray(model.buffers[tensor.buffer].data))
            model.buffers[tensor.buffer].data = list(data[: len(data) // 3])
            tensor.shape = [1, *tensor.shape[1:]]

    return Rewiring(edit_graph(tiny_float, cut)).finish()


def test_what_is_not_rewired_answers_as_before(tiny_float: bytes) -> None:
    finished = Rewiring(tiny_float).finish()
    assert finished[4:8] == b"TFL3"
    assert np.array_equal(run(finished, UNIT), run(tiny_float, UNIT))
    before, after = Graph(tiny_float), Graph(finished)
    assert after.operators == before.operators
    assert after.tensors == before.tensors
    for tensor in before.tensors:
        assert bytes(after.buffer(tensor.buffer)) == bytes(before.buffer(tensor.buffer))


@pytest.mark.parametrize(
    ("weights", "operator"),
    [
        (np.diag([1 / 255] * 3), "DEPTHWISE_CONV_2D"),
        (np.diag([0.004, 0.005, 0.006]), "DEPTHWISE_CONV_2D"),
        (np.diag([0.004, 0.005, 0.006])[::-1], "CONV_2D"),
        (np.arange(1, 10).reshape(3, 3) / 3000, "CONV_2D"),
        (np.array([[0.004, 0.005, 0.006]]), "CONV_2D"),
    ],
    ids=["one scale", "a scale each", "BGR", "mixed", "from gray"],
)
@pytest.mark.parametrize("bias", [(0, 0, 0), (0.1, -0.2, 0.3)])
def test_pixels_are_mapped_by_the_matrix(
    tiny_float: bytes, weights: NDArray[Any], operator: str, bias: tuple[float, ...]
) -> None:
    weights, offsets = weights.astype(np.float32), np.array(bias, np.float32)
    rewiring = Rewiring(tiny_float)
    rewiring.prepend_mapping(weights, offsets)
    data, pixels = rewiring.finish(), PIXELS[..., : len(weights)]
    assert operators(data) == [operator, *operators(tiny_float)]
    assert ends(data) == ((1, 16, 12, len(weights)), (1, 3))
    assert close(run(data, np.ascontiguousarray(pixels)), run(tiny_float, pixels @ weights + offsets))


def test_another_shape_is_taken(tiny_float: bytes) -> None:
    rewiring = Rewiring(tiny_float)
    rewiring.prepend_reshape((1, 576))
    data = rewiring.finish()
    assert ends(data) == ((1, 576), (1, 3))
    assert close(run(data, UNIT.reshape(1, 576)), run(tiny_float, UNIT))


def test_channels_first_become_channels_last(tiny_float: bytes) -> None:
    """To the rewiring, 16 x 12 x 3 are sixteen channels of 12 x 3."""
    rewiring = Rewiring(tiny_float)
    rewiring.prepend_channels_last()
    data = rewiring.finish()
    assert ends(data) == ((1, 12, 3, 16), (1, 3))
    assert operators(data) == ["TRANSPOSE", *operators(tiny_float)]
    assert close(run(data, np.ascontiguousarray(UNIT.transpose(0, 2, 3, 1))), run(tiny_float, UNIT))


@pytest.mark.parametrize(
    ("append", "operator", "wanted"),
    [
        (Rewiring.append_softmax, "SOFTMAX", softmax),
        (Rewiring.append_sigmoid, "LOGISTIC", lambda x: 1 / (1 + np.exp(-x))),
        (lambda rewiring: rewiring.append_reshape((3, 1)), "RESHAPE", lambda x: x.reshape(3, 1)),
    ],
)
def test_values_are_finished(
    tiny_float: bytes, append: Callable[[Rewiring], None], operator: str, wanted: Callable[[Floats], Floats]
) -> None:
    rewiring = Rewiring(tiny_float)
    append(rewiring)
    data = rewiring.finish()
    assert operators(data) == [*operators(tiny_float), operator]
    assert close(run(data, UNIT), wanted(run(tiny_float, UNIT)))


def test_one_logit_becomes_two_whose_softmax_is_its_sigmoid(one_unit: bytes, tiny_float: bytes) -> None:
    logit = run(one_unit, UNIT)[0, 0]
    assert logit == pytest.approx(run(tiny_float, UNIT)[0, 0], abs=1e-6)
    rewiring = Rewiring(one_unit)
    rewiring.append_two_logits()
    assert close(run(rewiring.finish(), UNIT), [[-logit / 2, logit / 2]])
    rewiring.append_softmax()
    present = 1 / (1 + np.exp(-logit))
    assert close(run(rewiring.finish(), UNIT), [[1 - present, present]])


def test_a_middle_tensor_can_be_the_output_and_the_input(tiny_float: bytes) -> None:
    """The first half's answer, given to the second half, is the answer of the whole."""
    middle = Graph(tiny_float).operators[0].outputs[0]
    first, second = Rewiring(tiny_float), Rewiring(tiny_float)
    first.keep_output(middle)
    second.enter_at(middle)
    assert operators(first.finish()) == operators(tiny_float)[:1]
    assert operators(second.finish()) == operators(tiny_float)[1:]
    features = run(first.finish(), UNIT)
    assert features.shape == ends(first.finish())[1] == ends(second.finish())[0]
    assert close(run(second.finish(), features), run(tiny_float, UNIT))


def test_both_ends_can_be_rewired_step_by_step(tiny_float: bytes) -> None:
    """`finish` may come in between: what it gives then stays as it is."""
    rewiring = Rewiring(tiny_float)
    rewiring.prepend_mapping(np.diag([0.004] * 3).astype(np.float32), np.zeros(3, np.float32))
    first = rewiring.finish()
    assert rewiring.finish() == first
    rewiring.append_softmax()
    rewiring.prepend_reshape((1, 576))
    second = rewiring.finish()
    again = Rewiring(first)
    again.append_softmax()
    again.prepend_reshape((1, 576))
    assert again.finish() == second
    assert close(run(first, PIXELS), run(tiny_float, 0.004 * PIXELS))
    assert close(run(second, PIXELS.reshape(1, 576)), softmax(run(tiny_float, 0.004 * PIXELS)))


def test_every_constant_begins_at_a_multiple_of_16(tiny_float: bytes, tiny_graph: bytes, edit_graph: EditGraph) -> None:
    """LiteRT reads others wrongly, and says nothing."""
    assert misplaced(edit_graph(tiny_float, lambda _: None)), "the generated classes align by themselves now"
    for data in (tiny_float, tiny_graph):
        rewiring = Rewiring(data)
        for step in range(6):
            rewiring.append_reshape((1, 3))
            rewiring.prepend_reshape((1, *(1,) * step, 576))
            if step == 3:
                rewiring = Rewiring(rewiring.finish())
            assert misplaced(rewiring.finish()) == []


def test_one_operator_has_one_code(tiny_float: bytes) -> None:
    rewiring = Rewiring(tiny_float)
    rewiring.append_softmax()
    rewiring.append_softmax()
    data = rewiring.finish()
    codes = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data)).operatorCodes
    assert [code.builtinCode for code in codes].count(SOFTMAX) == 1
    assert operators(data)[-2:] == ["SOFTMAX", "SOFTMAX"]


def test_what_an_exported_file_says_of_its_old_ends_is_left_out(tiny_float: bytes, edit_graph: EditGraph) -> None:
    def sign(model: Any) -> None:
        entry = schema.MetadataT()
        entry.name, entry.buffer = "TFLITE_METADATA", 1
        model.metadata, model.metadataBuffer = [entry], [1]
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = "serving_default", 0
        model.signatureDefs = [signature]
        model.subgraphs[0].tensors[0].shapeSignature = [-1, 16, 12, 3]

    signed = edit_graph(tiny_float, sign)
    assert list(Graph(signed).metadata) == ["TFLITE_METADATA"]
    data = Rewiring(signed).finish()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data))
    assert Graph(data).metadata == {}
    assert not model.signatureDefs
    assert all(tensor.shapeSignature is None for tensor in model.subgraphs[0].tensors)


def test_a_quantized_graph_keeps_its_dequantizing(tiny_graph: bytes, edit_graph: EditGraph) -> None:
    before = Rewiring(tiny_graph).finish()
    rewiring = Rewiring(tiny_graph)
    rewiring.unfold_half_weights()
    assert rewiring.finish() == before


@pytest.mark.host
def test_inputs_and_operators_that_the_output_does_not_need_are_left_out(nets: Nets) -> None:
    import tensorflow as tf

    from edgekit_export.convert import convert_traced

    def network(unused: Any, image: Any, shift: Any) -> Any:
        return tf.nn.relu(image) + 1.0, tf.sin(unused) * image, image * shift

    specs = [tf.TensorSpec((1, 4)) for _ in range(3)]
    data = convert_traced(tf.function(network, autograph=False).get_concrete_function(*specs))
    graph = Graph(data)
    assert (len(graph.inputs), len(graph.outputs)) == (3, 3)
    tensor = np.array([[-1, 0, 1, 2]], np.float32)
    cut = []
    for output in graph.outputs:
        rewiring = Rewiring(data)
        rewiring.keep_output(output.index)
        cut.append(rewiring.finish())
    needed = {tuple(operators(part)): {t.name for t in Graph(part).inputs} for part in cut}
    assert needed == {
        ("RELU", "ADD"): {"image"},
        ("SIN", "MUL"): {"unused", "image"},
        ("MUL",): {"image", "shift"},
    }
    alone = next(part for part in cut if "RELU" in operators(part))
    assert close(run(alone, tensor), np.maximum(tensor, 0) + 1)


@pytest.mark.host
def test_half_weights_become_whole_ones(nets: Nets) -> None:
    """As `TFLiteConverter` writes them with `supported_types = [tf.float16]`."""
    import tensorflow as tf

    from edgekit_export.convert import quiet_converter

    model = nets.own()
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    with quiet_converter():
        half = bytes(converter.convert())
    assert "DEQUANTIZE" in operators(half)
    rewiring = Rewiring(half)
    rewiring.unfold_half_weights()
    whole = rewiring.finish()
    graph = Graph(whole)
    used = {i for node in graph.operators for i in (*node.inputs, *node.outputs)}
    assert DEQUANTIZE not in {node.code for node in graph.operators}
    assert {graph.tensor(i).dtype for i in used - {-1}} <= {"float32", "int32"}
    assert [name for name in operators(half) if name != "DEQUANTIZE"] == operators(whole)
    assert misplaced(whole) == []
    assert close(run(whole, PIXELS), run(half, PIXELS))
    assert np.allclose(run(whole, PIXELS), np.asarray(model(PIXELS)), atol=1e-2)


@pytest.mark.host
def test_a_free_batch_becomes_a_batch_of_one(nets: Nets) -> None:
    import tensorflow as tf

    from edgekit_export.convert import convert_traced

    model = nets.own()
    function = tf.function(lambda x: model(x, training=False), autograph=False)
    free = convert_traced(function.get_concrete_function(tf.TensorSpec((None, 16, 12, 3))))
    tensors = schema.ModelT.InitFromObj(schema.Model.GetRootAs(free)).subgraphs[0].tensors
    assert any(tensor.shapeSignature is not None and -1 in tensor.shapeSignature for tensor in tensors)
    rewiring = Rewiring(free)
    rewiring.prepend_mapping(np.eye(3, dtype=np.float32)[::-1], np.zeros(3, np.float32))
    assert close(run(rewiring.finish(), PIXELS), np.asarray(model(PIXELS[..., ::-1])))

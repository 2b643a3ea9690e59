from collections.abc import Callable
from typing import Any

import pytest

from edgekit.errors import ModelFileError
from edgekit.structure import check_structure
from edgekit.tflite import Graph

EditGraph = Callable[[bytes, Callable[[Any], None]], bytes]


@pytest.mark.parametrize("name", ["tiny_graph", "tiny_float", "tiny_model"])
def test_honest_graphs_pass(name: str, request: pytest.FixtureRequest) -> None:
    check_structure(Graph(request.getfixturevalue(name)))


def tensor(name: str, value: Any, index: int = 0) -> Callable[[Any], None]:
    return lambda model: setattr(model.subgraphs[0].tensors[index], name, value)


def quantization(name: str, value: Any) -> Callable[[Any], None]:
    return lambda model: setattr(model.subgraphs[0].tensors[0].quantization, name, value)


def operator(name: str, value: Any, index: int = 1) -> Callable[[Any], None]:
    return lambda model: setattr(model.subgraphs[0].operators[index], name, value)


def option(name: str, value: int) -> Callable[[Any], None]:
    return lambda model: setattr(model.subgraphs[0].operators[1].builtinOptions, name, value)


def shorten_weights(model: Any) -> None:
    """One byte less than the shape of the first convolution's weights asks for."""
    subgraph = model.subgraphs[0]
    buffer = model.buffers[subgraph.tensors[subgraph.operators[1].inputs[1]].buffer]
    buffer.data = buffer.data[:-1]


def add_scale(model: Any) -> None:
    """One scale more than the first convolution's weights have channels."""
    subgraph = model.subgraphs[0]
    weights = subgraph.tensors[subgraph.operators[1].inputs[1]].quantization
    weights.scale, weights.zeroPoint = [*weights.scale, 0.1], [*weights.zeroPoint, 0]


def write_weights(model: Any) -> None:
    """The first convolution's output is its own weights."""
    node = model.subgraphs[0].operators[1]
    node.outputs = [node.inputs[1]]


def unscale(model: Any) -> None:
    """An int8 tensor without a scale."""
    subgraph = model.subgraphs[0]
    subgraph.tensors[subgraph.operators[1].outputs[0]].quantization = None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (tensor("shape", [1, -16, 12, 3]), r"tensor 0 has shape \(1, -16"),
        (tensor("shape", [1, 60000, 60000, 3]), r"tensor 0 has shape \(1, 60000"),
        (shorten_weights, r"bytes, its shape asks for"),
        (add_scale, "9 scales for shape"),
        (quantization("zeroPoint", [0, 0]), "2 zero points for 1 scales"),
        (quantization("zeroPoint", [1 << 24]), r"a zero point outside 0\.\.255"),
        (quantization("scale", [1e13]), "a scale outside 1e-12"),
        (quantization("scale", [1e-40]), "a scale outside 1e-12"),
        (unscale, "no scale, as int8 tensors must"),
        (operator("inputs", [0, 1, 2000]), "operator 1 names a tensor outside"),
        (operator("inputs", [0, -1, 2]), "operator 1 names a tensor outside"),
        (operator("outputs", [-1]), "operator 1 names a tensor outside"),
        (write_weights, "operator 1 writes to a constant"),
        (option("strideW", 0), "operator 1 has a stride"),
        (option("strideH", -(2**31)), "operator 1 has a stride"),
        (option("padding", -112), "operator 1 has a stride, window or padding"),
        (operator("builtinOptionsType", 0), "operator 1 has a stride"),
    ],
)
def test_damage_that_crashes_runtimes_is_refused(
    change: Callable[[Any], None], words: str, tiny_graph: bytes, edit_graph: EditGraph
) -> None:
    with pytest.raises(ModelFileError, match=words) as refused:
        check_structure(Graph(edit_graph(tiny_graph, change)))
    assert "Copy the file again." in str(refused.value)


def test_a_bias_may_be_left_out(tiny_graph: bytes, edit_graph: EditGraph) -> None:
    def change(model: Any) -> None:
        node = model.subgraphs[0].operators[1]
        node.inputs = [*node.inputs[:2], -1]

    check_structure(Graph(edit_graph(tiny_graph, change)))

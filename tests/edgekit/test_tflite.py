import math
from collections.abc import Callable
from typing import Any

import pytest

from edgekit.errors import EdgekitError, ModelFileError, UnsupportedModelError
from edgekit.tflite import CUSTOM, SOFTMAX, TENSOR_TYPES, Graph

EditGraph = Callable[[bytes, Callable[[Any], None]], bytes]


def read_all(graph: Graph) -> tuple[object, ...]:
    constants = [bytes(graph.buffer(tensor.buffer)) for tensor in graph.tensors]
    return graph.inputs, graph.outputs, graph.operators, graph.metadata, graph.custom_operators, constants


@pytest.mark.parametrize("name", ["tiny_graph", "tiny_float", "tiny_model"])
def test_the_tiny_graphs_read_as_the_generated_schema_reads_them(
    name: str, agrees_with_schema: Callable[[bytes], None], request: pytest.FixtureRequest
) -> None:
    agrees_with_schema(request.getfixturevalue(name))


def test_input_and_output_of_the_tiny_graph(tiny_graph: bytes) -> None:
    graph = Graph(tiny_graph)
    (image,), (scores,) = graph.inputs, graph.outputs
    assert (image.shape, image.dtype, image.zero_point) == ((1, 16, 12, 3), "uint8", 0)
    assert image.scale == pytest.approx(1 / 255, rel=0.01)
    assert (scores.shape, scores.dtype, scores.scale, scores.zero_point) == ((1, 3), "uint8", 1 / 256, 0)
    last = graph.producer(scores.index)
    assert last is not None
    before = graph.producer(last.inputs[0])
    assert before is not None
    assert before.code == SOFTMAX


def test_tensors_that_are_not_quantized_have_scale_zero(tiny_float: bytes) -> None:
    image = Graph(tiny_float).inputs[0]
    assert (image.dtype, image.scales, image.scale, image.zero_point) == ("float32", (), 0.0, 0)


def test_the_graph_input_has_no_producer(tiny_graph: bytes) -> None:
    graph = Graph(tiny_graph)
    assert graph.producer(graph.inputs[0].index) is None


def test_the_declared_oldest_runtime_is_read(tiny_graph: bytes) -> None:
    assert Graph(tiny_graph).declared_min_runtime.split(".")[0].isdigit()


def test_type_names_agree_with_the_schema() -> None:
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    known = {v: k.lower() for k, v in vars(schema.TensorType).items() if isinstance(v, int) and not k.startswith("_")}
    assert dict(enumerate(TENSOR_TYPES)).items() <= known.items()


@pytest.mark.parametrize("data", [b"", b"\0\0\0\0TFL", b"\x1c\0\0\0NOPE" + bytes(64)])
def test_bytes_without_the_identifier_are_no_tflite_file(data: bytes) -> None:
    with pytest.raises(ModelFileError, match="not a TFLite file"):
        Graph(data)


@pytest.mark.parametrize("count", [0, 2])
def test_a_file_that_is_not_one_graph_is_unsupported(count: int, tiny_graph: bytes, edit_graph: EditGraph) -> None:
    def change(model: Any) -> None:
        model.subgraphs = model.subgraphs * count

    with pytest.raises(UnsupportedModelError, match=f"found {count} subgraphs, expected one"):
        Graph(edit_graph(tiny_graph, change))


@pytest.mark.parametrize("scale", [math.nan, math.inf, -math.inf, 0.0, -0.5])
def test_scales_that_are_no_positive_numbers_are_damage(scale: float, tiny_graph: bytes, edit_graph: EditGraph) -> None:
    def change(model: Any) -> None:
        model.subgraphs[0].tensors[0].quantization.scale = [scale]

    with pytest.raises(ModelFileError, match="tensor 0 has a scale that is not a positive number"):
        Graph(edit_graph(tiny_graph, change)).tensor(0)


def name_tensor(model: Any) -> None:
    model.subgraphs[0].inputs = [99]


def name_negative_tensor(model: Any) -> None:
    model.subgraphs[0].outputs = [-1]


def name_operator(model: Any) -> None:
    model.subgraphs[0].operators[1].opcodeIndex = 50


def name_buffer(model: Any) -> None:
    model.subgraphs[0].tensors[3].buffer = 5000


def name_metadata_buffer(model: Any) -> None:
    model.metadata[0].buffer = 5000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (name_tensor, "names tensor 99 of"),
        (name_negative_tensor, "names tensor -1 of"),
        (name_operator, "names operator 50 of"),
        (name_buffer, "names buffer 5000 of"),
        (name_metadata_buffer, "names buffer 5000 of"),
    ],
)
def test_numbers_that_name_nothing_are_damage(
    change: Callable[[Any], None], words: str, tiny_graph: bytes, edit_graph: EditGraph
) -> None:
    with pytest.raises(ModelFileError, match=words):
        read_all(Graph(edit_graph(tiny_graph, change)))


def test_operator_codes_above_127_are_read_from_the_wide_field(tiny_graph: bytes, edit_graph: EditGraph) -> None:
    def change(model: Any) -> None:
        model.operatorCodes[0].deprecatedBuiltinCode, model.operatorCodes[0].builtinCode = 127, 150

    assert 150 in {node.code for node in Graph(edit_graph(tiny_graph, change)).operators}


def test_custom_operators_are_named(tiny_graph: bytes, edit_graph: EditGraph) -> None:
    def change(model: Any) -> None:
        for code, name in zip(model.operatorCodes, ("zebra", "aardvark"), strict=False):
            code.deprecatedBuiltinCode = code.builtinCode = CUSTOM
            code.customCode = name

    assert Graph(tiny_graph).custom_operators == ()
    assert Graph(edit_graph(tiny_graph, change)).custom_operators == ("aardvark", "zebra")


def test_unknown_tensor_types_are_shown_by_number(tiny_graph: bytes, edit_graph: EditGraph) -> None:
    def change(model: Any) -> None:
        model.subgraphs[0].tensors[0].type = 99

    assert Graph(edit_graph(tiny_graph, change)).tensor(0).dtype == "type99"


def test_every_cut_of_a_graph_is_read_or_refused(tiny_graph: bytes) -> None:
    for end in range(0, len(tiny_graph), 7):
        text = ""
        try:
            read_all(Graph(tiny_graph[:end]))
        except EdgekitError as error:
            text = str(error)
        assert "\n" not in text

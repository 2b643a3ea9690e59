"""What is in a `.tflite`: held against Google's own reader, and against the contract of an exported file."""

from __future__ import annotations

import dataclasses
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edgekit.tflite import Graph, Operator, Tensor
from edgekit_export.errors import NotFullyQuantizedError
from edgekit_export.frontend import ExplicitModel, Head, ImageInput
from edgekit_export.graph import (
    OperatorUse,
    check_full_integer,
    float_leftovers,
    operator_name,
    operators_used,
    parameter_count,
    requirements,
    tensor_types,
)

schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="needs ai-edge-litert's schema")

MODEL = ExplicitModel(b"", ImageInput(16, 12, 3, (1, 16, 12, 3)), Head(3, "softmax", False), 0.0, 255.0)


class FakeGraph(SimpleNamespace):
    """The parts of a `Graph` that are looked at."""


def tensor(index: int, dtype: str = "uint8", shape: tuple[int, ...] = (1, 3), scale: float = 1 / 255) -> Tensor:
    return Tensor(index, f"t{index}", shape, dtype, 0, (scale,), (0,), 0)


def fake(**changes: Any) -> Graph:
    """A graph that keeps the contract, but for `changes`."""
    image, output = tensor(0, shape=(1, 16, 12, 3)), tensor(1)
    parts: dict[str, Any] = {
        "inputs": (image,),
        "outputs": (output,),
        "tensors": (image, output),
        "operators": (Operator(22, "", 1, (0,), (1,)),),
        "declared_min_runtime": "",
    }
    return cast("Graph", FakeGraph(**{**parts, **changes}))


@pytest.mark.parametrize("name", ["tiny_graph", "tiny_float"])
def test_it_agrees_with_googles_own_reader(name: str, request: pytest.FixtureRequest) -> None:
    agrees_with_the_schema(request.getfixturevalue(name))


@pytest.mark.host
def test_it_agrees_with_googles_own_reader_about_an_export(graph_bytes: bytes) -> None:
    agrees_with_the_schema(graph_bytes)
    assert float_leftovers(Graph(graph_bytes)) == ()


def test_it_agrees_with_googles_own_reader_about_other_peoples_files(third_party: Any) -> None:
    files = [p for p in sorted(third_party.glob("*.tflite")) if p.stat().st_size < 10**6 and "INVALID" not in p.name]
    assert files
    for path in files:
        agrees_with_the_schema(path.read_bytes())


def agrees_with_the_schema(data: bytes) -> None:
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data))
    subgraph = model.subgraphs[0]
    type_names = {code: name.lower() for name, code in vars(schema.TensorType).items() if isinstance(code, int)}
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
    codes = [model.operatorCodes[op.opcodeIndex] for op in subgraph.operators]
    nodes = [
        ((c.customCode or b"").decode() or names[max(c.builtinCode, c.deprecatedBuiltinCode)], c.version) for c in codes
    ]
    graph = Graph(data)
    assert [operator_name(node) for node in graph.operators] == [name for name, _ in nodes]
    used = operators_used(graph)
    assert {use.name: use.count for use in used} == Counter(name for name, _ in nodes)
    assert {(use.name, version) for use in used for version in use.versions} == set(nodes)
    assert [use.count for use in used] == sorted((use.count for use in used), reverse=True)
    assert tensor_types(graph) == Counter(type_names[t.type] for t in subgraph.tensors)
    constants = [t for t in subgraph.tensors if t.buffer and model.buffers[t.buffer].data is not None]
    assert parameter_count(graph) == sum(int(t.shape.prod()) if t.shape is not None else 1 for t in constants)


def test_operators_have_their_names(tiny_graph: bytes) -> None:
    assert operator_name(Operator(32, "TFLite_Detection", 1, (), ())) == "TFLite_Detection"
    assert operator_name(Operator(9999, "", 1, (), ())) == "#9999"
    assert operators_used(fake(operators=[Operator(9999, "", 2, (), ()), Operator(3, "", 1, (), ())] * 2)) == (
        OperatorUse("#9999", (2,), 2),
        OperatorUse("CONV_2D", (1,), 2),
    )


def test_float_operators_are_named_with_their_tensor(tiny_float: bytes, tiny_graph: bytes) -> None:
    graph = Graph(tiny_float)
    names = [text.partition(" (float32 '")[0] for text in float_leftovers(graph)]
    assert names == [operator_name(node) for node in graph.operators]
    assert float_leftovers(Graph(tiny_graph)) == ()


def test_an_operator_with_one_float_end_is_a_leftover() -> None:
    ends = (tensor(0, "float32"), tensor(1))
    graph = fake(inputs=ends[:1], tensors=ends, operators=(Operator(114, "", 1, (0,), (1,)),))
    assert float_leftovers(graph) == ("QUANTIZE (float32 't0')",)


def test_a_float_end_without_any_operator_is_a_leftover() -> None:
    lone = tensor(0, "float32")
    assert float_leftovers(fake(inputs=(lone,), outputs=(lone,), tensors=(lone,), operators=())) == (
        "float32 tensor 't0'",
    )


def test_a_file_that_keeps_the_contract_passes() -> None:
    check_full_integer(fake(), MODEL)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"outputs": (tensor(1, "int8"),)}, "the file's output is int8 with 1 scales, expected uint8 with one."),
        ({"inputs": (tensor(0, "int16"),)}, "the file's input is int16"),
        (
            {"outputs": (dataclasses.replace(tensor(1), scales=(), zero_points=()),)},
            "the file's output is uint8 with 0 scales",
        ),
        (
            {"inputs": (tensor(0, shape=(1, 12, 16, 3)),)},
            "maps (1, 12, 16, 3) to (1, 3), expected (1, 16, 12, 3) to (1, 3)",
        ),
        ({"outputs": (tensor(1, shape=(1, 4)),)}, "to (1, 4), expected"),
        (
            {"inputs": (tensor(0, shape=(1, 16, 12, 3), scale=1 / 250),)},
            "scale 0.004 and zero point 0, so raw pixels would be misread; expected 0.00392157 and 0.",
        ),
        (
            {"inputs": (dataclasses.replace(tensor(0, shape=(1, 16, 12, 3)), zero_points=(1,)),)},
            "zero point 1, so raw pixels would be misread",
        ),
    ],
)
def test_a_file_that_breaks_the_contract_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotFullyQuantizedError) as caught:
        check_full_integer(fake(**changes), MODEL)
    assert reason in str(caught.value)


def test_one_unit_stands_for_two_classes() -> None:
    image, pair = tensor(0, shape=(1, 16, 12, 3)), tensor(1, shape=(1, 2))
    one_unit = dataclasses.replace(MODEL, head=Head(1, "sigmoid", False))
    check_full_integer(fake(outputs=(pair,)), one_unit)
    with pytest.raises(NotFullyQuantizedError, match=r"to \(1, 1\), expected \(1, 16, 12, 3\) to \(1, 2\)"):
        check_full_integer(fake(inputs=(image,), outputs=(tensor(1, shape=(1, 1)),)), one_unit)


def test_a_float_file_is_refused_by_name(tiny_float: bytes) -> None:
    with pytest.raises(NotFullyQuantizedError, match=r"still computes with floats in .*CONV_2D \(float32"):
        check_full_integer(Graph(tiny_float), MODEL)


@pytest.mark.host
def test_a_dynamic_range_file_is_refused_by_name(nets: Any) -> None:
    """Weights in int8, everything else in float: what the converter makes without calibration."""
    import tensorflow as tf

    from edgekit_export.convert import quiet_converter

    k = nets.keras
    wide = k.Sequential([k.Input((16, 12, 3), 1), k.layers.Flatten(), k.layers.Dense(64), k.layers.Dense(3)])
    converter = tf.lite.TFLiteConverter.from_keras_model(wide)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    with quiet_converter():
        graph = Graph(bytes(converter.convert()))
    assert {"int8", "float32"} <= set(tensor_types(graph))
    with pytest.raises(NotFullyQuantizedError, match=r"still computes with floats in .*FULLY_CONNECTED \(float32"):
        check_full_integer(graph, MODEL)


def test_many_leftovers_are_counted() -> None:
    tensors = tuple(tensor(i, "float32") for i in range(8))
    operators = tuple(Operator(22, "", 1, (i,), (i + 1,)) for i in range(7))
    with pytest.raises(NotFullyQuantizedError, match=r"and 2 more\. Replace these layers"):
        check_full_integer(fake(tensors=tensors, operators=operators), MODEL)


def test_requirements_list_each_operators_newest_version(tiny_graph: bytes) -> None:
    nodes = [Operator(3, "", 5, (), ()), Operator(3, "", 3, (), ()), Operator(25, "", 1, (), ())]
    needs = requirements(fake(operators=nodes, declared_min_runtime="1.14.0"), "tflite-runtime 2.14.0", {})
    assert needs.operators == {"CONV_2D": 5, "SOFTMAX": 1}
    assert list(needs.operators) == sorted(needs.operators)
    assert (needs.oldest_runtime, needs.declared_min_runtime, needs.refused_by) == (
        "tflite-runtime 2.14.0",
        "1.14.0",
        None,
    )
    assert requirements(fake(), None, {"tflite-runtime": "too old"}).refused_by == {"tflite-runtime": "too old"}

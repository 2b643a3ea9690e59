from collections.abc import Callable
from typing import Any

import pytest

from edgekit.card import ModelCard
from edgekit.errors import UnsupportedModelError
from edgekit.foreign import describe_foreign, has_independent_scores
from edgekit.inputrange import parse_input_range
from edgekit.modelfile import parse_model_file

EditGraph = Callable[[bytes, Callable[[Any], None]], bytes]
ABC = ("a", "b", "c")


def describe(
    data: bytes, labels: tuple[str, ...] | None = ABC, input_range: str | None = None
) -> tuple[ModelCard, str]:
    """The card, and all assumptions in one text."""
    parsed = parse_input_range(input_range) if input_range else None
    card, assumptions = describe_foreign(parse_model_file(data), labels=labels, input_range=parsed)
    return card, "; ".join(assumptions)


def image(model: Any) -> Any:
    return model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]]


def scores(model: Any) -> Any:
    return model.subgraphs[0].tensors[model.subgraphs[0].outputs[0]]


def test_a_uint8_classifier_takes_raw_pixels(tiny_graph: bytes) -> None:
    card, assumed = describe(tiny_graph)
    assert (card.input.height, card.input.width, card.input.channels) == (16, 12, 3)
    assert card.input.mean == (0.0,)
    assert card.input.std[0] * parse_model_file(tiny_graph).graph.inputs[0].scale == pytest.approx(1)
    assert (card.output.kind, card.output.labels) == ("probabilities", ABC)
    assert "its uint8 input takes raw pixels 0..255" in assumed
    assert "the whole photo is stretched to 12x16, bilinear" in assumed


def test_an_int8_classifier_takes_raw_pixels_minus_128(tiny_graph: bytes, edit_graph: EditGraph) -> None:
    def change(model: Any) -> None:
        image(model).type = 9
        image(model).quantization.zeroPoint = [-128]

    card, assumed = describe(edit_graph(tiny_graph, change))
    assert card.input.mean == (0.0,)
    assert "its int8 input takes raw pixels minus 128" in assumed


def test_a_gray_classifier_gets_gray_pixels(tiny_graph: bytes, edit_graph: EditGraph) -> None:
    def change(model: Any) -> None:
        image(model).shape = [1, 16, 12, 1]

    assert describe(edit_graph(tiny_graph, change))[0].input.color_order == "L"


def test_an_input_range_from_outside_replaces_what_was_assumed(tiny_graph: bytes) -> None:
    card, assumed = describe(tiny_graph, input_range="-1..1")
    assert (card.input.mean, card.input.std) == ((127.5,), (127.5,))
    assert "raw pixels" not in assumed


def test_a_float_classifier_must_be_told_its_input_range(tiny_float: bytes) -> None:
    with pytest.raises(UnsupportedModelError, match=r"float32 input .* Pass --input-range: 0\.\.255, 0\.\.1, -1\.\.1"):
        describe(tiny_float)
    assert describe(tiny_float, input_range="0..1")[0].input.std == (255.0,)


def test_logits_are_told_from_probabilities(tiny_float: bytes) -> None:
    card, assumed = describe(tiny_float, input_range="0..1")
    assert (card.output.kind, card.output.activation) == ("logits", "softmax")
    assert "its output holds logits; softmax was applied" in assumed


def last_operator(code: int) -> Callable[[Any], None]:
    """Makes the operator before the final QUANTIZE another one."""

    def change(model: Any) -> None:
        model.operatorCodes[model.subgraphs[0].operators[-2].opcodeIndex].deprecatedBuiltinCode = code
        model.operatorCodes[model.subgraphs[0].operators[-2].opcodeIndex].builtinCode = code

    return change


def test_sigmoid_scores_stand_each_for_itself(tiny_graph: bytes, edit_graph: EditGraph) -> None:
    card, assumed = describe(edit_graph(tiny_graph, last_operator(14)))
    assert (card.output.kind, card.output.activation) == ("probabilities", "sigmoid")
    assert card.output.multi_label
    assert "a label is present from 50%, and they need not sum to 1" in assumed


@pytest.mark.parametrize(("code", "activation"), [(9, "softmax"), (25, "softmax"), (14, "sigmoid")])
def test_only_a_sigmoid_makes_scores_independent(
    code: int, activation: str, tiny_graph: bytes, edit_graph: EditGraph
) -> None:
    data = edit_graph(tiny_graph, last_operator(code))
    assert describe(data)[0].output.activation == activation
    assert has_independent_scores(parse_model_file(data).graph) == (activation == "sigmoid")


@pytest.mark.parametrize("shape", [[], [1], [1, 1], [3, 3]])
def test_scores_of_no_classifier_are_not_independent(
    shape: list[int], tiny_graph: bytes, edit_graph: EditGraph
) -> None:
    def change(model: Any) -> None:
        last_operator(14)(model)
        scores(model).shape = shape

    assert not has_independent_scores(parse_model_file(edit_graph(tiny_graph, change)).graph)


def test_several_outputs_are_not_independent_scores(tiny_graph: bytes, edit_graph: EditGraph) -> None:
    def change(model: Any) -> None:
        last_operator(14)(model)
        model.subgraphs[0].outputs = [*model.subgraphs[0].outputs, 0]

    assert not has_independent_scores(parse_model_file(edit_graph(tiny_graph, change)).graph)


def test_an_output_quantized_to_0_to_1_holds_probabilities(tiny_graph: bytes, edit_graph: EditGraph) -> None:
    _, assumed = describe(edit_graph(tiny_graph, last_operator(9)))
    assert "quantized to 0..1, holds probabilities" in assumed


def test_an_embedder_is_refused_unless_it_has_labels(tiny_graph: bytes, edit_graph: EditGraph) -> None:
    embedder = edit_graph(tiny_graph, last_operator(40))
    with pytest.raises(UnsupportedModelError, match="an embedder, not a classifier: its 3 outputs"):
        describe(embedder, labels=None)
    assert describe(embedder)[0].output.labels == ABC


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (None, "it has 3 classes and no labels. Pass --labels FILE with 3 lines."),
        (("a", "b"), "found 2 labels for 3 outputs.*Perhaps line 1 should be 'background'"),
        (("a", "b", "c", "d"), "found 4 labels for 3 outputs"),
        ((), "found 0 labels for 3 outputs"),
    ],
)
def test_labels_must_fit_the_output(labels: tuple[str, ...] | None, words: str, tiny_graph: bytes) -> None:
    with pytest.raises(UnsupportedModelError, match=words) as refused:
        describe(tiny_graph, labels=labels)
    assert ("background" in str(refused.value)) == (labels == ("a", "b"))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ([1, 16, 12, 2], "not an image classifier: found input"),
        ([2, 16, 12, 3], "not an image classifier: found input"),
        ([16, 12, 3], "not an image classifier: found input"),
        ([1, 1, 1, 3], "has no fixed size. Convert the model again with a static input shape"),
        ([1, 9000, 12, 3], "larger than 8192x8192"),
    ],
)
def test_inputs_that_are_no_image_are_refused(
    shape: list[int], words: str, tiny_graph: bytes, edit_graph: EditGraph
) -> None:
    with pytest.raises(UnsupportedModelError, match=words):
        describe(edit_graph(tiny_graph, lambda model: setattr(image(model), "shape", shape)))


@pytest.mark.parametrize("shape", [[], [1], [1, 1], [3, 3], [1, 2, 3]])
def test_outputs_that_are_no_scores_are_refused(shape: list[int], tiny_graph: bytes, edit_graph: EditGraph) -> None:
    with pytest.raises(UnsupportedModelError, match="not a classifier: found output"):
        describe(edit_graph(tiny_graph, lambda model: setattr(scores(model), "shape", shape)))


def test_several_inputs_or_outputs_are_refused(tiny_graph: bytes, edit_graph: EditGraph) -> None:
    def two(name: str) -> Callable[[Any], None]:
        return lambda model: setattr(model.subgraphs[0], name, [*getattr(model.subgraphs[0], name), 0])

    with pytest.raises(UnsupportedModelError, match="not an image classifier"):
        describe(edit_graph(tiny_graph, two("inputs")))
    with pytest.raises(UnsupportedModelError, match="not a classifier"):
        describe(edit_graph(tiny_graph, two("outputs")))


@pytest.mark.parametrize(("part", "role"), [(image, "input"), (scores, "output")])
def test_types_that_are_no_pixels_or_scores_are_refused(
    part: Callable[[Any], Any], role: str, tiny_graph: bytes, edit_graph: EditGraph
) -> None:
    with pytest.raises(UnsupportedModelError, match=f"its {role} is int64, expected uint8, int8 or float32"):
        describe(edit_graph(tiny_graph, lambda model: setattr(part(model), "type", 4)))
    with pytest.raises(UnsupportedModelError, match=f"its {role} is uint8 without a scale"):
        describe(edit_graph(tiny_graph, lambda model: setattr(part(model), "quantization", None)))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("edgetpu-custom-op", "compiled for the Edge TPU.*Use the .tflite it was compiled from"),
        ("FlexRoll", "TensorFlow's own operator FlexRoll. Convert the model again with TFLITE_BUILTINS only"),
        ("MyOp", "it needs the custom operator 'MyOp', which no plain TFLite runtime has"),
    ],
)
def test_custom_operators_are_refused_with_the_way_out(
    name: str, words: str, tiny_graph: bytes, edit_graph: EditGraph
) -> None:
    def change(model: Any) -> None:
        code = model.operatorCodes[0]
        code.deprecatedBuiltinCode = code.builtinCode = 32
        code.customCode = name

    with pytest.raises(UnsupportedModelError, match=words):
        describe(edit_graph(tiny_graph, change))

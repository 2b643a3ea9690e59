"""A card for a `.tflite` that edgekit did not write: what it says, and what had to be assumed, told apart.

Nothing is guessed where a wrong guess would give wrong answers silently: a model that does not say its labels, or a
float model that does not say its input range, is refused with the option that supplies it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from edgekit import tflite
from edgekit.card import MAX_SIDE, InputSpec, ModelCard, OutputSpec
from edgekit.errors import UnsupportedModelError
from edgekit.inputrange import CHOICES, InputRange
from edgekit.modelfile import ModelFile
from edgekit.structure import check_structure
from edgekit.tflite import Graph, Tensor

_EMBEDDER_TAILS = (tflite.AVERAGE_POOL_2D, tflite.MEAN, tflite.L2_NORMALIZATION)


def describe_foreign(
    model: ModelFile, *, labels: Sequence[str] | None = None, input_range: InputRange | None = None
) -> tuple[ModelCard, tuple[str, ...]]:
    """A card for a model file without one, and the assumptions in it, one sentence each.

    Args:
        model: A model file whose `card` is None.
        labels: Labels from outside; they replace those of the file.
        input_range: What the model was trained on; replaces what the file says.

    Raises:
        UnsupportedModelError: not an image classifier that plain runtimes can run, or it says too little.
    """
    graph = model.graph
    refuse_custom_operators(graph)
    check_structure(graph)
    image, output = _image_input(graph), _scores_output(graph)
    tail = _tail(graph, output)
    found = tuple(labels) if labels is not None else model.labels
    names = _checked_labels(found, output, tail)
    mean, std, about_input = _normalization(model, image, input_range)
    kind, activation, about_output = _output_kind(output, tail)
    _, height, width, channels = image.shape
    card = ModelCard(
        name=model.metadata.name if model.metadata and model.metadata.name else "unnamed",
        input=InputSpec(height, width, channels, mean, std, color_order="RGB" if channels == 3 else "L"),
        output=OutputSpec(kind=kind, activation=activation, labels=names),
    )
    about_fit = f"the whole photo is stretched to {width}x{height}, bilinear, antialiased"
    return card, (*about_input, *about_output, about_fit)


def has_independent_scores(graph: Graph) -> bool:
    """Whether a graph's only output is of sigmoid scores for several classes."""
    if len(graph.outputs) != 1:
        return False
    output = graph.outputs[0]
    several = output.shape[-1:] > (1,) and all(n == 1 for n in output.shape[:-1])
    return several and _tail(graph, output) == tflite.LOGISTIC


def refuse_custom_operators(graph: Graph) -> None:
    """Raise `UnsupportedModelError` where a graph needs operators that plain runtimes do not have."""
    for name in graph.custom_operators:
        if name == "edgetpu-custom-op":
            msg = "it is compiled for the Edge TPU (operator edgetpu-custom-op). Use the .tflite it was compiled from."
        elif name.startswith("Flex"):
            msg = f"it needs TensorFlow's own operator {name}. Convert the model again with TFLITE_BUILTINS only."
        else:
            msg = f"it needs the custom operator {name!r}, which no plain TFLite runtime has."
        raise UnsupportedModelError(msg)


def _image_input(graph: Graph) -> Tensor:
    shapes = ", ".join(str(tensor.shape) for tensor in graph.inputs) or "none"
    image = graph.inputs[0] if len(graph.inputs) == 1 else None
    if image is None or len(image.shape) != 4 or image.shape[0] != 1 or image.shape[3] not in (1, 3):
        msg = f"not an image classifier: found input {shapes}, expected one of shape (1, height, width, 3 or 1)."
        raise UnsupportedModelError(msg)
    if min(image.shape[1:3]) < 2:
        msg = f"its input {shapes} has no fixed size. Convert the model again with a static input shape."
        raise UnsupportedModelError(msg)
    if max(image.shape[1:3]) > MAX_SIDE:
        msg = f"its input {shapes} is larger than {MAX_SIDE}x{MAX_SIDE}."
        raise UnsupportedModelError(msg)
    return _of_known_type(image, "input")


def _scores_output(graph: Graph) -> Tensor:
    shapes = ", ".join(str(tensor.shape) for tensor in graph.outputs) or "none"
    output = graph.outputs[0] if len(graph.outputs) == 1 else None
    if output is None or not output.shape or output.shape[-1] < 2 or any(n != 1 for n in output.shape[:-1]):
        msg = f"not a classifier: found output {shapes}, expected one of shape (1, classes)."
        raise UnsupportedModelError(msg)
    return _of_known_type(output, "output")


def _of_known_type(tensor: Tensor, role: str) -> Tensor:
    quantized = tensor.dtype in ("uint8", "int8")
    if tensor.dtype != "float32" and not quantized:
        msg = f"its {role} is {tensor.dtype}, expected uint8, int8 or float32."
        raise UnsupportedModelError(msg)
    if quantized and not tensor.scale:
        msg = f"its {role} is {tensor.dtype} without a scale. Convert the model again."
        raise UnsupportedModelError(msg)
    return tensor


def _tail(graph: Graph, output: Tensor) -> int | None:
    """Code of the operator that computes the output."""
    node = graph.tail(output.index)
    return node.code if node else None


def _checked_labels(labels: tuple[str, ...] | None, output: Tensor, tail: int | None) -> tuple[str, ...]:
    classes = output.shape[-1]
    if labels is None and tail in _EMBEDDER_TAILS:
        msg = f"an embedder, not a classifier: its {classes} outputs come from pooled features and have no labels."
        raise UnsupportedModelError(msg)
    if labels is None:
        msg = f"it has {classes} classes and no labels. Pass --labels FILE with {classes} lines."
        raise UnsupportedModelError(msg)
    if len(labels) != classes:
        more = " Perhaps line 1 should be 'background'." if classes == len(labels) + 1 else ""
        msg = f"found {len(labels)} labels for {classes} outputs. Pass --labels FILE with {classes} lines.{more}"
        raise UnsupportedModelError(msg)
    return labels


def _normalization(
    model: ModelFile, image: Tensor, input_range: InputRange | None
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[str, ...]]:
    """Mean and std in pixel units, and what was assumed about them."""
    if input_range:
        return input_range.mean, input_range.std, ()
    metadata = model.metadata
    stated = metadata is not None and bool(metadata.mean) and bool(metadata.std) and min(metadata.std) > 0
    if image.dtype == "uint8" or (image.dtype == "int8" and not stated):
        # As Google's own libraries do: a quantized input takes the raw bytes, whatever mean and std say.
        shift = 128 if image.dtype == "int8" else 0
        what = "raw pixels 0..255" if not shift else "raw pixels minus 128"
        mean, std = (float(image.zero_point + shift),), (1 / image.scale,)
        return mean, std, () if stated else (f"its {image.dtype} input takes {what}; --input-range says otherwise",)
    if stated and metadata is not None:
        return metadata.mean, metadata.std, ()
    msg = f"its {image.dtype} input does not say which values it was trained on. Pass --input-range: {CHOICES}."
    raise UnsupportedModelError(msg)


def _output_kind(
    output: Tensor, tail: int | None
) -> tuple[Literal["probabilities", "logits"], Literal["softmax", "sigmoid"], tuple[str, ...]]:
    if tail == tflite.SOFTMAX:
        return "probabilities", "softmax", ()
    if tail == tflite.LOGISTIC:
        about = "its sigmoid scores stand each for itself: a label is present from 50%, and they need not sum to 1"
        return "probabilities", "sigmoid", (about,)
    if output.dtype != "float32" and abs(output.scale * 256 - 1) < 1e-3 and output.zero_point in (0, -128):
        return "probabilities", "softmax", ("its output, quantized to 0..1, holds probabilities",)
    return "logits", "softmax", ("its output holds logits; softmax was applied",)

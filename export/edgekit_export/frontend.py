"""The network made explicit: one image input of fixed size, one output of scores, and what both mean.

What goes in is a float `.tflite` of any image classifier; what comes out takes pixels in a known range and gives
probabilities.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgekit import tflite
from edgekit.card import MAX_SIDE, ColorOrder, OutputSpec
from edgekit.foreign import refuse_custom_operators
from edgekit.scores import probabilities
from edgekit.tflite import Graph, Tensor
from edgekit_export.device import DeviceRuntime
from edgekit_export.errors import ModelLoadError
from edgekit_export.mapping import Mapping
from edgekit_export.rewire import Rewiring

Activation = Literal["softmax", "sigmoid"]
Layout = Literal["channels last", "channels first", "in another shape"]

# What these compute knows no bounds: values that happen to lie within 0..1 are small logits.
_LINEAR = (tflite.AVERAGE_POOL_2D, tflite.CONV_2D, tflite.FULLY_CONNECTED, tflite.MEAN)


@dataclass(frozen=True)
class ImageInput:
    """The size of a network's image, and how its values lie in the input of the original model."""

    height: int
    width: int
    channels: int
    original_shape: tuple[int, ...]
    layout: Layout = "channels last"

    @property
    def color_order(self) -> ColorOrder:
        """RGB for three channels, L (gray) for one."""
        return "RGB" if self.channels == 3 else "L"

    def as_original(self, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        """The original model's input for a tensor of shape (1, height, width, channels)."""
        if self.layout == "channels first":
            return np.ascontiguousarray(tensor.transpose(0, 3, 1, 2))
        return tensor.reshape(self.original_shape)


@dataclass(frozen=True)
class Head:
    """What a network's output values are. One unit of a sigmoid stands for two classes: it is the second's score."""

    units: int
    activation: Activation
    is_logits: bool

    @property
    def classes(self) -> int:
        """How many labels there are."""
        return 2 if self.units == 1 else self.units

    @property
    def multi_label(self) -> bool:
        """Whether several labels may be present at once."""
        return self.activation == "sigmoid" and self.units > 1

    @property
    def text(self) -> str:
        """For people."""
        return f"{self.activation}{' logits' if self.is_logits else ''}"

    def scores(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities, float32 of shape (classes,), from the output values, shape (units,)."""
        spec = OutputSpec("logits" if self.is_logits else "probabilities", self.activation, ("of any name",))
        found = probabilities(values, spec)
        return np.concatenate([1 - found, found]) if self.units == 1 else found


@dataclass(frozen=True)
class ImageNetwork:
    """A float `.tflite` of shape (1, height, width, channels) -> (1, units).

    `takes_bytes` says that the original input was of integers, so that its range is 0..255.
    """

    tflite: bytes
    image: ImageInput
    head: Head
    takes_bytes: bool


@dataclass(frozen=True)
class ExplicitModel:
    """A float `.tflite` of shape (1, height, width, channels) -> (1, classes) probabilities.

    Its input is ``(pixel - mean) / std`` for pixels 0..255, float32.
    """

    tflite: bytes
    image: ImageInput
    head: Head
    mean: float
    std: float

    def tensor(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The float input tensor, shape (1, height, width, channels), for uint8 pixels (height, width, channels)."""
        return np.asarray((pixels.astype(np.float32) - np.float32(self.mean)) / np.float32(self.std))[None]


def see_network(data: bytes, activation: Activation | None = None) -> ImageNetwork:
    """Check that a float `.tflite` of one output is an image classifier, and bring both ends into their usual shape.

    Args:
        data: The `.tflite`, with a batch of one.
        activation: What makes its outputs probabilities, where they are logits; softmax if None.

    Raises:
        ModelLoadError: several inputs are needed, no image of fixed size, or no classes.
        UnsupportedModelError: it needs operators that plain runtimes do not have.
        VerificationError: the runtime refuses it.
    """
    rewiring = Rewiring(data)
    rewiring.unfold_half_weights()
    rewiring.keep_output(Graph(data).outputs[0].index)
    graph = Graph(rewiring.finish())
    refuse_custom_operators(graph)
    entry, takes_bytes = _float_entry(graph)
    image = _image_input(entry)
    rewiring = Rewiring(rewiring.finish())
    if takes_bytes:
        rewiring.enter_at(entry.index)
    if image.layout == "channels first":
        rewiring.prepend_channels_last()
    elif image.layout == "in another shape":
        rewiring.prepend_reshape((1, image.height, image.width, image.channels))
    units = _units(graph.outputs[0])
    if graph.outputs[0].shape != (1, units):
        rewiring.append_reshape((1, units))
    changed = rewiring.finish()
    return ImageNetwork(changed, image, _head(Graph(changed), changed, units, activation), takes_bytes)


def _float_entry(graph: Graph) -> tuple[Tensor, bool]:
    """The float tensor that the image enters as; and whether integers are turned into it first."""
    if len(graph.inputs) != 1:
        names = ", ".join(f"{t.name} {t.shape}" for t in graph.inputs) or "none"
        msg = (
            f"not an image classifier: its output depends on {len(graph.inputs)} inputs ({names}), expected one image."
        )
        raise ModelLoadError(msg)
    entry = graph.inputs[0]
    if entry.dtype == "float32":
        return entry, False
    users = [node for node in graph.operators if entry.index in node.inputs]
    if entry.dtype in ("uint8", "int8", "int32") and len(users) == 1 and users[0].code == tflite.CAST:
        return graph.tensor(users[0].outputs[0]), entry.dtype != "int8"
    msg = f"not an image classifier: its input {entry.shape} is {entry.dtype}, expected an image of float32 or uint8."
    raise ModelLoadError(msg)


def _image_input(tensor: Tensor) -> ImageInput:
    shape = tensor.shape
    found = _as_image(shape)
    if found is None and len(shape) == 4 and shape[0] > 1:
        msg = f"it takes {shape[0]} images at once: found input {shape}. Save it with a free batch, or a batch of one."
        raise ModelLoadError(msg)
    if found is None:
        shown = f"({', '.join(['batch', *map(str, shape[1:])])})"
        msg = f"not an image classifier: found input {shown}, expected (batch, height, width, 3 or 1)."
        raise ModelLoadError(msg)
    if max(found.height, found.width) > MAX_SIDE or min(found.height, found.width) < 2:
        msg = f"its input {shape} has no size that an image can have (2 to {MAX_SIDE} pixels a side)."
        raise ModelLoadError(msg)
    return found


def _as_image(shape: tuple[int, ...]) -> ImageInput | None:
    if len(shape) == 4 and shape[0] == 1 and shape[3] in (1, 3):
        return ImageInput(*shape[1:], original_shape=shape)
    if len(shape) == 4 and shape[0] == 1 and shape[1] in (1, 3):
        return ImageInput(shape[2], shape[3], shape[1], shape, "channels first")
    if len(shape) == 3 and shape[2] in (1, 3) and shape[0] > 3:  # without a batch
        return ImageInput(*shape, original_shape=shape, layout="in another shape")
    if len(shape) == 3 and shape[0] == 1 and min(shape[1:]) > 3:  # gray, without channels
        return ImageInput(shape[1], shape[2], 1, shape, "in another shape")
    if len(shape) == 2 and shape[0] == 1:  # a square image as one row, such as the 784 values of MNIST
        for channels in (1, 3):
            side = math.isqrt(shape[1] // channels)
            if side * side * channels == shape[1] and side >= 8:
                return ImageInput(side, side, channels, shape, "in another shape")
    return None


def _units(output: Tensor) -> int:
    lengths = [n for n in output.shape if n != 1]
    if len(lengths) > 1 or not output.shape or output.dtype != "float32":
        msg = (
            f"not a classifier: found output {output.shape} {output.dtype}, expected (batch, classes). "
            "Add pooling and a Dense layer, and train them."
        )
        raise ModelLoadError(msg)
    return lengths[0] if lengths else 1


def _head(graph: Graph, data: bytes, units: int, activation: Activation | None) -> Head:
    tail = graph.tail(graph.outputs[0].index)
    code = tail.code if tail else None
    values = _answers_to_noise(data, graph.inputs[0].shape)
    bounded = bool((values >= 0).all() and (values <= 1).all())
    if code == tflite.SOFTMAX or (units > 1 and bounded and np.allclose(values.sum(axis=1), 1, atol=1e-3)):
        found = Head(units, "softmax", is_logits=False)
    elif code == tflite.LOGISTIC or (units > 1 and bounded and code not in _LINEAR):
        found = Head(units, "sigmoid", is_logits=False)
    elif units == 1 and bounded and code not in _LINEAR:
        msg = "its one output is bounded by something that is no sigmoid. Train it with a sigmoid, or one unit a class."
        raise ModelLoadError(msg)
    else:
        return Head(units, "sigmoid" if units == 1 else activation or "softmax", is_logits=True)
    if units == 1 and found.activation == "softmax":
        msg = "its softmax has one unit, so its answer is always 1. Train it with one unit a class, or with a sigmoid."
        raise ModelLoadError(msg)
    if activation not in (None, found.activation):
        msg = f"--activation {activation}: the model itself ends in a {found.activation}. Leave the option out."
        raise ModelLoadError(msg)
    return found


def _answers_to_noise(data: bytes, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """What the network says to noise of several ranges, shape (answers, units): enough to see what its values are."""
    rng = np.random.default_rng(0)
    with DeviceRuntime(data, "litert", "default") as device:
        noise = [(rng.uniform(low, high, shape)).astype(np.float32) for low, high in ((0, 1), (-1, 1), (0, 255))]
        answers = np.stack([device.run(tensor, "noise") for tensor in noise])
    finite = answers[np.isfinite(answers).all(axis=1)]
    if not len(finite):
        msg = "the float model answers with values that are not numbers (NaN or infinite). Train it again."
        raise ModelLoadError(msg)
    return np.asarray(finite, np.float32)


def make_explicit(network: ImageNetwork, mapping: Mapping) -> ExplicitModel:
    """The network behind an input that one scale and zero point can express, with probabilities as its output.

    A mean and std for each channel, or the order BGR, go into the graph as one 1x1 convolution.
    """
    rewiring, head = Rewiring(network.tflite), network.head
    if head.units == 1:
        if not head.is_logits:
            _cut_sigmoid(rewiring, Graph(network.tflite))
        rewiring.append_two_logits()
        rewiring.append_softmax()
    elif head.is_logits and head.activation == "sigmoid":
        rewiring.append_sigmoid()
    elif head.is_logits:
        rewiring.append_softmax()
    mean, std = mapping.range.mean[0], mapping.range.std[0]
    if not mapping.is_one_scale:
        rewiring.prepend_mapping(*mapping.matrix(network.image.channels))
        mean, std = 0.0, 1.0
    return ExplicitModel(rewiring.finish(), network.image, head, mean, std)


def _cut_sigmoid(rewiring: Rewiring, graph: Graph) -> None:
    tail = graph.tail(graph.outputs[0].index)
    assert tail is not None  # noqa: S101 - it was seen to be a sigmoid
    logit = graph.tensor(tail.inputs[0])
    rewiring.keep_output(logit.index)
    if logit.shape != (1, 1):
        rewiring.append_reshape((1, 1))

"""The model made explicit: static batch of one, inference mode, its input range, its head.

What goes in here is any Keras image classifier; what comes out takes pixels in a known range and gives probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.card import ColorOrder
from edgekit.inputrange import CHOICES, InputRange, parse_input_range
from edgekit_export.errors import InputRangeError, ModelLoadError
from edgekit_export.load import KerasModel
from edgekit_export.own_range import own_input_range

_OUTSIDE = ("0..255", "0..1", "-1..1")  # ranges that one scale and zero point can express


@dataclass(frozen=True)
class ImageInput:
    """The input of an image classifier, and how many classes it tells apart."""

    height: int
    width: int
    channels: int
    classes: int

    @property
    def color_order(self) -> ColorOrder:
        """RGB for three channels, L (gray) for one."""
        return "RGB" if self.channels == 3 else "L"


@dataclass(frozen=True)
class ExplicitModel:
    """A Keras model of shape (1, height, width, channels) -> (1, classes) probabilities.

    Its input is ``(pixel - mean) / std`` for pixels 0..255, float32.
    """

    keras_model: KerasModel
    image: ImageInput
    mean: float
    std: float
    head: str

    def tensor(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The float input tensor, shape (1, height, width, channels), for uint8 pixels (height, width, channels)."""
        return np.asarray((pixels.astype(np.float32) - np.float32(self.mean)) / np.float32(self.std))[None]

    def compiled(self) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
        """A function from uint8 pixels (height, width, channels) to float32 probabilities (classes,)."""
        import tensorflow as tf

        # Autograph would write source files into the folder for temporary files.
        call = tf.function(lambda x: self.keras_model(x, training=False), autograph=False)
        return lambda pixels: np.asarray(call(self.tensor(pixels)), np.float32).reshape(-1)


def image_input(model: KerasModel) -> ImageInput:
    """Check that a Keras model is an image classifier.

    Raises:
        ModelLoadError: several inputs or outputs, no fixed size, channels first, or no classes.
    """
    inputs, outputs = list(getattr(model, "inputs", None) or []), list(getattr(model, "outputs", None) or [])
    if len(inputs) != 1 or len(outputs) != 1:
        msg = (
            f"not an image classifier: found {len(inputs)} inputs and {len(outputs)} outputs, expected one of each. "
            "Wrap it: keras.Model(one_input, one_output)."
        )
        raise ModelLoadError(msg)
    shape, output = tuple(inputs[0].shape), tuple(outputs[0].shape)
    if len(shape) != 4 or shape[3] not in (1, 3):
        hint = " Channels stand last in TFLite." if len(shape) == 4 and shape[1] in (1, 3) else ""
        msg = f"not an image classifier: found input {shape}, expected (batch, height, width, 3 or 1).{hint}"
        raise ModelLoadError(msg)
    if None in shape[1:3]:
        msg = (
            f"found input {shape} without a fixed size. Build the model with keras.Input((height, width, {shape[3]}))."
        )
        raise ModelLoadError(msg)
    if len(output) < 2 or output[-1] is None or any(n != 1 for n in output[1:-1]):
        msg = f"not a classifier: found output {output}, expected (batch, classes). Add pooling and a Dense layer."
        raise ModelLoadError(msg)
    if output[-1] < 2:
        msg = "found one output unit, expected one for each of at least two classes. Train with a softmax of two units."
        raise ModelLoadError(msg)
    return ImageInput(int(shape[1]), int(shape[2]), int(shape[3]), int(output[-1]))


def find_input_range(model: KerasModel, given: str | None) -> tuple[InputRange, str]:
    """What the model was trained on, and how that is known: ``given`` or the name of its own layer.

    Raises:
        InputRangeError: nothing tells, or `given` is not a range.
    """
    if given is not None:
        try:
            parsed = parse_input_range(given)
        except ValueError as error:
            msg = f"--input-range: {error}"
            raise InputRangeError(msg) from error
        channels = int(model.inputs[0].shape[3])
        if max(len(parsed.mean), len(parsed.std)) not in (1, channels):
            msg = f"--input-range: {given!r} has values for 3 channels, the model takes {channels}."
            raise InputRangeError(msg)
        return parsed, "given"
    own = own_input_range(model)
    if own is None:
        msg = (
            "nothing in the model tells which pixel values it was trained on, and a wrong guess would cost accuracy "
            f"silently. Pass --input-range: {CHOICES}."
        )
        raise InputRangeError(msg)
    return parse_input_range(own), "the model's own preprocessing"


def head_of(model: KerasModel, tensors: Sequence[NDArray[np.float32]]) -> str:
    """What the model's outputs are: ``softmax`` or ``logits``, by its answers to some photos.

    Raises:
        ModelLoadError: independent sigmoid scores, or answers that are not numbers.
    """
    outputs = np.stack([np.asarray(model(tensor, training=False), np.float32).reshape(-1) for tensor in tensors])
    if not np.isfinite(outputs).all():
        msg = "the float model answers with values that are not numbers (NaN or infinite). Train it again."
        raise ModelLoadError(msg)
    between = bool((outputs >= 0).all() and (outputs <= 1).all())
    if between and np.allclose(outputs.sum(axis=1), 1, atol=1e-3):
        return "softmax"
    if between and _last_activation(model) != "linear":
        msg = "its outputs are independent scores (sigmoid), expected a softmax or logits over exclusive classes."
        raise ModelLoadError(msg)
    return "logits"


def _last_activation(model: KerasModel) -> str | None:
    """The activation of the layer that gives a model's output, also within nested models; None if it has none."""
    import keras

    # `operations` holds plain arithmetic too, in order of execution; with one output, the last gives it.
    last = model.layers[-1] if isinstance(model, keras.Sequential) else model.operations[-1]
    if isinstance(last, keras.Model):
        return _last_activation(last)
    return getattr(getattr(last, "activation", None), "__name__", None)


def normalizer(model: KerasModel, input_range: InputRange) -> tuple[KerasModel, float, float]:
    """The model behind an input that one scale and zero point can express; and that input's mean and std.

    A mean and std for each channel go into the graph, as one 1x1 depthwise convolution.
    """
    if input_range.text in _OUTSIDE:
        return model, input_range.mean[0], input_range.std[0]
    import keras

    shape = tuple(model.inputs[0].shape[1:])
    scale = np.broadcast_to(1 / np.array(input_range.std), shape[2:]).astype(np.float32)
    offset = np.broadcast_to(-np.array(input_range.mean) / np.array(input_range.std), shape[2:]).astype(np.float32)
    layer = keras.layers.DepthwiseConv2D(1, name="edgekit_normalize")
    pixels = keras.Input(batch_shape=(1, *shape), name="pixels")
    normalized = layer(pixels)
    layer.set_weights([scale.reshape(1, 1, -1, 1), offset])
    return keras.Model(pixels, model(normalized, training=False), name="edgekit_normalized"), 0.0, 1.0


def make_explicit(
    model: KerasModel, image: ImageInput, input_range: InputRange, photos: Sequence[NDArray[np.uint8]]
) -> ExplicitModel:
    """The model with static batch, known input range, and probabilities as its output.

    Args:
        model: A Keras image classifier.
        image: Its input.
        input_range: What it was trained on.
        photos: Some photos, uint8 of shape (height, width, channels), to see what its head gives.

    Raises:
        ModelLoadError: its head is neither softmax nor logits.
    """
    import keras

    inner, mean, std = normalizer(model, input_range)
    probe = ExplicitModel(inner, image, mean, std, "unknown")
    head = head_of(inner, [probe.tensor(pixels) for pixels in photos])
    pixels = keras.Input(batch_shape=(1, image.height, image.width, image.channels), name="image")
    output = inner(pixels, training=False)
    if len(output.shape) != 2:
        output = keras.layers.Reshape((image.classes,), name="scores")(output)
    if head == "logits":
        output = keras.layers.Softmax(name="probabilities")(output)
    return ExplicitModel(keras.Model(pixels, output, name="edgekit"), image, mean, std, head)

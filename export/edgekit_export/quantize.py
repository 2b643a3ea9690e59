"""Float -> integers, by TensorFlow's quantizer: the ranges of tensors in, a `.tflite` out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from edgekit_export.convert import as_conversion_error, quiet_converter
from edgekit_export.frontend import ExplicitModel
from edgekit_export.recipes.network import FloatNetwork, Ranges, ranges_in

Photos = Callable[[], Iterator[NDArray[np.uint8]]]
"""Called for a fresh stream of uint8 pixels (height, width, channels), one photo at a time."""


def quantizer_version() -> str:
    """Of TensorFlow, whose quantizer it is."""
    import tensorflow as tf

    return str(tf.__version__)


def calibrate(model: ExplicitModel, photos: Photos) -> dict[int, tuple[float, float]]:
    """The smallest and the largest value that each computed tensor has on photos.

    Args:
        model: With static batch.
        photos: For calibration.

    Raises:
        ConversionError: TensorFlow refuses the model.
    """
    # Part of no public interface, but unchanged since TensorFlow 2.5; pyproject.toml bounds the versions.
    from tensorflow.lite.python.optimize import calibrator

    fed = _Fed(model, photos)
    with fed.telling_failures(), quiet_converter():
        prepared = calibrator.add_intermediate_tensors(model.tflite)
        calibrated = calibrator.Calibrator(prepared).calibrate(fed.stream)
    return ranges_in(bytes(calibrated), FloatNetwork(model.tflite))


def quantize_int8(network: FloatNetwork, ranges: Ranges, keep_float: Sequence[str] = ()) -> bytes:
    """Weights per channel and activations per tensor in int8; uint8 input and output.

    The step is the one that `tf.lite.TFLiteConverter` takes after it has calibrated its float model; from the ranges
    that it finds it makes the same bytes.

    Args:
        network: With static batch.
        ranges: Of every computed tensor.
        keep_float: Names of tensors whose nodes stay in float.

    Raises:
        ConversionError: TensorFlow refuses the model.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize

    with quiet_converter():
        try:
            made = mlir_quantize(
                network.bytes(ranges),
                input_data_type=tf.uint8,
                output_data_type=tf.uint8,
                denylisted_nodes=list(keep_float) or None,
            )
        except Exception as error:
            raise as_conversion_error(error) from error
    return bytes(made)


def quantize_int16(model: ExplicitModel, photos: Photos) -> bytes:
    """Activations in int16 and weights in int8, per channel; float input and output.

    Raises:
        ConversionError: TensorFlow refuses the model, as where an operator has no such version.
    """
    import tensorflow as tf
    from tensorflow.lite.python.optimize import calibrator

    fed = _Fed(model, photos)
    with fed.telling_failures(), quiet_converter():
        made = calibrator.Calibrator(model.tflite).calibrate_and_quantize(
            fed.stream, tf.float32, tf.float32, False, activations_type=tf.int16, bias_type=tf.int64
        )
    return bytes(made)


class _Fed:
    """Photos as TensorFlow's calibrator wants them, and what went wrong while it took them."""

    def __init__(self, model: ExplicitModel, photos: Photos) -> None:
        self._model, self._photos = model, photos
        self._failures: list[BaseException] = []

    def stream(self) -> Iterator[list[NDArray[np.float32]]]:
        try:
            for i, pixels in enumerate(self._photos()):
                yield [self._model.tensor(_with_extremes(pixels) if i == 0 else pixels)]
        except BaseException as error:
            self._failures.append(error)  # native code in between turns it into something else
            raise

    @contextlib.contextmanager
    def telling_failures(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if self._failures:
                raise self._failures[0] from None
            raise as_conversion_error(error) from error


def _with_extremes(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The photo with one black and one white pixel.

    When calibration has seen both ends of the input range, the input tensor's quantization is the pixel mapping
    exactly; otherwise its scale is a little off and every raw byte means a little too little.
    """
    marked = pixels.copy()
    marked[0, 0] = 0
    marked[-1, -1] = 255
    return marked

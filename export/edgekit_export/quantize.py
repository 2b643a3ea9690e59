"""Float -> int8 by a named recipe. One recipe so far: TensorFlow's full-integer quantization."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.card import Quantization
from edgekit_export.convert import as_conversion_error, quiet_converter
from edgekit_export.frontend import ExplicitModel

RECIPE = "int8-full"


@dataclass(frozen=True)
class QuantizedModel:
    """An int8 `.tflite` and how it was made."""

    tflite: bytes
    quantization: Quantization


def quantize_int8(model: ExplicitModel, calibration: Callable[[], Iterator[NDArray[np.uint8]]]) -> QuantizedModel:
    """Weights per channel and activations per tensor in int8; uint8 input and output.

    The two steps are those that `tf.lite.TFLiteConverter` takes after it has made its float model, so the result is
    the same; taken from a float `.tflite` they serve models of every kind, and calibration costs a second.

    Args:
        model: With static batch.
        calibration: Called for a fresh stream of uint8 pixels (height, width, channels), one photo at a time.

    Raises:
        ConversionError: TensorFlow refuses the model.
    """
    import tensorflow as tf

    # Part of no public interface, but unchanged since TensorFlow 2.5; pyproject.toml bounds the versions.
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.python.optimize import calibrator

    failures: list[BaseException] = []

    def representative_dataset() -> Iterator[list[NDArray[np.float32]]]:
        try:
            for i, pixels in enumerate(calibration()):
                yield [model.tensor(_with_extremes(pixels) if i == 0 else pixels)]
        except BaseException as error:
            failures.append(error)  # native code in between turns it into something else
            raise

    with quiet_converter():
        try:
            prepared = calibrator.add_intermediate_tensors(model.tflite)
            calibrated = calibrator.Calibrator(prepared).calibrate(representative_dataset)
            tflite = mlir_quantize(calibrated, input_data_type=tf.uint8, output_data_type=tf.uint8)
        except Exception as error:
            if failures:
                raise failures[0] from None
            raise as_conversion_error(error) from error
    return QuantizedModel(bytes(tflite), Quantization(RECIPE, "TFLiteConverter", tf.__version__))


def _with_extremes(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The photo with one black and one white pixel.

    When calibration has seen both ends of the input range, the input tensor's quantization is the pixel mapping
    exactly; otherwise its scale is a little off and every raw byte means a little too little.
    """
    marked = pixels.copy()
    marked[0, 0] = 0
    marked[-1, -1] = 255
    return marked

"""Float -> int8 by a named recipe. One recipe so far: TensorFlow's full-integer quantization."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.card import Quantization
from edgekit_export.convert import new_converter, run_converter
from edgekit_export.errors import ConversionError
from edgekit_export.frontend import ExplicitModel

RECIPE = "int8-full"


@dataclass(frozen=True)
class QuantizedModel:
    """An int8 `.tflite` and how it was made."""

    tflite: bytes
    quantization: Quantization


def quantize_int8(model: ExplicitModel, calibration: Callable[[], Iterator[NDArray[np.uint8]]]) -> QuantizedModel:
    """Weights per channel and activations per tensor in int8; uint8 input and output.

    Args:
        model: With static batch.
        calibration: Called for a fresh stream of uint8 pixels (height, width, channels), one photo at a time.

    Raises:
        ConversionError: TensorFlow refuses the model.
    """
    import tensorflow as tf

    failures: list[BaseException] = []

    def representative_dataset() -> Iterator[list[NDArray[np.float32]]]:
        try:
            for i, pixels in enumerate(calibration()):
                yield [model.tensor(_with_extremes(pixels) if i == 0 else pixels)]
        except BaseException as error:
            failures.append(error)  # native code in between turns it into something else
            raise

    converter = new_converter(model.keras_model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative_dataset
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.uint8
    try:
        tflite = run_converter(converter)
    except ConversionError:
        if failures:
            raise failures[0] from None
        raise
    return QuantizedModel(tflite, Quantization(RECIPE, "TFLiteConverter", tf.__version__))


def _with_extremes(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The photo with one black and one white pixel.

    When calibration has seen both ends of the input range, the input tensor's quantization is the pixel mapping
    exactly; otherwise its scale is a little off and every raw byte means a little too little.
    """
    marked = pixels.copy()
    marked[0, 0] = 0
    marked[-1, -1] = 255
    return marked

"""TensorFlow's converter, kept quiet and tidy: Keras -> `.tflite` as the quantizer configures it."""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any, TypeAlias

from edgekit_export.errors import ConversionError
from edgekit_export.load import KerasModel

Converter: TypeAlias = Any
"""A `tf.lite.TFLiteConverter`; TensorFlow has no types to give it."""


def new_converter(model: KerasModel) -> Converter:
    """A converter for a Keras model with a static batch."""
    import tensorflow as tf

    return tf.lite.TFLiteConverter.from_keras_model(model)


def run_converter(converter: Converter) -> bytes:
    """The converter's `.tflite`; what it prints is kept from the terminal, what it leaves on disk is removed.

    Raises:
        ConversionError: TensorFlow refuses the model.
    """
    with _swept_temporary_files(), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about TensorFlow's own plans, nothing that a user can act on
        try:
            return bytes(converter.convert())
        except (ValueError, TypeError, RuntimeError, NotImplementedError, KeyError, AttributeError) as error:
            msg = f"TensorFlow's converter refuses the model: {_reason(error)}"
            raise ConversionError(msg) from error
        except Exception as error:
            # The converter's own ConverterError derives from Exception alone and moves between releases.
            if type(error).__name__ != "ConverterError":
                raise
            msg = f"TensorFlow's converter refuses the model: {_reason(error)}"
            raise ConversionError(msg) from error


@contextlib.contextmanager
def _swept_temporary_files() -> Iterator[None]:
    """Let the converter's temporary files lie in a folder that goes away, also when it is interrupted."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="edgekit-export-") as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before


def _reason(error: BaseException) -> str:
    """The first line that says something: the rest of the converter's messages are stack traces of its compiler."""
    missing = re.search(r"^(?:TF Select|Custom) ops: (.+)$", str(error), re.MULTILINE)
    if missing:
        return f"TFLite has no operator for {missing[1].strip()}. Replace the layers that compute it."
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "error:" in line.lower() or "not supported" in line.lower()] or lines
    return telling[0][:300] if telling else type(error).__name__

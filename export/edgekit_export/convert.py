"""TensorFlow's converter, kept quiet and tidy: a traced network -> float `.tflite`."""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any, TypeAlias

from edgekit_export.errors import ConversionError

Traced: TypeAlias = Any
"""A TensorFlow `ConcreteFunction`; TensorFlow has no types to give it."""


def convert_traced(traced: Traced) -> bytes:
    """A float `.tflite` of a traced network with static shapes.

    Tracing first and converting the trace takes seconds where `from_keras_model` takes ten times as long, and gives
    the same operators; it also takes whatever TensorFlow can trace.

    Raises:
        ConversionError: TensorFlow refuses the network.
    """
    import tensorflow as tf

    with quiet_converter():
        try:
            # Without the object that owns the variables they are frozen at once, not by way of a SavedModel on disk.
            return bytes(tf.lite.TFLiteConverter.from_concrete_functions([traced]).convert())
        except Exception as error:
            raise as_conversion_error(error) from error


@contextlib.contextmanager
def quiet_converter() -> Iterator[None]:
    """Keep what TensorFlow's converter prints from the terminal, and remove what it leaves on disk."""
    with _swept_temporary_files(), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about TensorFlow's own plans, nothing that a user can act on
        yield


def as_conversion_error(error: Exception) -> Exception:
    """What the converter raised, as a `ConversionError`; whatever is not about the network comes back as it is.

    The converter's own ConverterError derives from Exception alone and moves between releases.
    """
    known = (ValueError, TypeError, RuntimeError, NotImplementedError, KeyError, AttributeError)
    if isinstance(error, known) or type(error).__name__ == "ConverterError":
        return ConversionError(f"TensorFlow's converter refuses the model: {_reason(error)}")
    return error


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

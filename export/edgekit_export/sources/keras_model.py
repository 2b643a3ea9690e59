"""A Keras model, from Keras 3 or from the Keras 2 that lives on as `tf_keras`, as a `Network`."""

from __future__ import annotations

import importlib
import importlib.util
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from edgekit_export.errors import MissingPackageError, ModelLoadError
from edgekit_export.sources.batchnorm import divergence_of
from edgekit_export.sources.network import Port, Size, TracedNetwork, shape_of

KerasModel: TypeAlias = Any
"""A `keras.Model` of either generation; TensorFlow has no types to give it."""

Keras: TypeAlias = Any
"""The module `keras` or `tf_keras`."""

# Deserialization fails in as many ways as configurations can be wrong.
LOAD_ERRORS = (
    ValueError, TypeError, KeyError, AttributeError, ImportError, OSError, RuntimeError, IndexError, AssertionError,
    SyntaxError, MemoryError,
)  # fmt: skip


def read_keras(read: Callable[[Keras], KerasModel], saved_by: str | None) -> TracedNetwork:
    """The model that `read` gets out of a file with a Keras: Keras 3, and tf_keras where that refuses an older file.

    Args:
        read: Reads the file with the Keras it is given.
        saved_by: The version of Keras that saved the file, None if it does not say.

    Raises:
        ModelLoadError: neither can read it.
        MissingPackageError: tf_keras is needed and not installed.
    """
    try:
        return network_of(*_read(read, "keras"))
    except LOAD_ERRORS as error:
        if isinstance(error, ModelLoadError):
            raise
        first = error
    if (saved_by or "").startswith("3"):
        raise _refusal("keras", first) from first
    if importlib.util.find_spec("tf_keras") is None:
        raise MissingPackageError(_needs_old_keras(saved_by, first)) from first
    try:
        return network_of(*_read(read, "tf_keras"))
    except LOAD_ERRORS as error:
        if isinstance(error, ModelLoadError):
            raise
        raise _refusal("tf_keras", error) from error


def _read(read: Callable[[Keras], KerasModel], module: str) -> tuple[KerasModel, Keras]:
    import tensorflow as tf

    plain = tf.autograph.experimental.do_not_convert(read)  # it would write source files for layers of the user's own
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about its own future, nothing that a user can act on
        keras = importlib.import_module(module)
        return plain(keras), keras


def network_of(model: KerasModel, keras: Keras) -> TracedNetwork:
    """A Keras model as a network, in inference mode.

    Args:
        model: Of either generation.
        keras: The Keras that made it.

    Raises:
        ModelLoadError: it does not say what its input is.
    """
    import tensorflow as tf

    inputs = _ports(_tensors(model, "inputs"), getattr(model, "input_names", None)) or _built_input(model)
    outputs = _ports(_tensors(model, "outputs"), getattr(model, "output_names", None))
    if not inputs:
        msg = (
            "the model does not say what its input is. Build it before saving: call it once on an image, or begin with "
            "keras.Input((height, width, 3))."
        )
        raise ModelLoadError(msg)

    def call(tensors: Sequence[Any]) -> Sequence[Any]:
        fed = tensors[0] if len(tensors) == 1 else list(tensors)
        return list(tf.nest.flatten(model(fed, training=False)))

    maker = f"{'Keras' if keras.__name__ == 'keras' else 'tf_keras'} {keras.__version__}"
    divergence = divergence_of(model, keras) if len(inputs) == 1 else None
    return TracedNetwork(
        maker,
        inputs,
        outputs or (Port("output", (), "float32"),),
        call,
        owner=model,
        default_size=_resizing_target(model, keras),
        divergence=divergence,
    )


def _tensors(model: KerasModel, ends: str) -> list[Any]:
    try:
        return list(getattr(model, ends, None) or [])
    except (ValueError, AttributeError):  # a Sequential model that was never built
        return []


def _ports(tensors: Sequence[Any], names: Sequence[str] | None) -> tuple[Port, ...]:
    known = names if names and len(names) == len(tensors) else [str(tensor.name) for tensor in tensors]
    return tuple(
        Port(name, shape_of(tensor.shape), getattr(tensor.dtype, "name", str(tensor.dtype)))
        for name, tensor in zip(known, tensors, strict=True)
    )


def _built_input(model: KerasModel) -> tuple[Port, ...]:
    """The input that a subclassed model was built for: its file keeps the shape."""
    config = getattr(model, "get_build_config", lambda: None)() or {}
    shape = config.get("input_shape") if isinstance(config, dict) else None
    if isinstance(shape, (list, tuple)) and shape and not isinstance(shape[0], (list, tuple, dict)):
        return (Port("image", shape_of(shape), "float32"),)
    return ()


def _resizing_target(model: KerasModel, keras: Keras) -> Size | None:
    """The size that the model's own Resizing layer brings images to: where its input is free, photos come in it."""
    layer = next((x for x in _layers(model, keras) if isinstance(x, keras.layers.Resizing)), None)
    return (int(layer.height), int(layer.width)) if layer is not None else None


def _layers(model: KerasModel, keras: Keras) -> Iterator[Any]:
    for layer in getattr(model, "layers", []):
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer, keras)


def _refusal(module: str, error: BaseException) -> ModelLoadError:
    keras = importlib.import_module(module)
    return ModelLoadError(f"{module} {keras.__version__} cannot load it: {_reason(error)}")


def _needs_old_keras(saved_by: str | None, error: BaseException) -> str:
    import tensorflow as tf

    version = ".".join(tf.__version__.split(".")[:2])
    saver = f"Keras {saved_by}" if saved_by else "an old Keras"
    return (
        f"{saver} saved it and today's Keras cannot load it ({_reason(error, 120)}). The old Keras is not installed. "
        f"Run: pip install --no-deps 'tf_keras=={version}.*'"
    )


def _reason(error: BaseException, most: int = 300) -> str:
    """What is wrong, and what to do where we know; Keras puts whole configurations in front of it."""
    text = " ".join(str(error).split()).rpartition("Exception encountered: ")[2] or type(error).__name__
    unknown = re.search(
        r"(?:Could not locate (?:class|function)|Unknown (?:layer|\w+ function|\w+)|Could not interpret \w+ "
        r"identifier):? '?([\w>]+)'?",
        text,
    )
    if unknown:
        return (
            f"it needs {unknown[1]!r}, code of your own that is not in the file. Pass the module that defines it: "
            "--custom-objects MODULE.py; or build the model from layers that Keras has."
        )
    if "bad marshal data" in text:
        return (
            "the code of its Lambda layer was compiled by another version of Python. Use the one that saved the file, "
            "or build the model without the Lambda."
        )
    return text if len(text) <= most else text[: most - 3] + "..."

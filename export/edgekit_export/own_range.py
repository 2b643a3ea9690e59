"""What a model's own preprocessing tells about the pixels it was trained on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgekit_export.load import KerasModel

_LARGEST_SANE_INPUT = 16.0  # no sensible preprocessing feeds a network values beyond this
_SMALLEST_SANE_SPREAD = 0.5  # ... nor less than this between black and white


def own_input_range(model: KerasModel) -> str | None:
    """The range that the model's own preprocessing expects, found by what reaches its first weights.

    Rescaling and Normalization layers, and arithmetic such as `preprocess_input` in the model, are recognised alike:
    black and white are sent through everything before the first layer with weights.

    Returns:
        ``0..255`` or ``0..1``; None where the pixels arrive there unchanged, or nothing is plausible.
    """
    entry = _before_first_weights(model)
    if entry is None:
        return None
    black, one, white = (_centre(entry(value)) for value in (0.0, 1.0, 255.0))
    if np.array_equal(black, np.zeros_like(black)) and np.array_equal(white, np.full_like(white, 255.0)):
        return None
    plausible = [name for name, end in (("0..255", white), ("0..1", one)) if _plausible(black, end)]
    return plausible[0] if len(plausible) == 1 else None


def _plausible(black: NDArray[np.float32], white: NDArray[np.float32]) -> bool:
    largest = max(np.abs(black).max(), np.abs(white).max())
    return bool(largest <= _LARGEST_SANE_INPUT and np.abs(white - black).min() >= _SMALLEST_SANE_SPREAD)


def _centre(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(image[0, image.shape[1] // 2, image.shape[2] // 2])


def _before_first_weights(model: KerasModel) -> Callable[[float], NDArray[np.float32]] | None:
    """What a plain image of one value is when it reaches the first layer with weights; None where it cannot be told."""
    import keras

    stages: list[KerasModel] = []
    while True:
        stage, inner = _stage(model)
        if stage is None:
            return None
        stages.append(stage)
        if inner is None:
            break
        model = inner
    shape = (1, *stages[0].inputs[0].shape[1:])

    def send(value: float) -> NDArray[np.float32]:
        image = keras.ops.full(shape, value)
        for stage in stages:
            image = stage(image, training=False)
        return np.asarray(image, np.float32)

    return send


def _stage(model: KerasModel) -> tuple[KerasModel | None, KerasModel | None]:
    """The part of a model before its first layer with weights; and that layer where it is a model itself."""
    import keras

    first = next((layer for layer in model.layers if _has_weights(layer)), None)
    if first is None:
        return None, None
    source = _source_of(model, first)
    if source is None or len(tuple(source.shape)) != 4:
        return None, None
    return keras.Model(model.inputs, source), first if isinstance(first, keras.Model) else None


def _has_weights(layer: KerasModel) -> bool:
    """Whether a layer belongs to the network proper: augmentation keeps seeds, Normalization its statistics."""
    import keras

    if isinstance(layer, keras.Model):
        return any(_has_weights(inner) for inner in layer.layers)
    return bool(layer.trainable_weights or layer.non_trainable_weights) and not isinstance(
        layer, (keras.layers.Normalization, keras.layers.InputLayer)
    )


def _source_of(model: KerasModel, layer: KerasModel) -> KerasModel | None:
    """The symbolic tensor that enters `layer` within `model`."""
    import keras

    if isinstance(model, keras.Sequential):
        position = model.layers.index(layer)
        return model.inputs[0] if position == 0 else model.layers[position - 1].output
    config = next((entry for entry in model.get_config()["layers"] if entry["name"] == layer.name), None)
    histories = _histories(config["inbound_nodes"]) if config else []
    if len(histories) != 1:
        return None
    operation = next((op for op in model.operations if op.name == histories[0]), None)
    return operation.output if operation is not None else None


def _histories(value: object) -> list[str]:
    """Names of the operations that a serialized node takes its tensors from."""
    if isinstance(value, dict):
        if "keras_history" in value:
            return [str(value["keras_history"][0])]
        return [name for item in value.values() for name in _histories(item)]
    if isinstance(value, (list, tuple)):
        return [name for item in value for name in _histories(item)]
    return []

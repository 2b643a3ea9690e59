"""What a trained network remembers of its training data: the mean and variance of its batch normalizations.

Each BatchNormalization layer keeps the mean and the variance that its input had during training. Photos that enter
the network as training photos did bring the same mean and variance there, whatever they show; photos in another range
do not. So this tells the range without any label.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Divergence = Callable[[NDArray[Any]], "float | None"]

_FEWEST_LAYERS = 2  # one alone may agree by chance
_FIRST_LAYERS = 3  # deeper ones see the content of the photos more than their range


def divergence_of(model: Any, keras: Any) -> Divergence:
    """A function from a batch of inputs to how far they are from what the network was trained on.

    Args:
        model: A Keras model with one input.
        keras: The Keras that made it.

    Returns:
        A function that gives the mean over the first three BatchNormalization layers, in order of execution, of the
        median over channels of the Kullback-Leibler divergence between normal distributions: found against
        remembered; None where the model has fewer than two such layers. 0 is the same.
    """

    def divergence(batch: NDArray[Any]) -> float | None:
        with _recording(model, keras) as record, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some files say that their one input is a list
            model(batch, training=False)
        return sum(record.found) / len(record.found) if len(record.found) >= _FEWEST_LAYERS else None

    return divergence


@dataclass
class _Record:
    found: list[float] = field(default_factory=list)

    def add(self, layer: Any, tensor: Any) -> None:
        if len(self.found) == _FIRST_LAYERS:
            return
        values = np.asarray(tensor, np.float64)
        mean, variance = values.mean(axis=tuple(range(values.ndim - 1))), values.var(axis=tuple(range(values.ndim - 1)))
        kept_mean, kept_variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
        variance, kept_variance = variance + layer.epsilon, kept_variance + layer.epsilon
        apart = np.log(kept_variance / variance) + (variance + (mean - kept_mean) ** 2) / kept_variance - 1
        self.found.append(float(np.median(apart)) / 2)


@contextlib.contextmanager
def _recording(model: Any, keras: Any) -> Iterator[_Record]:
    """While it lasts, every BatchNormalization layer of the model tells what enters it."""
    record, layers = _Record(), list(_normalizations(model, keras))

    def listening(layer: Any, call: Any) -> Any:
        def listen(inputs: Any, *args: Any, **keywords: Any) -> Any:
            record.add(layer, inputs)
            return call(inputs, *args, **keywords)

        return listen

    for layer in layers:
        object.__setattr__(layer, "call", listening(layer, layer.call))
    try:
        yield record
    finally:
        for layer in layers:
            with contextlib.suppress(AttributeError):
                object.__delattr__(layer, "call")


def _normalizations(model: Any, keras: Any) -> Iterator[Any]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _normalizations(layer, keras)
        elif isinstance(layer, keras.layers.BatchNormalization) and layer.axis in (-1, 3, [3], [-1]):
            yield layer

"""A deep belief network: layers that first learn what the photos have in common, and then the classes.

Each layer is a restricted Boltzmann machine (RBM), trained without labels on what the layer below makes of the photos;
then a softmax layer is put on top, and back-propagation tunes all layers together.

Sources: G. E. Hinton, S. Osindero, Y.-W. Teh, A fast learning algorithm for deep belief nets, 2006; D. P. Kingma,
J. Ba, Adam: a method for stochastic optimization, 2015. The RBMs are scikit-learn's, by persistent contrastive
divergence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BATCH = 32
_MOST_EPOCHS = 500
_DECAY1, _DECAY2, _EPSILON = 0.9, 0.999, 1e-8  # Adam's, as its authors set them

_Floats = NDArray[np.float32]


@dataclass
class _Layer:
    """Weights (inputs, outputs) and offsets (outputs,), both float32."""

    weights: _Floats
    offsets: _Floats

    def __call__(self, values: _Floats) -> _Floats:
        return np.asarray(values @ self.weights + self.offsets)


@dataclass(frozen=True)
class DbnSettings:
    """How a deep belief network is built and trained.

    Attributes:
        hidden: Units of each layer under the softmax.
        pretrain_steps: Batches for each RBM, about; 0 leaves small random weights.
        tune_steps: Batches for back-propagation, about; 0 leaves the layers as the RBMs made them.
        pretrain_rate: Learning rate of the RBMs.
        tune_rate: Of Adam in back-propagation, for a layer with one input; in others it is that over the root of their
            number, or sums of many inputs drive the units to where they learn nothing.
        weight_decay: Of the weights, not of the offsets, in back-propagation.
        seed: Of everything that is drawn.
    """

    hidden: tuple[int, ...] = (256, 128)
    pretrain_steps: int = 330
    tune_steps: int = 3000
    pretrain_rate: float = 0.05
    tune_rate: float = 0.04
    weight_decay: float = 1e-2
    seed: int = 0


class DeepBeliefNetwork:
    """Stacked RBMs under a softmax layer."""

    def __init__(self, settings: DbnSettings) -> None:
        self.settings = settings
        self.layers: list[_Layer] = []

    def fit(self, features: _Floats, targets: NDArray[Any]) -> DeepBeliefNetwork:
        """Train on `features`, float32 (photos, numbers), each 0..1, and `targets` (photos,)."""
        self.classes, wanted = np.unique(targets, return_inverse=True)
        rng = np.random.default_rng(self.settings.seed)
        self.layers = self._pretrained(features)
        top = rng.normal(0, 0.01, (self.layers[-1].weights.shape[1], len(self.classes)))
        self.layers.append(_Layer(top.astype(np.float32), np.zeros(len(self.classes), np.float32)))
        adam = _Adam(self.layers, self.settings.tune_rate, self.settings.weight_decay)
        for _ in range(_epochs(self.settings.tune_steps, len(features))):
            for batch in _batches(len(features), rng):
                adam.step(self._gradients(features[batch], wanted[batch]))
        return self

    def hidden_values(self, features: _Floats) -> list[_Floats]:
        """What each layer under the softmax makes of `features`, each 0..1."""
        values = [features]
        for layer in self.layers[:-1]:
            values.append(_sigmoid(layer(values[-1])))
        return values[1:]

    def predict(self, features: _Floats) -> NDArray[Any]:
        """The most probable class of each row."""
        return np.asarray(self.classes[self.predict_proba(features).argmax(axis=1)])

    def predict_proba(self, features: _Floats) -> _Floats:
        """The probability of each class for each row, float32 (photos, classes)."""
        return _softmax(self.layers[-1](self.hidden_values(features)[-1]))

    def _pretrained(self, features: _Floats) -> list[_Layer]:
        layers, values = [], features
        for index, units in enumerate(self.settings.hidden):
            layers.append(self._boltzmann(values, units, self.settings.seed + index))
            values = _sigmoid(layers[-1](values))
        return layers

    def _boltzmann(self, values: _Floats, units: int, seed: int) -> _Layer:
        from sklearn.neural_network import BernoulliRBM

        machine = BernoulliRBM(
            units,
            learning_rate=self.settings.pretrain_rate,
            batch_size=_BATCH,
            n_iter=_epochs(self.settings.pretrain_steps, len(values)),
            random_state=seed,
        ).fit(values)
        return _Layer(
            np.ascontiguousarray(machine.components_.T, dtype=np.float32),
            machine.intercept_hidden_.astype(np.float32),
        )

    def _gradients(self, features: _Floats, wanted: NDArray[np.intp]) -> list[_Layer]:
        """Of the mean cross-entropy, one for each layer."""
        values = [features, *self.hidden_values(features)]
        error = _softmax(self.layers[-1](values[-1]))
        error[np.arange(len(wanted)), wanted] -= 1
        error /= np.float32(len(wanted))
        found: list[_Layer] = []
        for layer, below in zip(reversed(self.layers), reversed(values), strict=True):
            found.append(_Layer(below.T @ error, error.sum(axis=0)))
            error = (error @ layer.weights.T) * below * (1 - below)
        return found[::-1]


class _Adam:
    """Adam with decoupled weight decay; changes the layers in place."""

    def __init__(self, layers: Sequence[_Layer], rate: float, decay: float) -> None:
        self._rates = [rate / len(layer.weights) ** 0.5 for layer in layers for _ in ("weights", "offsets")]
        self._parameters = [array for layer in layers for array in (layer.weights, layer.offsets)]
        self._first = [np.zeros_like(array) for array in self._parameters]
        self._second = [np.zeros_like(array) for array in self._parameters]
        self._decay, self._steps = decay, 0

    def step(self, gradients: Sequence[_Layer]) -> None:
        self._steps += 1
        unbiased = (1 - _DECAY2**self._steps) ** 0.5 / (1 - _DECAY1**self._steps)
        arrays = [array for layer in gradients for array in (layer.weights, layer.offsets)]
        for i, slope in enumerate(arrays):
            here, first, second = self._parameters[i], self._first[i], self._second[i]
            np.add(first, (1 - _DECAY1) * (slope - first), out=first)
            np.add(second, (1 - _DECAY2) * (slope * slope - second), out=second)
            kept = 1 - self._rates[i] * self._decay if here.ndim == 2 else 1.0
            change = np.float32(unbiased * self._rates[i]) * first / (np.sqrt(second) + np.float32(_EPSILON))
            np.subtract(here * np.float32(kept), change, out=here)


def _epochs(steps: int, photos: int) -> int:
    """Whole passes over the photos that take about so many steps; few photos need more passes, up to a limit."""
    return min(_MOST_EPOCHS, -(-steps // -(-photos // _BATCH)))


def _batches(count: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    order = rng.permutation(count)
    for start in range(0, count, _BATCH):
        yield order[start : start + _BATCH]


def _sigmoid(values: _Floats) -> _Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)), np.float32)


def _softmax(values: _Floats) -> _Floats:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)

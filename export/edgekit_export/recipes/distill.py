"""Distillation: the network learns to answer with the roundings of int8 as it answers without, from photos alone.

No labels are needed: the float network is the teacher. The weights move by a few steps of int8, so what comes out is
at once a learned rounding of the weights and a correction of the biases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit_export.recipes.draft import Draft, Material
from edgekit_export.recipes.network import Layer, Weights
from edgekit_export.recipes.simulate import Simulation

_BATCH = 32
_PEAK = 3e-4  # of a kernel's largest weight in its channel, which int8 divides by 127; of the range for biases
_WARM_UP = 10
_FEATURES = 0.5  # how much counts what the last layer reads, beside the answers


def distill(draft: Draft, material: Material, *, steps: int, step_done: Callable[[], None] = lambda: None) -> Draft:
    """Train kernels and biases for `steps` batches of photos for tuning, mirrored at random.

    Args:
        draft: Its ranges stay as they are: the network learns to live with them.
        material: With photos for tuning.
        steps: How many batches.
        step_done: Called after each.
    """
    pupil = _Pupil(draft, multi_label=material.model.head.multi_label)
    rng = np.random.default_rng((material.seed, 3))
    photos = material.tuning
    distances = []
    for number in range(steps):
        rate = _PEAK * min(1.0, (number + 1) / _WARM_UP) * 0.5 * (1 + np.cos(np.pi * number / steps))
        distances.append(pupil.learn(material.batch(_varied(photos, rng)), rate))
        step_done()
    few = max(1, steps // 10)
    told = (
        f"distilled in {steps} steps on {len(photos)} photos without labels: distance from the float model "
        f"{np.mean(distances[:few]):.3g}, at the end {np.mean(distances[-few:]):.3g}"
    )
    return replace(draft, network=draft.network.with_weights(pupil.weights()), told=(*draft.told, told))


def _varied(photos: tuple[NDArray[np.uint8], ...], rng: np.random.Generator) -> NDArray[np.uint8]:
    batch = np.stack([photos[i] for i in rng.integers(len(photos), size=_BATCH)])
    return np.asarray(batch[:, :, ::-1] if rng.integers(2) else batch)


class _Pupil:
    """The network with weights that learn, each measured in what its channel spans, so that one rate suits all."""

    def __init__(self, draft: Draft, *, multi_label: bool) -> None:
        import keras

        self._multi_label, self._simulation = multi_label, Simulation(draft.network, draft.ranges)
        self._layers = {layer.output: draft.network.weights(layer) for layer in draft.network.layers}
        self._spans = {layer.output: _spans(layer, draft) for layer in draft.network.layers}
        self._moves: dict[int, tuple[Any, Any]] = {
            output: (_zeros_like(weights.kernel), _zeros_like(weights.bias)) for output, weights in self._layers.items()
        }
        self._variables = [part for pair in self._moves.values() for part in pair if part is not None]
        self._optimizer = keras.optimizers.Adam(_PEAK)
        self._optimizer.build(self._variables)
        self._step = _compiled(self._learn)

    def learn(self, image: NDArray[np.float32], rate: float) -> float:
        """One step; the distance from the teacher before it."""
        import tensorflow as tf

        self._optimizer.learning_rate.assign(rate)
        return float(self._step(tf.constant(image)))

    def weights(self) -> dict[int, Weights]:
        """What was learned."""
        moved = {output: [None if p is None else np.asarray(p) for p in pair] for output, pair in self._moved().items()}
        return {output: Weights(kernel, bias) for output, (kernel, bias) in moved.items() if kernel is not None}

    def _moved(self) -> dict[int, tuple[Any, Any]]:
        found = {}
        for output, weights in self._layers.items():
            span, bias_span = self._spans[output]
            kernel_move, bias_move = self._moves[output]
            bias = None if bias_move is None or weights.bias is None else weights.bias + bias_move * bias_span
            found[output] = weights.kernel + kernel_move * span, bias
        return found

    def _learn(self, image: Any) -> Any:
        import tensorflow as tf

        logits, features = self._simulation.logits, self._simulation.features
        keep = frozenset({logits} if features is None else {logits, features})
        wanted = self._simulation.run(image, keep=keep)
        with tf.GradientTape() as tape:
            found = self._simulation.run(image, rounded=lambda _: True, weights=self._moved(), keep=keep)
            distance = self._distance(wanted[logits], found[logits])
            loss = distance
            if features is not None:
                error = tf.reduce_mean((found[features] - wanted[features]) ** 2)
                loss += _FEATURES * error / (tf.reduce_mean(wanted[features] ** 2) + 1e-9)
        self._optimizer.apply(tape.gradient(loss, self._variables), self._variables)
        return distance

    def _distance(self, wanted: Any, found: Any) -> Any:
        """How much the answers say less than the teacher's: Kullback-Leibler, in nats."""
        import tensorflow as tf

        if self._multi_label:
            target = tf.sigmoid(wanted)
            losses = [tf.nn.sigmoid_cross_entropy_with_logits(target, values) for values in (found, wanted)]
        else:
            target = tf.nn.softmax(wanted)
            losses = [tf.nn.softmax_cross_entropy_with_logits(target, values) for values in (found, wanted)]
        return tf.reduce_mean(losses[0]) - tf.reduce_mean(losses[1])


def _zeros_like(values: NDArray[np.float32] | None) -> Any:
    import tensorflow as tf

    return None if values is None else tf.Variable(tf.zeros(values.shape))


def _compiled(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    import tensorflow as tf

    made: Callable[[Any], Any] = tf.function(function, autograph=False)
    return made


def _spans(layer: Layer, draft: Draft) -> tuple[NDArray[np.float32], np.float32]:
    """The largest weight of each channel, shaped to be multiplied with the kernel; and the range of the output."""
    kernel = draft.network.weights(layer).kernel
    others = tuple(i for i in range(kernel.ndim) if i != layer.output_axis)
    low, high = draft.ranges.get(layer.output, (0.0, 1.0))
    return np.maximum(np.abs(kernel).max(axis=others, keepdims=True), 1e-9), np.float32(high - low)

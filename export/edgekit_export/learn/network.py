"""The network that is trained: pixels 0..255 -> backbone -> mean over the map -> one dense layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgekit_export.learn.backbones import Backbone


@dataclass(frozen=True)
class TrainNetwork:
    """A backbone and a new head.

    Attributes:
        model: Keras, from pixels, float32 (photos, height, width, 3) in 0..255, to logits (photos, classes).
        body: Keras, from the same to features, (photos, features).
        head: The dense layer on the features.
        trained: Whether the backbone brings weights; then its batch normalizations keep what they remember.
    """

    model: Any
    body: Any
    head: Any
    trained: bool

    def features(self, pixels: Any, *, training: bool) -> Any:
        """Features of pixels.

        A trained backbone normalizes in inference mode also in training: the mean of a few small batches is far
        from that of its million photos, and would undo what it has learned.
        """
        return self.body(pixels, training=training and not self.trained)

    @property
    def body_variables(self) -> list[Any]:
        """What the second phase trains beside the head."""
        return list(self.body.trainable_variables)

    @property
    def variables(self) -> list[Any]:
        """All weights, those of the batch normalizations too."""
        return list(self.model.variables)


def build_network(backbone: Backbone, classes: int, seed: int) -> TrainNetwork:
    """The network for `classes` classes; the head's first weights depend on `seed` alone."""
    import keras

    image = keras.Input((backbone.height, backbone.width, 3), name="image")
    scaled = _scaling(backbone)(image)
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(backbone.model(scaled))
    start = keras.initializers.GlorotUniform(seed=seed)
    head = keras.layers.Dense(classes, kernel_initializer=start, name="head")
    logits = head(pooled)
    return TrainNetwork(keras.Model(image, logits), keras.Model(image, pooled), head, backbone.trained)


def finished_model(network: TrainNetwork, name: str) -> Any:
    """The Keras model to save: pixels 0..255 -> probabilities, without anything that only training needs."""
    import keras

    probabilities = keras.layers.Softmax(name="probabilities")(network.model.output)
    return keras.Model(network.model.input, probabilities, name=name)


def _scaling(backbone: Backbone) -> Any:
    import keras

    mean, std = np.array(backbone.range.mean, np.float64), np.array(backbone.range.std, np.float64)
    scale, offset = _plain(1 / std), _plain(-mean / std)
    return keras.layers.Rescaling(scale, offset=offset, name="scaling")


def _plain(values: Any) -> float | Sequence[float]:
    numbers = [float(value) for value in np.atleast_1d(values)]
    return numbers[0] if len(numbers) == 1 else numbers

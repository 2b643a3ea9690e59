"""The network that is trained: pixels 0..255 -> backbone -> mean over the map -> one dense layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgekit_export.learn.backbones import Backbone

_SMALL = 6 / 7  # 192 pixels for an input of 224
_STRIDE = 32  # of the last map of usual backbones, in pixels


@dataclass(frozen=True)
class TrainNetwork:
    """A backbone and a new head.

    Attributes:
        model: Keras, from pixels, float32 (photos, height, width, 3) in 0..255, to logits (photos, classes).
        body: Keras, from the same to features, (photos, features).
        small_body: The same layers on smaller pixels; None for a backbone that takes one size only.
        head: The dense layer on the features.
        trained: Whether the backbone brings weights; then its batch normalizations keep what they remember.
    """

    model: Any
    body: Any
    small_body: Any | None
    head: Any
    trained: bool

    @property
    def small_size(self) -> tuple[int, int] | None:
        """Height and width of smaller pixels that it takes too."""
        return None if self.small_body is None else tuple(self.small_body.input_shape[1:3])

    def features(self, pixels: Any, *, training: bool) -> Any:
        """Features of pixels, of the model's size or of the smaller one.

        A trained backbone normalizes in inference mode also in training: the mean of a few small batches is far
        from that of its million photos, and would undo what it has learned.
        """
        small = self.small_body
        body = small if small is not None and tuple(pixels.shape[1:3]) == self.small_size else self.body
        return body(pixels, training=training and not self.trained)

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
    scaling, pool = _scaling(backbone), keras.layers.GlobalAveragePooling2D(name="pool")
    pooled = pool(backbone.model(scaling(image)))
    start = keras.initializers.GlorotUniform(seed=seed)
    head = keras.layers.Dense(classes, kernel_initializer=start, name="head")
    logits = head(pooled)
    body, small = keras.Model(image, pooled), _small_body(backbone, scaling, pool)
    return TrainNetwork(keras.Model(image, logits), body, small, head, backbone.trained)


def finished_model(network: TrainNetwork, name: str) -> Any:
    """The Keras model to save: pixels 0..255 -> probabilities, without anything that only training needs."""
    import keras

    probabilities = keras.layers.Softmax(name="probabilities")(network.model.output)
    return keras.Model(network.model.input, probabilities, name=name)


def _small_body(backbone: Backbone, scaling: Any, pool: Any) -> Any | None:
    """The body's layers, with their weights, on a seventh less of height and width; None where they cannot take it.

    Strides halve such sizes without a remainder, as they do the model's own: so they pad alike in both.
    """
    import keras

    height, width = (round(side * _SMALL / _STRIDE) * _STRIDE for side in (backbone.height, backbone.width))
    if backbone.height % _STRIDE or backbone.width % _STRIDE or (height, width) == (backbone.height, backbone.width):
        return None
    image = keras.Input((height, width, 3), name="small_image")
    try:
        same = keras.models.clone_model(
            backbone.model, input_tensors=keras.Input((height, width, 3)), clone_function=lambda layer: layer
        )
        return keras.Model(image, pool(same(scaling(image))))
    except (ValueError, TypeError):  # a layer that is bound to its size, such as a flattened map with weights
        return None


def _scaling(backbone: Backbone) -> Any:
    import keras

    mean, std = np.array(backbone.range.mean, np.float64), np.array(backbone.range.std, np.float64)
    scale, offset = _plain(1 / std), _plain(-mean / std)
    return keras.layers.Rescaling(scale, offset=offset, name="scaling")


def _plain(values: Any) -> float | Sequence[float]:
    numbers = [float(value) for value in np.atleast_1d(values)]
    return numbers[0] if len(numbers) == 1 else numbers

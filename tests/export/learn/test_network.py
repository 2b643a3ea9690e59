"""The network that is trained, on pixels of its own size and on smaller ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgekit.inputrange import parse_input_range
from edgekit_export.learn.backbones import Backbone, build_backbone
from edgekit_export.learn.network import TrainNetwork, build_network
from edgekit_export.learn.settings import TrainSettings

pytestmark = pytest.mark.host
keras = pytest.importorskip("keras", reason="needs TensorFlow")


def network(name: str, height: int, width: int) -> TrainNetwork:
    settings = TrainSettings(backbone=name, weights="none", height=height, width=width)
    return build_network(build_backbone(settings, no_photos), 3, seed=0)


def no_photos(height: int, width: int) -> Any:
    raise AssertionError("no photos are needed")


def pixels(height: int, width: int) -> Any:
    return np.random.default_rng(1).uniform(0, 255, (2, height, width, 3)).astype(np.float32)


@pytest.mark.parametrize("name", ["efficientnet-lite0", "mobilenetv2", "mobilenetv3-small", "small-cnn"])
def test_on_smaller_pixels_it_is_the_network_of_that_size(name: str) -> None:
    large, small = network(name, 128, 224), network(name, 96, 192)
    assert large.small_size == (96, 192)
    small.model.set_weights(large.model.get_weights())
    image = pixels(96, 192)
    np.testing.assert_allclose(
        large.features(image, training=False), small.features(image, training=False), rtol=1e-4, atol=1e-5
    )


def test_both_sizes_train_the_same_weights() -> None:
    found = network("small-cnn", 128, 128)
    assert found.small_body is not None
    ours, others = ({id(v) for v in model.variables} for model in (found.body, found.small_body))
    assert ours == others


@pytest.mark.parametrize(("height", "width"), [(96, 96), (150, 160), (32, 32)])
def test_sizes_that_strides_do_not_halve_have_no_smaller_one(height: int, width: int) -> None:
    found = network("small-cnn", height, width)
    assert (found.small_size, found.small_body) == (None, None)
    assert found.features(pixels(height, width), training=False).shape == (2, 128)


def test_a_backbone_that_is_bound_to_its_size_has_no_smaller_one() -> None:
    image = keras.Input((128, 128, 3))
    x = keras.layers.Conv2D(4, 3, strides=8, padding="same")(image)
    x = keras.layers.Dense(8)(keras.layers.Flatten()(x))
    x = keras.layers.Reshape((2, 2, 2))(x)
    bound = Backbone(keras.Model(image, x), parse_input_range("0..1"), trained=False, text="bound")
    found = build_network(bound, 3, seed=0)
    assert found.small_size is None
    assert found.features(pixels(128, 128), training=False).shape == (2, 2)
    assert replace(found, small_body=found.body).small_size == (128, 128)

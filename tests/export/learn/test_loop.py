"""Steps and passes: the loss is the one that Keras knows, and only what should be trained is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgekit_export.learn.cluster import open_cluster
from edgekit_export.learn.loop import Loop, Objective

pytestmark = pytest.mark.host
keras = pytest.importorskip("keras", reason="needs TensorFlow")
ONES = np.ones(3, np.float32)


def objective(**more: Any) -> Objective:
    return Objective(**{"classes": 3, "label_smoothing": 0.0, "class_weights": ONES, "dropout": 0.0, "seed": 0, **more})


def head() -> Any:
    layer = keras.layers.Dense(3, kernel_initializer=keras.initializers.GlorotUniform(1))
    layer.build((None, 4))
    return layer


def loop_of(layer: Any, aim: Objective, batch: int = 8, decay: float = 0.0) -> Loop:
    return Loop(open_cluster("one"), lambda x, _: x, layer, layer.trainable_variables, aim, decay, batch)


def photos(count: int = 8) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 3, count)
    inputs = rng.normal(0, 0.3, (count, 4)).astype(np.float32)
    inputs[np.arange(count), classes] += 1
    return inputs, classes


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_keras_own(smoothing: float) -> None:
    logits = np.random.default_rng(1).normal(0, 2, (5, 3)).astype(np.float32)
    classes = np.array([0, 1, 2, 2, 0])
    known = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing, reduction=None)
    found = objective(label_smoothing=smoothing).losses(logits, classes)
    np.testing.assert_allclose(found, known(np.eye(3, dtype=np.float32)[classes], logits), rtol=1e-5)


def test_photos_count_as_their_class_weighs() -> None:
    logits, classes = np.zeros((3, 3), np.float32), np.array([0, 1, 2])
    found = np.asarray(objective(class_weights=np.array([1, 2, 0.5], np.float32)).losses(logits, classes))
    np.testing.assert_allclose(found / np.log(3), [1, 2, 0.5], rtol=1e-5)


def test_steps_learn_and_tell_the_loss_before_the_step() -> None:
    layer, (inputs, classes) = head(), photos()
    loop = loop_of(layer, objective())
    judged, right = loop.judge([(inputs, classes)])
    first, correct = loop.train_step(inputs, classes, 0, 0.05)
    assert first == pytest.approx(judged, rel=1e-5)
    assert correct == right
    for number in range(1, 60):
        last, correct = loop.train_step(inputs, classes, number, 0.05)
    assert last < first / 3
    assert correct == 8


def test_at_a_rate_of_zero_nothing_changes() -> None:
    layer, (inputs, classes) = head(), photos()
    before = [np.asarray(v) for v in layer.trainable_variables]
    loop_of(layer, objective(), decay=0.5).train_step(inputs, classes, 0, 0.0)
    for variable, values in zip(layer.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), values)


def test_only_kernels_decay() -> None:
    layer = head()
    layer.bias.assign(np.ones(3))
    inputs, classes = np.zeros((8, 4), np.float32), np.arange(8) % 3
    kernel = np.asarray(layer.kernel)
    loop_of(layer, objective(class_weights=0 * ONES), decay=0.5).train_step(inputs, classes, 0, 0.1)
    np.testing.assert_allclose(np.asarray(layer.kernel), kernel * (1 - 0.05), rtol=1e-5)
    np.testing.assert_array_equal(np.asarray(layer.bias), np.ones(3))


def test_judging_counts_each_photo_once_whatever_the_chunks() -> None:
    layer, (inputs, classes) = head(), photos(19)
    loop = loop_of(layer, objective(label_smoothing=0.3, class_weights=5 * ONES))
    logits = np.asarray(layer(inputs))
    right = int((logits.argmax(axis=1) == classes).sum())
    shifted = logits - logits.max(axis=1, keepdims=True)
    chances = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    wanted = -np.log(chances[np.arange(19), classes]).mean()
    for sizes in ((8, 8, 3), (1,) * 19, (7, 5, 7)):
        parts = np.split(np.arange(19), np.cumsum(sizes)[:-1])
        loss, correct = loop.judge((inputs[part], classes[part]) for part in parts)
        assert correct == right
        assert loss == pytest.approx(float(wanted), rel=1e-4)


def test_dropout_is_decided_by_seed_and_step_alone() -> None:
    inputs, classes = photos()

    def first_loss(seed: int, number: int) -> float:
        return loop_of(head(), objective(dropout=0.5, seed=seed)).train_step(inputs, classes, number, 0.1)[0]

    assert first_loss(1, 4) == first_loss(1, 4)
    assert len({first_loss(1, 4), first_loss(1, 5), first_loss(2, 4)}) == 3

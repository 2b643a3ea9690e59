"""The deep belief network: what its layers learn before and after the classes are known."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import BernoulliRBM

from edgekit_export.baseline.belief import DbnSettings, DeepBeliefNetwork, _Adam, _epochs, _Layer

Floats = NDArray[np.float32]


def crossed(count: int = 240, seed: int = 0) -> tuple[Floats, NDArray[np.int64]]:
    """Two groups of features, each mostly on or mostly off; the class is whether both are the same."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (count, 2))
    features = np.repeat(bits, 6, axis=1) * 0.8 + rng.uniform(0, 0.2, (count, 12))
    return features.astype(np.float32), (bits[:, 0] == bits[:, 1]).astype(np.int64) + 3


def trained(**settings: Any) -> DeepBeliefNetwork:
    features, targets = crossed()
    settings = {"hidden": (24, 12), "pretrain_steps": 80, **settings}
    return DeepBeliefNetwork(DbnSettings(**settings)).fit(features, targets)


def test_it_learns_what_no_line_can_part() -> None:
    features, targets = crossed()
    others, truth = crossed(seed=1)
    line = LogisticRegression().fit(features, targets)
    assert line.score(others, truth) < 0.7
    network = trained(pretrain_steps=330, tune_steps=3000)
    assert (network.predict(others) == truth).mean() > 0.95
    assert network.predict(others).dtype == targets.dtype


def test_before_tuning_its_layers_are_rbms_each_trained_on_the_one_below() -> None:
    """Against scikit-learn's own, one after the other."""
    features, _ = crossed()
    found = trained(tune_steps=0, seed=5).hidden_values(features)
    values = features
    for units, seed, ours in zip((24, 12), (5, 6), found, strict=True):
        machine = BernoulliRBM(units, learning_rate=0.05, batch_size=32, n_iter=10, random_state=seed)
        values = machine.fit_transform(values).astype(np.float32)
        assert ours == pytest.approx(values, abs=2e-6)


def test_tuning_begins_at_the_rbms() -> None:
    before, after = trained(tune_steps=0), trained(tune_steps=1, tune_rate=1e-6)
    raw = trained(pretrain_steps=0, tune_steps=0)
    for i in range(2):
        assert after.layers[i].weights == pytest.approx(before.layers[i].weights, abs=1e-4)
        assert np.abs(raw.layers[i].weights - before.layers[i].weights).max() > 0.03
    far = trained(tune_steps=160)
    assert all(np.abs(far.layers[i].weights - before.layers[i].weights).max() > 0.01 for i in range(3))


def test_steps_are_whole_passes_over_the_photos() -> None:
    assert [_epochs(3000, photos) for photos in (1, 32, 33, 1034, 3_200_000)] == [500, 500, 500, 91, 1]
    assert [_epochs(330, photos) for photos in (1, 33, 1034)] == [330, 165, 10]
    assert _epochs(0, 100) == 0


def test_gradients_are_those_of_the_cross_entropy() -> None:
    """Against finite differences."""
    features, targets = crossed(20)
    network = DeepBeliefNetwork(DbnSettings((5, 4), tune_steps=5)).fit(features, targets)
    for layer in network.layers:
        layer.weights, layer.offsets = layer.weights.astype(np.float64), layer.offsets.astype(np.float64)
    wanted = targets - 3

    def loss() -> float:
        return float(-np.log(network.predict_proba(features).astype(np.float64)[np.arange(20), wanted]).mean())

    for layer, slope in zip(network.layers, network._gradients(features, wanted), strict=True):
        for array, slopes in ((layer.weights, slope.weights), (layer.offsets, slope.offsets)):
            place = np.unravel_index(np.abs(slopes).argmax(), slopes.shape)
            middle, step = array[place], 0.02
            array[place] = middle + step
            above = loss()
            array[place] = middle - step
            below = loss()
            array[place] = middle
            assert (above - below) / (2 * step) == pytest.approx(slopes[place], rel=0.02, abs=2e-5)


def test_adam_takes_steps_of_the_rate_and_shrinks_weights_only() -> None:
    layer = _Layer(np.ones((2, 1), np.float32), np.ones(1, np.float32))
    adam = _Adam([layer], rate=0.1 * 2**0.5, decay=0.5)  # two inputs: a rate of 0.1
    adam.step([_Layer(np.array([[4.0], [-4.0]], np.float32), np.array([1e-3], np.float32))])
    assert layer.weights[:, 0].tolist() == pytest.approx([0.95 - 0.1, 0.95 + 0.1], abs=1e-5)
    assert layer.offsets.tolist() == pytest.approx([0.9], abs=1e-4)
    adam.step([_Layer(np.zeros((2, 1), np.float32), np.array([-1e-3], np.float32))])
    # m = 0.9 * 0.1 g - 0.1 g = -0.01 g over 1 - 0.9^2; v = g^2 once more over 1 - 0.999^2
    assert layer.offsets.tolist() == pytest.approx([0.9 + 0.1 * 0.01 / 0.19], abs=1e-4)


def test_probabilities_sum_to_one_and_the_same_seed_gives_the_same() -> None:
    features, _ = crossed()
    first, second, other = trained(tune_steps=24), trained(tune_steps=24), trained(tune_steps=24, seed=1)
    found = first.predict_proba(features)
    assert found.dtype == np.float32
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(found, second.predict_proba(features))
    assert not np.array_equal(found, other.predict_proba(features))
    again = pickle.loads(pickle.dumps(first))  # noqa: S301 - our own
    assert np.array_equal(again.predict_proba(features), found)
    assert np.array_equal(
        np.concatenate([first.predict(row[None]) for row in features[:9]]), first.predict(features[:9])
    )

"""What batch normalization remembers tells the range of the training data, without any label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit_export.sources.batchnorm import divergence_of

if TYPE_CHECKING:
    from tests.export.conftest import Nets

pytestmark = pytest.mark.host

BATCH = np.random.default_rng(0).uniform(0, 1, (8, 16, 12, 3)).astype(np.float32)


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request: pytest.FixtureRequest, nets: Nets) -> Any:
    return pytest.importorskip(request.param)


def trained(keras: Any, batch: NDArray[np.float32], layers: int = 2, **options: Any) -> Any:
    """A network whose normalizations remember exactly what `batch` brings there."""
    image = x = keras.Input((16, 12, 3))
    norms = []
    for i in range(layers):
        x = keras.layers.Conv2D(4, 3, name=f"conv_{i}")(x)
        norms.append(keras.layers.BatchNormalization(name=f"norm_{i}", **options))
        entering, x = x, norms[-1](x)
        found = np.asarray(keras.Model(image, entering)(batch))
        norms[-1].set_weights([np.ones(4), np.zeros(4), found.mean((0, 1, 2)), found.var((0, 1, 2))])
    return keras.Model(image, keras.layers.Flatten()(x))


def found(model: Any, keras: Any, batch: NDArray[np.float32]) -> float:
    value = divergence_of(model, keras)(batch)
    assert value is not None
    return value


@pytest.mark.parametrize("axis", [-1, 3])
def test_the_training_data_itself_diverges_by_nothing_and_another_range_by_much(keras: Any, axis: int) -> None:
    model = trained(keras, BATCH, axis=axis)
    assert found(model, keras, BATCH) == pytest.approx(0, abs=1e-4)
    assert found(model, keras, BATCH * 2 - 1) > 0.1
    assert found(model, keras, BATCH * 255) > 100


def test_divergence_is_that_of_normal_distributions(keras: Any) -> None:
    model = trained(keras, BATCH, epsilon=1e-6)
    for conv, norm in ((model.layers[1], model.layers[2]), (model.layers[3], model.layers[4])):
        kernel, bias = conv.get_weights()
        conv.set_weights([kernel * 0, bias * 0 + 2])  # every value is 2: its variance is the epsilon
        norm.set_weights([np.ones(4), np.zeros(4), np.full(4, 1.0), np.full(4, 4.0)])
    variance, kept = 1e-6, 4 + 1e-6
    expected = 0.5 * (np.log(kept / variance) + (variance + 1) / kept - 1)
    assert found(model, keras, BATCH) == pytest.approx(expected, rel=1e-4)


def test_the_first_three_layers_count(keras: Any) -> None:
    model = trained(keras, BATCH, layers=5)
    for name, counts in (("norm_4", False), ("norm_3", False), ("norm_2", True)):
        layer = model.get_layer(name)
        kept = layer.get_weights()
        layer.set_weights([*kept[:2], kept[2] + 9, kept[3]])
        assert (found(model, keras, BATCH) > 1) == counts, name


def test_layers_of_nested_networks_count(keras: Any) -> None:
    image = keras.Input((16, 12, 3))
    model = keras.Model(image, trained(keras, BATCH)(image))
    assert found(model, keras, BATCH) == pytest.approx(0, abs=1e-4)
    assert found(model, keras, BATCH * 255) > 100


def test_a_network_that_remembers_nothing_says_so(keras: Any) -> None:
    image = keras.Input((16, 12, 3))
    assert divergence_of(keras.Model(image, keras.layers.Flatten()(image)), keras)(BATCH) is None
    assert divergence_of(trained(keras, BATCH, layers=1), keras)(BATCH) is None  # one may agree by chance


def test_asking_leaves_the_network_as_it_was(keras: Any) -> None:
    model = trained(keras, BATCH)
    before, layer = np.asarray(model(BATCH)), model.layers[2]
    weights = [np.array(value) for value in layer.get_weights()]
    found(model, keras, BATCH * 255)
    assert "call" not in vars(layer)
    assert np.array_equal(np.asarray(model(BATCH)), before)
    assert all(np.array_equal(a, b) for a, b in zip(layer.get_weights(), weights, strict=True))
    with pytest.raises(Exception, match=r".+"):
        divergence_of(model, keras)(np.zeros((1, 2), np.float32))
    assert "call" not in vars(layer)

"""The algorithms and the settings that are tried."""

from __future__ import annotations

import dataclasses
import functools
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit_export.baseline import belief
from edgekit_export.baseline.algorithms import ALGORITHMS, AlgorithmName, Scaled, candidates
from edgekit_export.baseline.features import FEATURES

Floats = NDArray[np.float32]


def clouds(count: int, classes: int, size: int = 6, seed: int = 0) -> tuple[Floats, NDArray[np.int64]]:
    """Clouds of points around a corner for each class."""
    rng = np.random.default_rng(seed)
    targets = np.arange(count) % classes
    corners = np.random.default_rng(9).normal(0, 3, (classes, size))
    return (corners[targets] + rng.normal(0, 0.4, (count, size))).astype(np.float32), targets


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """These photos are learned soon, and belief networks are slow to learn."""
    monkeypatch.setattr(belief, "DbnSettings", functools.partial(belief.DbnSettings, pretrain_steps=50, tune_steps=400))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("classes", [2, 5])
def test_all_settings_learn_and_nothing_warns(algorithm: AlgorithmName, classes: int) -> None:
    """Warnings are errors here."""
    features, targets = clouds(60, classes)
    others, truth = clouds(40, classes, seed=1)
    tried = candidates(algorithm, photos=60, classes=classes, seed=0)
    assert len(tried) > 1
    assert len({one.settings for one in tried}) == len(tried)
    rates = []
    for one in tried:
        model = one.build()
        model.fit(features, targets)
        rates.append((model.predict(others) == truth).mean())
    assert max(rates) > 0.95
    assert min(rates) > 1.5 / classes


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_two_photos_and_features_that_never_change_are_no_error(algorithm: AlgorithmName) -> None:
    features = np.array([[1, 0, 5], [1, 1, 5]], np.float32)
    for one in candidates(algorithm, photos=2, classes=2, seed=0):
        model = one.build()
        model.fit(features, np.array([0, 7]))
        assert set(model.predict(features)) <= {0, 7}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_class_numbers_come_back_as_they_were(algorithm: AlgorithmName) -> None:
    features, targets = clouds(40, 2)
    one = candidates(algorithm, photos=40, classes=2, seed=0)[-1]
    model = one.build()
    model.fit(features, 10 + 5 * targets)
    assert set(model.predict(features).tolist()) == {10, 15}


@pytest.mark.parametrize("algorithm", ["forest", "boosting", "dbn"])
def test_chance_comes_from_the_seed_alone(algorithm: AlgorithmName) -> None:
    features, targets = clouds(60, 3, size=30)
    targets = np.roll(targets, 1) * (features[:, 0] > 0)  # hard enough for chance to show

    def answers(seed: int) -> NDArray[np.int64]:
        model = candidates(algorithm, photos=60, classes=3, seed=seed)[-1].build()
        model.fit(features[:40], targets[:40])
        return model.predict(np.random.default_rng(4).normal(0, 3, (300, 30)).astype(np.float32))

    assert np.array_equal(answers(1), answers(1))
    assert not np.array_equal(answers(1), answers(2))


def test_boosting_grows_fewer_rounds_for_many_classes() -> None:
    def rounds(classes: int) -> list[int]:
        return [int(one.settings.split()[0]) for one in candidates("boosting", photos=900, classes=classes, seed=0)]

    assert rounds(2) == rounds(3) == [40, 120]
    assert rounds(15) == [33, 100]
    assert rounds(100) == rounds(1000) == [5, 15]


def test_neighbours_are_never_more_than_the_photos() -> None:
    found = [one.settings for one in candidates("knn", photos=4, classes=2, seed=0)]
    assert [text.split()[0] for text in found] == ["1", "1", "4", "4"]


def test_a_scaler_learns_from_the_photos_of_fit_only() -> None:
    seen: list[Floats] = []

    @dataclasses.dataclass
    class Watched:
        def fit(self, features: Floats) -> None:
            seen.append(features)

        def transform(self, features: Floats) -> Floats:
            return features + 1

    class Model:
        def fit(self, features: Floats, targets: NDArray[np.int64]) -> None:
            assert features.tolist() == [[1], [2]]

        def predict(self, features: Floats) -> NDArray[np.int64]:
            return features[:, 0].astype(np.int64)

    class Scaler(Watched):
        def fit(self, features: Floats) -> Scaler:  # type: ignore[override]
            super().fit(features)
            return self

    model = Scaled(Scaler(), Model())
    model.fit(np.array([[0], [1]], np.float32), np.array([0, 1]))
    assert model.predict(np.array([[7]], np.float32)).tolist() == [8]
    assert [one.tolist() for one in seen] == [[[0], [1]]]


def test_the_command_offers_what_there_is() -> None:
    from edgekit_export.commands import compare

    assert compare._FEATURES == FEATURES
    assert compare._ALGORITHMS == ALGORITHMS == get_args(AlgorithmName)


def test_boosting_learns_from_thirty_photos() -> None:
    features, targets = clouds(30, 3)
    model = candidates("boosting", photos=30, classes=3, seed=0)[-1].build()
    model.fit(features, targets)
    others, truth = clouds(40, 3, seed=1)
    assert (model.predict(others) == truth).mean() > 0.9

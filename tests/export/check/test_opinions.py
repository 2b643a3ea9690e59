"""Cross-validation: no twin on the other side, each class everywhere, and figures that mean what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_export.check.opinions import FOLDS, Opinions, folds_of, opinions
from edgekit_export.statistics import wilson_interval

pytest.importorskip("sklearn")


@given(st.integers(0, 10**6), st.integers(2, 4), st.integers(20, 90))
def test_groups_stay_whole_and_classes_are_spread_evenly(seed: int, classes: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    targets = np.resize(np.arange(classes), count)
    groups = [i // classes if i < 2 * classes else 1000 + i for i in range(count)]  # two groups of one of each class
    folds = folds_of(targets, groups, rng)
    for group in set(groups):
        assert len({folds[i] for i in range(count) if groups[i] == group}) == 1
    for label in range(classes):
        here = np.bincount(folds[targets == label], minlength=FOLDS)
        assert here.max() - here.min() <= 2


def test_nobody_judges_what_he_learned_or_its_twin() -> None:
    learned: list[set[int]] = []
    judged: list[set[int]] = []

    class Spy:
        classes_ = np.array([0, 1])

        def fit(self, features: Any, _targets: Any) -> Spy:
            learned.append(set(features[:, 0].astype(int).tolist()))
            return self

        def predict_proba(self, features: Any) -> Any:
            judged.append(set(features[:, 0].astype(int).tolist()))
            return np.full((len(features), 2), 0.5)

    groups = [i // 4 for i in range(60)]
    numbers = np.arange(60, dtype=np.float32)[:, None]
    found = opinions(numbers, np.arange(60) % 2, groups, Spy, seed=0)
    assert sorted(i for some in judged for i in some) == list(range(60))
    for seen, asked in zip(learned, judged, strict=True):
        assert {groups[i] for i in seen} & {groups[i] for i in asked} == set()
    np.testing.assert_array_equal(found.probabilities, 0.5)


def test_figures_are_shares_with_their_intervals() -> None:
    targets = np.array([0] * 60 + [1] * 40)
    probabilities = np.zeros((100, 2), np.float32)
    probabilities[:, 0] = 1
    probabilities[60:90] = (0, 1)
    found = Opinions(targets, probabilities, 0.6)
    assert (found.right, found.accuracy) == (90, 0.9)
    assert found.interval == wilson_interval(90, 100)
    assert found.skill == pytest.approx(0.75)
    assert Opinions(targets, 1 - probabilities, 0.6).skill == 0


def test_what_can_be_told_is_told_and_chance_is_chance() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    targets = np.resize(np.arange(3), 300)
    noise = rng.normal(0, 1, (300, 8)).astype(np.float32)
    clear = noise + 6 * np.eye(8, dtype=np.float32)[targets]
    assert opinions(clear, targets, range(300), LogisticRegression, seed=0).accuracy > 0.98
    assert opinions(noise, targets, range(300), LogisticRegression, seed=0).skill < 0.15


def test_a_class_that_is_all_twins_is_not_judged() -> None:
    """Nobody can learn it from others; to call each of its labels wrong would be wrong."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    targets = np.array([0] * 40 + [1] * 40 + [2] * 12)
    features = rng.normal(0, 1, (92, 4)).astype(np.float32) + 5 * np.eye(4, dtype=np.float32)[targets]
    groups = [*range(80), *[1000] * 12]
    found = opinions(features, targets, groups, LogisticRegression, seed=0)
    np.testing.assert_array_equal(found.judged, targets < 2)
    assert found.accuracy == 1


def test_a_rare_class_is_learned_among_many_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    from edgekit_export.check import opinions as module

    monkeypatch.setattr(module, "_MOST_TO_LEARN_FROM", 60)
    learned: list[np.ndarray[Any, Any]] = []

    class Spy:
        def fit(self, _features: Any, targets: Any) -> Spy:
            learned.append(np.bincount(targets))
            self.classes_ = np.unique(targets)
            return self

        def predict_proba(self, features: Any) -> Any:
            return np.full((len(features), len(self.classes_)), 0.5)

    targets = np.array([0] * 2000 + [1] * 10)
    opinions(np.zeros((2010, 1), np.float32), targets, range(2010), Spy, seed=0)
    assert all(counts.sum() == 60 and counts[1] == 8 for counts in learned)

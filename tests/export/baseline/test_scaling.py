"""Ranks among the training photos."""

from __future__ import annotations

import numpy as np
import pytest

from edgekit_export.baseline.scaling import RankScaler


def column(*values: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.array(values, np.float32)[:, None]


def test_a_value_becomes_the_share_of_training_photos_below_it() -> None:
    scaler = RankScaler().fit(column(*range(101)))
    found = scaler.transform(column(-5, 0, 25, 50, 100, 900))
    assert found.dtype == np.float32
    assert found[:, 0].tolist() == pytest.approx([0, 0.5 / 101, 25.5 / 101, 0.5, 100.5 / 101, 1])


def test_what_is_always_the_same_stands_in_the_middle() -> None:
    assert RankScaler().fit(column(3, 3, 3)).transform(column(3, 2, 4))[:, 0].tolist() == [0.5, 0, 1]


def test_many_photos_are_ranked_as_each_alone() -> None:
    values = np.random.default_rng(0).normal(size=(150, 7)).astype(np.float32)
    scaler = RankScaler().fit(values[:40])
    together = scaler.transform(values)
    assert together.shape == (150, 7)
    assert np.array_equal(together, np.concatenate([scaler.transform(row[None]) for row in values]))
    order = values[:, 0].argsort()
    assert (np.diff(together[order, 0]) >= 0).all()

"""Photos with a part of another one: the part, and what is told of it."""

from __future__ import annotations

import numpy as np
import pytest

from edgekit_export.learn.mix import mixed, whole

CLASSES = np.arange(6)
PIXELS = np.broadcast_to(CLASSES[:, None, None, None], (6, 20, 30, 3)).astype(np.uint8)  # each has its own colour


@pytest.mark.parametrize("seed", range(20))
def test_what_is_told_of_a_photo_is_what_it_shows(seed: int) -> None:
    batch = mixed(PIXELS, CLASSES, 1.0, np.random.default_rng(seed))
    for photo, own, other, share in zip(batch.inputs, batch.classes, batch.others, batch.shares, strict=True):
        assert set(np.unique(photo)) <= {own, other}
        assert float((photo == own).mean()) == pytest.approx(share if own != other else 1.0)
        assert 0.45 < share <= 1
    assert (batch.others == CLASSES[::-1]).all()


def test_the_photos_themselves_stay() -> None:
    before = PIXELS.copy()
    mixed(PIXELS, CLASSES, 1.0, np.random.default_rng(0))
    assert (before == PIXELS).all()


def test_the_chance_is_that_of_a_batch() -> None:
    rng = np.random.default_rng(0)
    untouched = [bool((mixed(PIXELS, CLASSES, 0.5, rng).shares == 1).all()) for _ in range(200)]
    assert 60 < sum(untouched) < 140
    assert (mixed(PIXELS, CLASSES, 0.0, rng).shares == 1).all()


def test_unmixed_photos_are_all_of_one_class() -> None:
    batch = whole(PIXELS, CLASSES)
    assert batch.inputs is PIXELS
    assert (batch.others == batch.classes).all()
    assert (batch.shares == 1).all()

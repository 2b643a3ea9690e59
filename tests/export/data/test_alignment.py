"""Alignment: a picture cut out of another is laid where it was cut, and strangers stay strangers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit_export.data.alignment import align
from edgekit_export.data.waves import distances, patterns_of

if TYPE_CHECKING:
    from tests.export.conftest import FieldPhoto

Box = tuple[float, float, float, float]
BOXES = (
    (0.0, 0.0, 0.96, 0.96), (0.04, 0.0, 1.0, 1.0), (0.02, 0.03, 0.97, 0.98), (0.0, 0.0, 1.0, 0.94),
    (0.03, 0.03, 0.97, 0.97),
)  # fmt: skip


def small(image: Image.Image) -> NDArray[np.float32]:
    return np.asarray(image.convert("L").resize((32, 32), Image.Resampling.LANCZOS), np.float32)


def cut(image: Image.Image, box: Box) -> Image.Image:
    left, top, right, bottom = (round(share * side) for share, side in zip(box, image.size * 2, strict=True))
    return image.crop((left, top, right, bottom))


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_cut_picture_is_laid_where_it_was_cut(field_photo: FieldPhoto, box: Box, swapped: bool) -> None:
    photos = [field_photo(seed) for seed in range(12)]
    whole = np.stack([small(photo) for photo in photos])
    part = np.stack([small(cut(photo, box)) for photo in photos])
    before = distances(patterns_of(whole), patterns_of(part))
    aligned = align(part, whole) if swapped else align(whole, part)
    after = distances(patterns_of(aligned.ours), patterns_of(aligned.theirs))
    assert aligned.places.tolist() == list(range(12))
    assert before.mean() > 8
    assert after.max() < 8
    assert after.mean() < before.mean() / 4


def test_another_light_is_no_hindrance(field_photo: FieldPhoto) -> None:
    photos = [field_photo(seed) for seed in range(6)]
    whole = np.stack([small(photo) for photo in photos])
    part = np.stack([small(cut(photo, BOXES[0])) for photo in photos])
    plain, dim = align(whole, part), align(whole, part * 0.4 + 90)
    np.testing.assert_allclose(
        distances(patterns_of(dim.ours), patterns_of(dim.theirs)),
        distances(patterns_of(plain.ours), patterns_of(plain.theirs)),
        atol=3,
    )


def test_strangers_are_given_up_or_stay_apart(field_photo: FieldPhoto) -> None:
    ours = np.stack([small(field_photo(seed)) for seed in range(30)])
    theirs = np.stack([small(field_photo(seed + 100)) for seed in range(30)])
    aligned = align(ours, theirs)
    assert len(aligned.places) < 10
    assert distances(patterns_of(aligned.ours), patterns_of(aligned.theirs)).min(initial=128) > 60


def test_pairs_keep_their_places(field_photo: FieldPhoto) -> None:
    whole = np.stack([small(field_photo(seed)) for seed in (1, 50, 2, 60)])
    part = np.stack([small(cut(field_photo(seed), BOXES[2])) for seed in (1, 51, 2, 61)])
    assert align(whole, part).places.tolist() == [0, 2]


def test_nothing_in_a_picture_and_no_pictures_are_no_trouble() -> None:
    plain, none = np.full((2, 32, 32), 7, np.float32), np.zeros((0, 32, 32), np.float32)
    for pictures in (plain, none):
        aligned = align(pictures, pictures)
        assert np.isfinite(aligned.theirs).all()
        assert aligned.ours.shape == aligned.theirs.shape == (len(aligned.places), 32, 32)

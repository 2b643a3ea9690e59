"""Faces: one is seen, leaves are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from edgekit_export.check.faces import find_faces

if TYPE_CHECKING:
    from tests.export.conftest import FieldPhoto

data = pytest.importorskip("skimage.data")


def portrait(side: int) -> Image.Image:
    """Eileen Collins, NASA; in the public domain, and a part of scikit-image."""
    head = Image.fromarray(data.astronaut()).convert("L").crop((100, 0, 350, 250))
    return head.resize((side, side), Image.Resampling.BILINEAR)


@pytest.mark.parametrize(("side", "left", "top"), [(256, 0, 0), (130, 20, 90), (100, 150, 10)])
def test_a_face_is_seen_wherever_it_is(field_photo: FieldPhoto, side: int, left: int, top: int) -> None:
    photo = field_photo(2, 256, 256).convert("L")
    photo.paste(portrait(side), (left, top))
    assert find_faces(np.asarray(photo)) == 1
    assert find_faces(np.asarray(photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT))) == 1


def test_two_faces_are_two(field_photo: FieldPhoto) -> None:
    photo = field_photo(2, 200, 320).convert("L")
    photo.paste(portrait(130), (10, 20))
    photo.paste(portrait(130), (180, 30))
    assert find_faces(np.asarray(photo)) == 2


def test_where_there_is_no_face_there_is_none(field_photo: FieldPhoto) -> None:
    assert sum(find_faces(np.asarray(field_photo(seed, 256, 256).convert("L"))) for seed in range(12)) == 0
    assert find_faces(np.zeros((300, 300), np.uint8)) == 0


@pytest.mark.parametrize("shape", [(1, 1), (23, 400), (400, 10)])
def test_photos_smaller_than_a_face_have_none(shape: tuple[int, int]) -> None:
    assert find_faces(np.full(shape, 90, np.uint8)) == 0

"""Faces of people who may not want to be in a data set: a quick look, for a hint and no more.

A detector on local binary patterns from OpenCV's collection, as scikit-image ships and runs it. It is made for upright
faces seen from the front. In leaves and soil it sees faces too, now and then; what it finds in a photo only once, and
not in its mirror image in the same place, is not told.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SIDE = 192  # pixels of the shorter side at which faces are looked for
_SMALLEST = 24  # pixels, of a face; what the detector was trained on
_APART = 0.5  # of its width: how far a face may move when the photo is mirrored


class _Care(NamedTuple):
    """How carefully faces are looked for.

    Attributes:
        scale: From one size of faces to the next.
        step: From place to place, in pixels.
        neighbours: How many overlapping findings make a face.
    """

    scale: float
    step: float
    neighbours: int


# Twelve times as fast as the second look, finds four of five faces, and something in one leaf photo of twenty.
_QUICK = _Care(1.15, 2, 2)
_THOROUGH = _Care(1.25, 1, 6)

_Face = tuple[int, int, int]  # left, top and side of a square


def find_faces(gray: NDArray[np.uint8]) -> int:
    """How many faces are seen in a photo, uint8 (height, width)."""
    small = _at_most(gray)
    if min(small.shape) < _SMALLEST or not _detect(small, _QUICK):
        return 0
    found = _detect(small, _THOROUGH)
    width = small.shape[1]
    mirrored = [(width - left - side, top, side) for left, top, side in _detect(small[:, ::-1], _THOROUGH)]
    return sum(any(_same(one, other) for other in mirrored) for one in found)


def _at_most(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = _SIDE / min(gray.shape)
    if scale >= 1:
        return gray
    height, width = (round(side * scale) for side in gray.shape)
    return np.asarray(Image.fromarray(gray).resize((width, height), Image.Resampling.BILINEAR))


def _detect(gray: NDArray[np.uint8], care: _Care) -> list[_Face]:
    found = _cascade().detect_multi_scale(
        img=np.ascontiguousarray(gray),
        scale_factor=care.scale,
        step_ratio=care.step,
        min_size=(_SMALLEST, _SMALLEST),
        max_size=gray.shape,
        min_neighbor_number=care.neighbours,
    )
    return [(one["c"], one["r"], one["width"]) for one in found]


def _same(one: _Face, other: _Face) -> bool:
    middles = [(left + side / 2, top + side / 2) for left, top, side in (one, other)]
    apart = max(abs(a - b) for a, b in zip(*middles, strict=True))
    return bool(apart <= _APART * min(one[2], other[2]))


@cache
def _cascade() -> Any:
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    return Cascade(lbp_frontal_face_cascade_filename())

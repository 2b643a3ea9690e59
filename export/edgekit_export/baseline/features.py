"""What people measured in photos before networks learned what to look at: colours, textures, outlines.

All are computed on the same pixels, `PIXELS`, that `edgekit.preprocess` makes of a photo. The largest is 448 numbers
long, so that no algorithm here needs them reduced first.

Sources: M. J. Swain and D. H. Ballard, Color indexing, 1991, for colour histograms, and A. Vedaldi and A. Zisserman,
2012, for their square roots; T. Ojala, M. Pietikäinen and T. Mäenpää, 2002, for local binary patterns; R. M. Haralick,
K. Shanmugam and I. Dinstein, 1973, for co-occurrence matrices; N. Dalal and B. Triggs, 2005, for histograms of oriented
gradients. The last three are scikit-image's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import InputSpec

HandMade = Literal["colour", "lbp", "glcm", "hog"]
FeatureName = Literal["colour", "lbp", "glcm", "hog", "classic", "cnn"]

HAND_MADE: tuple[HandMade, ...] = get_args(HandMade)
FEATURES: tuple[FeatureName, ...] = get_args(FeatureName)

SIDE = 128
PIXELS = InputSpec(SIDE, SIDE, 3, (0.0,), (1.0,))

_HUES, _SATURATIONS, _VALUES = 16, 4, 4
_BANDS = 16  # of each channel in a quarter of the photo
_CIRCLES = ((8, 1), (16, 2))  # points and radius in pixels
_GRAYS = 32
_DISTANCES = (1, 2, 4, 8)  # in pixels
_ANGLES = (0.0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
_PROPERTIES = ("contrast", "dissimilarity", "homogeneity", "energy", "correlation", "entropy")
_DIRECTIONS, _CELL = 9, 32

_Pixels = NDArray[np.uint8]
_Vector = NDArray[np.float32]


def made_of(features: FeatureName) -> tuple[HandMade | Literal["cnn"], ...]:
    """What a set of features is put together from: ``classic`` is all that is hand-made."""
    return HAND_MADE if features == "classic" else (features,)


def parts_of(features: Sequence[FeatureName]) -> tuple[HandMade | Literal["cnn"], ...]:
    """What has to be computed for `features`, each once, in the order of `FEATURES`."""
    wanted = {part for one in features for part in made_of(one)}
    return tuple(part for part in (*HAND_MADE, "cnn") if part in wanted)


def hand_made(name: HandMade, pixels: _Pixels) -> _Vector:
    """One kind of features.

    Args:
        name: Which.
        pixels: uint8, shape (128, 128, 3), RGB.

    Returns:
        float32, shape (448,) for colour, (28,) for lbp, (48,) for glcm, (324,) for hog; finite for any photo.
    """
    return _COMPUTE[name](pixels)


def colour(pixels: _Pixels) -> _Vector:
    """Square roots of the share of each colour in the photo, and of each hue, saturation and value in each quarter.

    The first 256 are joint: hue in 16 steps by saturation in 4 by value in 4. The other 192 are, for each quarter of
    the photo, 16 steps of each channel alone.
    """
    hsv = np.asarray(Image.fromarray(pixels).convert("HSV"))
    steps = hsv // np.array([256 // _HUES, 256 // _SATURATIONS, 256 // _VALUES], np.uint8)
    joint = (steps[..., 0].astype(np.int64) * _SATURATIONS + steps[..., 1]) * _VALUES + steps[..., 2]
    half = SIDE // 2
    quarters = [hsv[top : top + half, left : left + half] for top in (0, half) for left in (0, half)]
    bands = [_shares(quarter[..., c] // (256 // _BANDS), _BANDS) for quarter in quarters for c in range(3)]
    return np.asarray(np.sqrt(np.concatenate([_shares(joint, _HUES * _SATURATIONS * _VALUES), *bands])))


def lbp(pixels: _Pixels) -> _Vector:
    """How often each pattern of brighter and darker neighbours occurs on two circles.

    Turning the photo by 90 degrees changes nothing, nor does making all of it brighter by the same amount.
    """
    from skimage.feature import local_binary_pattern

    gray = _gray(pixels)
    patterns = ((points, local_binary_pattern(gray, points, radius, "uniform")) for points, radius in _CIRCLES)
    return np.concatenate([_shares(found.astype(np.int64), points + 2) for points, found in patterns])


def glcm(pixels: _Pixels) -> _Vector:
    """Six properties of how gray levels stand beside each other at four distances: mean over four directions, range."""
    from skimage.feature import graycomatrix, graycoprops

    gray = _gray(pixels) // (256 // _GRAYS)
    matrix = graycomatrix(gray, _DISTANCES, _ANGLES, levels=_GRAYS, symmetric=True, normed=True)
    values = np.stack([graycoprops(matrix, name) for name in _PROPERTIES])
    return np.asarray(np.concatenate([values.mean(axis=2).ravel(), np.ptp(values, axis=2).ravel()]), np.float32)


def hog(pixels: _Pixels) -> _Vector:
    """In which directions edges run, in each of 4 x 4 cells, normalised in blocks of 2 x 2."""
    from skimage.feature import hog as gradients

    return np.asarray(gradients(_gray(pixels), _DIRECTIONS, (_CELL, _CELL), (2, 2)), np.float32)


def _gray(pixels: _Pixels) -> _Pixels:
    return np.asarray(Image.fromarray(pixels).convert("L"))


def _shares(steps: NDArray[Any], count: int) -> _Vector:
    return (np.bincount(steps.ravel(), minlength=count) / steps.size).astype(np.float32)


_COMPUTE: Mapping[HandMade, Callable[[_Pixels], _Vector]] = {"colour": colour, "lbp": lbp, "glcm": glcm, "hog": hog}

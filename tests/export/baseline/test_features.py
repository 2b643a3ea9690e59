"""Hand-made features, held against what can be worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.preprocess import fit_pixels
from edgekit_export.baseline.features import (
    FEATURES,
    HAND_MADE,
    PIXELS,
    SIDE,
    HandMade,
    colour,
    glcm,
    hand_made,
    hog,
    lbp,
    made_of,
    parts_of,
)

Pixels = NDArray[np.uint8]
SIZES = {"colour": 448, "lbp": 28, "glcm": 48, "hog": 324}


def plain(*rgb: int) -> Pixels:
    return np.full((SIDE, SIDE, 3), rgb, np.uint8)


def gray(values: NDArray[Any]) -> Pixels:
    return np.repeat(np.broadcast_to(values, (SIDE, SIDE))[..., None].astype(np.uint8), 3, axis=2)


def noise(seed: int = 0, low: int = 0, high: int = 200) -> Pixels:
    return gray(np.random.default_rng(seed).integers(low, high, (SIDE, SIDE)))


ONE_PIXEL = np.zeros((1, 1), np.uint8)
STRIPES = gray(255 * (np.arange(SIDE) % 2))  # each a pixel wide, upright


@pytest.mark.parametrize("name", HAND_MADE)
@pytest.mark.parametrize(
    "pixels",
    [plain(0, 0, 0), plain(255, 255, 255), plain(200, 30, 30), noise(), STRIPES, fit_pixels(ONE_PIXEL, PIXELS)],
    ids=["black", "white", "red", "noise", "stripes", "one gray pixel"],
)  # fmt: skip
def test_any_photo_gives_so_many_finite_numbers(name: HandMade, pixels: Pixels) -> None:
    found = hand_made(name, pixels)
    assert found.shape == (SIZES[name],)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_a_red_photo_has_all_its_colour_in_one_place() -> None:
    found = colour(plain(255, 0, 0))
    # Hue 0 of 16, saturation 3 of 4, value 3 of 4; and for each quarter, band 0 of hue, 15 of saturation and of value.
    wanted = {(0 * 4 + 3) * 4 + 3} | {256 + 48 * quarter + place for quarter in range(4) for place in (0, 31, 47)}
    assert set(np.flatnonzero(found)) == wanted
    assert found[sorted(wanted)].tolist() == [1.0] * 13


def test_colours_count_by_the_root_of_their_share_and_by_where_they_are() -> None:
    photo = plain(255, 0, 0)
    photo[:32] = (0, 0, 255)  # the upper quarter of the height is blue: hue 170 of 256, so 10 of 16
    found = colour(photo)
    red, blue = 15, (10 * 4 + 3) * 4 + 3
    assert found[[red, blue]].tolist() == pytest.approx([0.75**0.5, 0.25**0.5])
    halves = [found[256 + 48 * quarter + 10] for quarter in range(4)]
    assert halves == pytest.approx([0.5**0.5, 0.5**0.5, 0, 0])
    turned = colour(photo[::-1])
    assert np.array_equal(turned[:256], found[:256])
    assert not np.array_equal(turned[256:], found[256:])


def test_fine_texture_of_a_plain_photo_and_of_stripes() -> None:
    flat = lbp(plain(90, 90, 90))
    # No neighbour is darker: the pattern of 8, and of 16, ones. A frame is darker outside, hence not quite all.
    assert flat[8] > 0.96
    assert flat[10 + 16] > 0.93
    striped = lbp(STRIPES)
    # Of a dark pixel no neighbour is darker; of a bright one those above and below are as bright: not uniform.
    assert striped[[8, 9]].tolist() == pytest.approx([0.5, 0.5], abs=0.03)
    assert striped[:10].sum() == pytest.approx(1)
    assert striped[10:].sum() == pytest.approx(1)


def test_fine_texture_minds_neither_a_quarter_turn_nor_light() -> None:
    photo = noise()
    assert lbp(np.rot90(photo).copy()) == pytest.approx(lbp(photo), abs=1e-3)
    brighter = photo + np.uint8(55)
    assert np.abs(lbp(brighter) - lbp(photo)).max() < 0.01  # in the frame only: outside of the photo it stays dark
    assert np.abs(lbp(noise(1) // np.uint8(64) * np.uint8(64)) - lbp(photo)).max() > 0.05


def test_coarse_texture_of_a_plain_photo_and_of_stripes() -> None:
    flat = glcm(plain(90, 90, 90)).reshape(2, 6, 4)  # mean and range, six properties, four distances
    for place, value in enumerate((0, 0, 1, 1, 1, 0)):  # contrast, dissimilarity, homogeneity, energy, correlation, ...
        assert flat[0, place] == pytest.approx(value)
    assert flat[1] == pytest.approx(0)
    striped = glcm(STRIPES).reshape(2, 6, 4)
    # Gray levels 0 and 31 of 32. One pixel to the side, or slanting, they differ by 31; one pixel down they do not.
    assert striped[:, 0, 0].tolist() == pytest.approx([3 * 31**2 / 4, 31**2])
    assert striped[:, 1, 0].tolist() == pytest.approx([3 * 31 / 4, 31])
    assert striped[0, 4, 0] == pytest.approx((-1 - 1 - 1 + 1) / 4)  # correlation
    # 2, 4 and 8 pixels to the side or down it is the same stripe again; slanting, that is 1, 3 and 6 to the side.
    assert striped[0, 0, 1:].tolist() == pytest.approx([2 * 31**2 / 4, 2 * 31**2 / 4, 0])


def test_coarse_texture_does_not_mind_a_quarter_turn() -> None:
    assert glcm(np.rot90(noise()).copy()) == pytest.approx(glcm(noise()), abs=1e-5)


def test_outlines_tell_upright_edges_from_lying_ones() -> None:
    assert not hog(plain(90, 90, 90)).any()
    edges = gray(255 * (np.arange(SIDE) // 16 % 2))
    for pixels, direction in ((edges, 0), (np.rot90(edges).copy(), 4)):  # of 9 in half a turn
        strength = hog(pixels).reshape(-1, 9).sum(axis=0)
        assert strength.argmax() == direction
        assert strength[direction] > 0.99 * strength.sum()


def test_classic_is_all_that_is_hand_made_and_each_is_computed_once() -> None:
    assert made_of("classic") == HAND_MADE
    assert made_of("cnn") == ("cnn",)
    assert parts_of(("classic", "hog", "cnn")) == (*HAND_MADE, "cnn")
    assert parts_of(("hog", "colour")) == ("colour", "hog")
    assert set(FEATURES) == {*HAND_MADE, "classic", "cnn"}

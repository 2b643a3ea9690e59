"""Training photos varied: within bounds, by their own seed alone, and without borders that no photo has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.card import InputSpec
from edgekit_export.learn.augment import VARIATIONS, Variation, augment, canvas_spec

SPEC = InputSpec(56, 42, 3, (0.0,), (1.0,))
STILL = Variation(1.0, 1.0, False, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 100)
Pixels = NDArray[np.uint8]


def canvas(seed: int = 0) -> Pixels:
    """Smooth colours, so that resizing and turning change little."""
    spec = canvas_spec(SPEC)
    y, x = np.mgrid[: spec.height, : spec.width] / max(spec.height, spec.width)
    phases = np.random.default_rng(seed).uniform(0, 6, 3)
    waves = [128 + 80 * np.sin(4 * x + 3 * y + p) for p in phases]
    return np.asarray(np.stack(waves, axis=-1), np.uint8)


def varied(how: Variation, seed: int = 0, photo: Pixels | None = None) -> Pixels:
    return augment(canvas() if photo is None else photo, SPEC, how, np.random.default_rng(seed))


def test_photos_wait_a_seventh_larger() -> None:
    found = canvas_spec(replace(SPEC, fit="crop", resize_kernel="bicubic"))
    assert (found.height, found.width, found.fit, found.resize_kernel) == (64, 48, "crop", "bicubic")


@pytest.mark.parametrize("how", VARIATIONS.values())
def test_the_result_has_the_models_size_and_its_seed_alone_decides_it(how: Variation) -> None:
    photos = [varied(how, seed) for seed in (1, 2, 1)]
    assert all(photo.shape == (56, 42, 3) and photo.dtype == np.uint8 for photo in photos)
    np.testing.assert_array_equal(photos[0], photos[2])
    assert (photos[0] != photos[1]).any()


def test_nothing_varied_is_the_photo_or_its_mirror() -> None:
    plain = varied(STILL, 0)
    mirrored = next(varied(STILL, seed) for seed in range(20) if (varied(STILL, seed) != plain).any())
    np.testing.assert_array_equal(mirrored, plain[:, ::-1])


def test_only_leaves_are_turned_upside_down() -> None:
    upright = {varied(STILL, seed).tobytes() for seed in range(40)}
    turned = {varied(replace(STILL, flip_vertically=True), seed).tobytes() for seed in range(40)}
    assert len(upright) == 2
    assert len(turned) == 4


def test_a_turn_brings_no_border_into_the_photo() -> None:
    white = np.full_like(canvas(), 255)
    for seed in range(50):
        assert varied(replace(STILL, degrees=45.0), seed, white).min() == 255


def test_a_turn_really_turns() -> None:
    photo = np.zeros_like(canvas())
    photo[:, photo.shape[1] // 2 :] = 255
    found = [varied(replace(STILL, degrees=40.0), seed, photo) for seed in range(10)]
    assert max(abs(float(p[0].mean()) - float(p[-1].mean())) for p in found) > 60


def test_a_crop_keeps_at_least_the_smallest_area() -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, 48).astype(np.uint8)[None, :, None], (64, 48, 3)).copy()
    spans = [np.ptp(varied(replace(STILL, smallest_area=0.25), seed, ramp)[0, :, 0].astype(int)) for seed in range(60)]
    assert 100 <= min(spans) < 160
    assert max(spans) > 220


def test_light_changes_brightness_within_its_bounds() -> None:
    gray = np.full_like(canvas(), 100)
    means = [float(varied(replace(STILL, light=0.5), seed, gray).mean()) for seed in range(80)]
    assert 100 / 1.5 - 1 <= min(means) < 75
    assert 135 < max(means) <= 151


def test_saturation_moves_colours_to_gray_or_away_but_keeps_gray() -> None:
    gray = varied(replace(STILL, light=0.5), 3, np.full_like(canvas(), 90))
    assert np.ptp(gray.reshape(-1, 3).mean(axis=0)) < 1
    red = np.zeros_like(canvas()) + np.array([160, 80, 80], np.uint8)
    ratios = [(p := varied(replace(STILL, light=0.5), seed, red)[5, 5].astype(float))[0] / p[1] for seed in range(40)]
    assert min(ratios) < 1.7
    assert max(ratios) > 2.3


def test_warmth_moves_red_and_blue_apart() -> None:
    gray = np.full_like(canvas(), 120)
    found = [varied(replace(STILL, warmth=0.1), seed, gray)[0, 0].astype(int) for seed in range(40)]
    assert max(p[0] - p[2] for p in found) in range(15, 25)
    assert min(p[0] - p[2] for p in found) in range(-24, -14)
    assert {p[1] for p in found} == {120}


def test_blur_and_compression_happen_as_often_as_asked() -> None:
    rough = np.random.default_rng(0).integers(0, 256, canvas().shape, np.uint8)
    still = [varied(STILL, seed, rough) for seed in range(60)]
    for how in (
        replace(STILL, blur_chance=0.5, blur_pixels=2.0),
        replace(STILL, jpeg_chance=0.5, jpeg_quality=30),
    ):
        changed = [(varied(how, seed, rough) != photo).any() for seed, photo in enumerate(still)]
        assert 15 <= sum(changed) <= 45
    always = [varied(replace(STILL, blur_chance=1.0, blur_pixels=2.0), seed, rough) for seed in range(60)]
    assert np.mean([p.std() for p in always]) < 0.7 * np.mean([p.std() for p in still])

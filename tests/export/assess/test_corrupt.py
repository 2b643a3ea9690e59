"""What is done to photos: each kind does what its name says, more so with each strength, and nothing else."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import InputSpec
from edgekit.photo import AtLeast, load_photo
from edgekit.preprocess import fit_pixels
from edgekit_export.assess.corrupt import CORRUPTIONS, Corruption, enough_for_copy, working_copy

KINDS = {kind.name: kind for kind in CORRUPTIONS}
SPEC = InputSpec(64, 64, 3, (0.0,), (1.0,))


def scene(height: int = 96, width: int = 128, seed: int = 0) -> Image.Image:
    """Blobs of colour of several sizes, with detail."""
    rng = np.random.default_rng(seed)
    layers = [
        np.asarray(Image.fromarray(rng.integers(0, 256, (n, n, 3), dtype=np.uint8)).resize((width, height)), np.float32)
        for n in (4, 16, 48)
    ]
    return Image.fromarray(np.mean(layers, axis=0).astype(np.uint8))


def done(name: str, strength: float, image: Image.Image | None = None, seed: int = 0) -> NDArray[np.float32]:
    found = KINDS[name].apply(image or scene(), strength, np.random.default_rng(seed))
    assert found.mode == "RGB"
    return np.asarray(found, np.float32)


def detail(pixels: NDArray[np.float32]) -> float:
    return float(np.abs(np.diff(pixels, axis=1)).mean())


@pytest.mark.parametrize("kind", CORRUPTIONS, ids=lambda kind: kind.name)
def test_each_kind_has_five_growing_strengths_and_words_for_them(kind: Corruption) -> None:
    image, spec = scene(192, 256), InputSpec(96, 96, 3, (0.0,), (1.0,))
    before = image.tobytes()
    damage = []
    for strength in kind.strengths:
        after = kind.apply(image, strength, np.random.default_rng(1))
        damage.append(float(np.abs(fit_pixels(after, spec).astype(np.float32) - fit_pixels(image, spec)).mean()))
        assert any(character.isdigit() for character in kind.text(strength))
    assert len(kind.strengths) == 5
    assert damage[0] > 0.02
    if kind.name != "rotation":  # half a turn is not twice a quarter
        assert damage == sorted(damage)
    assert image.tobytes() == before
    assert kind.advice.endswith(".")


@pytest.mark.parametrize("kind", CORRUPTIONS, ids=lambda kind: kind.name)
def test_the_same_seed_does_the_same(kind: Corruption) -> None:
    first, again = (kind.apply(scene(), kind.strengths[2], np.random.default_rng(4)) for _ in range(2))
    assert first.tobytes() == again.tobytes()


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (300, 3)])
@pytest.mark.parametrize("kind", CORRUPTIONS, ids=lambda kind: kind.name)
def test_tiny_photos_are_no_trouble(kind: Corruption, size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, (10, 200, 30))
    for strength in kind.strengths:
        assert min(kind.apply(image, strength, np.random.default_rng(0)).size) >= 1


def test_blur_takes_detail_and_leaves_brightness() -> None:
    before, after = np.asarray(scene(), np.float32), done("blur", 0.02)
    assert detail(after) < 0.5 * detail(before)
    assert after.mean() == pytest.approx(before.mean(), abs=1)


def test_blur_is_relative_to_the_photo() -> None:
    """The same photo twice as large, blurred with the same strength and made small again, looks the same."""
    small = scene(128, 128)
    large = small.resize((256, 256), Image.Resampling.BICUBIC)
    back = np.asarray(Image.fromarray(done("blur", 0.025, large).astype(np.uint8)).resize((128, 128)), np.float32)
    assert np.abs(back - done("blur", 0.025, small)).mean() < 0.5


def test_shake_blurs_along_one_line_only() -> None:
    """A thin line along the movement stays, one across it goes: some direction keeps far more than another."""
    point = np.zeros((65, 65, 3), np.uint8)
    point[32, 32] = 255
    moved = done("shake", 0.3, Image.fromarray(point))[..., 0]
    rows, columns = np.nonzero(moved > 2)
    assert 15 <= len(rows) <= 42
    spread = np.linalg.svd(np.stack([rows - rows.mean(), columns - columns.mean()]), compute_uv=False)
    assert spread[1] < 0.2 * spread[0]
    assert moved.sum() == pytest.approx(255, rel=0.15)


def test_shakes_go_in_all_directions_by_seed() -> None:
    assert (done("shake", 0.06, seed=1) != done("shake", 0.06, seed=2)).any()


def linear(stored: float) -> float:
    value = stored / 255
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def test_one_stop_is_half_or_twice_the_light() -> None:
    gray = Image.new("RGB", (4, 4), (120, 120, 120))
    assert linear(done("darker", 1.0, gray)[0, 0, 0]) == pytest.approx(linear(120) / 2, rel=0.02)
    assert linear(done("brighter", 1.0, gray)[0, 0, 0]) == pytest.approx(linear(120) * 2, rel=0.02)
    assert done("brighter", 2.0, Image.new("RGB", (2, 2), (250, 250, 250))).min() == 255


def test_no_change_of_light_is_no_change() -> None:
    ramp = Image.fromarray(np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2))
    for name, strength in (("darker", 0.0), ("brighter", 0.0), ("warmer", 1.0), ("cooler", 1.0), ("veil", 0.0)):
        np.testing.assert_array_equal(done(name, strength, ramp), np.asarray(ramp, np.float32))


def test_warm_light_has_more_red_and_less_blue_and_cool_light_the_reverse() -> None:
    gray = Image.new("RGB", (2, 2), (120, 120, 120))
    red, green, blue = done("warmer", 1.5, gray)[0, 0]
    assert red > green == 120 > blue
    assert linear(red) == pytest.approx(1.5 * linear(120), rel=0.02)
    np.testing.assert_array_equal(done("cooler", 1.5, gray)[0, 0], [blue, green, red])


def test_a_veil_takes_contrast() -> None:
    assert done("veil", 0.6).std() == pytest.approx(0.4 * np.asarray(scene(), np.float32).std(), rel=0.05)


def test_noise_is_as_strong_as_it_says_and_coarser_on_larger_photos() -> None:
    gray = Image.new("RGB", (224, 224), (128, 128, 128))
    noise = done("noise", 14.0, gray) - 128
    assert noise.std() == pytest.approx(14, rel=0.03)
    assert abs(noise.mean()) < 0.3
    twice = done("noise", 14.0, gray.resize((448, 448))) - 128
    assert twice.std() == pytest.approx(14, rel=0.03)
    np.testing.assert_array_equal(twice[::2, ::2], twice[1::2, 1::2])  # what is left when it is reduced to 224


def test_jpeg_is_jpeg_of_that_quality() -> None:
    data = io.BytesIO()
    scene().save(data, "JPEG", quality=15)
    np.testing.assert_array_equal(done("jpeg", 15), np.asarray(Image.open(data).convert("RGB"), np.float32))


@pytest.mark.parametrize("degrees", [90, 180])
def test_quarter_turns_are_exact_in_the_middle(degrees: int) -> None:
    image = scene(64, 64)
    found = done("rotation", degrees, image)
    turns = [np.rot90(np.asarray(image, np.float32), k) for k in ((2,) if degrees == 180 else (1, 3))]
    assert min(float(np.abs(found - one)[2:-2, 2:-2].mean()) for one in turns) < 0.6


def test_rotation_goes_to_both_sides_and_leaves_no_black_corners() -> None:
    white = Image.new("RGB", (64, 48), (255, 255, 255))
    assert done("rotation", 45, white).min() == 255
    kinds = {done("rotation", 25, seed=seed).tobytes() for seed in range(12)}
    assert len(kinds) == 2


def test_a_nearer_camera_sees_the_middle() -> None:
    image = scene(80, 120)
    np.testing.assert_array_equal(done("nearer", 2.0, image), np.asarray(image, np.float32)[20:60, 30:90])


def test_a_farther_camera_sees_the_photo_among_more_of_the_same() -> None:
    image = scene(80, 120)
    found = done("farther", 1.5, image)
    assert found.shape == (120, 180, 3)
    np.testing.assert_array_equal(found[20:100, 30:150], np.asarray(image, np.float32))
    np.testing.assert_array_equal(found[19, 30:150], np.asarray(image, np.float32)[0])


def test_photos_up_to_twice_the_input_are_taken_as_they_are() -> None:
    image = scene(128, 128)
    assert working_copy(image, SPEC) is image
    assert working_copy(scene(50, 700), SPEC).size == (700, 50)


def test_larger_ones_are_reduced_to_twice_the_input_in_their_own_aspect() -> None:
    copy = working_copy(scene(400, 800), SPEC)
    assert copy.size == (256, 128)
    gray = InputSpec(32, 32, 1, (0.0,), (1.0,), color_order="L", fit="crop")
    assert working_copy(scene(400, 800), gray).size == (128, 64)
    assert working_copy(scene(400, 800), gray).mode == "RGB"


def test_fast_decode_leaves_a_working_copy_as_large_as_exact_decode() -> None:
    assert enough_for_copy(SPEC) is None
    fast = replace(SPEC, decode="fast")
    assert enough_for_copy(fast) == AtLeast(136, 136)
    data = io.BytesIO()
    scene(1280, 1280).save(data, "JPEG")
    small = load_photo(data.getvalue(), at_least=enough_for_copy(fast))
    assert small.size == (160, 160)
    assert working_copy(small, fast).size == working_copy(scene(1280, 1280), SPEC).size


def test_the_model_sees_nearly_the_same_of_a_working_copy() -> None:
    image = scene(480, 640)
    for kernel in ("bilinear", "nearest", "tf-bilinear"):
        spec = InputSpec(64, 64, 3, (0.0,), (1.0,), resize_kernel=kernel)
        direct, by_way = fit_pixels(image, spec), fit_pixels(working_copy(image, spec), spec)
        assert np.abs(direct.astype(int) - by_way).mean() < 10

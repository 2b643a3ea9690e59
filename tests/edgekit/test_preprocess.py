"""Pixels -> input tensor: geometry against boxes worked out by hand, values against exact fractions."""

from __future__ import annotations

import math
import runpy
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import Fit, InputSpec, ResizeKernel
from edgekit.errors import ImageError
from edgekit.photo import load_photo
from edgekit.preprocess import PixelTable, centre_box, fit_pixels, letterbox

DATA = Path(__file__).parents[1] / "data"
KERNELS: tuple[ResizeKernel, ...] = ("nearest", "bilinear", "bicubic", "tf-bilinear")


def spec_of(
    height: int,
    width: int,
    channels: int = 3,
    *,
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
    fit: Fit = "stretch",
    kernel: ResizeKernel = "bilinear",
) -> InputSpec:
    order: Any = "RGB" if channels == 3 else "L"
    return InputSpec(height, width, channels, mean, std, color_order=order, fit=fit, resize_kernel=kernel)


def noise(height: int, width: int, channels: int = 3) -> NDArray[np.uint8]:
    return np.random.default_rng(height * width).integers(1, 256, (height, width, channels), np.uint8)


def resized(pixels: NDArray[np.uint8], width: int, height: int, kernel: ResizeKernel) -> NDArray[np.uint8]:
    if kernel == "tf-bilinear":
        return as_tensorflow(pixels, width, height)
    if kernel == "nearest":
        return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.NEAREST))
    across = as_pillow(pixels.swapaxes(0, 1), width, *FILTERS[kernel]).swapaxes(0, 1)
    return as_pillow(across, height, *FILTERS[kernel])


def triangle(x: float) -> float:
    return max(0.0, 1.0 - abs(x))


def cubic(x: float) -> float:
    """Keys' cubic with a = -1/2."""
    x = abs(x)
    return (1.5 * x - 2.5) * x * x + 1 if x < 1 else ((-0.5 * x + 2.5) * x - 4) * x + 2 if x < 2 else 0.0


FILTERS: dict[ResizeKernel, tuple[Callable[[float], float], float]] = {"bilinear": (triangle, 1), "bicubic": (cubic, 2)}


def as_pillow(
    pixels: NDArray[np.uint8], wanted: int, kernel: Callable[[float], float], reach: float
) -> NDArray[np.uint8]:
    """One pass of Pillow's 8-bit resize along the first axis, in integers: libImaging/Resample.c, up to Pillow 12."""
    found = len(pixels)
    scale = found / wanted
    stretch = max(scale, 1.0)
    rows = []
    for i in range(wanted):
        centre = (i + 0.5) * scale
        first = max(0, int(centre - reach * stretch + 0.5))
        last = min(found, int(centre + reach * stretch + 0.5))
        weights = [kernel((j - centre + 0.5) / stretch) for j in range(first, last)]
        steps = [math.trunc(w / sum(weights) * 2**22 + math.copysign(0.5, w)) for w in weights]
        total = 2**21 + np.tensordot(np.array(steps, np.int64), pixels[first:last].astype(np.int64), 1)
        rows.append(np.clip(total >> 22, 0, 255))
    return np.array(rows, np.uint8)


def as_tensorflow(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """The four neighbours of every pixel of the result, looked up in all of the photo, in TensorFlow's own order."""
    y, y_far = neighbours(pixels.shape[0], height)
    x, x_far = neighbours(pixels.shape[1], width)
    photo = pixels.astype(np.float32)
    (top_left, top_right), (bottom_left, bottom_right) = ([photo[np.ix_(rows, columns)] for columns in x] for rows in y)
    top = top_left + (top_right - top_left) * x_far[None, :, None]
    bottom = bottom_left + (bottom_right - bottom_left) * x_far[None, :, None]
    values = top + (bottom - top) * y_far[:, None, None]
    return np.asarray(np.clip(np.floor(values + np.float32(0.5)), 0, 255), np.uint8)


def neighbours(found: int, wanted: int) -> tuple[tuple[list[int], list[int]], NDArray[np.float32]]:
    scale, half = np.float32(found) / np.float32(wanted), np.float32(0.5)
    places = [(np.float32(i) + half) * scale - half for i in range(wanted)]
    lower = [max(math.floor(place), 0) for place in places]
    upper = [min(math.ceil(place), found - 1) for place in places]
    return (lower, upper), np.array([place - np.floor(place) for place in places], np.float32)


# Photo width and height, model width and height, and what stays of the photo: left, top, right, bottom.
CROPS = [
    ((400, 300), (224, 224), (50, 0, 350, 300)),
    ((300, 400), (224, 224), (0, 50, 300, 350)),
    ((301, 200), (100, 100), (50, 0, 250, 200)),
    ((500, 333), (320, 240), (28, 0, 472, 333)),
    ((333, 500), (320, 240), (0, 125, 333, 375)),
    ((1, 1000), (224, 224), (0, 499, 1, 500)),
    ((1000, 1), (224, 224), (499, 0, 500, 1)),
    ((3, 2), (1, 1000), (1, 0, 2, 2)),
    ((17, 17), (5, 5), (0, 0, 17, 17)),
]
# The same, and which part of the model's input the photo fills.
PADS = [
    ((400, 300), (224, 224), (0, 28, 224, 196)),
    ((300, 400), (224, 224), (28, 0, 196, 224)),
    ((500, 333), (320, 240), (0, 13, 320, 226)),
    ((3, 7), (5, 5), (1, 0, 3, 5)),
    ((1, 1000), (224, 224), (111, 0, 112, 224)),
    ((1000, 1), (224, 224), (0, 111, 224, 112)),
    ((17, 17), (5, 5), (0, 0, 5, 5)),
]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("photo", "model", "_"), CROPS)
def test_stretch_is_a_plain_resize_across_and_then_down(
    photo: tuple[int, int], model: tuple[int, int], _: object, kernel: ResizeKernel
) -> None:
    pixels = noise(photo[1], photo[0])
    found = fit_pixels(Image.fromarray(pixels), spec_of(model[1], model[0], kernel=kernel))
    assert found.dtype == np.uint8
    assert found.shape == (model[1], model[0], 3)
    np.testing.assert_array_equal(found, resized(pixels, *model, kernel))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("photo", "model", "box"), CROPS)
def test_crop_resizes_the_centre_of_the_models_aspect(
    photo: tuple[int, int], model: tuple[int, int], box: tuple[int, int, int, int], kernel: ResizeKernel
) -> None:
    spec = spec_of(model[1], model[0], fit="crop", kernel=kernel)
    left, top, right, bottom = box
    pixels = noise(photo[1], photo[0])
    assert centre_box(*photo, spec) == box
    np.testing.assert_array_equal(fit_pixels(pixels, spec), resized(pixels[top:bottom, left:right], *model, kernel))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("photo", "model", "box"), PADS)
def test_pad_resizes_the_whole_photo_between_black_bars(
    photo: tuple[int, int], model: tuple[int, int], box: tuple[int, int, int, int], kernel: ResizeKernel
) -> None:
    spec = spec_of(model[1], model[0], fit="pad", kernel=kernel)
    left, top, right, bottom = box
    pixels = noise(photo[1], photo[0])
    expected = np.zeros((model[1], model[0], 3), np.uint8)
    expected[top:bottom, left:right] = resized(pixels, right - left, bottom - top, kernel)
    assert letterbox(*photo, spec) == box
    np.testing.assert_array_equal(fit_pixels(pixels, spec), expected)


@settings(derandomize=True, deadline=None)
@given(*[st.integers(1, 60)] * 4, st.sampled_from([1, 3]))
def test_tf_bilinear_is_tensorflows_arithmetic_for_any_size(h: int, w: int, mh: int, mw: int, channels: int) -> None:
    pixels = noise(h, w, channels)
    found = fit_pixels(pixels, spec_of(mh, mw, channels, kernel="tf-bilinear"))
    np.testing.assert_array_equal(found, as_tensorflow(pixels, mw, mh))


def test_tf_bilinear_rounds_half_up_and_looks_at_nothing_between_the_neighbours() -> None:
    row = np.array([[10, 20, 200, 41, 44, 90]], np.uint8)[..., None]  # 6 -> 3: halfway between pixels 0 and 1, 2 and 3
    assert fit_pixels(row, spec_of(1, 3, 1, kernel="tf-bilinear")).ravel().tolist() == [15, 121, 67]
    assert fit_pixels(row, spec_of(1, 2, 1, kernel="tf-bilinear")).ravel().tolist() == [20, 44]  # 6 -> 2: pixels 1, 4
    edges = np.array([[0], [100]], np.uint8)[..., None]  # 2 -> 4: beyond the outer pixels' centres there is no more
    assert fit_pixels(edges, spec_of(4, 1, 1, kernel="tf-bilinear")).ravel().tolist() == [0, 25, 75, 100]


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_tf_bilinear_packs_only_the_rows_of_a_large_photo_that_it_needs(
    fit: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = Image.fromarray(noise(1000, 1300))
    packed = []

    def count(image: Image.Image, *arguments: Any) -> bytes:
        packed.append(image.width * image.height)
        return plain(image, *arguments)

    plain = Image.Image.tobytes
    monkeypatch.setattr(Image.Image, "tobytes", count)
    fit_pixels(photo, spec_of(20, 20, fit=fit, kernel="tf-bilinear"))
    assert 0 < sum(packed) <= 1300 * 2 * 20 + 2 * 20 * 20


SIDE = st.integers(1, 5000)


@settings(derandomize=True, deadline=None)
@given(SIDE, SIDE, SIDE, SIDE)
def test_boxes_are_inside_centred_and_of_the_aspect_to_half_a_pixel(w: int, h: int, mw: int, mh: int) -> None:
    spec = spec_of(mh, mw)
    for (left, top, right, bottom), whole, aspect in (
        (centre_box(w, h, spec), (w, h), Fraction(mw, mh)),
        (letterbox(w, h, spec), (mw, mh), Fraction(w, h)),
    ):
        width, height = right - left, bottom - top
        assert 0 <= left < right <= whole[0]
        assert 0 <= top < bottom <= whole[1]
        assert 0 <= (whole[0] - right) - left <= 1
        assert 0 <= (whole[1] - bottom) - top <= 1
        assert width == whole[0] or height == whole[1]
        off = abs(width - height * aspect) if height == whole[1] else abs(height - width / aspect)
        assert off <= Fraction(1, 2) or min(width, height) == 1


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_of_the_models_shape_are_taken_as_they_are(fit: Fit, channels: int) -> None:
    spec, pixels = spec_of(5, 7, channels, fit=fit), noise(5, 7, channels)
    assert fit_pixels(pixels, spec) is pixels
    np.testing.assert_array_equal(fit_pixels(load_photo(pixels), spec), pixels)


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_gray_models_see_gray_pixels_unchanged_and_colours_by_their_luma(fit: Fit) -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    spec = spec_of(16, 16, 1, fit=fit)
    for photo in (ramp, ramp[..., 0], ramp.repeat(3, axis=2), load_photo(ramp)):
        np.testing.assert_array_equal(fit_pixels(photo, spec), ramp)
    red_green_blue = np.diag([255, 255, 255]).astype(np.uint8).reshape(1, 3, 3)
    assert fit_pixels(red_green_blue, spec_of(1, 3, 1)).ravel().tolist() == [76, 150, 29]  # ITU-R BT.601


def test_colour_models_see_gray_arrays_in_equal_channels() -> None:
    gray = noise(4, 6, 1)
    for array in (gray, gray[..., 0]):
        np.testing.assert_array_equal(fit_pixels(array, spec_of(4, 6)), gray.repeat(3, axis=2))


@pytest.mark.parametrize(
    "array", [np.zeros((5, 7, 3), np.float32), np.zeros((5, 7, 4), np.uint8), np.zeros(3, np.uint8)]
)
def test_arrays_that_are_no_pixels_are_refused(array: Any) -> None:
    with pytest.raises(ImageError, match="expected uint8 of shape"):
        fit_pixels(array, spec_of(5, 7))


def table_of(spec: InputSpec, dtype: str, scale: float = 0.0, zero_point: int = 0) -> PixelTable:
    return PixelTable(spec, np.dtype(dtype), scale, zero_point)


PIXELS = np.arange(256, dtype=np.uint8)
EVERY = np.stack([PIXELS, PIXELS[::-1], np.roll(PIXELS, 7)], axis=-1)[None]


@pytest.mark.parametrize(
    ("mean", "std", "scale", "zero_point"),
    [
        (0.0, 1.0, 1.0, 0),
        (0.0, 255.0, 1 / 255, 0),
        (127.0, 1 / float(np.float32(2 / 255)), float(np.float32(2 / 255)), 127),
        (128.0, 128.0, 1 / 128, 128),
        (0.0, 255.0, float(np.float32(1 / 255)), 0),
    ],
)
def test_a_uint8_input_of_the_same_mapping_takes_the_raw_bytes(
    mean: float, std: float, scale: float, zero_point: int
) -> None:
    table = table_of(spec_of(1, 256, mean=(mean,), std=(std,)), "uint8", scale, zero_point)
    assert table.is_identity
    tensor = table.apply(EVERY)
    assert np.shares_memory(tensor, EVERY)
    np.testing.assert_array_equal(tensor, EVERY[None])


def test_an_int8_input_of_the_same_mapping_takes_the_raw_bytes_minus_128() -> None:
    table = table_of(spec_of(1, 256, std=(255.0,)), "int8", 1 / 255, -128)
    assert not table.is_identity
    tensor = table.apply(EVERY)
    assert tensor.dtype == np.int8
    np.testing.assert_array_equal(tensor, EVERY[None].astype(int) - 128)


def test_a_float_input_takes_the_normalized_value_of_each_channel() -> None:
    mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    tensor = table_of(spec_of(1, 256, mean=mean, std=std), "float32").apply(EVERY)
    assert tensor.dtype == np.float32
    assert tensor.shape == (1, 1, 256, 3)
    for channel in range(3):
        expected = [np.float32((int(p) - mean[channel]) / std[channel]) for p in EVERY[0, :, channel]]
        np.testing.assert_array_equal(tensor[0, 0, :, channel], expected)


@pytest.mark.parametrize(("mean", "std"), [((1.0, 2.0, 3.0), (2.0,)), ((5.0,), (1.0, 2.0, 4.0))])
def test_one_mean_or_std_serves_every_channel(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    tensor = table_of(spec_of(1, 256, mean=mean, std=std), "float32").apply(EVERY)
    np.testing.assert_array_equal(tensor[0], ((EVERY - np.array(mean)) / np.array(std)).astype(np.float32))


def test_gray_and_one_mapping_for_all_channels_keep_the_shape() -> None:
    tensor = table_of(spec_of(1, 256, 1, std=(255.0,)), "float32").apply(EVERY[..., :1])
    np.testing.assert_array_equal(tensor[0, 0, :, 0], (PIXELS / 255).astype(np.float32))


def test_values_outside_the_tensor_saturate() -> None:
    table = table_of(spec_of(1, 256, mean=(100.0,)), "int8", 0.5, 3).table.ravel()
    assert table[[0, 34, 35, 100, 162, 163, 255]].tolist() == [-128, -128, -127, 3, 127, 127, 127]
    table = table_of(spec_of(1, 256, mean=(100.0,)), "uint8", 0.5, 3).table.ravel()
    assert table[[0, 98, 99, 226, 227, 255]].tolist() == [0, 0, 1, 255, 255, 255]


THOUSANDTHS = st.integers(1, 300_000).map(lambda n: Fraction(n, 1000))
SCALES = st.one_of(
    st.sampled_from([Fraction(1, 255), Fraction(2, 255), Fraction(1, 128), Fraction(1, 256), Fraction(1)]),
    st.builds(Fraction, st.integers(1, 999), st.integers(1, 999)),
)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    mean=st.one_of(st.integers(0, 510).map(lambda n: Fraction(n, 2)), THOUSANDTHS),
    std=st.one_of(st.sampled_from([Fraction(1), Fraction(255), Fraction(255, 2), Fraction(128)]), THOUSANDTHS),
    scale=SCALES,
    signed=st.booleans(),
    zero=st.integers(0, 255),
)
def test_quantized_values_are_the_exact_quotient_rounded_half_up(
    mean: Fraction, std: Fraction, scale: Fraction, signed: bool, zero: int
) -> None:
    low = -128 if signed else 0
    zero_point = zero + low
    stored = float(np.float32(float(scale)))  # as a tensor keeps it, not quite the fraction that was meant
    spec = spec_of(1, 1, mean=(float(mean),), std=(float(std),))
    table = table_of(spec, "int8" if signed else "uint8", stored, zero_point).table.ravel()
    for pixel in range(256):
        steps = (pixel - mean) / std / scale
        from_half = abs(steps - math.floor(steps) - Fraction(1, 2))
        if from_half == 0 or from_half > Fraction(1, 10_000):
            nearest = {math.floor(steps + Fraction(1, 2))}
        else:
            nearest = {math.floor(steps), math.ceil(steps)}
        assert int(table[pixel]) in {min(max(n + zero_point, low), low + 255) for n in nearest}


@settings(derandomize=True, deadline=None)
@given(mean=THOUSANDTHS, std=THOUSANDTHS, scale=SCALES)
def test_brighter_pixels_never_get_smaller_values(mean: Fraction, std: Fraction, scale: Fraction) -> None:
    for dtype in ("uint8", "int8", "float32"):
        table = table_of(spec_of(1, 1, mean=(float(mean),), std=(float(std),)), dtype, float(scale), 3).table
        assert (np.diff(table.ravel().astype(float)) >= 0).all()


def test_the_golden_photo_gives_the_golden_tensors() -> None:
    script = runpy.run_path(str(DATA / "make_preprocess_golden.py"))
    photo = load_photo(DATA / "preprocess_photo.png")
    np.testing.assert_array_equal(np.asarray(photo), script["photo_pixels"]())
    found = script["golden"](photo)
    with np.load(DATA / "preprocess_golden.npz") as expected:
        assert sorted(found) == sorted(expected.files)
        assert len(found) == 39
        for name, tensor in found.items():
            assert tensor.dtype == expected[name].dtype
            np.testing.assert_array_equal(tensor, expected[name], err_msg=name)

"""The kernel `tf-bilinear` against `tf.image.resize` itself, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import Fit, InputSpec
from edgekit.preprocess import centre_box, fit_pixels, letterbox

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("nets")]  # `nets` skips where TensorFlow is missing

# Photo height and width, model height and width.
SIZES = [
    (3000, 4000, 224, 224),  # a phone's photo
    (480, 640, 96, 96),
    (224, 224, 224, 224),  # as it is
    (224, 500, 224, 224),  # one side as it is
    (28, 28, 299, 299),
    (1, 1, 5, 7),
    (1, 20_000, 224, 224),
    (20_000, 1, 3, 2),
    (4001, 3, 4000, 2),  # nearly as it is: where float32 places differ from exact ones
    (4096, 2, 8192, 3),
    (1, 2_000_000, 1, 8191),  # places that float32 cannot tell apart
]


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(shape).integers(0, 256, shape, np.uint8)


def spec_of(height: int, width: int, channels: int = 3, fit: Fit = "stretch") -> InputSpec:
    order: Any = "RGB" if channels == 3 else "L"
    return InputSpec(height, width, channels, (0.0,), (1.0,), color_order=order, fit=fit, resize_kernel="tf-bilinear")


def of_tensorflow(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.float32]:
    import tensorflow as tf

    resized = tf.image.resize(pixels.astype(np.float32), (height, width), method="bilinear", antialias=False)
    return np.asarray(np.floor(resized.numpy() + np.float32(0.5)))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("h", "w", "height", "width"), SIZES)
def test_stretched_photos_are_tensorflows(h: int, w: int, height: int, width: int, channels: int) -> None:
    pixels = noise(h, w, channels)
    found = fit_pixels(pixels, spec_of(height, width, channels))
    np.testing.assert_array_equal(found, of_tensorflow(pixels, height, width))


def test_random_sizes_are_tensorflows() -> None:
    chance = np.random.default_rng(0)
    for sizes in np.exp(chance.uniform(0, np.log(700), (250, 4))).astype(int).tolist():
        h, w, height, width = sizes
        pixels = noise(h, w, 3)
        found = fit_pixels(pixels, spec_of(height, width))
        np.testing.assert_array_equal(found, of_tensorflow(pixels, height, width), err_msg=str(sizes))


@pytest.mark.parametrize(("h", "w", "height", "width"), SIZES[:5])
def test_cut_and_padded_photos_are_tensorflows_within_their_box(h: int, w: int, height: int, width: int) -> None:
    pixels = noise(h, w, 3)
    left, top, right, bottom = centre_box(w, h, spec_of(height, width))
    cut = fit_pixels(pixels, spec_of(height, width, fit="crop"))
    np.testing.assert_array_equal(cut, of_tensorflow(pixels[top:bottom, left:right], height, width))
    left, top, right, bottom = letterbox(w, h, spec_of(height, width))
    padded = fit_pixels(pixels, spec_of(height, width, fit="pad"))
    np.testing.assert_array_equal(padded[top:bottom, left:right], of_tensorflow(pixels, bottom - top, right - left))


def test_it_is_what_kerass_image_loader_gives(tmp_path: Path) -> None:
    import keras

    pixels = noise(61, 83, 3)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(pixels).save(tmp_path / name / "photo.png")
    data = keras.utils.image_dataset_from_directory(tmp_path, image_size=(20, 24), batch_size=1, verbose=False)
    for images, _ in data:
        expected = np.floor(images.numpy()[0] + np.float32(0.5))
        np.testing.assert_array_equal(fit_pixels(pixels, spec_of(20, 24)), expected)


def test_kerass_other_loader_takes_the_nearest_pixel(tmp_path: Path) -> None:
    import keras

    path = tmp_path / "photo.png"
    Image.fromarray(noise(61, 83, 3)).save(path)
    expected = np.asarray(keras.utils.load_img(path, target_size=(20, 24)))
    nearest = InputSpec(20, 24, 3, (0.0,), (1.0,), resize_kernel="nearest")
    np.testing.assert_array_equal(fit_pixels(Image.open(path), nearest), expected)

"""Training photos varied as field photos vary: framing, side, turn, light, focus, compression.

What comes out is brought to the model's size by `edgekit.preprocess`, like every photo on the device. Each photo of
each epoch has a random generator of its own, so nothing depends on threads, workers or where training was resumed.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageStat

from edgekit.card import InputSpec
from edgekit.preprocess import fit_pixels
from edgekit_export.learn.settings import Augmentation

CANVAS = 8 / 7  # photos wait at 256 pixels for an input of 224, so that a crop loses no detail

# What each colour adds to brightness. Source: ITU-R BT.601.
_LUMA = np.array([[0.299, 0.587, 0.114]] * 3)


@dataclass(frozen=True)
class Variation:
    """How far photos are varied.

    Attributes:
        smallest_area: Of a crop, as a share of the photo.
        aspect: The crop's aspect is changed by up to this factor.
        flip_vertically: Whether upside down is as good as upright, as for leaves on a table.
        degrees: Of a turn, at most.
        light: Brightness, contrast and saturation are multiplied by up to ``1 + light``, or divided by it.
        warmth: Red and blue are moved apart by up to this share, as between shade and sun.
        blur_chance: How often a photo is blurred.
        blur_pixels: Its sigma, at most, in pixels of the model's input.
        jpeg_chance: How often it is compressed again.
        jpeg_quality: Its quality, at worst.
    """

    smallest_area: float
    aspect: float
    flip_vertically: bool
    degrees: float
    light: float
    warmth: float
    blur_chance: float
    blur_pixels: float
    jpeg_chance: float
    jpeg_quality: int


VARIATIONS: Mapping[Augmentation, Variation] = MappingProxyType(
    {
        "field": Variation(0.35, 1.25, True, 25.0, 0.35, 0.08, 0.15, 1.5, 0.15, 40),
        "light": Variation(0.7, 1.1, False, 8.0, 0.15, 0.0, 0.0, 0.0, 0.0, 100),
    }
)


def canvas_spec(spec: InputSpec) -> InputSpec:
    """How photos wait for augmentation: as the model wants them, a seventh larger."""
    return replace(spec, height=round(spec.height * CANVAS), width=round(spec.width * CANVAS))


def augment(canvas: NDArray[np.uint8], spec: InputSpec, how: Variation, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One photo, varied.

    Args:
        canvas: uint8 (height, width, 3), from `canvas_spec`.
        spec: Of the model's input.
        how: How far.
        rng: Of this photo in this epoch.

    Returns:
        uint8 (spec.height, spec.width, 3).
    """
    photo = _turned(Image.fromarray(canvas), how, rng)
    photo = photo.crop(_crop_box(photo.width, photo.height, how, rng))
    pixels = fit_pixels(photo, replace(spec, fit="stretch"))
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
    if how.flip_vertically and rng.random() < 0.5:
        pixels = pixels[::-1]
    return np.asarray(_spoilt(_lit(Image.fromarray(pixels), how, rng), how, rng))


def _turned(photo: Image.Image, how: Variation, rng: np.random.Generator) -> Image.Image:
    """Turned about its middle, and enlarged as far as its corners need, so that no border comes into the photo."""
    degrees = rng.uniform(-how.degrees, how.degrees)
    turn = math.radians(degrees)
    aspect = max(photo.width / photo.height, photo.height / photo.width)
    zoom = abs(math.cos(turn)) + aspect * abs(math.sin(turn))
    a, b = math.cos(turn) / zoom, math.sin(turn) / zoom
    x, y = photo.width / 2, photo.height / 2
    matrix = (a, b, x - a * x - b * y, -b, a, y + b * x - a * y)
    return photo.transform(photo.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


def _crop_box(width: int, height: int, how: Variation, rng: np.random.Generator) -> tuple[int, int, int, int]:
    area = rng.uniform(how.smallest_area, 1.0)
    stretch = math.exp(rng.uniform(-math.log(how.aspect), math.log(how.aspect)) / 2)
    cut_width = min(width, max(1, round(width * math.sqrt(area) * stretch)))
    cut_height = min(height, max(1, round(height * math.sqrt(area) / stretch)))
    left, top = int(rng.integers(width - cut_width + 1)), int(rng.integers(height - cut_height + 1))
    return left, top, left + cut_width, top + cut_height


def _lit(photo: Image.Image, how: Variation, rng: np.random.Generator) -> Image.Image:
    """In another light: brightness, contrast, saturation and warmth, as one matrix on colours."""
    most = math.log1p(how.light)
    bright, contrast, saturation = np.exp(rng.uniform(-most, most, 3))
    warmth = rng.uniform(-how.warmth, how.warmth)
    matrix = saturation * np.eye(3) + (1 - saturation) * _LUMA
    matrix = np.diag([1 + warmth, 1, 1 - warmth]) @ matrix * (bright * contrast)
    mean = bright * float(np.mean(ImageStat.Stat(photo).mean))
    offset = np.full((3, 1), mean * (1 - contrast))
    return photo.convert("RGB", tuple(np.hstack([matrix, offset]).ravel().tolist()))


def _spoilt(photo: Image.Image, how: Variation, rng: np.random.Generator) -> Image.Image:
    """Out of focus, or compressed, now and then. Always draws the same random numbers, whatever it does."""
    blurs, sigma, compresses = rng.random() < how.blur_chance, rng.uniform(0, how.blur_pixels), rng.random()
    quality = int(rng.integers(how.jpeg_quality, 101))
    if blurs:
        photo = photo.filter(ImageFilter.GaussianBlur(sigma))
    if compresses < how.jpeg_chance:
        file = io.BytesIO()
        photo.save(file, "JPEG", quality=quality)
        photo = Image.open(file, formats=["JPEG"])
    return photo

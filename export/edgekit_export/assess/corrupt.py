"""What happens to photos in the field, in five strengths each: blur, light, colour, noise, JPEG, rotation, distance.

Each works on the decoded photo before it is brought to the model's size. Lengths are relative to the photo's shorter
side, so that a strength means the same for every model and every camera; light is changed as a lens would, on the
linear scale and not on the stored one.

Source: D. Hendrycks and T. Dietterich, Benchmarking neural network robustness to common corruptions and perturbations,
2019, for the idea of kinds in five strengths; sRGB, IEC 61966-2-1, for the scale of light.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from edgekit.card import MAX_SIDE, InputSpec
from edgekit.photo import AtLeast
from edgekit.preprocess import enough_for, fit_pixels

_ENLARGED = 2  # a photo that is larger than the model's input by more than this is reduced before it is changed
_NOISE_ACROSS = 224  # grains of noise on the shorter side: what is left when a photo is reduced to a usual input


@dataclass(frozen=True)
class Corruption:
    """One thing that happens to photos.

    Attributes:
        name: Short.
        title: What happens.
        strengths: Five numbers, the mildest first.
        text: A strength in words.
        apply: The photo as it would have been: RGB in, RGB out.
        advice: What helps.
    """

    name: str
    title: str
    strengths: tuple[float, ...]
    text: Callable[[float], str]
    apply: Callable[[Image.Image, float, np.random.Generator], Image.Image]
    advice: str


def working_copy(image: Image.Image, spec: InputSpec) -> Image.Image:
    """The photo as it is, or reduced to about twice what the model takes; with the model's own resize kernel.

    What happens to a photo of 12 megapixels takes a second each time, and the model sees the same of it.
    """
    scale = max(_ENLARGED * spec.width / image.width, _ENLARGED * spec.height / image.height)
    width, height = round(image.width * scale), round(image.height * scale)
    if scale >= 1 or max(width, height) > MAX_SIDE:
        return image
    smaller = replace(spec, height=height, width=width, channels=3, color_order="RGB", fit="stretch")
    return Image.fromarray(fit_pixels(image, smaller))


def enough_for_copy(spec: InputSpec) -> AtLeast | None:
    """How large a photo has to come for its working copy, as the model's card has photos decoded; None for as it is."""
    enough = enough_for(spec)
    return enough and enough._replace(width=_ENLARGED * enough.width, height=_ENLARGED * enough.height)


def _side(image: Image.Image) -> int:
    return min(image.size)


def _blur(image: Image.Image, strength: float, _rng: np.random.Generator) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(strength * _side(image)))


def _shake(image: Image.Image, strength: float, rng: np.random.Generator) -> Image.Image:
    """The mean of the photo moved along a straight line in any direction."""
    length, angle = strength * _side(image), rng.uniform(0, math.pi)
    steps = max(2, math.ceil(length) + 1)
    reach = math.ceil(length / 2)
    pixels = np.pad(np.asarray(image), ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    total = np.zeros((image.height, image.width, 3), np.uint32)
    for along in np.linspace(-length / 2, length / 2, steps):
        x, y = (reach + round(along * turn) for turn in (math.cos(angle), math.sin(angle)))
        total += pixels[y : y + image.height, x : x + image.width]
    return Image.fromarray(((total + steps // 2) // steps).astype(np.uint8))


def _linear(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light, 0..1, of stored values 0..1."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _stored(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Stored values, 0..1, of light, clipped to 0..1."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def _lit(image: Image.Image, red: float, green: float, blue: float) -> Image.Image:
    """The photo with its light multiplied, channel by channel."""
    light = _linear(np.arange(256) / 255)
    table = [np.round(255 * _stored(light * factor)).astype(int).tolist() for factor in (red, green, blue)]
    return image.point([value for channel in table for value in channel])


def _darker(image: Image.Image, stops: float, _rng: np.random.Generator) -> Image.Image:
    return _lit(image, *[2.0**-stops] * 3)


def _brighter(image: Image.Image, stops: float, _rng: np.random.Generator) -> Image.Image:
    return _lit(image, *[2.0**stops] * 3)


def _warmer(image: Image.Image, strength: float, _rng: np.random.Generator) -> Image.Image:
    return _lit(image, strength, 1.0, 1 / strength)


def _cooler(image: Image.Image, strength: float, _rng: np.random.Generator) -> Image.Image:
    return _lit(image, 1 / strength, 1.0, strength)


def _veiled(image: Image.Image, strength: float, _rng: np.random.Generator) -> Image.Image:
    return Image.blend(image, Image.new("RGB", image.size, (190, 190, 190)), strength)


def _noisy(image: Image.Image, sigma: float, rng: np.random.Generator) -> Image.Image:
    """Noise of a small sensor in poor light, as coarse as it is left when the photo is reduced to a model's input."""
    grain = max(1.0, _side(image) / _NOISE_ACROSS)
    height, width = (math.ceil(length / grain) for length in (image.height, image.width))
    noise = rng.standard_normal((height, width, 3), dtype=np.float32) * np.float32(sigma)
    rows, columns = ((np.arange(n) / grain).astype(int) for n in (image.height, image.width))
    pixels = noise.take(rows, axis=0).take(columns, axis=1) + np.asarray(image)
    return Image.fromarray((np.clip(pixels, 0, 255) + np.float32(0.5)).astype(np.uint8))


def _jpeg(image: Image.Image, quality: float, _rng: np.random.Generator) -> Image.Image:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=round(quality))
    return Image.open(data).convert("RGB")


def _rotated(image: Image.Image, degrees: float, rng: np.random.Generator) -> Image.Image:
    """Turned about its middle to either side; what comes in from outside is the photo mirrored at its edges."""
    angle = math.radians(degrees) * rng.choice((-1, 1))
    width, height = image.size
    pad = math.ceil((math.hypot(width, height) - min(width, height)) / 2) + 1
    cos, sin = math.cos(angle), math.sin(angle)
    x, y = width / 2, height / 2
    turn = (cos, sin, pad + x - cos * x - sin * y, -sin, cos, pad + y + sin * x - cos * y)
    return _mirrored(image, pad, pad).transform(
        (width, height), Image.Transform.AFFINE, turn, Image.Resampling.BILINEAR
    )


def _nearer(image: Image.Image, factor: float, _rng: np.random.Generator) -> Image.Image:
    width, height = (max(1, round(length / factor)) for length in image.size)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _farther(image: Image.Image, factor: float, _rng: np.random.Generator) -> Image.Image:
    """Smaller, among more of the same: the photo mirrored at its edges. A plain frame would be seen by itself."""
    x, y = (round(length * (factor - 1) / 2) for length in image.size)
    return _mirrored(image, x, y)


def _mirrored(image: Image.Image, x: int, y: int) -> Image.Image:
    """The photo with so many more pixels left and right, above and below."""
    return Image.fromarray(np.pad(np.asarray(image), ((y, y), (x, x), (0, 0)), mode="symmetric"))


def _stops(stops: float) -> str:
    return f"{2**stops:.3g} times"


CORRUPTIONS: tuple[Corruption, ...] = (
    Corruption(
        "blur", "out of focus", (0.0025, 0.005, 0.01, 0.015, 0.025), lambda s: f"{100 * s:g} % of the side", _blur,
        "Train with blurred copies and add photos that are not quite sharp; in the field, ask for a second photo.",
    ),
    Corruption(
        "shake", "camera shake", (0.01, 0.02, 0.04, 0.06, 0.08), lambda s: f"{100 * s:g} % of the side", _shake,
        "Train with blurred copies and add hand-held photos; in the field, hold still and ask for a second photo.",
    ),
    Corruption(
        "darker", "less light", (0.5, 1.0, 1.5, 2.0, 3.0), lambda s: f"{_stops(s)} darker", _darker,
        "Train with darkened copies and add photos of dusk and deep shade.",
    ),
    Corruption(
        "brighter", "more light", (0.25, 0.5, 1.0, 1.5, 2.0), lambda s: f"{_stops(s)} brighter", _brighter,
        "Train with brightened copies and add photos of full sun; in the field, shade the leaf with the hand.",
    ),
    Corruption(
        "warmer", "warmer light, as of evening sun", (1.1, 1.2, 1.35, 1.5, 1.8), lambda s: f"red times {s:g}", _warmer,
        "Train with shifted colours and add photos of other hours and weathers.",
    ),
    Corruption(
        "cooler", "cooler light, as in shade", (1.1, 1.2, 1.35, 1.5, 1.8), lambda s: f"blue times {s:g}", _cooler,
        "Train with shifted colours and add photos of shade and cloudy days.",
    ),
    Corruption(
        "veil", "veil of fog, glare or a dirty lens", (0.15, 0.3, 0.45, 0.6, 0.75), lambda s: f"{100 * s:g} % gray",
        _veiled, "Train with weaker contrast; in the field, wipe the lens and turn away from the sun.",
    ),
    Corruption(
        "noise", "noise of a small sensor", (4, 8, 14, 22, 32), lambda s: f"{s:g} of 255 levels", _noisy,
        "Train with noise and add photos from the cheapest camera that will be used.",
    ),
    Corruption(
        "jpeg", "JPEG compression", (60, 40, 25, 15, 8), lambda s: f"quality {s:g}", _jpeg,
        "Train with compressed copies; in the field, classify the camera's own file, not one sent by a messenger.",
    ),
    Corruption(
        "rotation", "turned camera", (10, 25, 45, 90, 180), lambda s: f"{s:g} degrees", _rotated,
        "Train with turned and flipped copies.",
    ),
    Corruption(
        "nearer", "nearer camera", (1.1, 1.25, 1.5, 1.75, 2.0), lambda s: f"{s:g} times larger", _nearer,
        "Train with cut-outs of photos and add close photos.",
    ),
    Corruption(
        "farther", "farther camera", (1.1, 1.25, 1.5, 1.75, 2.0), lambda s: f"{s:g} times smaller", _farther,
        "Train with photos at several distances and add distant ones; in the field, fill the frame.",
    ),
)  # fmt: skip
"""In the order of the report."""

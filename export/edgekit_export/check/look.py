"""One look at a photo: everything that the checks want to know of its pixels, in about two kilobytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.photo import AtLeast, load_photo
from edgekit.sniff import kind_of_bytes
from edgekit_export.check.faces import find_faces
from edgekit_export.check.header import Header, read_header
from edgekit_export.data.twins import Fingerprint, fingerprint

SHORT_SIDE = 256
"""Pixels of the shorter side at which a photo is looked at; a larger JPEG file is decoded at a part of its size."""

MINIATURE = 24
"""Side of the miniature, in pixels; its outermost ring is the border, 4 % of the photo wide."""

_WHITE, _BLACK = 250, 5  # gray levels from which on, and up to which, nothing can be seen any more
_FEWEST_FLAT_ROWS = 3
_FLAT = 2  # gray levels: what JPEG leaves of a plain colour


@dataclass(frozen=True)
class Look:
    """What was seen.

    Attributes:
        fingerprint: What its twins are found by.
        header: What its file says.
        kind: What its content is, as `edgekit.sniff.kind_of_bytes` calls it.
        size_bytes: Of the file.
        brightness: Mean gray level, 0..255.
        light: The gray level that 5 % of the pixels reach.
        white: Share of pixels so bright that nothing can be seen in them.
        black: Share of pixels so dark.
        blur: 0 for a sharp photo, 1 for one in which nothing is sharp.
        cut_off: Share of the height, from below, that is one plain colour, as after a broken copy; 0 of a plain photo.
        faces: How many faces a quick look finds.
        miniature: uint8 (24, 24, 3), RGB.
    """

    fingerprint: Fingerprint
    header: Header
    kind: str
    size_bytes: int
    brightness: float
    light: float
    white: float
    black: float
    blur: float
    cut_off: float
    faces: int
    miniature: NDArray[np.uint8]


def look_at(data: bytes) -> tuple[Look, Image.Image]:
    """What there is to see in the bytes of an image file, and the upright photo, which may be decoded smaller.

    Raises:
        ImageError: it cannot be read.
    """
    image = load_photo(data, at_least=AtLeast(SHORT_SIDE, SHORT_SIDE))
    small = _at_most(image, SHORT_SIDE)
    gray = np.asarray(small.convert("L"))
    look = Look(
        fingerprint=fingerprint(image, hashlib.sha256(data).hexdigest()),
        header=read_header(data) or Header(image.width, image.height),
        kind=kind_of_bytes(data),
        size_bytes=len(data),
        brightness=float(gray.mean()),
        light=float(np.percentile(gray, 95)),
        white=float((gray >= _WHITE).mean()),
        black=float((gray <= _BLACK).mean()),
        blur=_blur(gray),
        cut_off=_cut_off(np.asarray(small)),
        faces=find_faces(gray),
        miniature=np.asarray(small.resize((MINIATURE, MINIATURE), Image.Resampling.BOX)),
    )
    return look, image


def border_of(miniatures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The outermost ring of miniatures, (n, 24, 24, 3) -> (n, 92, 3)."""
    return miniatures[:, _ring()]


def border_alone(miniature: NDArray[np.uint8], hidden: int) -> NDArray[np.uint8]:
    """A miniature, uint8 (24, 24, 3), whose middle has the gray level `hidden`."""
    return np.where(_ring()[..., None], miniature, np.uint8(hidden))


def _ring() -> NDArray[np.bool_]:
    ring = np.ones((MINIATURE, MINIATURE), bool)
    ring[1:-1, 1:-1] = False
    return ring


def _at_most(image: Image.Image, short_side: int) -> Image.Image:
    """Scaled down so that its shorter side has at most so many pixels; never up."""
    scale = short_side / min(image.size)
    if scale >= 1:
        return image
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2)


def _blur(gray: NDArray[np.uint8]) -> float:
    """How little blurring it once more would change.

    Source: F. Crete, T. Dolmiere, P. Ladret and M. Nicolas, The blur effect: perception and estimation with a new
    no-reference perceptual blur metric, 2007.
    """
    from skimage.measure import blur_effect

    if min(gray.shape) < 3 or np.ptp(gray) == 0:
        return 0.0  # nothing in it that could be sharp
    value = float(blur_effect(gray))
    return value if np.isfinite(value) else 0.0


def _cut_off(pixels: NDArray[np.uint8]) -> float:
    """Of a photo that was cut off while it was copied, decoders fill what is missing with one colour."""
    if np.ptp(pixels[-1].astype(np.int16), axis=0).max() > _FLAT:
        return 0.0
    same = np.abs(pixels.astype(np.int16) - pixels[-1, -1]).max(axis=(1, 2)) <= _FLAT
    rows = 0 if same.all() else int(np.argmin(same[::-1]))
    return rows / len(pixels) if rows >= _FEWEST_FLAT_ROWS else 0.0

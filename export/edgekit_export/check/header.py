"""What a photo's file says of itself before any pixel is decoded: its size, how it lies, and where it was taken."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

from edgekit.photo import DECODER_ERRORS, no_warnings
from edgekit.sniff import kind_of_bytes

# EXIF 2.32: tags of the first directory.
_ORIENTATION, _PLACE = 0x0112, 0x8825
_LATITUDE = 2  # in the directory of the place
_TURNED = range(5, 9)  # orientations in which width and height change places


@dataclass(frozen=True)
class Header:
    """What stands in a photo's header.

    Attributes:
        width: Of the upright photo, in pixels.
        height: As `width`.
        orientation: EXIF's, 1 to 8: 1 where the photo lies as it is stored.
        has_place: Whether it says where on earth it was taken.
    """

    width: int
    height: int
    orientation: int = 1
    has_place: bool = False


def read_header(data: bytes) -> Header | None:
    """The header of a photo's file; None where there is none that can be read."""
    try:
        form = kind_of_bytes(data).removesuffix(" image").upper()  # as Pillow calls it
        with no_warnings, Image.open(io.BytesIO(data), formats=[form]) as image:
            exif = image.getexif()
            orientation, place = _orientation(exif), _has_place(exif)
            width, height = image.size
    except (*DECODER_ERRORS, Image.DecompressionBombError):
        return None
    if orientation in _TURNED:
        width, height = height, width
    return Header(width, height, orientation, place)


def _orientation(exif: Image.Exif) -> int:
    value = exif.get(_ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _has_place(exif: Image.Exif) -> bool:
    try:
        return _LATITUDE in exif.get_ifd(_PLACE)
    except DECODER_ERRORS:
        return False

"""What a photo's file tells about how it was taken: camera, month, time of day, shape and size. No pixel is decoded."""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

# EXIF 2.32: tags of the first directory and of the one for the exposure.
_MAKE, _MODEL, _DATE = 0x010F, 0x0110, 0x0132
_EXPOSURE, _TAKEN = 0x8769, 0x9003
_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)  # orientations in which width and height change places

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")
_DAMAGE = (
    OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, AttributeError, AssertionError,
    struct.error, OverflowError, ZeroDivisionError, EOFError, MemoryError, RuntimeError, NotImplementedError,
    Image.DecompressionBombError,
)  # fmt: skip
_WHEN = re.compile(r"\d{4}[:-](\d\d)[:-]\d\d[ T](\d\d):\d\d")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_HOURS = ((6, "night, before 6 h"), (9, "6 to 9 h"), (12, "9 to 12 h"), (15, "12 to 15 h"), (18, "15 to 18 h"),
          (24, "evening, from 18 h"))  # fmt: skip
_MEGAPIXELS = ((0.25, "below 0.25 megapixels"), (1, "0.25 to 1 megapixels"), (4, "1 to 4 megapixels"),
               (10, "4 to 10 megapixels"), (float("inf"), "10 megapixels and more"))  # fmt: skip

CAMERA, MONTH, HOUR, SHAPE, SIZE = "camera", "month", "hour", "shape", "size"
NAMES = (CAMERA, MONTH, HOUR, SHAPE, SIZE)
"""What is looked for, and the order of the values of those that have one."""

ORDER: dict[str, tuple[str, ...]] = {
    MONTH: _MONTHS,
    HOUR: tuple(text for _, text in _HOURS),
    SIZE: tuple(text for _, text in _MEGAPIXELS),
}


def how_taken(paths: Sequence[Path]) -> list[dict[str, str]]:
    """For each photo, by the names in `NAMES`, whatever its file tells; nothing where it tells nothing readable."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, on damaged EXIF
        return [_of_one(path) for path in paths]


def _of_one(path: Path) -> dict[str, str]:
    try:
        with Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
            exif = image.getexif()
            camera = " ".join(filter(None, (_text(exif.get(_MAKE)), _text(exif.get(_MODEL)))))
            when = _text(exif.get_ifd(_EXPOSURE).get(_TAKEN)) or _text(exif.get(_DATE))
            turned = exif.get(_ORIENTATION) in _TURNED
    except _DAMAGE:
        return {}
    found = {SHAPE: _shape(height, width) if turned else _shape(width, height), SIZE: _size(width * height)}
    return {**found, **({CAMERA: camera} if camera else {}), **_time(when)}


def _text(value: object) -> str:
    """A tag's text without what cameras pad it with; other kinds of values are damage."""
    return " ".join(value.replace("\0", " ").split())[:80] if isinstance(value, str) else ""


def _time(when: str) -> dict[str, str]:
    match = _WHEN.match(when)
    if not match:
        return {}
    month, hour = int(match[1]), int(match[2])
    if not 1 <= month <= 12 or hour > 23:
        return {}
    return {MONTH: _MONTHS[month - 1], HOUR: next(text for end, text in _HOURS if hour < end)}


def _shape(width: int, height: int) -> str:
    return "upright" if height > width else "lying" if width > height else "square"


def _size(pixels: int) -> str:
    return next(text for end, text in _MEGAPIXELS if pixels < end * 1e6)

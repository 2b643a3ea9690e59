"""Photos in a page: small JPEGs inside it, upright, without EXIF and so without a place."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.errors import ImageError
from edgekit.photo import AtLeast, load_photo

THUMBNAIL = 160


def photo_url(photo: Path | bytes | NDArray[np.uint8] | Image.Image, *, longest: int = THUMBNAIL) -> str | None:
    """A `data:` URL of a photo, at most `longest` pixels a side; None where it cannot be read."""
    try:
        small = load_photo(
            photo, at_least=AtLeast(2 * longest, 2 * longest)
        ).copy()  # a caller's image is not to be shrunk
    except (ImageError, OSError):
        return None
    small.thumbnail((longest, longest))
    small.info.clear()  # comments, profiles and EXIF would be written too
    out = io.BytesIO()
    small.save(out, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"

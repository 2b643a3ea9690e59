"""A photo for who has none at hand: generated, of a camera's size and weight, the same at every run."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 4000, 3000
QUALITY = 90

_SEED = 20240229
# Cells along the longer side, and how many of 255 steps they change the picture by. Coarse colours alone would be a
# file of a tenth of a photo's size, which a decoder is through with in no time.
_LAYERS = ((8, 80), (64, 60), (512, 30), (2000, 14))
_BAND = 100  # rows at a time: a small board has no room for a whole photo in 16-bit numbers


def sample_photo(width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """A JPEG file of patches, edges and grain, about a quarter of a byte a pixel, as cameras write them."""
    chance = np.random.default_rng(_SEED)
    layers = [(_coarse(chance, cells, max(1, cells * height // width)), depth) for cells, depth in _LAYERS]
    photo = Image.new("RGB", (width, height))
    for top in range(0, height, _BAND):
        bottom = min(top + _BAND, height)
        band = np.full((bottom - top, width, 3), 128, np.int16)
        for coarse, depth in layers:
            box = (0, top * coarse.height / height, coarse.width, bottom * coarse.height / height)
            smooth = coarse.resize((width, bottom - top), Image.Resampling.BICUBIC, box)
            band += (np.asarray(smooth, np.int16) - 128) * np.int16(depth) // np.int16(128)
        photo.paste(Image.fromarray(band.clip(0, 255).astype(np.uint8)), (0, top))
    file = io.BytesIO()
    photo.save(file, "jpeg", quality=QUALITY)
    return file.getvalue()


def _coarse(chance: np.random.Generator, width: int, height: int) -> Image.Image:
    return Image.fromarray(chance.integers(0, 256, (height, width, 3), dtype=np.uint8))

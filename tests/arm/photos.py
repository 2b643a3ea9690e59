"""Photos of every kind that decoders treat in a way of their own, generated and always the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

_SEED = 20240229
_ORIENTATION_TAG = 0x0112


def make_photos(folder: Path) -> list[Path]:
    """Their paths; the first is a plain JPEG of 1600x1200 pixels."""
    scene = _scene()
    turned = Image.Exif()
    turned[_ORIENTATION_TAG] = 6
    savers: dict[str, Callable[[Path], None]] = {
        "plain.jpg": lambda path: scene.save(path, quality=90),
        "full-colour.jpg": lambda path: scene.save(path, quality=95, subsampling=0),
        "half-colour.jpg": lambda path: scene.save(path, quality=85, subsampling=1),
        "progressive.jpg": lambda path: scene.save(path, quality=75, progressive=True),
        "turned.jpg": lambda path: scene.save(path, quality=90, exif=turned),
        "gray.jpg": lambda path: scene.convert("L").save(path, quality=90),
        "cmyk.jpg": lambda path: scene.convert("CMYK").save(path, quality=90),
        "odd.jpg": lambda path: scene.crop((3, 5, 642, 484)).save(path, quality=90),
        "plain.png": lambda path: scene.resize((320, 240)).save(path),
        "clear.png": lambda path: scene.resize((320, 240)).convert("RGBA").rotate(30).save(path),
        "plain.webp": lambda path: scene.resize((640, 480)).save(path, quality=80),
        "palette.gif": lambda path: scene.resize((320, 240)).quantize(64).save(path),
    }
    for name, save in savers.items():
        save(folder / name)
    return [folder / name for name in savers]


def _scene() -> Image.Image:
    """Coarse random colours, enlarged, with fine noise on top: something for every frequency of a JPEG."""
    chance = np.random.default_rng(_SEED)
    coarse = Image.fromarray(chance.integers(0, 256, (60, 80, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((1600, 1200), Image.Resampling.BICUBIC)).astype(np.int16)
    noisy = smooth + chance.integers(-12, 13, smooth.shape, dtype=np.int16)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))

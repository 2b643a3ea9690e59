"""What tests of data sets share: photos that look like photos, to a program that compares them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

FieldPhoto = Callable[..., Image.Image]
FieldPhotos = Callable[..., Path]


def _field_photo(seed: int, height: int = 120, width: int = 160) -> Image.Image:
    """Soft shapes of every size, none like that of another seed: the finer, the fainter, as in real photos."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)) + 0.5 / width
    waves = np.fft.rfft2(rng.normal(size=(4, height, width))) / frequency
    fields = np.fft.irfft2(waves, s=(height, width))
    fields /= fields.std(axis=(1, 2), keepdims=True)
    pixels = 120 + 38 * fields[0][:, :, None] + 15 * fields[1:].transpose(1, 2, 0)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def field_photo() -> FieldPhoto:
    """`field_photo(seed, height=120, width=160)`."""
    return _field_photo


@pytest.fixture(scope="session")
def field_photos() -> FieldPhotos:
    """`field_photos(root, {"rust/a.png": 0, ...})`: for each name the photo of its seed, 60 x 80, and the root."""

    def write(root: Path, seeds: dict[str, int]) -> Path:
        for name, seed in seeds.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            _field_photo(seed, 60, 80).save(root / name)
        return root

    return write

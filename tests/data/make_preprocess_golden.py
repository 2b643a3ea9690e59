"""Make `preprocess_photo.png` and `preprocess_golden.npz`: what `edgekit.preprocess` has to give, byte for byte.

    python tests/data/make_preprocess_golden.py

Run it only when the arithmetic is meant to change, and say so in the commit: models in the field were verified with
the old one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import Fit, InputSpec, ResizeKernel
from edgekit.photo import load_photo
from edgekit.preprocess import PixelTable, fit_pixels

FOLDER = Path(__file__).parent
FITS: tuple[Fit, ...] = ("stretch", "crop", "pad")
KERNELS: tuple[ResizeKernel, ...] = ("nearest", "bilinear", "bicubic", "tf-bilinear")
SHAPES = ((12, 16, 3), (15, 15, 1), (33, 30, 3))  # smaller, gray and square, larger
IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


def photo_pixels() -> NDArray[np.uint8]:
    """Smooth colours, hard edges and noise, of odd size."""
    y, x = np.mgrid[0:21, 0:29]
    pixels = np.stack([9 * x, 12 * y, 255 - 4 * (x + y)], axis=-1)
    pixels[4:9, 5:11] = 255, 0, 0
    pixels[:, 20] = 0
    noise = np.random.RandomState(7).randint(-20, 21, pixels.shape)  # its stream is the same in every numpy
    return np.asarray(np.clip(pixels + noise, 0, 255), np.uint8)


def golden(photo: Image.Image) -> dict[str, NDArray[Any]]:
    """Every expected array by name."""
    found: dict[str, NDArray[Any]] = {}
    for height, width, channels in SHAPES:
        for fit in FITS:
            for kernel in KERNELS:
                spec = InputSpec(
                    height,
                    width,
                    channels,
                    mean=(0.0,),
                    std=(1.0,),
                    color_order="RGB" if channels == 3 else "L",
                    fit=fit,
                    resize_kernel=kernel,
                )
                found[f"{fit}_{kernel}_{height}x{width}x{channels}"] = fit_pixels(photo, spec)
    spec = InputSpec(12, 16, 3, *IMAGENET)
    pixels = found["stretch_bilinear_12x16x3"]
    for dtype, scale, zero_point in (("uint8", 0.01865845, 114), ("int8", 0.01865845, -14), ("float32", 0.0, 0)):
        found[f"tensor_{dtype}"] = PixelTable(spec, np.dtype(dtype), scale, zero_point).apply(pixels)
    return found


if __name__ == "__main__":
    Image.fromarray(photo_pixels()).save(FOLDER / "preprocess_photo.png")
    np.savez_compressed(FOLDER / "preprocess_golden.npz", **golden(load_photo(FOLDER / "preprocess_photo.png")))

"""Golden inputs: generated images, the same on every machine and in every version of every library.

The card carries the outputs that they must give, so a device can repeat the proof without any photo.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

GENERATOR = "shake256-grid-1"
SEEDS = tuple(range(8))


def golden_input(seed: int, height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """A smooth random image: a coarse grid of random bytes, enlarged with integer arithmetic.

    Noise alone would drive every model into the same corner; blobs of several sizes reach more of it.

    Returns:
        uint8 array of shape (1, height, width, channels).
    """
    cells = 2 + seed % 7
    count = (cells + 1) ** 2 * channels
    stream = hashlib.shake_256(f"edgekit golden {seed}".encode()).digest(count)
    grid = np.frombuffer(stream, np.uint8).reshape(cells + 1, cells + 1, channels).astype(np.int64)
    rows = _enlarge(grid, height, cells)
    return _enlarge(rows.transpose(1, 0, 2), width, cells).transpose(1, 0, 2).astype(np.uint8)[None]


def _enlarge(grid: NDArray[np.int64], length: int, cells: int) -> NDArray[np.int64]:
    """Linear interpolation along the first axis in 1/256 steps."""
    position = np.arange(length, dtype=np.int64) * cells * 256 // length
    index, part = position >> 8, (position & 255)[:, None, None]
    return np.asarray((grid[index] * (256 - part) + grid[index + 1] * part) >> 8)

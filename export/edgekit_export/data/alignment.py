"""Two small pictures of which one may be cut out of the other: laid over one another as well as they can be.

Found are a shift and a scale, each along and across, up to a tenth of a side, by Gauss and Newton's method on the
gray levels, with the light and contrast of one picture free.

Source: B. Lucas and T. Kanade, An iterative image registration technique, 1981.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_MOST = 0.1  # of a side
_COARSE_STEPS, _FINE_STEPS = 2, 2
_HOPELESS = 0.4  # share of a picture that the other leaves unexplained, after the first step

Pictures = NDArray[np.float32]


class Aligned(NamedTuple):
    """Which pairs can be aligned at all, and the two pictures of each of these, one laid over the other."""

    places: NDArray[np.int64]
    ours: Pictures
    theirs: Pictures


def align(ours: Pictures, theirs: Pictures) -> Aligned:
    """Lay each of our pictures and theirs in the same place over one another; both of shape (n, side, side)."""
    small, large = _halved(ours), _halved(theirs)
    moves, unexplained = _step(small, large, np.zeros((len(ours), 4), np.float32))
    places = np.flatnonzero(unexplained < _HOPELESS)
    moves, ours, theirs = moves[places], ours[places], theirs[places]
    # The one with more around it is moved, so that nothing is missing at the edges of the other.
    swap = (moves[:, 0] + moves[:, 2] > 0)[:, None, None]
    ours, theirs = np.where(swap, theirs, ours), np.where(swap, ours, theirs)
    moves = np.where(swap[:, :, 0], -moves, moves)
    small, large = _halved(ours), _halved(theirs)
    for _ in range(_COARSE_STEPS):
        moves, _ = _step(small, large, moves)
    for _ in range(_FINE_STEPS):
        moves, _ = _step(ours, theirs, moves)
    return Aligned(places, ours, _moved(theirs, moves))


def _step(ours: Pictures, theirs: Pictures, moves: NDArray[np.float32]) -> tuple[NDArray[np.float32], Pictures]:
    """Better moves, and the share of each of our pictures that theirs could not explain before.

    Moves are scale and shift across, then down, in sides.
    """
    count, side = len(ours), ours.shape[1]
    moved, inner = _moved(theirs, moves), slice(1, -1)
    across = (moved[:, inner, 2:] - moved[:, inner, :-2]) * (side / 2)
    down = (moved[:, 2:, inner] - moved[:, :-2, inner]) * (side / 2)
    place = (_centred(side) / side)[inner]
    changes = [place * across, across, place[:, None] * down, down, moved[:, inner, inner], np.ones_like(across)]
    basis = np.stack(changes, axis=1).reshape(count, len(changes), (side - 2) ** 2)
    target = ours[:, inner, inner].reshape(count, (side - 2) ** 2)
    normal = (basis @ basis.swapaxes(1, 2)).astype(np.float64) + 1e-3 * np.eye(len(changes))
    answer = np.linalg.solve(normal, (basis @ target[:, :, None]).astype(np.float64))[:, :, 0]
    left = target - (answer.astype(np.float32)[:, None] @ basis)[:, 0]
    spread = np.square(target - target.mean(axis=1, keepdims=True)).sum(axis=1)
    contrast = np.where(np.abs(answer[:, 4:5]) < 0.3, 1, answer[:, 4:5])
    better = np.clip(moves + answer[:, :4] / contrast, -_MOST, _MOST).astype(np.float32)
    return better, np.square(left).sum(axis=1) / (spread + 1e-6)


def _moved(pictures: Pictures, moves: NDArray[np.float32]) -> Pictures:
    side = pictures.shape[1]
    down, across = _reading(side, moves[:, 2], moves[:, 3]), _reading(side, moves[:, 0], moves[:, 1])
    return np.asarray(down @ pictures @ across.swapaxes(1, 2))


def _reading(side: int, scale: NDArray[np.float32], shift: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each move a matrix (side, side) that reads a line of pixels where the move says, linearly between two."""
    centre = (side - 1) / 2
    wanted = _centred(side) * (1 + scale[:, None]) + shift[:, None] * side + centre
    apart = np.abs(wanted.clip(0, side - 1)[:, :, None] - np.arange(side, dtype=np.float32))
    return np.asarray(np.maximum(0, 1 - apart), np.float32)


def _centred(side: int) -> NDArray[np.float32]:
    return np.arange(side, dtype=np.float32) - np.float32((side - 1) / 2)


def _halved(pictures: Pictures) -> Pictures:
    half = pictures.shape[1] // 2
    return np.asarray(pictures.reshape(len(pictures), half, 2, half, 2).mean(axis=(2, 4)))

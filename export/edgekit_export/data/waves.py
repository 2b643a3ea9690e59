"""How alike small gray pictures are, by how much of each of 16 x 16 cosine waves is in them.

Mirroring a picture only changes the signs of such coefficients, and a quarter turn swaps rows and columns as well:
the eight ways to lay a photo cost two comparisons. A coefficient that a photo has much of counts at most as one, and a
small one little, because its sign is chance.

Source of the idea: perceptual hashes by discrete cosine transform (C. Zauner, Implementation and benchmarking of
perceptual image hash functions, 2010), which keep the signs alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgekit_export.progress import Step

SIDE = 32
"""Of the small pictures, in pixels."""

WAVES = 16
UNRELATED = 128.0
"""The distance of two patterns that have nothing in common; that of equal ones is 0."""

TURNS = 8
_FAINT = 4.0  # gray levels below which a wave says nothing
_ROWS, _COLUMNS = 256, 1024  # compared at once: the products stay in a processor's cache


def patterns_of(pictures: NDArray[Any]) -> NDArray[np.float32]:
    """The patterns of pictures.

    Args:
        pictures: Gray levels 0..255, shape (n, 32, 32).

    Returns:
        Shape (n, 16, 16), -1..1: how much of each wave there is; rows are waves from top to bottom.
    """
    waves = _cosines() @ pictures.astype(np.float32) @ _cosines().T
    waves[:, 0, 0] = 0  # brightness
    waves *= _natural_weight()
    level = np.median(np.abs(waves.reshape(len(waves), WAVES**2)), axis=1).clip(_FAINT)
    return np.asarray(np.tanh(waves / level[:, None, None]))


def telling(pattern: NDArray[np.float32]) -> float:
    """How much there is in a picture to compare by: 0 for a plain one, 0.3 and more for most photos."""
    return float(np.square(pattern).mean())


def distances(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> NDArray[np.float32]:
    """The distance of each of our patterns from that of theirs in the same place, as they lie."""
    alike = (ours * theirs).sum(axis=(1, 2)) / np.sqrt(
        np.square(ours).sum(axis=(1, 2)) * np.square(theirs).sum(axis=(1, 2))
    )
    return np.asarray(UNRELATED * (1 - alike))


def turn_picture(picture: NDArray[Any], turn: int) -> NDArray[Any]:
    """A picture, (..., height, width), laid in one of the eight ways: mirrored across, down, and turned."""
    if turn & 4:
        picture = picture.swapaxes(-1, -2)
    if turn & 2:
        picture = picture[..., ::-1, :]
    return picture[..., ::-1] if turn & 1 else picture


def best_turns(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> NDArray[np.int64]:
    """In which way each of their pictures has to be laid to be most like ours; of equals the first."""
    signs = np.where(np.arange(WAVES) % 2, -1, 1).astype(np.float32)
    alike = []
    for turn in range(TURNS):
        laid = theirs.swapaxes(1, 2) if turn & 4 else theirs
        laid = laid * (signs[:, None] if turn & 2 else 1) * (signs if turn & 1 else 1)
        alike.append((ours * laid).sum(axis=(1, 2)))
    return np.asarray(np.argmax(alike, axis=0), np.int64)


class Alike(NamedTuple):
    """Pairs of pictures ``rows[k] < columns[k]``, and how far apart they are, laid in the best way."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    distances: NDArray[np.float32]

    def only(self, which: NDArray[np.bool_]) -> Alike:
        """Some of the pairs."""
        return Alike(self.rows[which], self.columns[which], self.distances[which])

    def and_also(self, others: Alike) -> Alike:
        """These pairs and others."""
        return Alike(
            np.concatenate([self.rows, others.rows]),
            np.concatenate([self.columns, others.columns]),
            np.concatenate([self.distances, others.distances]),
        )

    def nearest(self, most: int) -> Alike:
        """Of each row the nearest columns, at most so many."""
        order = np.lexsort((self.columns, self.distances, self.rows))
        rows = self.rows[order]
        rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
        order = order[rank < most]
        return Alike(self.rows[order], self.columns[order], self.distances[order])

    def batches(self, count: int) -> Iterator[Alike]:
        """The pairs, `count` at a time."""
        for start in range(0, len(self.rows), count):
            some = slice(start, start + count)
            yield Alike(self.rows[some], self.columns[some], self.distances[some])


def alike_pairs(patterns: NDArray[np.float32], most: float, step: Step = lambda: None) -> Iterator[Alike]:
    """All pairs of patterns at most `most` apart in some way to lay them, block by block, each pair once.

    `step` is called for each pattern that has been compared with all after it.
    """
    upright, turned = _by_parity(patterns), _by_parity(patterns.swapaxes(1, 2))
    for first in range(0, len(patterns), _ROWS):
        ours = upright[:, first : first + _ROWS]
        for second in range(first, len(patterns), _COLUMNS):
            block = slice(second, second + _COLUMNS)
            alike = np.maximum(_most_alike(ours, upright[:, block]), _most_alike(ours, turned[:, block]))
            i, j = np.nonzero(alike >= 1 - most / UNRELATED)
            once = first + i < second + j
            i, j = i[once], j[once]
            if len(i):
                yield Alike(first + i, second + j, np.maximum(0, UNRELATED * (1 - alike[i, j])))
        for _ in patterns[first : first + _ROWS]:
            step()


def _by_parity(patterns: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, 16, 16) -> (4, n, 64), of length 1: waves of even rows and columns, then odd columns, odd rows, both odd."""
    parts = [patterns[:, row::2, column::2].reshape(len(patterns), -1) for row in (0, 1) for column in (0, 1)]
    waves = np.stack(parts)
    return np.asarray(waves / np.sqrt(np.square(waves).sum(axis=(0, 2)))[:, None])


def _most_alike(rows: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """The cosine between each two patterns, the highest of the four ways to mirror one of them.

    Mirroring changes the sign of the part with odd columns, of that with odd rows, or of both; the last part's changes
    with either.
    """
    even, across, down, both = (rows[part] @ columns[part].T for part in range(4))
    same, other = even + both, np.subtract(even, both, out=even)
    same += np.abs(np.add(across, down, out=both), out=both)
    other += np.abs(np.subtract(across, down, out=across), out=across)
    return np.asarray(np.maximum(same, other, out=same))


@cache
def _cosines() -> NDArray[np.float32]:
    """The first 16 rows of the orthonormal discrete cosine transform (type II) of 32 values."""
    wave, place = np.arange(WAVES)[:, None], np.arange(SIDE)
    basis = np.cos(np.pi * wave * (2 * place + 1) / (2 * SIDE)) * np.sqrt(2 / SIDE)
    basis[0] /= np.sqrt(2)
    return np.asarray(basis, np.float32)


@cache
def _natural_weight() -> NDArray[np.float32]:
    """Makes fine waves count as much as coarse ones: in photos they are smaller, the finer they are."""
    wave = np.arange(WAVES)
    return np.asarray(np.hypot(wave[:, None], wave) ** 0.8, np.float32)

"""Twins of photos: equal files, and copies that were saved again, resized, cut a little, brightened or turned.

Each photo is kept as a small gray picture. All pictures are compared by their waves (`waves`); where two are somewhat
alike, one is laid over the other (`alignment`), which finds copies that were cut and shots of a burst. What this
cannot see: other shots of the same leaf. Only a group that somebody wrote down (a plant, a site, a day) keeps those
together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.console import describe_error
from edgekit.errors import ImageError
from edgekit.photo import AtLeast, load_photo
from edgekit_export.data.alignment import align
from edgekit_export.data.clusters import Clusters, places_of
from edgekit_export.data.pixels import Unreadable, in_order
from edgekit_export.data.waves import (
    SIDE,
    TURNS,
    Alike,
    alike_pairs,
    best_turns,
    distances,
    patterns_of,
    telling,
    turn_picture,
)
from edgekit_export.progress import Progress, Silent, Step

NEAR = 24
"""Up to this distance photos are twins; 0 is the same picture, 128 two that have nothing in common.

On 3,496 lab photos of leaves (PlantVillage) every pair up to 24 was two shots of one leaf in the same pose, and the
closest two leaves stood 29 apart; on 1,295 field photos (iBean) no two came closer than 60.
"""

_ALIKE = 72  # what is laid over one another: of copies with 4 % cut off two sides, 95 % are closer than that
_FLAT = 0.1
_DECODED = AtLeast(4 * SIDE, 4 * SIDE)
_BATCH = 128
_LISTED = 16  # twins that are listed of each photo; beyond them, only what keeps a cluster together
_TRIED = 64  # of each photo, before a fixed camera, where all photos are somewhat alike


@dataclass(frozen=True)
class Fingerprint:
    """What a photo is recognised by.

    Attributes:
        sha256: Of the file, in hex.
        picture: 32 x 32 gray levels; empty where there is too little in the photo to compare, as in a plain sky.
    """

    sha256: str
    picture: bytes


def fingerprint(image: Image.Image, data_sha256: str) -> Fingerprint:
    """The fingerprint of an upright photo of any size."""
    gray = image.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=3)
    picture = np.asarray(gray)
    flat = telling(patterns_of(picture[None])[0]) < _FLAT
    return Fingerprint(data_sha256, b"" if flat else picture.tobytes())


def read_fingerprints(paths: Sequence[Path], *, workers: int = 0) -> Iterator[Fingerprint | Unreadable]:
    """The fingerprint of each photo, in order, several at once; large JPEG files are decoded at a part of their size.

    Args:
        paths: Of the photos.
        workers: Threads; 0 for one a core.
    """

    def one(path: Path) -> Fingerprint | Unreadable:
        try:
            data = path.read_bytes()
            image = load_photo(data, at_least=_DECODED)
        except (ImageError, OSError) as error:
            return Unreadable(path, describe_error(error).removeprefix("image: ").removeprefix(f"{path}: "))
        return fingerprint(image, hashlib.sha256(data).hexdigest())

    yield from in_order(paths, one, workers=workers)


def exact_groups(fingerprints: Sequence[Fingerprint | None]) -> list[tuple[int, ...]]:
    """Photos whose files are equal, byte for byte: the places of each such group, two or more, sorted.

    Args:
        fingerprints: None for a photo that could not be read: it has no twins.
    """
    groups = places_of(None if found is None else found.sha256 for found in fingerprints)
    return [group for sha256, group in groups.items() if sha256 is not None and len(group) > 1]


def near_pairs(
    fingerprints: Sequence[Fingerprint | None], *, most: int = NEAR, progress: Progress | None = None
) -> list[tuple[int, int, int]]:
    """Photos in different files that are nearly the same, as they lie, mirrored or turned.

    Of equal files only the first takes part. A photo with many twins is not listed with all of them, but whatever
    hangs together by pairs does so by those that are listed.

    Args:
        fingerprints: None for a photo that could not be read: it has no twins, and neither has a flat one.
        most: The largest distance.
        progress: Where to show it: for 50,000 photos it takes minutes.

    Returns:
        ``(i, j, distance)`` with i < j, sorted.
    """
    found = _comparable(fingerprints)
    if len(found) < 2:
        return []
    pictures = np.array([np.frombuffer(one.picture, np.uint8) for one in found.values()]).reshape(-1, SIDE, SIDE)
    place = tuple(found)
    with (progress or Silent()).stage("comparing photos", len(pictures)) as step:
        pairs = _Search(pictures, most).pairs(step)
    return sorted((place[i], place[j], distance) for i, j, distance in pairs)


def _comparable(fingerprints: Sequence[Fingerprint | None]) -> dict[int, Fingerprint]:
    """By their places: the first of each file, where there is something in it to compare."""
    first = {one.sha256: place for place, one in reversed(tuple(enumerate(fingerprints))) if one}
    wanted = set(first.values())
    return {place: one for place, one in enumerate(fingerprints) if one and one.picture and place in wanted}


class _Search:
    """For twins among pictures, uint8 of shape (n, 32, 32)."""

    def __init__(self, pictures: NDArray[np.uint8], most: int) -> None:
        self._pictures, self._most = pictures, most + 0.5
        self._patterns = np.concatenate(
            [patterns_of(pictures[i : i + _BATCH]) for i in range(0, len(pictures), _BATCH)]
        )
        self._listed: list[tuple[int, int, int]] = []
        self._twins = np.zeros(len(pictures), np.int64)
        self._clusters = Clusters(len(pictures))

    def pairs(self, step: Step) -> list[tuple[int, int, int]]:
        """The twins, by their places among the pictures, with their distances."""
        doubtful: Alike | None = None
        for alike in alike_pairs(self._patterns, max(_ALIKE, self._most), step):
            sure = alike.distances < self._most
            self._add(alike.only(sure))
            if doubtful is not None and doubtful.rows.max(initial=-1) < alike.rows.min():
                self._look_closer(doubtful)
                doubtful = None
            rest = alike.only(~sure)
            doubtful = (rest if doubtful is None else doubtful.and_also(rest)).nearest(_TRIED)
        if doubtful is not None:
            self._look_closer(doubtful)
        return self._listed

    def _look_closer(self, doubtful: Alike) -> None:
        for some in doubtful.only(self._wanted(doubtful)).batches(_BATCH):
            laid = self._laid_over(some)
            self._add(laid.only(laid.distances < self._most))

    def _laid_over(self, pairs: Alike) -> Alike:
        """How far apart the pictures of each pair are when one is laid over the other, of those that can be."""
        theirs = self._pictures[pairs.columns].astype(np.float32)
        turns = best_turns(self._patterns[pairs.rows], self._patterns[pairs.columns])
        for turn in range(1, TURNS):
            theirs[turns == turn] = turn_picture(theirs[turns == turn], turn)
        aligned = align(self._pictures[pairs.rows].astype(np.float32), theirs)
        apart = distances(patterns_of(aligned.ours), patterns_of(aligned.theirs))
        return Alike(pairs.rows[aligned.places], pairs.columns[aligned.places], apart.clip(0))

    def _wanted(self, pairs: Alike) -> NDArray[np.bool_]:
        """Which of `pairs` would be listed: between two clusters, or of photos that have few twins so far."""
        rows, columns = self._firsts(pairs.rows), self._firsts(pairs.columns)
        few = np.maximum(self._twins[pairs.rows], self._twins[pairs.columns]) < _LISTED
        return np.asarray((rows != columns) | few)

    def _firsts(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        different, which = np.unique(places, return_inverse=True)
        return np.array([self._clusters.first(place) for place in different.tolist()], np.int64)[which]

    def _add(self, pairs: Alike) -> None:
        wanted = pairs.only(self._wanted(pairs))
        for i, j, distance in zip(*(column.tolist() for column in wanted), strict=True):
            few = max(self._twins[i], self._twins[j]) < _LISTED
            if self._clusters.join(i, j) or few:
                self._twins[[i, j]] += 1
                self._listed.append((i, j, round(distance)))

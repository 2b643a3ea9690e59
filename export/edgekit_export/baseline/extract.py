"""Photos -> features: each photo is decoded once, and every core has work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgekit_export.baseline.crew import Crew
from edgekit_export.baseline.features import PIXELS, HandMade, hand_made
from edgekit_export.data.dataset import DataPhoto
from edgekit_export.data.pixels import Unreadable, Views, read_views
from edgekit_export.progress import Progress

if TYPE_CHECKING:
    from edgekit_export.learn.embed import Embedder

_AT_ONCE = 64  # photos
_SHARE = 4  # photos for one process at a time


@dataclass(frozen=True)
class Extracted:
    """What was computed.

    Attributes:
        photos: Those that could be read, in order.
        features: For each part float32 (photos, numbers).
        skipped: Photos that could not be read.
    """

    photos: tuple[DataPhoto, ...]
    features: dict[str, NDArray[np.float32]]
    skipped: tuple[Unreadable, ...]


def extract(
    photos: Sequence[DataPhoto],
    parts: Sequence[HandMade],
    crew: Crew,
    embedder: Embedder | None,
    progress: Progress,
) -> Extracted:
    """Compute hand-made features, and a CNN's where there is an `embedder`: those are called ``cnn``.

    Raises:
        ComparisonError: a process died.
        VerificationError: the embedder's did.
    """
    specs = [PIXELS, *([embedder.spec] if embedder else [])]
    found: dict[str, list[NDArray[np.float32]]] = {part: [] for part in (*parts, *(["cnn"] if embedder else []))}
    readable: list[DataPhoto] = []
    skipped: list[Unreadable] = []
    reading = zip(photos, read_views([photo.path for photo in photos], specs), strict=True)
    with progress.stage("features", len(photos)) as step:
        while block := list(islice(reading, _AT_ONCE)):
            views: list[Views] = [one for _, one in block if not isinstance(one, Unreadable)]
            readable += [photo for photo, one in block if not isinstance(one, Unreadable)]
            skipped += [one for _, one in block if isinstance(one, Unreadable)]
            for part, rows in _hand_made(parts, [view[0] for view in views], crew):
                found[part] += rows
            if embedder:
                found["cnn"] += embedder.embed(view[1] for view in views)
            for _ in block:
                step()
    return Extracted(
        tuple(readable), {name: np.array(rows, np.float32) for name, rows in found.items()}, tuple(skipped)
    )


def _hand_made(
    parts: Sequence[HandMade], pixels: Sequence[NDArray[np.uint8]], crew: Crew
) -> Iterator[tuple[HandMade, list[NDArray[np.float32]]]]:
    shares = [(tuple(parts), np.stack(pixels[i : i + _SHARE])) for i in range(0, len(pixels), _SHARE)] if parts else []
    for rows in crew.run(compute, shares):
        yield from zip(parts, rows, strict=True)


def compute(share: tuple[tuple[HandMade, ...], NDArray[np.uint8]]) -> list[list[NDArray[np.float32]]]:
    """For each part, the features of each of a few photos; for a process of the crew."""
    parts, pixels = share
    return [[hand_made(part, one) for one in pixels] for part in parts]

"""All photos of a data set, looked at once, in several threads and in bounded memory: about 5 kB stay of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgekit.card import InputSpec
from edgekit.console import describe_error
from edgekit.errors import ImageError
from edgekit.preprocess import fit_pixels
from edgekit_export.check.look import Look, look_at
from edgekit_export.data.dataset import DataPhoto, DataSet
from edgekit_export.data.leaks import Twins
from edgekit_export.data.pixels import Unreadable, in_order
from edgekit_export.data.twins import exact_groups, near_pairs
from edgekit_export.progress import Progress


class Embeds(Protocol):
    """What `edgekit_export.learn.embed.Embedder` offers."""

    @property
    def spec(self) -> InputSpec:
        """How a photo becomes the pixels that it takes."""

    def embed(self, photos: Iterator[NDArray[np.uint8]], /) -> Iterator[NDArray[np.float32]]:
        """For each photo its embedding."""


@dataclass(frozen=True)
class Survey:
    """What there is, and what was seen.

    Attributes:
        dataset: The photos that can be read.
        whole: The data set as it is.
        looks: One for each readable photo.
        embeddings: float16 (photos, numbers): what a ready-made network sees in each.
        twins: Which of them are alike.
        unreadable: The others.
    """

    dataset: DataSet
    whole: DataSet
    looks: tuple[Look, ...]
    embeddings: NDArray[np.float16]
    twins: Twins
    unreadable: tuple[Unreadable, ...]

    @property
    def photos(self) -> tuple[DataPhoto, ...]:
        """The readable ones."""
        return self.dataset.photos

    @property
    def miniatures(self) -> NDArray[np.uint8]:
        """uint8 (photos, side, side, 3)."""
        return np.array([look.miniature for look in self.looks])


def survey(dataset: DataSet, embedder: Embeds, progress: Progress) -> Survey:
    """Look at every photo, and compare them all."""
    photos: list[DataPhoto] = []
    looks: list[Look] = []
    unreadable: list[Unreadable] = []
    paths = [photo.path for photo in dataset.photos]

    def readable() -> Iterator[NDArray[np.uint8]]:
        for photo, found in zip(dataset.photos, _look_at_each(paths, embedder.spec), strict=True):
            step()
            if isinstance(found, Unreadable):
                unreadable.append(found)
                continue
            photos.append(photo)
            looks.append(found[0])
            yield found[1]

    with progress.stage("looking at photos", len(paths)) as step:
        embeddings = [vector.astype(np.float16) for vector in embedder.embed(readable())]
    fingerprints = [look.fingerprint for look in looks]
    pairs = near_pairs(fingerprints, progress=progress)
    kept = replace(dataset, photos=tuple(photos))
    twins = Twins(kept, tuple(exact_groups(fingerprints)), tuple(pairs), tuple(unreadable))
    return Survey(kept, dataset, tuple(looks), np.array(embeddings, np.float16), twins, tuple(unreadable))


def _look_at_each(paths: Sequence[Path], spec: InputSpec) -> Iterator[tuple[Look, NDArray[np.uint8]] | Unreadable]:
    def one(path: Path) -> tuple[Look, NDArray[np.uint8]] | Unreadable:
        try:
            look, image = look_at(path.read_bytes())
            return look, fit_pixels(image, spec)
        except (ImageError, OSError) as error:
            return Unreadable(path, describe_error(error).removeprefix("image: ").removeprefix(f"{path}: "))

    yield from in_order(paths, one)

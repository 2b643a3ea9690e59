"""Leaks: what stands in two splits at once, so that a test praises what the training has seen.

Told are equal files, near-duplicates, and photos of one group. What no program sees are other shots of the same leaf
that nobody wrote down as a group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from edgekit_export.data.clusters import clusters_of, places_of
from edgekit_export.data.dataset import DataPhoto, DataSet, Split
from edgekit_export.data.pixels import Unreadable
from edgekit_export.data.twins import Fingerprint, exact_groups, near_pairs, read_fingerprints
from edgekit_export.progress import Progress

Kind = Literal["exact", "near", "group"]


@dataclass(frozen=True)
class Twins:
    """The twins of a data set.

    Attributes:
        dataset: The photos that can be read.
        exact: Places of photos whose files are equal, each set sorted.
        near: Places of near-duplicates ``i < j``, and how far apart they are.
        unreadable: The photos that cannot be read.
    """

    dataset: DataSet
    exact: tuple[tuple[int, ...], ...] = ()
    near: tuple[tuple[int, int, int], ...] = ()
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def together(self) -> list[tuple[int, ...]]:
        """Places of photos that are twins, directly or by way of others; each set sorted."""
        pairs = [(i, j) for i, j, _ in self.near]
        return clusters_of(len(self.dataset.photos), [*self.exact, *pairs]).groups()


@dataclass(frozen=True)
class Leak:
    """Two photos of different splits that belong together.

    Attributes:
        kind: Equal files, near-duplicates, or photos of one group.
        first: Of the earlier split.
        second: Of the later one.
        distance: Of near-duplicates; 0 for the rest.
        group: The name of a group that is in both splits.
    """

    kind: Kind
    first: DataPhoto
    second: DataPhoto
    distance: int = 0
    group: str = ""


def find_twins(dataset: DataSet, *, near: bool, progress: Progress) -> Twins:
    """Read every photo of a data set and compare them all.

    Args:
        dataset: Photos.
        near: Look for near-duplicates too.
        progress: Of reading and comparing.
    """
    photos: list[DataPhoto] = []
    fingerprints: list[Fingerprint] = []
    unreadable: list[Unreadable] = []
    paths: list[Path] = [photo.path for photo in dataset.photos]
    with progress.stage("reading photos", len(paths)) as step:
        for photo, found in zip(dataset.photos, read_fingerprints(paths), strict=True):
            if isinstance(found, Unreadable):
                unreadable.append(found)
            else:
                photos.append(photo)
                fingerprints.append(found)
            step()
    pairs = near_pairs(fingerprints, progress=progress) if near else []
    readable = replace(dataset, photos=tuple(photos))
    return Twins(readable, tuple(exact_groups(fingerprints)), tuple(pairs), tuple(unreadable))


def find_leaks(twins: Twins, groups: Sequence[str]) -> tuple[Leak, ...]:
    """What stands in two splits: equal files first, then near-duplicates by distance, then groups.

    Args:
        twins: Of a data set with splits.
        groups: Of each of its photos.
    """
    photos = twins.dataset.photos
    leaks = [Leak("exact", *pair) for places in twins.exact for pair in _across(photos, places)]
    for i, j, distance in sorted(twins.near, key=lambda pair: (pair[2], pair[:2])):
        leaks += [Leak("near", *pair, distance=distance) for pair in _across(photos, (i, j))]
    for group, places in sorted(places_of(groups).items()):
        leaks += [Leak("group", *pair, group=group) for pair in _across(photos, places)]
    return tuple(leaks)


def _across(photos: Sequence[DataPhoto], places: Sequence[int]) -> Iterator[tuple[DataPhoto, DataPhoto]]:
    """The first photos of each two splits among `places`."""
    first: dict[Split, DataPhoto] = {}
    for photo in (photos[place] for place in places):
        if photo.split is not None:
            first.setdefault(photo.split, photo)
    splits = sorted(first, key=("train", "val", "test").index)
    yield from ((first[one], first[other]) for i, one in enumerate(splits) for other in splits[i + 1 :])

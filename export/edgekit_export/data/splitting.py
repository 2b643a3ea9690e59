"""Groups of photos that belong together, and a split that deals them whole to train, val and test.

The order is a hash of seed and name, so that it is the same on every machine.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit_export.data.clusters import clusters_of, places_of
from edgekit_export.data.dataset import SPLITS, DataSet, Split
from edgekit_export.data.stratify import deal
from edgekit_export.errors import PhotosError

_FAR = 0.5  # a split that misses its share by more than this part of it is no split


def name_in(root: Path, path: Path) -> str:
    """The path of a photo below `root`, with forward slashes; the whole path of one that is elsewhere."""
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def groups_of(dataset: DataSet, *, column: str | None = None, pattern: str | None = None) -> tuple[str, ...]:
    """The group of each photo: what must not be torn apart.

    Args:
        dataset: Photos.
        column: Of the manifest, whose values name the groups; or
        pattern: a regular expression, searched in each photo's path below the root: its groups in parentheses, or
            all that it found where it has none, name the group.

    Returns:
        Names; without `column` and `pattern` each photo's own path.

    Raises:
        PhotosError: no such column, an empty cell, not a regular expression, or a photo in whose path it is not found.
    """
    names = [name_in(dataset.root, photo.path) for photo in dataset.photos]
    if column is not None:
        return _from_column(dataset, names, column)
    if pattern is not None:
        return _from_pattern(dataset, names, pattern)
    return tuple(names)


def joined(groups: Sequence[str], together: Iterable[Sequence[int]]) -> tuple[str, ...]:
    """Groups after twins have joined them: each photo's group is called as the first by name of those it is one with.

    Args:
        groups: Of each photo.
        together: Places of photos that belong together, two or more each.
    """
    clusters = clusters_of(len(groups), [*places_of(groups).values(), *together])
    firsts = clusters.firsts()
    called: dict[int, str] = {}
    for first, group in zip(firsts, groups, strict=True):
        called[first] = min(group, called.get(first, group))
    return tuple(called[first] for first in firsts)


def with_splits(dataset: DataSet, splits: Sequence[Split]) -> DataSet:
    """The data set with each photo in the split in the same place of `splits`."""
    photos = tuple(replace(photo, split=split) for photo, split in zip(dataset.photos, splits, strict=True))
    return replace(dataset, photos=photos)


def plan_split(
    labels: Sequence[str], groups: Sequence[str], *, val: float, test: float, seed: int
) -> tuple[Split, ...]:
    """The split of each photo: whole groups, and of each class the wanted share in each split as nearly as they allow.

    The same photos, groups and seed give the same split on every machine.

    Args:
        labels: The class of each photo.
        groups: The group of each photo; one that has a group of its own may go anywhere.
        val: Share for val, 0 for none.
        test: Share for test, 0 for none.
        seed: Of the order of groups.

    Raises:
        PhotosError: a class has too few groups to be in each split, or a group is larger than a split may be.
        ValueError: the shares are negative, or leave nothing for train.
    """
    if min(val, test) < 0 or val + test >= 1:
        msg = f"shares of {val} for val and {test} for test; expected numbers from 0, that leave something for train."
        raise ValueError(msg)
    shares = {split: share for split, share in zip(SPLITS, (1 - val - test, val, test), strict=True) if share > 0}
    table = _Table.of(labels, groups, seed)
    _refuse_few_groups(table, len(shares))
    dealt = deal(table.counts, np.array(list(shares.values())))
    _refuse_bad_deal(table, dealt, shares)
    splits = list(shares)
    return tuple(splits[dealt[unit]] for unit in table.unit_of)


@dataclass(frozen=True)
class _Table:
    """Groups in the order in which they are dealt, largest first, and how many photos of each class each has.

    Attributes:
        names: Of the groups.
        labels: The classes, sorted.
        counts: Photos, shape (groups, classes).
        unit_of: For each photo the place of its group.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    counts: NDArray[np.int64]
    unit_of: tuple[int, ...]

    @classmethod
    def of(cls, labels: Sequence[str], groups: Sequence[str], seed: int) -> _Table:
        sizes = {name: len(places) for name, places in places_of(groups).items()}
        names = sorted(sizes, key=lambda name: (-sizes[name], _hash(name, seed), name))
        unit = {name: place for place, name in enumerate(names)}
        classes = tuple(sorted(set(labels)))
        column = {label: place for place, label in enumerate(classes)}
        counts = np.zeros((len(names), len(classes)), np.int64)
        unit_of = tuple(unit[group] for group in groups)
        np.add.at(counts, (list(unit_of), [column[label] for label in labels]), 1)
        return cls(tuple(names), classes, counts, unit_of)


def _hash(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\0{name}".encode(errors="surrogateescape")).digest()


def _refuse_few_groups(table: _Table, splits: int) -> None:
    for label, units in zip(table.labels, (table.counts > 0).sum(axis=0), strict=True):
        if units < splits:
            places = np.flatnonzero(table.counts[:, table.labels.index(label)])
            found = _what(table, places, label)
            msg = (
                f"class {label!r}: found {found}, expected at least {splits}: one for each of {splits} splits. Add "
                "photos of others, leave the class out, or ask for fewer splits with --val 0 or --test 0."
            )
            raise PhotosError(msg)


def _what(table: _Table, places: NDArray[np.int64], label: str) -> str:
    photos = int(table.counts[places, table.labels.index(label)].sum())
    if photos == len(places):
        return f"{photos} photo{'s' * (photos != 1)}"
    return f"{photos} photos in {len(places)} group{'s' * (len(places) != 1)} ({table.names[places[0]]!r})"


def _refuse_bad_deal(table: _Table, dealt: NDArray[np.int64], shares: Mapping[Split, float]) -> None:
    total, sizes = int(table.counts.sum()), table.counts.sum(axis=1)
    for place, (split, share) in enumerate(shares.items()):
        here = table.counts[dealt == place]
        absent = [label for label, count in zip(table.labels, here.sum(axis=0), strict=True) if not count]
        largest = int(np.argmax(sizes))
        holds = f"group {table.names[largest]!r} holds {sizes[largest]} of {total} photos"
        if absent:
            msg = (
                f"class {absent[0]!r} cannot be in each split: its groups hold photos of other classes too, or are too "
                f"few; {holds}. Make smaller groups, or add photos of other groups."
            )
            raise PhotosError(msg)
        off = int(here.sum()) - share * total
        if abs(off) > max(_FAR * share * total, len(table.labels)) and sizes[largest] > 1:
            msg = (
                f"{split} would get {int(here.sum())} photos, expected about {share * total:.0f}: {holds}, and groups "
                "are not torn apart. Make smaller groups, add photos of other groups, or ask for other shares."
            )
            raise PhotosError(msg)


def _from_column(dataset: DataSet, names: Sequence[str], column: str) -> tuple[str, ...]:
    if column not in dataset.columns:
        found = f"its columns are {', '.join(dataset.columns)}" if dataset.columns else "it has no further columns"
        where = dataset.manifest or f"{dataset.root} (no manifest)"
        msg = f"{where}: no column {column!r}; {found}."
        raise PhotosError(msg)
    groups = tuple(photo.columns.get(column, "") for photo in dataset.photos)
    for name, group in zip(names, groups, strict=True):
        if not group:
            msg = f"{dataset.manifest}: no {column} for {name}. Name one; where it has none, give it one of its own."
            raise PhotosError(msg)
    return groups


def _from_pattern(dataset: DataSet, names: Sequence[str], pattern: str) -> tuple[str, ...]:
    try:
        known = re.compile(pattern)
    except re.error as error:
        msg = f"{pattern!r} is not a regular expression: {error}."
        raise PhotosError(msg) from error
    groups = []
    for name in names:
        found = known.search(name)
        group = "/".join(filter(None, found.groups())) or found[0] if found else ""
        if not group:
            msg = (
                f"{dataset.root}: the pattern {pattern!r} finds nothing in {name}. Change it so that it finds the "
                "group in each path, or name the groups in a column of a manifest."
            )
            raise PhotosError(msg)
        groups.append(group)
    return tuple(groups)

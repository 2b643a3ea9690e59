"""What photos can be grouped by: the columns of a manifest, what their files tell, and how their pixels look."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from edgekit_export.assess.answers import Asked
from edgekit_export.assess.exif import NAMES, ORDER, how_taken
from edgekit_export.data.dataset import SPLITS, DataSet
from edgekit_export.errors import PhotosError

MOST_GROUPS = 20
_FEWEST_PHOTOS = 5  # in a group on average: a column with fewer names photos rather than groups them
_OTHERS = "all others"
BRIGHTNESS, SHARPNESS, SPLIT = "brightness", "sharpness", "split"
_QUARTILES = {
    BRIGHTNESS: ("darkest quarter", "darker", "brighter", "brightest quarter"),
    SHARPNESS: ("softest quarter", "softer", "sharper", "sharpest quarter"),
}


@dataclass(frozen=True)
class Column:
    """A way to group photos: its name, its groups in order, and the group of each photo; None where it has none."""

    name: str
    groups: tuple[str, ...]
    of_photos: tuple[int | None, ...]


def find_columns(asked: Asked, dataset: DataSet, wanted: Sequence[str]) -> tuple[Column, ...]:
    """The columns that `wanted` names; without a wish, all that group the photos.

    A column of numbers with many values is cut into quarters. Of a wanted column with many other values the most
    frequent are taken, and the rest together; without a wish such a column is left out.

    Raises:
        PhotosError: a wanted column is not there, or has one value only.
    """
    values = _all_values(asked, dataset)
    if not wanted:
        found = (_grouped(name, of_photos, force=False) for name, of_photos in values.items())
        return tuple(column for column in found if column is not None)
    return tuple(_wanted(name, values, dataset) for name in dict.fromkeys(wanted))


def _wanted(name: str, values: dict[str, list[str]], dataset: DataSet) -> Column:
    if name not in values:
        msg = f"{dataset.root}: no column {name!r} to slice by; there are {', '.join(values)}."
        raise PhotosError(msg)
    column = _grouped(name, values[name], force=True)
    if column is None:
        only = next((value for value in values[name] if value), None)
        found = f"all photos have {only!r}" if only else "no photo has a value"
        msg = f"{dataset.root}: nothing to compare in column {name!r}: {found}."
        raise PhotosError(msg)
    return column


def _all_values(asked: Asked, dataset: DataSet) -> dict[str, list[str]]:
    """By column, the value of each photo as text; empty where it has none. The manifest goes before the files."""
    taken = how_taken([photo.path for photo in asked.photos])
    values = {name: [photo.columns.get(name, "") for photo in asked.photos] for name in dataset.columns}
    if len({photo.split for photo in asked.photos}) > 1:
        values.setdefault(SPLIT, [photo.split or "" for photo in asked.photos])
    for name in NAMES:
        values.setdefault(name, [one.get(name, "") for one in taken])
    values.setdefault(BRIGHTNESS, [f"{value:.6g}" for value in asked.brightness])
    values.setdefault(SHARPNESS, [f"{value:.6g}" for value in asked.sharpness])
    return values


def _grouped(name: str, values: Sequence[str], *, force: bool) -> Column | None:
    """A column; None where it does not group."""
    counts = Counter(value for value in values if value)
    if len(counts) < 2:
        return None
    if len(counts) <= MOST_GROUPS and (force or sum(counts.values()) >= _FEWEST_PHOTOS * len(counts)):
        return _by_value(name, values, _ordered(name, counts))
    numbers = [_number(value) for value in values]
    if len(counts) > MOST_GROUPS and all(n is not None for n, value in zip(numbers, values, strict=True) if value):
        return _by_quarter(name, numbers)
    if not force:
        return None
    kept = {value for value, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[: MOST_GROUPS - 1]}
    merged = [value if value in kept or not value else _OTHERS for value in values]
    return _by_value(name, merged, (*_ordered(name, kept), *([_OTHERS] if len(kept) < len(counts) else [])))


def _ordered(name: str, values: Iterable[str]) -> tuple[str, ...]:
    known = ORDER.get(name, SPLITS if name == SPLIT else ())
    if set(values) <= set(known):
        return tuple(value for value in known if value in values)
    numbers = {value: _number(value) for value in values}
    if all(number is not None for number in numbers.values()):
        return tuple(sorted(values, key=lambda value: (numbers[value], value)))
    return tuple(sorted(values))


def _by_value(name: str, values: Sequence[str], groups: tuple[str, ...]) -> Column:
    places = {group: i for i, group in enumerate(groups)}
    return Column(name, groups, tuple(places.get(value) for value in values))


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _by_quarter(name: str, numbers: Sequence[float | None]) -> Column | None:
    known = np.array([number for number in numbers if number is not None])
    edges = np.unique(np.quantile(known, (0.25, 0.5, 0.75), method="lower"))
    places = [None if number is None else int(np.searchsorted(edges, number, side="left")) for number in numbers]
    used = sorted({place for place in places if place is not None})
    if len(used) < 2:
        return None
    texts = _quarter_texts(name, [float(edge) for edge in edges])
    return Column(name, tuple(texts[i] for i in used), tuple(None if p is None else used.index(p) for p in places))


def _quarter_texts(name: str, edges: Sequence[float]) -> tuple[str, ...]:
    words = _QUARTILES.get(name)
    if words and len(edges) == 3:
        return words
    ends = [f"{edge:g}" for edge in edges]
    between = (f"above {low} to {high}" for low, high in pairwise(ends))
    return (f"up to {ends[0]}", *between, f"above {ends[-1]}")

"""A folder -> the photos below it, in order, in the same memory for ten of them and for a million."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgekit.errors import ImageError

PHOTO_SUFFIXES = frozenset(
    (
        ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif",
        ".heic", ".heif", ".avif",
    )
)  # fmt: skip
"""File names that folders are searched for. What a file really is, is decided by its content."""

_NAMES_AT_ONCE = 16384
"""Of one folder, 1 to 2 MB: a folder with more is listed again for each so many."""


def name_photos(places: Sequence[str]) -> Iterator[str]:
    """Photos as they are named, in order, each folder replaced by the photos below it; ``-`` is none.

    Raises:
        OSError: a folder cannot be listed.
    """
    for place in places:
        if place not in ("", "-") and Path(place).is_dir():  # for a path, no name is the folder one stands in
            yield from map(str, find_photos(place))
        else:
            yield place


def check_folders(places: Sequence[str]) -> None:
    """Find out before long work whether there is a photo below each of those places that are folders.

    Raises:
        ImageError: there is none.
        OSError: a folder cannot be listed.
    """
    for place in places:
        if next(name_photos([place]), None) is None:
            msg = f"{place}: no photos in this folder; looked for {', '.join(sorted(PHOTO_SUFFIXES))}."
            raise ImageError(msg)


def find_photos(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Files below `folder` whose names sound like photos, sorted by path; hidden ones are left out.

    Links are followed, but not back into a folder that they stand in. A folder below that cannot be listed, and a
    link that leads nowhere, come as if they were photos, so that whoever opens them tells.

    Raises:
        OSError: `folder` cannot be listed.
    """
    yield from _find_photos(Path(folder), ())


def _find_photos(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    here = (*above, folder.resolve())
    for entry in (folder / name for name in _sorted_names(folder)):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if entry.resolve() not in here:
                yield from _find_photos(entry, here) if _can_be_listed(entry) else (entry,)
        elif entry.suffix.lower() in PHOTO_SUFFIXES and (entry.is_file() or not entry.exists()):
            yield entry  # not a pipe or device, which may never end


def _sorted_names(folder: Path) -> Iterator[str]:
    """The names in a folder, sorted; never more than `_NAMES_AT_ONCE` of them in memory."""
    last = ""
    while True:
        with os.scandir(folder) as entries:
            names = heapq.nsmallest(_NAMES_AT_ONCE, (entry.name for entry in entries if entry.name > last))
        yield from names
        if len(names) < _NAMES_AT_ONCE:
            return
        last = names[-1]


def _can_be_listed(folder: Path) -> bool:
    try:
        os.scandir(folder).close()
    except OSError:
        return False
    return True

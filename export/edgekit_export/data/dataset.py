"""A data set: labelled photos, with their split and whatever else a manifest tells about them.

Three layouts are known: one sub-folder a class; ``train``, ``val`` and ``test`` with one sub-folder a class each; and
a manifest, a CSV file with a column for the file, that may say class, split and anything else. `check` wants to hear
of everything that is odd, so nothing odd is an error here: `require_usable` makes it one.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from edgekit.walk import find_photos
from edgekit_export.data.manifest import Manifest, ManifestRow, read_manifest
from edgekit_export.errors import PhotosError

Split = Literal["train", "val", "test"]

SPLITS: tuple[Split, ...] = get_args(Split)
MANIFEST_NAME = "manifest.csv"

_SPLIT_WORDS: Mapping[str, Split] = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


@dataclass(frozen=True)
class DataPhoto:
    """One photo: where it is, its class, its split if it has one, and the further columns of its manifest."""

    path: Path
    label: str
    split: Split | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DataSet:
    """Labelled photos, sorted by path.

    Attributes:
        root: The folder.
        photos: All photos that exist, as the manifest says, or as the folders do.
        labels: The classes, sorted: the order of a model's outputs.
        columns: The further columns of the manifest.
        manifest: The manifest that was read, if any.
        missing: Photos that the manifest names and that do not exist.
        unlisted: Photos in the folder that the manifest does not name; they are left out.
        empty: Folders of classes without photos.
    """

    root: Path
    photos: tuple[DataPhoto, ...]
    labels: tuple[str, ...]
    columns: tuple[str, ...] = ()
    manifest: Path | None = None
    missing: tuple[Path, ...] = ()
    unlisted: tuple[Path, ...] = ()
    empty: tuple[Path, ...] = ()

    @property
    def splits(self) -> tuple[Split, ...]:
        """The splits that have photos, in the order train, val, test."""
        found = {photo.split for photo in self.photos}
        return tuple(split for split in SPLITS if split in found)

    def part(self, split: Split) -> tuple[DataPhoto, ...]:
        """The photos of one split."""
        return tuple(photo for photo in self.photos if photo.split == split)

    def counts(self, photos: Iterable[DataPhoto] | None = None) -> dict[str, int]:
        """How many photos each class has, of all or of `photos`; every class is there."""
        found = Counter(photo.label for photo in (self.photos if photos is None else photos))
        return {label: found[label] for label in self.labels}


def read_dataset(root: Path, *, manifest: Path | None = None) -> DataSet:
    """The labelled photos below `root`.

    Args:
        root: A folder in one of the three layouts.
        manifest: A CSV file; without it, `manifest.csv` in `root` where there is one. Its paths start at `root`, or
            else at its own folder.

    Raises:
        PhotosError: no such folder, a manifest that cannot be understood, or no photos in class folders.
        OSError: a folder or file cannot be read.
    """
    if not root.is_dir():
        msg = (
            f"{root}: found {'a file' if root.exists() else 'nothing'}, expected a folder with one sub-folder a class."
        )
        raise PhotosError(msg)
    if manifest is None and (root / MANIFEST_NAME).is_file():
        manifest = root / MANIFEST_NAME
    return _from_folders(root) if manifest is None else _from_manifest(root, read_manifest(manifest))


def require_usable(dataset: DataSet, *, classes: int = 2) -> None:
    """Raise `PhotosError` where a data set is not complete: too few classes, missing photos or empty class folders."""
    if dataset.missing:
        msg = (
            f"{dataset.manifest}: {len(dataset.missing)} of its photos do not exist, the first: {dataset.missing[0]}. "
            "Remove their lines, or bring the photos back."
        )
        raise PhotosError(msg)
    if dataset.empty:
        names = ", ".join(repr(folder.relative_to(dataset.root).as_posix()) for folder in dataset.empty)
        msg = f"{dataset.root}: no photos in class {names}. Add photos, or remove the folder."
        raise PhotosError(msg)
    if len(dataset.labels) < classes:
        found = f"only {dataset.labels[0]!r}" if dataset.labels else "none"
        msg = f"{dataset.root}: found {found}, expected photos of at least {classes} classes, one sub-folder each."
        raise PhotosError(msg)


def as_split(word: str) -> Split | None:
    """The split that a word means, such as ``validation``; None for any other."""
    return _SPLIT_WORDS.get(word.strip().lower())


def folders_of(root: Path) -> list[Path]:
    """The folders in `root`, sorted; hidden ones are left out."""
    return sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def split_folders(root: Path) -> dict[Path, Split] | None:
    """The folders of the splits, where that is how `root` is laid out: all its folders are named so, one is train."""
    found = {folder: as_split(folder.name) for folder in folders_of(root)}
    splits = {folder: split for folder, split in found.items() if split is not None}
    usual = len(splits) == len(found) and "train" in splits.values()
    # A class may well be called "test"; a folder of splits holds folders.
    return splits if usual and all(folders_of(folder) for folder in splits) else None


def _from_folders(root: Path) -> DataSet:
    splits = split_folders(root)
    homes: dict[Path, Split | None] = {root: None} if splits is None else {**splits}
    photos: list[DataPhoto] = []
    empty: list[Path] = []
    labels: set[str] = set()
    for home, split in homes.items():
        for folder in folders_of(home):
            found = [DataPhoto(path, folder.name, split) for path in find_photos(folder)]
            labels.add(folder.name)
            photos += found
            if not found:
                empty.append(folder)
    if not photos:
        msg = f"{root}: no photos in sub-folders, expected one sub-folder a class with photos in it."
        raise PhotosError(msg)
    return DataSet(root, _sorted(photos), tuple(sorted(labels)), empty=tuple(empty))


def _from_manifest(root: Path, manifest: Manifest) -> DataSet:
    photos: list[DataPhoto] = []
    missing: list[Path] = []
    for row in manifest.rows:
        path = _found(root, manifest.path, row)
        label, split = _label(root, manifest.path, row, path), _split(root, manifest.path, row, path)
        photo = DataPhoto(path, label, split, row.columns)
        if path.is_file():
            photos.append(photo)
        else:
            missing.append(path)
    if not photos:
        msg = f"{manifest.path}: none of its {len(manifest.rows)} photos exists; paths start at {root}."
        raise PhotosError(msg)
    listed = {photo.path.resolve() for photo in photos}
    unlisted = tuple(path for path in find_photos(root) if path.resolve() not in listed)
    labels = tuple(sorted({photo.label for photo in photos}))
    return DataSet(root, _sorted(photos), labels, manifest.columns, manifest.path, tuple(missing), unlisted)


def _found(root: Path, manifest: Path, row: ManifestRow) -> Path:
    file = row.file if (root / row.file).exists() else row.file.replace("\\", "/")  # as Windows writes paths
    home = next((home for home in (root, manifest.parent) if (home / file).exists()), root)
    if Path(file).is_absolute():
        file = os.path.relpath(file, home.absolute())
    if ".." in Path(file).parts:
        msg = f"{manifest} line {row.line}: found {row.file!r}, expected a path below {root}."
        raise PhotosError(msg)
    return home / file


def _label(root: Path, manifest: Path, row: ManifestRow, path: Path) -> str:
    if row.label:
        return row.label
    folder = path.parent
    if folder == root or as_split(folder.name) is not None:
        msg = (
            f"{manifest} line {row.line}: no class for {row.file}. Give the manifest a column named class, or put each "
            "photo into a folder named for its class."
        )
        raise PhotosError(msg)
    return folder.name


def _split(root: Path, manifest: Path, row: ManifestRow, path: Path) -> Split | None:
    if row.split:
        found = as_split(row.split)
        if found is None:
            msg = f"{manifest} line {row.line}: found split {row.split!r}, expected train, val or test."
            raise PhotosError(msg)
        return found
    parts = path.relative_to(root).parts if path.is_relative_to(root) else ()
    return as_split(parts[0]) if len(parts) > 2 else None


def _sorted(photos: Iterable[DataPhoto]) -> tuple[DataPhoto, ...]:
    return tuple(sorted(photos, key=lambda photo: photo.path))

"""A data set with a split -> its manifest, or folders ``train|val|test/<class>`` of links or copies of its photos."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from edgekit.atomic import write_whole
from edgekit_export.data.dataset import MANIFEST_NAME, DataPhoto, DataSet
from edgekit_export.data.manifest import ManifestRow, manifest_text, parse_manifest
from edgekit_export.data.new_folder import check_new_folder, link_or_copy, new_folder
from edgekit_export.errors import PhotosError
from edgekit_export.progress import Progress

GROUP_COLUMN = "group"
_NO_NAME = frozenset("/\\") | {chr(code) for code in range(32)}


def split_manifest(dataset: DataSet, groups: Sequence[str], *, names: Sequence[str] = ()) -> str:
    """The manifest of a data set with splits, as CSV: file, split, class, group, and its further columns.

    A column named group that was there already is kept as it was.

    Args:
        dataset: Photos with their splits.
        groups: Of each photo.
        names: The file of each photo, where it is not its path below the root.

    Raises:
        PhotosError: a photo is outside the root, or has a name that a manifest cannot hold.
    """
    names = names or [_below(dataset.root, photo.path) for photo in dataset.photos]
    ours = [] if _has_group(dataset) else [GROUP_COLUMN]
    rows = [
        ManifestRow(0, name, photo.label, photo.split or "", {**dict.fromkeys(ours, group), **photo.columns})
        for name, photo, group in zip(names, dataset.photos, groups, strict=True)
    ]
    return faithful_manifest(dataset.root, rows, [*ours, *dataset.columns])


def _has_group(dataset: DataSet) -> bool:
    return any(column.lower() == GROUP_COLUMN for column in dataset.columns)


def faithful_manifest(root: Path, rows: Sequence[ManifestRow], columns: Sequence[str]) -> str:
    """A manifest for `root` as CSV, that reads back as what was written.

    Raises:
        PhotosError: a name is one that no manifest can hold: with a line break at its end, or not in Unicode.
    """
    text = manifest_text(rows, columns)
    back = parse_manifest(root / MANIFEST_NAME, text)
    for row, read in zip(rows, back.rows, strict=True):
        if replace(read, line=0) != row or row.file.encode(errors="replace").decode() != row.file:
            msg = f"{root}: the name {row.file!r}, its class or a column cannot stand in a manifest. Rename it."
            raise PhotosError(msg)
    return text


def write_folders(dataset: DataSet, groups: Sequence[str], folder: Path, *, progress: Progress) -> None:
    """Put each photo into ``folder/<split>/<class>/``, beside a manifest: as a hard link where that can be, or a copy.

    The folder appears whole or not at all. A name that is there already gets a number.

    Raises:
        PhotosError: `folder` is inside the data set, or a class has a name that no folder can have.
        FileExistsError: `folder` exists and is not empty.
        OSError: it cannot be written.
    """
    check_folder(dataset, folder)
    names = folder_names(dataset.photos)
    manifest = split_manifest(dataset, groups, names=names)
    with new_folder(folder, outside=dataset.root) as beside, progress.stage("writing folders", len(names)) as step:
        for photo, name in zip(dataset.photos, names, strict=True):
            link_or_copy(photo.path, beside / name)
            step()
        write_whole(beside / MANIFEST_NAME, manifest.encode())


def check_folder(dataset: DataSet, folder: Path) -> None:
    """Find out before long work whether `write_folders` could write; it raises the same."""
    check_new_folder(folder, outside=dataset.root)
    for label in dataset.labels:
        if label.startswith(".") or label != label.strip() or any(sign in _NO_NAME for sign in label):
            msg = f"class {label!r} cannot be the name of a folder of photos. Rename it, or write a manifest only."
            raise PhotosError(msg)


def folder_names(photos: Iterable[DataPhoto]) -> list[str]:
    """``split/class/file`` for each photo, without what it has not; a name that is taken gets a number.

    Names that differ in case only are equal: on many systems they are.
    """
    taken: set[str] = set()
    names = []
    for photo in photos:
        home = "/".join(filter(None, (photo.split, photo.label)))
        name, number = f"{home}/{photo.path.name}", 1
        while name.casefold() in taken:
            number += 1
            name = f"{home}/{photo.path.stem}_{number}{photo.path.suffix}"
        taken.add(name.casefold())
        names.append(name)
    return names


def _below(root: Path, path: Path) -> str:
    if path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    msg = f"{path} is not below {root}: the manifest could not name it. Give the folder that all photos are in."
    raise PhotosError(msg)

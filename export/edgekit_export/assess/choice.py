"""Which photos of a data set are asked about, and which of them stand for it where all would take too long."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgekit_export.data.dataset import SPLITS, DataPhoto, DataSet
from edgekit_export.errors import PhotosError
from edgekit_export.images import stratified_quota

Part = Literal["test", "val", "train", "all"]

_HONEST: tuple[Part, ...] = ("test", "val")


@dataclass(frozen=True)
class Choice:
    """The photos to evaluate, which part of the data set they are, and what a reader should know about that."""

    photos: tuple[DataPhoto, ...]
    part: Part
    notes: tuple[str, ...] = ()


def choose_photos(dataset: DataSet, wanted: Part | None) -> Choice:
    """The photos of the wanted part; without a wish those of test, else of val, else all.

    Raises:
        PhotosError: the data set has no such part.
    """
    honest: list[Part] = [one for one in _HONEST if one in dataset.splits]
    part: Part = wanted if wanted is not None else honest[0] if honest else "all"
    photos = dataset.photos if part == "all" else tuple(p for p in dataset.photos if p.split == part)
    if not photos:
        found = f"it has {', '.join(dataset.splits)}" if dataset.splits else "it has no splits"
        msg = f"{dataset.root}: no photos of {part}; {found}. Leave --split out, or name a split that it has."
        raise PhotosError(msg)
    return Choice(photos, part, tuple(_doubts(photos, part, chosen=wanted is not None)))


def _doubts(photos: Sequence[DataPhoto], part: Part, *, chosen: bool) -> list[str]:
    of_training = sum(photo.split == "train" for photo in photos)
    worse = "if the model was trained on them, new photos will fare worse"
    if of_training == len(photos):
        return [f"these are photos of train: {worse}"]
    if of_training:
        return [f"{of_training} of the {len(photos)} photos are of train: {worse}"]
    if part == "all" and not chosen:
        return ["the photos are not split: what the model was trained on must not be among them"]
    return []


def keep_known(
    photos: Sequence[DataPhoto], labels: Sequence[str], *, ignore_others: bool, about: str
) -> tuple[tuple[DataPhoto, ...], tuple[str, ...]]:
    """The photos whose class the model knows, and a note on the others.

    Args:
        photos: Any.
        labels: Of the model.
        ignore_others: Leave photos of other classes out, instead of refusing.
        about: The model's name, for messages.

    Raises:
        PhotosError: there are photos of other classes, or no others; or two labels have the name of a class.
    """
    twice = next((photo.label for photo in photos if labels.count(photo.label) > 1), None)
    if twice is not None:
        msg = f"{about} has the label {twice!r} twice, and there are photos of it: of which? Rename one with --labels."
        raise PhotosError(msg)
    unknown = sorted({photo.label for photo in photos} - set(labels))
    if not unknown:
        return tuple(photos), ()
    kept = tuple(photo for photo in photos if photo.label in labels)
    left_out = len(photos) - len(kept)
    classes = f"{'class' if len(unknown) == 1 else 'classes'} {', '.join(map(repr, unknown[:8]))}"
    classes += f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
    if not kept or not ignore_others:
        known = ", ".join(map(repr, sorted(labels)[:8])) + (", ..." if len(labels) > 8 else "")
        way = "Check the names" if not kept else "Rename the classes, pass --labels FILE, or --ignore-unknown-classes"
        msg = f"{left_out} photos are of {classes}, which {about} does not know; it knows {known}. {way}."
        raise PhotosError(msg)
    return kept, (f"left out {left_out} photos of {classes}: {about} does not know them",)


def shown_name(path: Path, root: Path) -> str:
    """A photo's path below the data set's folder, with slashes; all of its path where it lies elsewhere."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def shuffled_by_class(dataset: DataSet, photos: Sequence[DataPhoto], seed: int) -> dict[str, tuple[Path, ...]]:
    """The photos of each class, classes sorted, in an order that depends on seed and name only."""
    classes: dict[str, list[Path]] = {}
    for photo in photos:
        classes.setdefault(photo.label, []).append(photo.path)

    def key(path: Path) -> bytes:
        name = shown_name(path, dataset.root)
        return hashlib.sha256(f"{seed}\0{name}".encode(errors="surrogateescape")).digest()

    return {label: tuple(sorted(classes[label], key=key)) for label in sorted(classes)}


def stratified_sample(dataset: DataSet, photos: Sequence[DataPhoto], total: int, seed: int) -> tuple[DataPhoto, ...]:
    """At most about `total` photos, each class in proportion and with one at least; the same for the same seed."""
    ordered = shuffled_by_class(dataset, photos, seed)
    quota: Mapping[str, int] = stratified_quota({label: len(paths) for label, paths in ordered.items()}, total)
    taken = {path for label, paths in ordered.items() for path in paths[: quota[label]]}
    return tuple(photo for photo in photos if photo.path in taken)


def others_to_ask(dataset: DataSet, evaluated: Collection[DataPhoto]) -> tuple[tuple[DataPhoto, ...], str]:
    """Photos on which to find out how a model was trained: never those that it is evaluated on, if there are others.

    Returns:
        The photos, and what they are: ``train``, ``val``, or ``the photos evaluated``.
    """
    used = {photo.path for photo in evaluated}
    for split in SPLITS:
        part = tuple(photo for photo in dataset.part(split) if photo.path not in used)
        if part and split != "test":
            return part, split
    if not used:
        return dataset.photos, "the data set"
    return tuple(photo for photo in dataset.photos if photo.path in used), "the photos evaluated"

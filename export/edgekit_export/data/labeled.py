"""A data set as the export takes it: photos to calibrate with, and photos to verify on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from edgekit_export.data.dataset import MANIFEST_NAME, DataPhoto, read_dataset, require_usable, split_folders
from edgekit_export.errors import PhotosError
from edgekit_export.images import LabeledFolder, read_labeled_folder

_ALL = "all"


class Labeled(NamedTuple):
    """The photos of an export: to calibrate with, to choose by, to verify on; None for those that have no own."""

    calibration: LabeledFolder
    choice: LabeledFolder | None
    verification: LabeledFolder | None


def read_photos(images: Path, verify: Path | None) -> Labeled:
    """The photos for calibration, and those for the choice and for verification where they are others.

    Of a folder with splits, as folders or in a manifest, train calibrates and test verifies, or val where there is no
    test. The choice is made on val, where test verifies. Of a `verify` with splits, the same is taken.

    Raises:
        PhotosError: a folder is not laid out so.
        OSError: a folder cannot be read.
    """
    parts = _parts(images)
    calibration = parts.get("train") or parts.get(_ALL)
    if calibration is None:
        msg = f"{images}: found photos of {' and '.join(parts)}, expected photos of train to calibrate with."
        raise PhotosError(msg)
    others = parts if verify is None else _parts(verify)
    choice = others.get("val") if "test" in others else None
    held_back = others.get("test") or others.get("val")
    if verify is not None:
        held_back = held_back or others.get(_ALL) or others["train"]
        choice = choice or parts.get("val")
    return Labeled(calibration, choice, held_back)


def _parts(root: Path) -> dict[str, LabeledFolder]:
    """The photos of each split, or where there are none, all."""
    if not root.is_dir() or (split_folders(root) is None and not (root / MANIFEST_NAME).is_file()):
        return {_ALL: read_labeled_folder(root)}
    dataset = read_dataset(root)
    require_usable(dataset)
    if not dataset.splits:
        return {_ALL: _folder_of(root, dataset.photos)}
    return {str(split): _folder_of(root, dataset.part(split)) for split in dataset.splits}


def _folder_of(root: Path, photos: Sequence[DataPhoto]) -> LabeledFolder:
    classes = defaultdict(list)
    for photo in photos:
        classes[photo.label].append(photo.path)
    return LabeledFolder(root, {label: tuple(classes[label]) for label in sorted(classes)})

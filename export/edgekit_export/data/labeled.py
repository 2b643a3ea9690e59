"""A data set as the export takes it: photos to calibrate with, and photos to verify on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from edgekit_export.data.dataset import MANIFEST_NAME, DataPhoto, read_dataset, require_usable, split_folders
from edgekit_export.errors import PhotosError
from edgekit_export.images import LabeledFolder, read_labeled_folder

_ALL = "all"


def read_photos(images: Path, verify: Path | None) -> tuple[LabeledFolder, LabeledFolder | None]:
    """The photos for calibration, and those for verification where they are others.

    Of a folder with splits, as folders or in a manifest, train calibrates, and test verifies, or val where there is no
    test. Of a `verify` with splits, test is taken, or else val.

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
    held_back = others.get("test") or others.get("val")
    return calibration, held_back if verify is None else held_back or others.get(_ALL) or others["train"]


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

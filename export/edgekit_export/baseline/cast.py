"""Who takes part: which photos teach, choose and test, and whether the networks know their classes."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit.modelfile import read_model_file
from edgekit_export.assess.choice import stratified_sample
from edgekit_export.assess.predictor import Predictor
from edgekit_export.data.dataset import SPLITS, DataPhoto, DataSet, require_usable
from edgekit_export.errors import ModelLoadError, PhotosError
from edgekit_export.learn.parts import Grouping, with_parts


@dataclass(frozen=True)
class Cast:
    """The photos that take part, with their splits, and what the reader should know about them."""

    dataset: DataSet
    notes: tuple[str, ...]


def choose_cast(dataset: DataSet, grouping: Grouping, *, most: int, seed: int) -> Cast:
    """The split that the data set has, or else the one that `train` makes with the same seed.

    Args:
        dataset: Photos in any layout.
        grouping: What keeps photos together where a split is made.
        most: Photos in all; of more, a stratified sample of each split takes part.
        seed: Of split and sample.

    Raises:
        PhotosError: too few classes or photos, or photos without a split beside others.
    """
    require_usable(dataset)
    notes: list[str] = []
    if "train" in dataset.splits and "test" not in dataset.splits and "val" in dataset.splits:
        photos = tuple(replace(photo, split="test") if photo.split == "val" else photo for photo in dataset.photos)
        dataset = replace(dataset, photos=photos)
        notes.append("no test photos found: those of val test here; a CNN that was chosen by them looks a bit too good")
    unsplit = not dataset.splits
    dataset, said = with_parts(dataset, grouping, seed)
    if "test" not in dataset.splits:
        msg = f"{dataset.root}: found photos of train only, expected some of test too. Run edgekit-export split first."
        raise PhotosError(msg)
    notes += said
    if unsplit:
        notes.append(
            "a CNN that was trained on photos of this folder must have been trained on the same split, as "
            "edgekit-export train makes it with the same seed; else it has seen test photos, and looks too good"
        )
    if len(dataset.photos) > most:
        notes.append(f"{most:,} of {len(dataset.photos):,} photos take part, each split and class in proportion")
        dataset = _sampled(dataset, most, seed)
    return Cast(dataset, tuple(notes))


def _sampled(dataset: DataSet, most: int, seed: int) -> DataSet:
    kept: set[Path] = set()
    for split in SPLITS:
        part = dataset.part(split)
        share = round(most * len(part) / len(dataset.photos))
        kept |= {photo.path for photo in stratified_sample(dataset, part, share, seed)}
    return replace(dataset, photos=tuple(photo for photo in dataset.photos if photo.path in kept))


def require_enough(dataset: DataSet, readable: Sequence[DataPhoto]) -> None:
    """Raise `PhotosError` where the photos that can be read leave nothing to learn, to choose by or to test with."""
    for split in SPLITS:
        classes = {photo.label for photo in readable if photo.split == split}
        wanted = 2 if split == "train" else 1
        if len(classes) < wanted:
            found = "none" if not classes else f"only those of class {min(classes)!r}"
            what = f"expected photos of {'two classes' if wanted == 2 else 'any class'} that can be read"
            msg = f"{dataset.root}: of the photos of {split} found {found}, {what}. Run edgekit-export check."
            raise PhotosError(msg)


def require_rival(model: Path, predictor: Predictor, dataset: DataSet) -> None:
    """Raise where a network cannot be compared with methods that name one class of these for each photo.

    Raises:
        ModelLoadError: it may name several labels for a photo.
        PhotosError: it does not know some of the classes.
    """
    if predictor.multi_label:
        msg = f"{model}: it may find several labels in a photo, or none; compare is for models that name one class."
        raise ModelLoadError(msg)
    unknown = sorted({photo.label for photo in dataset.part("test")} - set(predictor.labels))
    if unknown:
        known = ", ".join(map(repr, predictor.labels[:8])) + (", ..." if len(predictor.labels) > 8 else "")
        names = ", ".join(map(repr, unknown[:8])) + (", ..." if len(unknown) > 8 else "")
        msg = f"{model} does not know class {names} of {dataset.root}; it knows {known}. Name the folders alike."
        raise PhotosError(msg)


def training_seconds(model: Path) -> float | None:
    """How long the training of an exported model took, where the log that `train` left lies beside the file.

    The card names the Keras file that the model was made from; the log of its training is in the folder that is named
    for it. None where either is missing or cannot be read.
    """
    card = read_model_file(model).card
    if card is None or card.provenance is None:
        return None
    source = Path(card.provenance.source_file.replace("\\", "/")).name
    try:
        with (model.parent / Path(source).with_suffix(".training") / "log.csv").open(
            newline="", encoding="utf-8"
        ) as log:
            seconds = [float(row["seconds"]) for row in csv.DictReader(log)]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return None
    total = sum(seconds)
    return total if seconds and math.isfinite(total) else None

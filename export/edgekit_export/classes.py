"""The labels of a model's outputs, held against the class folders: every mismatch names both sides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.labels import format_labels
from edgekit_export.errors import ModelLoadError, PhotosError
from edgekit_export.images import LabeledFolder

_BACKGROUND = "background"


@dataclass(frozen=True)
class LabelOrder:
    """The labels of a model's outputs, in one order that they may have."""

    text: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class NamedLabels:
    """Labels, and where they come from."""

    labels: tuple[str, ...]
    source: str


def possible_orders(
    classes: int, named: NamedLabels | None, folder: LabeledFolder, verify: LabeledFolder | None, *, one_unit: bool
) -> tuple[LabelOrder, ...]:
    """The orders that the labels of the outputs may have, the most likely first, when they and the folders match.

    Args:
        classes: How many labels the model's outputs stand for.
        named: Labels from a file or from the model; None for the names of the class folders.
        folder: The photos.
        verify: Those for verification, where they have a folder of their own.
        one_unit: Whether one output unit stands for two classes: it scores the second.

    Raises:
        ModelLoadError: the number of labels is not the number of outputs.
        PhotosError: a folder is no label, or the verification folder has other classes.
    """
    names = named.labels if named else tuple(folder.classes)
    orders = _with_background(classes, names) if named else ()
    if not orders:
        _check_count(classes, names, named, folder)
        orders = (
            LabelOrder(f"as in {named.source}" if named else "as the sorted folders", names),
            *_others(names, tuple(folder.classes), from_file=named is not None, one_unit=one_unit),
        )
    _check_names(orders[0].labels, named, folder, verify)
    return orders


def _with_background(classes: int, names: tuple[str, ...]) -> tuple[LabelOrder, ...]:
    """An output more than labels: ImageNet models of TensorFlow have a class for the background, first or last."""
    if classes != len(names) + 1 or classes < 10 or _BACKGROUND in names:
        return ()
    return (
        LabelOrder("behind a background class", (_BACKGROUND, *names)),
        LabelOrder("before a background class", (*names, _BACKGROUND)),
    )


def _others(
    names: tuple[str, ...], folders: tuple[str, ...], *, from_file: bool, one_unit: bool
) -> tuple[LabelOrder, ...]:
    found = []
    if from_file and set(names) == set(folders):
        found.append(LabelOrder("as the sorted folders", folders))
    if not from_file:
        found.append(LabelOrder("in natural order", tuple(sorted(names, key=_natural))))
    if one_unit:
        found.append(LabelOrder("reversed", names[::-1]))
    seen = {names}
    return tuple(o for o in found if not (o.labels in seen or seen.add(o.labels)))  # type: ignore[func-returns-value]


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """A key that puts ``class10`` behind ``class2``."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part.lower()) for part in re.split(r"(\d+)", name))


def _check_count(classes: int, names: tuple[str, ...], named: NamedLabels | None, folder: LabeledFolder) -> None:
    if len(names) == classes:
        return
    source, kind = (named.source, "labels") if named else (f"{folder.root}", "class folders")
    msg = (
        f"the model has {classes} outputs, {source} has {len(names)} {kind} ({_shown(names, 3)}). "
        f"Pass --labels FILE with the {classes} labels in the order of the outputs."
    )
    raise ModelLoadError(msg)


def _check_names(
    names: Sequence[str], named: NamedLabels | None, folder: LabeledFolder, verify: LabeledFolder | None
) -> None:
    source = named.source if named else "the folders"
    with_photos = {name for given in (folder, verify) if given for name in given.classes}
    twice = next((name for name in sorted(with_photos) if names.count(name) > 1), None)
    if twice is not None:  # elsewhere it does no harm: ImageNet has two classes "crane"
        msg = f"label {twice!r} stands twice in {source}, and there are photos of it: of which class? Rename one."
        raise PhotosError(msg)
    for given in (folder, verify):
        unknown = sorted(set(given.classes) - set(names)) if given else []
        if unknown and given:
            msg = (
                f"{given.root}: class folder {unknown[0]!r} is none of the model's labels "
                f"({_shown(names, 5)}, from {source}). Rename the folder, or pass --labels FILE."
            )
            raise PhotosError(msg)
    try:
        format_labels(names)
    except ValueError as error:
        raise PhotosError(str(error)) from error


def _shown(names: Sequence[str], most: int) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")

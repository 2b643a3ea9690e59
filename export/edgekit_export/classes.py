"""The labels of a model's outputs, held against the class folders: every mismatch names both sides."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.labels import format_labels
from edgekit_export.errors import ModelLoadError, PhotosError
from edgekit_export.images import LabeledFolder


def match_labels(
    classes: int, labels: Sequence[str] | None, folder: LabeledFolder, verify: LabeledFolder | None
) -> tuple[str, ...]:
    """The labels of the outputs, in order, when they and the folders fit together.

    Raises:
        ModelLoadError: the number of labels is not the number of outputs.
        PhotosError: a folder is no label, or the verification folder has other classes.
    """
    names = tuple(labels) if labels is not None else tuple(folder.classes)
    if len(names) != classes:
        source = "--labels" if labels is not None else f"{folder.root}"
        kind = "labels" if labels is not None else "class folders"
        shown = ", ".join(names[:3])
        msg = (
            f"the model has {classes} outputs, {source} has {len(names)} {kind} ({shown}...). "
            f"Pass --labels FILE with the {classes} labels in the order of the outputs."
        )
        raise ModelLoadError(msg)
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        msg = f"label {twice!r} stands twice in --labels; photos of two classes could not be told apart. Rename one."
        raise PhotosError(msg)
    for given in (folder, verify):
        unknown = sorted(set(given.classes) - set(names)) if given else []
        if unknown and given:
            msg = (
                f"{given.root}: class folder {unknown[0]!r} is none of the model's labels "
                f"({', '.join(names[:5])}{', ...' if len(names) > 5 else ''}). "
                "Rename the folder, or pass --labels FILE."
            )
            raise PhotosError(msg)
    try:
        format_labels(names)
    except ValueError as error:
        raise PhotosError(str(error)) from error
    return names

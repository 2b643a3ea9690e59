"""Labels and class folders: which fit together, and what is said where they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit_export.classes import match_labels
from edgekit_export.errors import ModelLoadError, PhotosError
from edgekit_export.images import LabeledFolder


def folder(*names: str, root: str = "photos") -> LabeledFolder:
    return LabeledFolder(Path(root), {name: (Path(root, name, "1.png"),) for name in names})


def test_without_labels_the_folders_are_the_labels_in_their_order() -> None:
    assert match_labels(2, None, folder("ant", "bee"), folder("ant")) == ("ant", "bee")


def test_labels_keep_the_order_of_the_outputs_and_need_not_all_have_photos() -> None:
    assert match_labels(3, ["red", "blue", "ant"], folder("ant", "blue"), folder("red")) == ("red", "blue", "ant")


@pytest.mark.parametrize(
    ("classes", "labels", "images", "error", "text"),
    [
        (3, None, folder("a", "b"), ModelLoadError, "the model has 3 outputs, photos has 2 class folders (a, b...)"),
        (2, None, folder("a", "b", "c"), ModelLoadError, "Pass --labels FILE with the 2 labels in the order of the"),
        (2, ["a", "b", "c", "d"], folder("a", "b"), ModelLoadError, "--labels has 4 labels (a, b, c...)"),
        (2, ["a", "a"], folder("a", "b"), PhotosError, "label 'a' stands twice in --labels"),
        (2, ["a", "x"], folder("a", "b"), PhotosError, "photos: class folder 'b' is none of the model's labels (a, x)"),
        (6, list("stuvwx"), folder("a", "s"), PhotosError, "(s, t, u, v, w, ...). Rename the folder, or pass --labels"),
        (2, None, folder("a", "b "), PhotosError, "rename it"),
        (2, None, folder("a", "b\nc"), PhotosError, "line break"),
    ],
)
def test_a_mismatch_names_both_sides(
    classes: int, labels: list[str] | None, images: LabeledFolder, error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        match_labels(classes, labels, images, None)
    assert text in str(caught.value)


def test_verification_photos_of_an_unknown_class_are_refused() -> None:
    with pytest.raises(PhotosError, match="held: class folder 'wasp' is none of the model's labels"):
        match_labels(2, None, folder("ant", "bee"), folder("ant", "wasp", root="held"))

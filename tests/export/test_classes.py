"""Labels and class folders: which orders are possible, which fit together, and what is said where they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit.labelfile import read_label_file
from edgekit_export.classes import LabelOrder, NamedLabels, possible_orders
from edgekit_export.errors import ModelLoadError, PhotosError
from edgekit_export.images import LabeledFolder

TEN = tuple(f"c{i}" for i in range(10))


def folder(*names: str, root: str = "photos") -> LabeledFolder:
    return LabeledFolder(Path(root), {name: (Path(root, name, "1.png"),) for name in sorted(names)})


def orders(
    classes: int,
    labels: tuple[str, ...] | None,
    images: LabeledFolder,
    verify: LabeledFolder | None = None,
    *,
    one_unit: bool = False,
) -> dict[str, tuple[str, ...]]:
    named = NamedLabels(labels, "--labels") if labels is not None else None
    found = possible_orders(classes, named, images, verify, one_unit=one_unit)
    assert all(type(order) is LabelOrder for order in found)
    assert len({order.labels for order in found}) == len(found)  # no order is tried twice
    return {order.text: order.labels for order in found}


def test_without_labels_the_folders_are_the_labels_in_their_order() -> None:
    assert orders(2, None, folder("bee", "ant"), folder("ant")) == {"as the sorted folders": ("ant", "bee")}


def test_labels_keep_the_order_of_the_outputs_and_need_not_all_have_photos() -> None:
    found = orders(3, ("red", "blue", "ant"), folder("ant", "blue"), folder("red"))
    assert found == {"as in --labels": ("red", "blue", "ant")}  # the folders have no order of all three


def test_a_file_in_another_order_than_the_folders_may_be_wrong() -> None:
    """A file that names exactly the folders may be sorted by hand: the folders' own order is tried, too."""
    assert list(orders(3, ("red", "blue", "ant"), folder("ant", "blue", "red")).items()) == [
        ("as in --labels", ("red", "blue", "ant")),
        ("as the sorted folders", ("ant", "blue", "red")),
    ]
    assert orders(2, ("ant", "bee"), folder("ant", "bee")) == {"as in --labels": ("ant", "bee")}


def test_numbered_folders_may_be_in_natural_order() -> None:
    names = tuple(f"class{i}" for i in (0, 1, 10, 2))
    assert list(orders(4, None, folder(*names)).items()) == [
        ("as the sorted folders", names),
        ("in natural order", ("class0", "class1", "class2", "class10")),
    ]
    mixed = orders(5, None, folder("10", "2", "Bee", "ant", "b3"))
    assert mixed["in natural order"] == ("2", "10", "ant", "b3", "Bee")
    assert "in natural order" not in orders(4, names, folder(*names))  # a file says its order


@pytest.mark.parametrize("labels", [None, ("ant", "bee"), ("bee", "ant")])
def test_one_unit_may_stand_for_either_of_two_classes(labels: tuple[str, ...] | None) -> None:
    found = orders(2, labels, folder("ant", "bee"), one_unit=True)
    first = labels or ("ant", "bee")
    assert list(found.values()) == [first, first[::-1]]
    assert "reversed" not in orders(2, labels, folder("ant", "bee"))


def test_an_output_more_than_labels_is_a_background_first_or_last() -> None:
    found = orders(11, TEN, folder("c1", "c2"))
    assert list(found.items()) == [
        ("behind a background class", ("background", *TEN)),
        ("before a background class", (*TEN, "background")),
    ]


@pytest.mark.parametrize(
    ("classes", "labels"),
    [
        (12, TEN),
        (9, TEN),
        (10, tuple(f"c{i}" for i in range(8))),
        (9, tuple(f"c{i}" for i in range(8))),  # of so few classes, none is a background
        (12, (*TEN, "background")),
        (11, None),  # folders have no background
    ],
)
def test_another_number_of_outputs_is_no_background(classes: int, labels: tuple[str, ...] | None) -> None:
    with pytest.raises(ModelLoadError, match=f"the model has {classes} outputs, "):
        orders(classes, labels, folder(*(labels or TEN)))


def test_numbers_in_front_of_labels_say_the_order(tmp_path: Path) -> None:
    """As Teachable Machine and Coral write them; without this, `0 red` would be no folder's name."""
    path = tmp_path / "labels.txt"
    path.write_text("0 red\n2 ant\n1 blue\n")
    found = orders(3, read_label_file(path), folder("ant", "blue", "red"))
    assert list(found.values()) == [("red", "blue", "ant"), ("ant", "blue", "red")]


@pytest.mark.parametrize(
    ("classes", "labels", "images", "error", "text"),
    [
        (3, None, folder("a", "b"), ModelLoadError, "the model has 3 outputs, photos has 2 class folders (a, b)."),
        (2, None, folder("a", "b", "c"), ModelLoadError, "Pass --labels FILE with the 2 labels in the order of the"),
        (2, tuple("abcd"), folder("a", "b"), ModelLoadError, "--labels has 4 labels (a, b, c, ...)"),
        (2, ("a", "a"), folder("a", "b"), PhotosError, "label 'a' stands twice in --labels"),
        (11, (*TEN[:9], "c0"), folder("c0"), PhotosError, "label 'c0' stands twice in --labels"),
        (2, ("a", "x"), folder("a", "b"), PhotosError, "photos: class folder 'b' is none of the model's labels (a, "),
        (2, ("a", "x"), folder("a", "b"), PhotosError, "from --labels). Rename the folder, or pass --labels FILE."),
        (6, tuple("stuvwx"), folder("a", "s"), PhotosError, "(s, t, u, v, w, ..., from --labels)"),
        (2, None, folder("a", "b "), PhotosError, "rename it"),
        (2, None, folder("a", "b\nc"), PhotosError, "line break"),
    ],
)
def test_a_mismatch_names_both_sides(
    classes: int, labels: tuple[str, ...] | None, images: LabeledFolder, error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        orders(classes, labels, images)
    assert text in str(caught.value)


def test_a_label_may_stand_twice_where_it_has_no_photos() -> None:
    """As ImageNet has two classes named crane."""
    names = ("ant", "crane", "crane", "bee")
    assert orders(4, names, folder("ant", "bee")) == {"as in --labels": names}
    with pytest.raises(PhotosError, match="label 'crane' stands twice in --labels, and there are photos of it"):
        orders(4, names, folder("ant", "bee"), folder("crane", root="held"))


def test_labels_of_the_model_are_named_by_its_file() -> None:
    named = NamedLabels(("a", "x"), "leaf.tflite")
    with pytest.raises(PhotosError, match=r"class folder 'b' is none of the model's labels \(a, x, from leaf.tflite\)"):
        possible_orders(2, named, folder("a", "b"), None, one_unit=False)
    with pytest.raises(ModelLoadError, match=r"the model has 3 outputs, leaf.tflite has 2 labels \(a, x\)\. Pass"):
        possible_orders(3, named, folder("a", "x"), None, one_unit=False)
    assert possible_orders(2, named, folder("a", "x"), None, one_unit=False)[0].text == "as in leaf.tflite"


def test_verification_photos_of_an_unknown_class_are_refused() -> None:
    with pytest.raises(PhotosError, match="held: class folder 'wasp' is none of the model's labels"):
        orders(2, None, folder("ant", "bee"), folder("ant", "wasp", root="held"))

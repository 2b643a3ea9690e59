"""Labelled folders: which photos are taken, in which order, and what is done about copies and damaged ones."""

from __future__ import annotations

import os
import shutil
import tracemalloc
import weakref
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from edgekit.card import InputSpec
from edgekit.photo import load_photo
from edgekit.preprocess import fit_pixels
from edgekit_export.errors import PhotosError
from edgekit_export.images import (
    Amounts,
    LabeledFolder,
    Sample,
    drop_duplicates,
    plan_samples,
    read_labeled_folder,
    stratified_quota,
)

if TYPE_CHECKING:
    from tests.export.conftest import MakePhotos

SPEC = InputSpec(16, 12, 3, (0.0,), (1.0,))
COUNTS = st.dictionaries(st.text("abcdef", min_size=1), st.integers(1, 9) | st.integers(1, 400), min_size=1)


def imagined(counts: dict[str, int], root: str = "photos") -> LabeledFolder:
    return LabeledFolder(
        Path(root), {name: tuple(Path(root, name, f"{i}.png") for i in range(n)) for name, n in sorted(counts.items())}
    )


def names(sample: Sample) -> list[str]:
    return [path.relative_to(sample.root).as_posix() for paths in sample.candidates.values() for path in paths]


def test_classes_are_sorted_folders_and_only_visible_photos_count(tmp_path: Path, make_photos: MakePhotos) -> None:
    make_photos(tmp_path, count=1, classes=("red", "Blue", "ant"))
    (tmp_path / "ant" / "deeper").mkdir()
    shutil.move(tmp_path / "ant" / "000.png", tmp_path / "ant" / "deeper" / "x.PNG")
    for other in (".hidden/000.png", "ant/.hidden.png", "ant/notes.txt", "ant/Thumbs.db", "000.png"):
        (tmp_path / other).parent.mkdir(exist_ok=True)
        shutil.copy(tmp_path / "red" / "000.png", tmp_path / other)
    folder = read_labeled_folder(tmp_path)
    assert list(folder.classes) == ["Blue", "ant", "red"]
    assert folder.classes["ant"] == (tmp_path / "ant" / "deeper" / "x.PNG",)
    assert folder.images == 3


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        ((), "found nothing"),
        (("file",), "found a file"),
        (("folder/",), "found none"),
        (("folder/photo.png",), "found none"),
        (("folder/one/photo.png",), "found only 'one'"),
        (("folder/.git/x.png", "folder/one/photo.png"), "found only 'one'"),
        (("folder/a/1.png", "folder/b/", "folder/c/readme.txt"), "no photos in class 'b', 'c'"),
    ],
)
def test_a_folder_that_is_no_labelled_folder_is_refused(tmp_path: Path, make: tuple[str, ...], reason: str) -> None:
    for name in make:
        path = tmp_path / name
        if name.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    root = tmp_path / (make[0].split("/")[0] if make else "missing")
    with pytest.raises(PhotosError, match=reason) as caught:
        read_labeled_folder(root)
    assert str(caught.value).startswith(f"{root}: ")


def test_the_order_is_the_same_everywhere() -> None:
    found = plan_samples(imagined({"a": 9}), None, None, Amounts(2, 3, 9), 0)
    assert names(found.calibration) == names(found.tuning) == ["a/0.png", "a/6.png", "a/4.png"]
    assert names(found.verification) == [f"a/{i}.png" for i in (1, 2, 5)]
    assert names(found.choice) == [f"a/{i}.png" for i in (3, 7, 8)]
    assert (found.calibration.quota, found.tuning.quota, found.verification.quota) == ({"a": 2}, {"a": 3}, {"a": 3})


def test_the_seed_decides_and_one_more_photo_does_not_shuffle() -> None:
    def order(count: int, seed: int) -> list[str]:
        found = plan_samples(imagined({"a": count}), None, None, Amounts(), seed)
        return names(found.calibration) + names(found.verification) + names(found.choice)

    assert order(30, 1) == order(30, 1)
    assert order(30, 1) != order(30, 2)
    assert [name for name in order(31, 1) if name != "a/30.png"] == order(30, 1)


@given(COUNTS, st.integers(0, 50) | st.integers(0, 1000))
@example({"a": 1, "b": 3, "c": 3}, 6)  # the largest remainder is that of a class that has no more
@example({"a": 1, "b": 1, "c": 1000}, 10)
def test_quotas_sum_up_and_leave_no_class_out(available: dict[str, int], total: int) -> None:
    quota = stratified_quota(available, total)
    assert list(quota) == list(available)
    assert sum(quota.values()) == min(sum(available.values()), max(total, len(available)))
    assert all(1 <= quota[name] <= count for name, count in available.items())
    if min(available.values()) * total >= sum(available.values()):  # large enough to give each class its share
        share = total / sum(available.values())
        assert all(abs(quota[name] - min(count, count * share)) <= 1 for name, count in available.items())


@given(st.dictionaries(st.text("abcdef", min_size=1), st.integers(2, 40), min_size=1), st.integers(0, 2**64))
def test_no_photo_is_in_two_samples(counts: dict[str, int], seed: int) -> None:
    folder = imagined(counts)
    found = plan_samples(folder, None, None, Amounts(10, 10, 10), seed)
    parts = [names(sample) for sample in (found.calibration, found.choice, found.verification)]
    everything = [name for part in parts for name in part]
    assert len(set(everything)) == len(everything) == folder.images
    for name, count in counts.items():
        assert len(found.calibration.candidates[name]) == -(-count // 3)
        assert found.calibration.quota[name] >= 1
        assert found.verification.quota[name] >= 1
        assert len(found.choice.candidates.get(name, ())) == count // 3


def test_a_folder_for_verification_leaves_calibration_everything() -> None:
    images, held = imagined({"a": 1, "b": 5}), imagined({"a": 3, "b": 1}, "held")
    found = plan_samples(images, None, held, Amounts(99, 99, 99), 0)
    assert [sample.length for sample in (found.calibration, found.choice, found.verification)] == [6, 1, 3]
    assert [sample.root for sample in (found.calibration, found.choice, found.verification)] == [
        Path("photos"), Path("held"), Path("held"),
    ]  # fmt: skip
    assert not set(names(found.choice)) & set(names(found.verification))


def test_a_folder_for_the_choice_leaves_verification_everything() -> None:
    images, val, test = imagined({"a": 5}), imagined({"a": 4}, "val"), imagined({"a": 3}, "test")
    found = plan_samples(images, val, test, Amounts(2, 4, 99), 0)
    assert [sample.length for sample in (found.calibration, found.tuning, found.choice, found.verification)] == [
        2,
        4,
        4,
        3,
    ]


def test_one_photo_is_not_enough_for_both() -> None:
    with pytest.raises(PhotosError, match=r"class 'b' has one photo, .* --verify DIR"):
        plan_samples(imagined({"a": 3, "b": 1}), None, None, Amounts(), 0)


def test_copies_are_left_out_also_between_the_folders(tmp_path: Path, make_photos: MakePhotos) -> None:
    images, held = make_photos(tmp_path / "images", count=3), make_photos(tmp_path / "held", count=3, seed=1)
    (tmp_path / "images" / "red" / "copy.jpeg").write_bytes((images / "red" / "000.png").read_bytes())
    (tmp_path / "held" / "red" / "copy.png").write_bytes((images / "red" / "002.png").read_bytes())
    folders, duplicates = drop_duplicates([read_labeled_folder(images), read_labeled_folder(held)])
    assert set(duplicates.copies) == {images / "red" / "copy.jpeg", held / "red" / "copy.png"}
    assert duplicates.contradictions == ()
    assert [folder.images for folder in folders] == [9, 9]
    assert images / "red" / "000.png" in folders[0].classes["red"]


def test_a_photo_under_two_classes_is_dropped_from_both(tmp_path: Path, make_photos: MakePhotos) -> None:
    images, held = make_photos(tmp_path / "images", count=3), make_photos(tmp_path / "held", count=3, seed=1)
    twice = {images / "red" / "000.png", images / "blue" / "other.png", held / "green" / "x.png"}
    for path in twice:
        shutil.copyfile(images / "red" / "000.png", path) if not path.exists() else None
    folders, duplicates = drop_duplicates([read_labeled_folder(images), read_labeled_folder(held)])
    assert set(duplicates.contradictions) == twice
    assert not any(path in twice for folder in folders for paths in folder.classes.values() for path in paths)


def test_of_several_labels_a_photo_under_two_classes_has_both(tmp_path: Path, make_photos: MakePhotos) -> None:
    """The first stays and no copy, so that it is in one sample only; its class folder has it no more elsewhere."""
    images, held = make_photos(tmp_path / "images", count=3), make_photos(tmp_path / "held", count=3, seed=1)
    shared = (images / "red" / "000.png").read_bytes()
    for path in (images / "blue" / "other.png", images / "red" / "again.png", held / "green" / "x.png"):
        path.write_bytes(shared)
    folders, duplicates = drop_duplicates([read_labeled_folder(images), read_labeled_folder(held)], multi_label=True)
    assert duplicates.contradictions == ()
    stays = images / "blue" / "other.png"
    assert [folder.images for folder in folders] == [9, 9]
    assert stays in folders[0].classes["blue"]
    assert images / "red" / "000.png" not in folders[0].classes["red"]
    assert {path: labels for path, labels in folders[0].also.items() if len(labels) > 1} == {
        stays: frozenset({"blue", "red", "green"})
    }
    found = plan_samples(folders[0], None, folders[1], Amounts(), 0)
    everybody = (found.calibration, found.choice, found.verification)
    labels = {photo.path: photo.labels for sample in everybody for photo in sample.read(SPEC)}
    assert labels.pop(stays) == {"blue", "red", "green"}
    assert all(found == {path.parent.name} for path, found in labels.items())
    assert len(labels) == 17


def test_a_label_whose_photos_all_stand_elsewhere_is_not_lost(tmp_path: Path, make_photos: MakePhotos) -> None:
    images = make_photos(tmp_path / "images", count=2, classes=("leaf", "rust"))
    shutil.copytree(images / "rust", images / "ill")  # every photo of rust shows an ill leaf
    (folder,), duplicates = drop_duplicates([read_labeled_folder(images)], multi_label=True)
    assert (list(folder.classes), folder.images) == (["ill", "leaf"], 4)
    assert {folder.also[path] for path in folder.classes["ill"]} == {frozenset({"ill", "rust"})}
    assert (duplicates.copies, duplicates.contradictions) == ((), ())


def test_photos_come_in_every_view_that_is_asked_for(tmp_path: Path, make_photos: MakePhotos) -> None:
    folder = read_labeled_folder(make_photos(tmp_path, count=1))
    sample = Sample(tmp_path, folder.classes, dict.fromkeys(folder.classes, 1), 0)
    specs = (SPEC, replace(SPEC, fit="crop", resize_kernel="nearest"), InputSpec(8, 9, 1, (0.0,), (1.0,), "L"))
    for photo in sample.read(*specs):
        assert [view.shape for view in photo.views] == [(16, 12, 3), (16, 12, 3), (8, 9, 1)]
        for view, spec in zip(photo.views, specs, strict=True):
            assert np.array_equal(view, fit_pixels(load_photo(photo.path), spec))
        assert photo.pixels is photo.views[0]
        assert not np.array_equal(photo.views[0], photo.views[1])


def test_a_class_of_nothing_but_copies_is_refused(tmp_path: Path, make_photos: MakePhotos) -> None:
    images = make_photos(tmp_path / "images", count=2)
    held = shutil.copytree(images, tmp_path / "held")
    with pytest.raises(PhotosError, match=f"{held}: every photo of class 'blue' is an exact copy"):
        drop_duplicates([read_labeled_folder(images), read_labeled_folder(held)])


def test_unreadable_photos_are_reported_and_replaced(tmp_path: Path, make_photos: MakePhotos) -> None:
    make_photos(tmp_path, count=6, classes=("a", "b"))
    calibration = plan_samples(read_labeled_folder(tmp_path), None, None, Amounts(2, 2, 9), 0).calibration
    assert calibration.quota == {"a": 1, "b": 1}
    first, second = calibration.candidates["a"]
    first.write_bytes(b"<html>not found</html>")
    taken = [photo.path for photo in calibration.read(SPEC)]
    assert taken == [second, calibration.candidates["b"][0]]
    assert calibration.skipped == [
        f"{first}: found an HTML page of 22 bytes, expected a photo (JPEG, PNG, WebP, TIFF, BMP or GIF)."
    ]
    second.unlink()
    assert [photo.label for photo in calibration.read(SPEC)] == ["b"]
    assert calibration.skipped[1:] == [f"{second}: No such file or directory"]
    assert calibration.photo_set().images_per_class == {"a": 0, "b": 1}


def test_the_classes_take_turns(tmp_path: Path, make_photos: MakePhotos) -> None:
    folder = read_labeled_folder(make_photos(tmp_path, count=3, classes=("a", "b", "c")))
    sample = Sample(tmp_path, folder.classes, {"a": 2, "b": 3, "c": 1}, 0)
    assert [photo.label for photo in sample.read(SPEC)] == ["a", "b", "c", "a", "b", "b"]


def test_a_broken_link_is_a_skipped_photo(tmp_path: Path, make_photos: MakePhotos) -> None:
    make_photos(tmp_path, count=2)
    (tmp_path / "red" / "link.png").symlink_to(tmp_path / "gone.png")
    (folder,), _ = drop_duplicates([read_labeled_folder(tmp_path)])
    found = plan_samples(folder, None, None, Amounts(), 0)
    everybody = (found.calibration, found.choice, found.verification)
    assert len([photo for sample in everybody for photo in sample.read(SPEC)]) == 6
    assert sum(len(sample.skipped) for sample in everybody) == 1


def test_the_fingerprint_depends_on_contents_and_labels_only(tmp_path: Path, make_photos: MakePhotos) -> None:
    def fingerprint(root: Path) -> str:
        folder = read_labeled_folder(root)
        quota = {name: len(paths) for name, paths in folder.classes.items()}
        sample = Sample(root, folder.classes, quota, 0)
        assert sum(1 for _ in sample.read(SPEC)) == folder.images
        return sample.photo_set().fingerprint_sha256

    original = make_photos(tmp_path / "0")
    variants = [shutil.copytree(original, tmp_path / name) for name in ("renamed", "pixel", "moved", "fewer")]
    (variants[0] / "red" / "000.png").rename(variants[0] / "red" / "zzz.PNG")
    Image.fromarray(np.zeros((5, 5, 3), np.uint8)).save(variants[1] / "red" / "000.png")
    (variants[2] / "red" / "000.png").rename(variants[2] / "blue" / "004.png")
    (variants[3] / "red" / "000.png").unlink()
    wanted, renamed, *others = map(fingerprint, [original, *variants])
    assert renamed == wanted
    assert len({wanted, *others}) == 4


def test_one_photo_is_in_memory_at_a_time(tmp_path: Path, make_photos: MakePhotos) -> None:
    folder = read_labeled_folder(make_photos(tmp_path, count=10))
    sample = Sample(tmp_path, folder.classes, dict.fromkeys(folder.classes, 10), 0)
    seen: list[weakref.ref[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]] = []
    for photo in sample.read(SPEC):
        seen.append(weakref.ref(photo.pixels))
        assert sum(array() is not None for array in seen) <= 2
    assert len(seen) == 30


def test_memory_does_not_grow_with_the_number_of_photos(tmp_path: Path) -> None:
    side, count = 64, 1000
    one = tmp_path / "one.png"
    Image.new("RGB", (side, side), (200, 10, 10)).save(one)
    paths = {label: tuple(tmp_path / f"{label}{i}.png" for i in range(count)) for label in "ab"}
    for path in (*paths["a"], *paths["b"]):
        os.link(one, path)
    sample = Sample(tmp_path, paths, dict.fromkeys(paths, count), 0)
    spec = InputSpec(side, side, 3, (0.0,), (1.0,))
    tracemalloc.start()
    try:
        assert sum(photo.pixels.shape == (side, side, 3) for photo in sample.read(spec)) == 2 * count
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * side * side * 3  # of 2,000 photos

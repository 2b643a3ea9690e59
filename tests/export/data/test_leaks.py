"""Leaks: told for equal files, near-duplicates and groups, and only across splits."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from edgekit_export.data.dataset import DataPhoto, DataSet, Split, read_dataset
from edgekit_export.data.leaks import Leak, Twins, find_leaks, find_twins
from edgekit_export.progress import Silent

if TYPE_CHECKING:
    from tests.export.conftest import FieldPhotos

SPLITS: tuple[Split | None, ...] = ("test", "train", "train", "val", None, "test")


def imagined(exact: tuple[tuple[int, ...], ...] = (), near: tuple[tuple[int, int, int], ...] = ()) -> Twins:
    photos = tuple(DataPhoto(Path(f"{i}.jpg"), "a", split) for i, split in enumerate(SPLITS))
    return Twins(DataSet(Path(), photos, ("a",)), exact, near)


def told(leaks: tuple[Leak, ...]) -> list[tuple[str, str, str]]:
    return [(leak.kind, leak.first.path.stem, leak.second.path.stem) for leak in leaks]


OWN = tuple("abcdef")


def test_what_is_in_one_split_is_no_leak() -> None:
    assert find_leaks(imagined(), OWN) == ()
    assert find_leaks(imagined(((1, 2),), ((0, 5, 3), (1, 2, 0), (3, 4, 7))), "axxbcd") == ()


def test_each_two_splits_are_told_once_for_a_set_of_twins_the_earlier_first() -> None:
    leaks = find_leaks(imagined(((0, 1, 2, 3, 4, 5),)), OWN)
    assert told(leaks) == [("exact", "1", "3"), ("exact", "1", "0"), ("exact", "3", "0")]
    assert leaks[0].first.split == "train"


def test_near_duplicates_come_by_distance_and_groups_by_name() -> None:
    leaks = find_leaks(imagined(near=((0, 1, 9), (2, 3, 4))), ("z", "z", "b", "q", "q", "b"))
    assert told(leaks) == [("near", "2", "3"), ("near", "1", "0"), ("group", "2", "5"), ("group", "1", "0")]
    assert [leak.distance for leak in leaks] == [4, 9, 0, 0]
    assert [leak.group for leak in leaks] == ["", "", "b", "z"]


def test_twins_of_twins_belong_together() -> None:
    assert imagined(((0, 2),), ((2, 4, 5), (1, 5, 1))).together == [(0, 2, 4), (1, 5)]


def test_twins_are_found_among_readable_photos(tmp_path: Path, field_photos: FieldPhotos) -> None:
    root = field_photos(tmp_path, {"train/a/1.png": 1, "train/b/2.png": 2, "test/a/3.png": 3, "test/b/4.png": 4})
    shutil.copy(root / "train/a/1.png", root / "test/a/0.png")
    Image.open(root / "train/b/2.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(root / "test/b/9.jpg")
    (root / "test/a/00.png").write_bytes(b"no photo")
    twins = find_twins(read_dataset(root), near=True, progress=Silent())
    names = [photo.path.name for photo in twins.dataset.photos]
    assert names == ["0.png", "3.png", "4.png", "9.jpg", "1.png", "2.png"]
    assert [bad.path.name for bad in twins.unreadable] == ["00.png"]
    assert twins.exact == ((0, 4),)
    assert [pair[:2] for pair in twins.near] == [(3, 5)]
    assert told(find_leaks(twins, names)) == [("exact", "1", "0"), ("near", "2", "9")]
    assert find_twins(read_dataset(root), near=False, progress=Silent()).near == ()

"""Which photos a training learns from, chooses by and is tested with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgekit_export.data.dataset import DataPhoto, DataSet, Split
from edgekit_export.errors import PhotosError
from edgekit_export.learn.parts import Grouping, with_parts


def dataset(counts: dict[Split | None, int]) -> DataSet:
    root = Path("photos")
    photos = [
        DataPhoto(root / f"{split}" / label / f"plant{i // 4}_{i}.jpg", label, split, {"plant": f"{label}{i // 4}"})
        for split, count in counts.items()
        for label in ("a", "b")
        for i in range(count)
    ]
    return DataSet(root, tuple(sorted(photos, key=lambda p: p.path)), ("a", "b"), ("plant",))


def shares(found: DataSet) -> dict[Split, int]:
    return {split: len(found.part(split)) for split in found.splits}


def test_a_split_that_is_there_is_taken() -> None:
    given = dataset({"train": 8, "val": 4, "test": 4})
    assert with_parts(given, Grouping(), 0) == (given, ())


def test_without_any_split_one_is_made_and_said() -> None:
    found, said = with_parts(dataset({None: 100}), Grouping(), 0)
    assert shares(found) == {"train": 140, "val": 30, "test": 30}
    assert said == ("no split found: 15% of the photos validate and 15% test, chosen by seed 0",)
    assert with_parts(dataset({None: 100}), Grouping(), 1)[0] != found


def test_missing_validation_photos_come_from_train_and_never_from_test() -> None:
    given = dataset({"train": 40, "test": 40})
    found, said = with_parts(given, Grouping(), 0)
    assert shares(found) == {"train": 68, "val": 12, "test": 80}
    assert found.part("test") == given.part("test")
    assert said == ("no val photos found: 12 of train validate, by seed 0",)


@pytest.mark.parametrize("grouping", [Grouping(column="plant"), Grouping(pattern=r"([ab]/plant\d+)_")])
def test_groups_stay_together(grouping: Grouping) -> None:
    found, _ = with_parts(dataset({None: 80}), grouping, 0)
    homes: dict[str, set[Split | None]] = {}
    for photo in found.photos:
        homes.setdefault(photo.columns["plant"], set()).add(photo.split)
    assert all(len(splits) == 1 for splits in homes.values())
    assert found.splits == ("train", "val", "test")


def test_photos_outside_every_split_are_an_error() -> None:
    given = dataset({"train": 8, "val": 4})
    lost = replace(given, photos=(*given.photos, DataPhoto(Path("photos/x.jpg"), "a")))
    with pytest.raises(PhotosError, match=r"1 photos have no split and others have, the first: photos/x\.jpg"):
        with_parts(lost, Grouping(), 0)


def test_without_train_there_is_nothing_to_learn_from() -> None:
    with pytest.raises(PhotosError, match="found val and test, expected photos to train on"):
        with_parts(dataset({"val": 8, "test": 4}), Grouping(), 0)

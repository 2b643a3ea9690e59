"""Which photos the export calibrates with and verifies on, for each layout of a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgekit_export.data.labeled import read_photos
from edgekit_export.errors import PhotosError
from edgekit_export.images import LabeledFolder

SPLIT = ("train/a/1.jpg", "train/b/2.jpg", "val/a/3.jpg", "val/b/4.jpg", "test/a/5.jpg", "test/b/6.jpg")


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def names(folder: LabeledFolder | None) -> dict[str, list[str]] | None:
    if folder is None:
        return None
    return {label: [path.name for path in paths] for label, paths in folder.classes.items()}


def test_class_folders_are_all_for_calibration(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "b/2.jpg")
    assert [names(folder) for folder in read_photos(tmp_path, None)] == [{"a": ["1.jpg"], "b": ["2.jpg"]}, None, None]


def test_train_calibrates_val_chooses_and_test_verifies(tmp_path: Path) -> None:
    touch(tmp_path, *SPLIT)
    found = [names(folder) for folder in read_photos(tmp_path, None)]
    assert found == [
        {"a": ["1.jpg"], "b": ["2.jpg"]}, {"a": ["3.jpg"], "b": ["4.jpg"]}, {"a": ["5.jpg"], "b": ["6.jpg"]},
    ]  # fmt: skip


def test_val_verifies_where_there_is_no_test(tmp_path: Path) -> None:
    touch(tmp_path, *SPLIT)
    shutil.rmtree(tmp_path / "test")
    assert read_photos(tmp_path, None).choice is None
    assert names(read_photos(tmp_path, None).verification) == {"a": ["3.jpg"], "b": ["4.jpg"]}


def test_a_manifest_decides(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "2.jpg", "3.jpg", "4.jpg", "left out.jpg")
    lines = ["file,split,class", "1.jpg,train,b", "2.jpg,train,a", "3.jpg,test,a", "4.jpg,test,b"]
    (tmp_path / "manifest.csv").write_text("\n".join(lines))
    found = [names(folder) for folder in read_photos(tmp_path, None)]
    assert found == [{"a": ["2.jpg"], "b": ["1.jpg"]}, None, {"a": ["3.jpg"], "b": ["4.jpg"]}]


def test_a_manifest_without_splits_is_all_for_calibration(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "2.jpg")
    (tmp_path / "manifest.csv").write_text("file,class\n1.jpg,b\n2.jpg,a\n")
    assert [names(folder) for folder in read_photos(tmp_path, None)] == [{"a": ["2.jpg"], "b": ["1.jpg"]}, None, None]


def test_photos_given_for_verification_verify(tmp_path: Path) -> None:
    touch(tmp_path / "x", *SPLIT)
    touch(tmp_path / "y", "a/7.jpg", "b/8.jpg")
    touch(tmp_path / "z", "train/a/9.jpg", "train/b/9.jpg")
    found = [names(folder) for folder in read_photos(tmp_path / "x", tmp_path / "y")]
    assert found == [
        {"a": ["1.jpg"], "b": ["2.jpg"]}, {"a": ["3.jpg"], "b": ["4.jpg"]}, {"a": ["7.jpg"], "b": ["8.jpg"]},
    ]  # fmt: skip
    split = read_photos(tmp_path / "y", tmp_path / "x")
    assert names(split.choice) == {"a": ["3.jpg"], "b": ["4.jpg"]}
    assert names(split.verification) == {"a": ["5.jpg"], "b": ["6.jpg"]}
    assert names(read_photos(tmp_path / "y", tmp_path / "z").verification) == {"a": ["9.jpg"], "b": ["9.jpg"]}


def test_without_train_there_is_nothing_to_calibrate_with(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "2.jpg")
    (tmp_path / "manifest.csv").write_text("file,class,split\n1.jpg,b,val\n2.jpg,a,test\n")
    with pytest.raises(PhotosError, match="found photos of val and test, expected photos of train"):
        read_photos(tmp_path, None)

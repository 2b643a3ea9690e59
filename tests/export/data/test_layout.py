"""What is written of a split: manifests that read the same, and folders that appear whole, beside untouched photos."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit_export.data import layout
from edgekit_export.data.dataset import DataPhoto, DataSet, Split, read_dataset
from edgekit_export.data.layout import check_folder, split_manifest, write_folders
from edgekit_export.data.new_folder import link_or_copy
from edgekit_export.errors import PhotosError
from edgekit_export.progress import Silent


def dataset(root: Path, photos: dict[str, tuple[str, Split]]) -> DataSet:
    for name in photos:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(f"photo {name}".encode(errors="surrogateescape"))
    found = tuple(DataPhoto(root / name, label, split) for name, (label, split) in sorted(photos.items()))
    return DataSet(root, found, tuple(sorted({photo.label for photo in found})))


PHOTOS: dict[str, tuple[str, Split]] = {
    "a/1.jpg": ("a", "train"),
    "a/2.jpg": ("a", "test"),
    "b/1.jpg": ("b", "train"),
    "b/deep/1.jpg": ("b", "train"),
    "b/deep/1.JPG": ("b", "train"),
}


def state(root: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}


def write(found: DataSet, folder: Path) -> None:
    write_folders(found, [str(photo.path) for photo in found.photos], folder, progress=Silent())


def test_a_manifest_reads_the_same(tmp_path: Path) -> None:
    found = dataset(tmp_path, {**PHOTOS, 'b/x, "y"; z.jpg': ("b", "val"), "b/Ä\nß.jpg": ("b", "val")})
    photos = tuple(replace(photo, columns={"site": f"s {i}"}) for i, photo in enumerate(found.photos))
    found = replace(found, photos=photos, columns=("site",))
    text = split_manifest(found, [f"g{i // 2}" for i in range(7)])
    assert text.splitlines()[:2] == ["file,split,class,group,site", "a/1.jpg,train,a,g0,s 0"]
    (tmp_path / "manifest.csv").write_text(text, encoding="utf-8", newline="")
    back = read_dataset(tmp_path)
    assert [(p.path, p.label, p.split) for p in back.photos] == [(p.path, p.label, p.split) for p in found.photos]
    assert [p.columns for p in back.photos] == [{"group": f"g{i // 2}", "site": f"s {i}"} for i in range(7)]


def test_a_column_named_group_is_kept_as_it_was(tmp_path: Path) -> None:
    found = dataset(tmp_path, {"a/1.jpg": ("a", "train")})
    photo = replace(found.photos[0], columns={"Group": "mine"})
    text = split_manifest(replace(found, photos=(photo,), columns=("Group",)), ["theirs"])
    assert text == "file,split,class,Group\na/1.jpg,train,a,mine\n"


@pytest.mark.parametrize("name", ["a/ 1.jpg ", "a/1.jpg\n", os.fsdecode(b"a/\xff.jpg")])
def test_a_name_that_no_manifest_can_hold_is_refused(tmp_path: Path, name: str) -> None:
    found = dataset(tmp_path, {name: ("a", "train")})
    with pytest.raises(PhotosError, match=r"the name 'a/.* cannot stand in a manifest. Rename it"):
        split_manifest(found, ["g"])


def test_a_photo_elsewhere_cannot_be_named(tmp_path: Path) -> None:
    found = dataset(tmp_path / "else", {"a/1.jpg": ("a", "train")})
    with pytest.raises(PhotosError, match=r"1.jpg is not below .*: the manifest could not name it"):
        split_manifest(replace(found, root=tmp_path / "photos"), ["g"])


def test_folders_hold_every_photo_and_a_manifest(tmp_path: Path) -> None:
    found = dataset(tmp_path / "photos", PHOTOS)
    before = state(tmp_path / "photos")
    write(found, tmp_path / "out")
    assert sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")) == [
        "manifest.csv",
        "test/a/2.jpg",
        "train/a/1.jpg",
        "train/b/1.JPG" if (tmp_path / "out/train/b/1.JPG").exists() else "train/b/1.jpg",
        "train/b/1_2.jpg" if (tmp_path / "out/train/b/1_2.jpg").exists() else "train/b/1_2.JPG",
        "train/b/1_3.jpg",
    ]
    back = read_dataset(tmp_path / "out")
    assert sorted(p.path.read_bytes() for p in back.photos) == sorted(p.path.read_bytes() for p in found.photos)
    assert {(p.label, p.split) for p in back.photos} == {("a", "train"), ("a", "test"), ("b", "train")}
    assert state(tmp_path / "photos") == before
    (tmp_path / "out" / "manifest.csv").unlink()
    folders = read_dataset(tmp_path / "out")
    assert [(p.path, p.label, p.split) for p in folders.photos] == [(p.path, p.label, p.split) for p in back.photos]


def test_photos_are_linked_where_that_can_be_and_copied_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = dataset(tmp_path / "photos", PHOTOS)
    (tmp_path / "photos" / "b" / "1.jpg").unlink()
    (tmp_path / "photos" / "b" / "1.jpg").symlink_to(tmp_path / "photos" / "a" / "2.jpg")
    write(found, tmp_path / "linked")
    assert (tmp_path / "linked/train/a/1.jpg").samefile(tmp_path / "photos/a/1.jpg")
    assert not any(path.is_symlink() for path in (tmp_path / "linked").rglob("*"))

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    write(found, tmp_path / "copied")
    assert not (tmp_path / "copied/train/a/1.jpg").samefile(tmp_path / "photos/a/1.jpg")
    assert {p.name for p in (tmp_path / "copied").rglob("*")} == {p.name for p in (tmp_path / "linked").rglob("*")}


@pytest.mark.parametrize("when", ["first", "late", "at the end"])
def test_folders_appear_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    found = dataset(tmp_path / "photos", PHOTOS)
    calls = 0

    def failing(*arguments: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == {"first": 1, "late": 4}.get(when):
            raise KeyboardInterrupt
        link_or_copy(*arguments)

    def full(path: Path, data: bytes) -> None:
        if when == "at the end":
            raise OSError(28, "No space left on device")
        path.write_bytes(data)

    monkeypatch.setattr(layout, "link_or_copy", failing)
    monkeypatch.setattr(layout, "write_whole", full)
    with pytest.raises((KeyboardInterrupt, OSError)):
        write(found, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_an_empty_folder_may_be_there_already(tmp_path: Path) -> None:
    found = dataset(tmp_path / "photos", PHOTOS)
    (tmp_path / "out").mkdir()
    write(found, tmp_path / "out")
    assert (tmp_path / "out" / "manifest.csv").is_file()


def linked(root: Path) -> Path:
    (root / "link").symlink_to(root / "photos", target_is_directory=True)
    return root / "link"


Prepare = Callable[[Path], Path]


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda root: (root / "photos", (root / "photos" / "x").touch())[0], "is not an empty folder"),
        (lambda root: (root / "file", (root / "file").touch())[0], "exists and is not an empty folder"),
        (lambda root: root / "photos" / "split", "is inside .*photos, which is not touched"),
        (lambda root: root / "photos" / ".." / "photos" / "b" / "split", "which is not touched"),
        (lambda root: linked(root) / "split", "which is not touched"),
        (lambda root: root / "no" / "such" / "out", "no such folder to put out into"),
    ],
)
def test_folders_go_only_where_they_may(tmp_path: Path, prepare: Prepare, said: str) -> None:
    found = dataset(tmp_path / "photos", PHOTOS)
    folder = prepare(tmp_path)
    before = state(tmp_path)
    for attempt in (check_folder, write):
        with pytest.raises((PhotosError, OSError), match=said):
            attempt(found, folder)
    assert state(tmp_path) == before


@pytest.mark.parametrize("label", [".hidden", "a/b", "..", "a\\b", " a", "a\0b", "a\nb"])
def test_classes_that_can_be_no_folders_are_refused(tmp_path: Path, label: str) -> None:
    found = dataset(tmp_path / "photos", {"x/1.jpg": (label, "train")})
    with pytest.raises(PhotosError, match="cannot be the name of a folder of photos"):
        check_folder(found, tmp_path / "out")


def test_odd_classes_are_folders(tmp_path: Path) -> None:
    labels = ("<script>", "Ä ß", "a & b", "-rf", "$(id)", "CON")
    write(
        dataset(tmp_path / "photos", {f"{i}.jpg": (label, "val") for i, label in enumerate(labels)}), tmp_path / "out"
    )
    assert sorted(path.name for path in (tmp_path / "out" / "val").iterdir()) == sorted(labels)

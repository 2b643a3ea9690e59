"""Data sets: the three layouts, and everything odd about them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgekit_export.data.dataset import DataPhoto, DataSet, as_split, read_dataset, require_usable, split_folders
from edgekit_export.errors import PhotosError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def manifest(root: Path, *lines: str, name: str = "manifest.csv") -> Path:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root / name


def told(dataset: DataSet) -> list[tuple[str, str, str | None]]:
    return [(os.path.relpath(p.path, dataset.root), p.label, p.split) for p in dataset.photos]


def test_one_folder_a_class(tmp_path: Path) -> None:
    touch(tmp_path, "rust/b.jpg", "rust/a.JPEG", "healthy/deep/er/c.png", "rust/notes.txt", ".git/x.jpg", "top.jpg")
    dataset = read_dataset(tmp_path)
    assert told(dataset) == [
        ("healthy/deep/er/c.png", "healthy", None),
        ("rust/a.JPEG", "rust", None),
        ("rust/b.jpg", "rust", None),
    ]
    assert dataset.labels == ("healthy", "rust")
    assert dataset.splits == ()
    assert dataset.counts() == {"healthy": 1, "rust": 2}


@pytest.mark.parametrize(
    ("val", "test"), [("val", "test"), ("Valid", "TESTING"), ("validation", "test"), ("dev", "test")]
)
def test_folders_of_splits(tmp_path: Path, val: str, test: str) -> None:
    touch(tmp_path, "train/rust/a.jpg", "train/ok/b.jpg", f"{val}/rust/c.jpg", f"{test}/new/d.jpg", ".cache/x/y.jpg")
    dataset = read_dataset(tmp_path)
    assert dataset.labels == ("new", "ok", "rust")
    assert dataset.splits == ("train", "val", "test")
    assert [(p.path.name, p.label) for p in dataset.part("val")] == [("c.jpg", "rust")]
    assert dataset.counts(dataset.part("test")) == {"new": 1, "ok": 0, "rust": 0}


def test_a_class_may_be_called_test(tmp_path: Path) -> None:
    touch(tmp_path, "test/a.jpg", "train/b.jpg")
    assert split_folders(tmp_path) is None
    assert read_dataset(tmp_path).labels == ("test", "train")
    touch(tmp_path / "other", "train/x/a.jpg", "rust/b.jpg")
    assert read_dataset(tmp_path / "other").labels == ("rust", "train")
    touch(tmp_path / "none", "val/x/a.jpg", "test/x/b.jpg")  # no train: not what people mean by splits
    assert read_dataset(tmp_path / "none").labels == ("test", "val")


def test_hostile_names_are_just_names(tmp_path: Path) -> None:
    names = (
        "<script>alert(1)</script>".replace("/", "_"),
        'a "quoted" & b',
        "Bohne Ä",
        "%2e%2e",
        "-rf",
        "a\nb",
        "=1+1",
    )
    touch(tmp_path, *(f"{name}/{name}.jpg" for name in names))
    dataset = read_dataset(tmp_path)
    assert dataset.labels == tuple(sorted(names))
    assert {photo.path.stem for photo in dataset.photos} == set(names)


def test_empty_classes_are_told_and_refused_where_it_matters(tmp_path: Path) -> None:
    touch(tmp_path, "rust/a.jpg", "ok/b.jpg", "empty/notes.txt")
    dataset = read_dataset(tmp_path)
    assert dataset.empty == (tmp_path / "empty",)
    assert dataset.counts() == {"empty": 0, "ok": 1, "rust": 1}
    with pytest.raises(PhotosError, match="no photos in class 'empty'"):
        require_usable(dataset)


def test_links_that_go_round_end(tmp_path: Path) -> None:
    touch(tmp_path, "rust/a.jpg", "ok/b.jpg")
    (tmp_path / "rust" / "again").symlink_to(tmp_path)
    (tmp_path / "rust" / "one").symlink_to(tmp_path / "rust" / "two")
    (tmp_path / "rust" / "two").symlink_to(tmp_path / "rust" / "one")
    (tmp_path / "ok" / "loop.jpg").symlink_to(tmp_path / "ok" / "loop.jpg")
    names = [photo.path.name for photo in read_dataset(tmp_path).photos]
    assert sorted(set(names)) == ["a.jpg", "b.jpg", "loop.jpg"]
    assert len(names) < 10


def test_pipes_and_devices_are_no_photos(tmp_path: Path) -> None:
    touch(tmp_path, "rust/a.jpg", "ok/b.jpg")
    os.mkfifo(tmp_path / "ok" / "pipe.jpg")
    (tmp_path / "ok" / "endless.jpg").symlink_to("/dev/zero")
    (tmp_path / "ok" / "broken.jpg").symlink_to("nowhere")
    assert [photo.path.name for photo in read_dataset(tmp_path).photos] == ["b.jpg", "broken.jpg", "a.jpg"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), "no photos in sub-folders"),
        (("a.jpg", "b.png"), "no photos in sub-folders"),
        (("rust/a.txt",), "no photos in sub-folders"),
    ],
)
def test_a_folder_without_photos_is_refused(tmp_path: Path, names: tuple[str, ...], said: str) -> None:
    with pytest.raises(PhotosError, match=said):
        read_dataset(touch(tmp_path, *names))


def test_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PhotosError, match="nowhere: found nothing, expected a folder"):
        read_dataset(tmp_path / "nowhere")
    with pytest.raises(PhotosError, match="found a file"):
        read_dataset(touch(tmp_path, "file.jpg") / "file.jpg")


def test_one_class_is_not_enough(tmp_path: Path) -> None:
    dataset = read_dataset(touch(tmp_path, "rust/a.jpg"))
    with pytest.raises(PhotosError, match="found only 'rust', expected photos of at least 2 classes"):
        require_usable(dataset)
    require_usable(dataset, classes=1)


def test_a_manifest_tells_class_split_and_more(tmp_path: Path) -> None:
    touch(tmp_path, "x/1.jpg", "x/2.jpg", "x/3.jpg")
    manifest(tmp_path, "file,class,split,site", "x/2.jpg,ok,Validation,A", "x/1.jpg,rust,train,B")
    dataset = read_dataset(tmp_path)
    assert told(dataset) == [("x/1.jpg", "rust", "train"), ("x/2.jpg", "ok", "val")]
    assert dataset.columns == ("site",)
    assert [photo.columns["site"] for photo in dataset.photos] == ["B", "A"]
    assert dataset.unlisted == (tmp_path / "x" / "3.jpg",)
    assert dataset.manifest == tmp_path / "manifest.csv"
    assert told(read_dataset(tmp_path, manifest=manifest(tmp_path, "file,class", "x/3.jpg,new", name="b.csv"))) == [
        ("x/3.jpg", "new", None)
    ]


def test_a_manifest_without_classes_or_splits_leaves_them_to_folders(tmp_path: Path) -> None:
    touch(tmp_path, "train/rust/a.jpg", "test/ok/b.jpg", "new/c.jpg")
    manifest(tmp_path, "file", "train/rust/a.jpg", "test/ok/b.jpg", "new/c.jpg")
    assert told(read_dataset(tmp_path)) == [
        ("new/c.jpg", "new", None),
        ("test/ok/b.jpg", "ok", "test"),
        ("train/rust/a.jpg", "rust", "train"),
    ]


def test_in_a_manifest_too_a_class_may_be_called_test(tmp_path: Path) -> None:
    touch(tmp_path, "test/1.jpg", "train/2.jpg", "train/x/3.jpg")
    manifest(tmp_path, "file,class", "test/1.jpg,test", "train/2.jpg,train", "train/x/3.jpg,x")
    assert told(read_dataset(tmp_path)) == [
        ("test/1.jpg", "test", None),
        ("train/2.jpg", "train", None),
        ("train/x/3.jpg", "x", "train"),
    ]


def test_photos_that_do_not_exist_are_told_and_refused_where_it_matters(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg")
    (tmp_path / "a" / "folder.jpg").mkdir()
    manifest(tmp_path, "file", "a/1.jpg", "a/2.jpg", "a/folder.jpg")
    dataset = read_dataset(tmp_path)
    assert dataset.missing == (tmp_path / "a" / "2.jpg", tmp_path / "a" / "folder.jpg")
    with pytest.raises(PhotosError, match=r"manifest.csv: 2 of its photos do not exist, the first: .*2.jpg"):
        require_usable(dataset)


def test_paths_start_at_the_folder_or_beside_the_manifest(tmp_path: Path) -> None:
    touch(tmp_path, "photos/a/1.jpg", "lists/a/2.jpg", "lists/a/1.jpg")
    path = manifest(tmp_path, "file", "a/1.jpg", "a/2.jpg", name="lists/m.csv")
    found = [photo.path for photo in read_dataset(tmp_path / "photos", manifest=path).photos]
    assert found == [tmp_path / "lists" / "a" / "2.jpg", tmp_path / "photos" / "a" / "1.jpg"]


def test_paths_as_windows_writes_them(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "b\\2.jpg")
    manifest(tmp_path, "file,class", "a\\1.jpg,x", "b\\2.jpg,y")
    assert [photo.path for photo in read_dataset(tmp_path).photos] == [tmp_path / "a" / "1.jpg", tmp_path / "b\\2.jpg"]


def test_absolute_paths_are_taken_below_the_folder_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "photos/a/1.jpg", "secret/b/2.jpg")
    root = tmp_path / "photos"
    manifest(root, "file", f"{root}/a/1.jpg")
    assert told(read_dataset(root)) == [("a/1.jpg", "a", None)]
    monkeypatch.chdir(tmp_path)
    assert read_dataset(Path("photos")).photos == (DataPhoto(Path("photos/a/1.jpg"), "a"),)
    manifest(root, "file", f"{tmp_path}/secret/b/2.jpg")
    with pytest.raises(PhotosError, match=r"manifest.csv line 2: found '.*2.jpg', expected a path below"):
        read_dataset(root)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("file,split", "a/1.jpg,holdout"), "line 2: found split 'holdout', expected train, val or test"),
        (("file", "1.jpg"), "line 2: no class for 1.jpg. Give the manifest a column named class"),
        (("file", "train/2.jpg"), "line 2: no class for train/2.jpg"),
        (("file", "a/9.jpg"), "none of its 1 photos exists; paths start at"),
        (("file",), "none of its 0 photos exists"),
    ],
)
def test_a_manifest_that_cannot_be_understood_is_refused(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    touch(tmp_path, "a/1.jpg", "1.jpg", "train/2.jpg")
    path = manifest(tmp_path, *lines)
    with pytest.raises(PhotosError, match=said) as caught:
        read_dataset(tmp_path)
    assert str(caught.value).startswith(str(path))


def test_words_for_splits() -> None:
    assert [as_split(word) for word in ("train", " Test ", "DEV", "holdout", "")] == [
        "train",
        "test",
        "val",
        None,
        None,
    ]

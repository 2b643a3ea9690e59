"""Splitting a data set that lies on a disk: what was found alike stays together, and what there is, is judged."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from edgekit_export.data.dataset import read_dataset
from edgekit_export.data.dealing import Divided, Grouping, Shares, judge_split, make_split, require_unsplit
from edgekit_export.data.manifest import ManifestRow, manifest_text
from edgekit_export.errors import PhotosError

if TYPE_CHECKING:
    from tests.export.conftest import FieldPhotos


def plain(field_photos: FieldPhotos, root: Path, count: int = 10) -> Path:
    return field_photos(
        root, {f"{label}/{i:02}.png": 100 * n + i for n, label in enumerate("ab") for i in range(count)}
    )


def split_of(divided: Divided, name: str) -> str | None:
    return next(photo.split for photo in divided.dataset.photos if photo.path == divided.dataset.root / name)


def test_twins_stay_together_whatever_the_seed(tmp_path: Path, field_photos: FieldPhotos) -> None:
    root = plain(field_photos, tmp_path)
    shutil.copy(root / "a/00.png", root / "a/copy.png")
    shutil.copy(root / "a/01.png", root / "b/elsewhere.png")
    Image.open(root / "b/02.png").transpose(Image.Transpose.ROTATE_90).save(root / "b/turned.jpg", quality=70)
    seen = set()
    for seed in range(4):
        divided = make_split(read_dataset(root), shares=Shares(seed=seed))
        assert split_of(divided, "a/00.png") == split_of(divided, "a/copy.png")
        assert split_of(divided, "a/01.png") == split_of(divided, "b/elsewhere.png")
        assert split_of(divided, "b/02.png") == split_of(divided, "b/turned.jpg")
        assert divided.leaks == ()
        assert len(set(divided.groups)) == 20
        assert divided.seed == seed
        seen.add(tuple(photo.split for photo in divided.dataset.photos))
    assert len(seen) == 4
    assert any("1 photo stands in more than one class" in note for note in divided.notes)


def test_near_duplicates_may_be_let_go(tmp_path: Path, field_photos: FieldPhotos) -> None:
    root = plain(field_photos, tmp_path)
    Image.open(root / "b/02.png").save(root / "b/again.jpg", quality=80)
    assert len(set(make_split(read_dataset(root), grouping=Grouping(near=False)).groups)) == 21
    assert len(set(make_split(read_dataset(root)).groups)) == 20


def test_groups_of_a_manifest_stay_together_and_its_columns_stay(tmp_path: Path, field_photos: FieldPhotos) -> None:
    root = plain(field_photos, tmp_path, 12)
    rows = [
        ManifestRow(0, f"{c}/{i:02}.png", columns={"plant": f"{c}{i // 3}", "site": "X"})
        for c in "ab"
        for i in range(12)
    ]
    (root / "manifest.csv").write_text(manifest_text(rows, ["plant", "site"]))
    divided = make_split(read_dataset(root), grouping=Grouping(column="plant"))
    where = {(photo.columns["plant"], photo.split) for photo in divided.dataset.photos}
    assert len(where) == 8
    assert set(divided.groups) == {f"{c}{i}" for c in "ab" for i in range(4)}
    assert divided.largest_group == ("a0", 3)
    assert divided.counts()["train"] == {"a": 6, "b": 6}


def test_what_cannot_be_read_is_left_out_and_told(tmp_path: Path, field_photos: FieldPhotos) -> None:
    root = plain(field_photos, tmp_path)
    for i in range(5):
        (root / f"a/x{i}.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    divided = make_split(read_dataset(root))
    assert len(divided.dataset.photos) == 20
    assert divided.notes[0].startswith(f"{root}/a/x0.jpg: left out: damaged")
    assert "5 photos in all cannot be read" in divided.notes[3]


def test_a_class_that_cannot_be_read_at_all_is_refused(tmp_path: Path, field_photos: FieldPhotos) -> None:
    root = plain(field_photos, tmp_path)
    (root / "c").mkdir()
    for i in range(3):
        (root / f"c/{i}.jpg").write_bytes(b"nothing")
    with pytest.raises(PhotosError, match=r"no photo of class 'c' can be read; .*0.jpg: found"):
        make_split(read_dataset(root))


def test_what_cannot_be_split_is_refused_before_photos_are_read(tmp_path: Path) -> None:
    for name in ("a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg", "b/3.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"would be told as unreadable")
    with pytest.raises(PhotosError, match="class 'a': found 2 photos"):
        make_split(read_dataset(tmp_path))
    with pytest.raises(PhotosError, match="no column 'plant'"):
        make_split(read_dataset(tmp_path), grouping=Grouping(column="plant"))
    with pytest.raises(PhotosError, match="no split to check"):
        judge_split(read_dataset(tmp_path))


def test_a_split_that_is_there_is_judged(tmp_path: Path, field_photos: FieldPhotos) -> None:
    names = {f"{split}/{label}/{label}{i}.png": 0 for split in ("train", "test") for label in "ab" for i in range(3)}
    root = field_photos(tmp_path, {name: seed for seed, name in enumerate(names)})
    clean = judge_split(read_dataset(root))
    assert clean.leaks == ()
    assert clean.counts() == {"train": {"a": 3, "b": 3}, "test": {"a": 3, "b": 3}}
    leaking = judge_split(read_dataset(root), grouping=Grouping(pattern=r"a\d|b"))
    assert Counter(leak.group for leak in leaking.leaks) == {"a0": 1, "a1": 1, "a2": 1, "b": 1}
    shutil.copy(root / "train/a/a0.png", root / "test/b/x.png")
    (leak,) = judge_split(read_dataset(root)).leaks
    assert (leak.kind, leak.first.split, leak.second.path.name) == ("exact", "train", "x.png")


def test_a_split_that_is_there_is_not_replaced_unasked(tmp_path: Path, field_photos: FieldPhotos) -> None:
    root = field_photos(tmp_path, {"train/a/1.png": 1, "train/b/2.png": 2, "test/a/3.png": 3})
    with pytest.raises(PhotosError, match=r"a split already \(train 2, test 1 photos\). Pass --check .* --again"):
        require_unsplit(read_dataset(root))
    require_unsplit(read_dataset(plain(field_photos, tmp_path / "plain", 1)))


def test_a_new_split_over_an_old_one_says_that_folders_keep_their_names(
    tmp_path: Path, field_photos: FieldPhotos
) -> None:
    names = [f"{split}/{label}/{i}.png" for split in ("train", "test") for label in "ab" for i in range(4)]
    root = field_photos(tmp_path, {name: seed for seed, name in enumerate(names)})
    divided = make_split(read_dataset(root))
    assert any("folders are still named for the split that was there" in note for note in divided.notes)
    assert divided.dataset.splits == ("train", "val", "test")


def test_hints_are_given_until_groups_are_told(tmp_path: Path, field_photos: FieldPhotos) -> None:
    names = [f"{label}/p{i}_{j}.png" for label in "ab" for i in range(5) for j in range(2)]
    root = field_photos(tmp_path, {name: seed for seed, name in enumerate(names)})
    (note,) = make_split(read_dataset(root)).notes
    assert note.endswith(r"pass --group-pattern '([^/]*[0-9])[ _-]+[0-9]+[.][^./]+$'")
    assert make_split(read_dataset(root), grouping=Grouping(pattern=r"p\d")).notes == ()
    rows = [ManifestRow(0, name, columns={"Group": name[:4]}) for name in names]
    (root / "manifest.csv").write_text(manifest_text(rows, ["Group"]))
    (note,) = make_split(read_dataset(root)).notes
    assert note == "the manifest has a column Group: pass --group-by Group to keep its groups together"
    rows = [ManifestRow(0, name, columns={"group": name}) for name in names[1:]]
    (root / "manifest.csv").write_text(manifest_text(rows, ["group"]))
    (note,) = make_split(read_dataset(root)).notes
    assert note.startswith("1 photos that ")
    assert note.endswith("such as a/p0_0.png")

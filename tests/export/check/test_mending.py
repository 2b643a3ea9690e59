"""The cleaned copy: what is left out, renamed and added, what log and manifest say, and that nothing is lost."""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from edgekit_export.check.header import read_header
from edgekit_export.check.mending import LOG_NAME, Mended, plan_mending, write_mended
from edgekit_export.data.dataset import read_dataset
from edgekit_export.errors import PhotosError
from edgekit_export.progress import Silent

if TYPE_CHECKING:
    from tests.export.check.conftest import Examine, Garden

Mend = Callable[[Path], Mended]


@pytest.fixture
def mend(examine: Examine, tmp_path: Path) -> Mend:
    """`mend(root)`: a cleaned copy in tmp_path / "copy", after which the original is as before."""

    def run(root: Path) -> Mended:
        before = state_of(root)
        checkup = examine(root)
        done = write_mended(checkup, plan_mending(checkup), tmp_path / "copy", Silent())
        assert state_of(root) == before
        return done

    return run


def state_of(root: Path) -> dict[str, tuple[str, int, int]]:
    """Content, links and time of each file."""
    return {
        str(path.relative_to(root)): (
            hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_nlink, path.stat().st_mtime_ns,
        )
        for path in root.rglob("*") if path.is_file()
    }  # fmt: skip


def files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def log_of(folder: Path) -> dict[str, tuple[str, str, str]]:
    with (folder / LOG_NAME).open(newline="", encoding="utf-8") as stream:
        return {row["file"]: (row["action"], row["reason"], row["copy"]) for row in csv.DictReader(stream)}


def test_a_clean_set_is_copied_as_it_is(garden: Garden, mend: Mend) -> None:
    root = garden(3, ("train", "test"))
    done = mend(root)
    assert files(done.folder) == files(root) | {"manifest.csv", LOG_NAME}
    assert all((done.folder / name).read_bytes() == (root / name).read_bytes() for name in files(root))
    assert not any((done.folder / name).samefile(root / name) for name in files(root))
    assert log_of(done.folder) == {}
    assert done.described().startswith(f"Cleaned copy: {done.folder}: 18 photos; nothing to mend.")
    copy = read_dataset(done.folder)
    assert (len(copy.part("train")), len(copy.part("test")), copy.unlisted) == (9, 9, ())


def test_broken_files_copies_and_contradictions_are_left_out(garden: Garden, mend: Mend) -> None:
    root = garden(5)
    (root / "red/red00.jpg").write_bytes(b"no photo")
    shutil.copyfile(root / "red/red01.jpg", root / "red/zz.jpg")
    shutil.copyfile(root / "red/red02.jpg", root / "blue/zz.jpg")
    done = mend(root)
    left_out = {file: reason for file, (action, reason, _) in log_of(done.folder).items() if action == "left out"}
    assert set(left_out) == {"red/red00.jpg", "red/zz.jpg", "red/red02.jpg", "blue/zz.jpg"}
    assert left_out["red/zz.jpg"] == "an exact copy of red/red01.jpg"
    assert left_out["blue/zz.jpg"] == left_out["red/red02.jpg"] == "its copies stand in several classes: blue and red"
    assert files(done.folder) == files(root) - set(left_out) | {"manifest.csv", LOG_NAME}


@pytest.mark.parametrize("near", [False, True])
def test_what_is_in_test_stays_and_training_loses_it(garden: Garden, mend: Mend, near: bool) -> None:
    root = garden(5, ("train", "val", "test"))
    source = root / "test/red/red00.jpg"
    for name in ("train/red/again.jpg", "val/red/again.jpg"):
        if near:
            Image.open(source).resize((90, 90)).save(root / name)
        else:
            shutil.copyfile(source, root / name)
    done = mend(root)
    assert {file for file, (action, _, _) in log_of(done.folder).items() if action == "left out"} == {
        "train/red/again.jpg",
        "val/red/again.jpg",
    }
    assert (done.folder / "test/red/red00.jpg").is_file()


def test_names_are_mended_and_hidden_photos_come_out(garden: Garden, mend: Mend) -> None:
    root = garden(3)
    Image.open(root / "red/red00.jpg").save(root / "red/picture.jpg", "PNG")
    (root / "red/red00.jpg").unlink()
    shutil.move(root / "red/red01.jpg", root / "red/red01.data")
    shutil.move(root / "red/red02.jpg", root / "red/red02")
    shutil.move(root / "blue/blue00.jpg", root / "blue/blue01.png")  # a JPEG that would take the name of another
    done = mend(root)
    log = log_of(done.folder)
    assert log["red/picture.jpg"] == ("renamed", "it is a PNG image", "red/picture.png")
    assert log["red/red01.data"] == ("added", "a JPEG image that nobody found", "red/red01.jpg")
    assert log["red/red02"] == ("added", "a JPEG image that nobody found", "red/red02.jpg")
    assert log["blue/blue01.png"][2] == "blue/blue01_2.jpg"
    assert len(files(done.folder)) == 9 + 2
    assert done.described().endswith("check-log.csv has each.")


def test_hidden_copies_and_hidden_wrecks_do_not_come_out(garden: Garden, mend: Mend) -> None:
    root = garden(3)
    shutil.copyfile(root / "red/red00.jpg", root / "red/red00.jpg~")
    whole = (root / "red/red01.jpg").read_bytes()
    (root / "red/wreck.part").write_bytes(whole[: len(whole) // 2])
    done = mend(root)
    log = log_of(done.folder)
    assert log["red/red00.jpg~"][:2] == (
        "left out",
        "an exact copy of another photo, under a name that nobody finds",
    )
    assert log["red/wreck.part"][0] == "left out"
    assert len(list(done.folder.rglob("*.jpg"))) == 9


def test_places_are_removed_from_jpegs_without_touching_a_pixel(garden: Garden, mend: Mend) -> None:
    root = garden(3)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825).update({1: "N", 2: (1.0, 2.0, 3.0), 3: "E", 4: (4.0, 5.0, 6.0)})
    for name, form in (("red/red00.jpg", "JPEG"), ("red/red01.png", "PNG")):
        Image.open(root / "red/red01.jpg").save(root / name, form, exif=exif)
    done = mend(root)
    log = log_of(done.folder)
    assert log["red/red00.jpg"][0] == "place removed"
    assert log["red/red01.png"][:2] == (
        "place kept",
        "only JPEG files can lose their place without losing anything",
    )
    header = read_header((done.folder / "red/red00.jpg").read_bytes())
    assert header is not None
    assert (header.has_place, header.orientation) == (False, 6)
    with Image.open(done.folder / "red/red00.jpg") as ours, Image.open(root / "red/red00.jpg") as theirs:
        assert ours.tobytes() == theirs.tobytes()


def test_remarks_and_columns_stand_in_the_manifest_and_labels_stay(garden: Garden, mend: Mend) -> None:
    root = garden(30)
    shutil.move(root / "blue/blue03.jpg", root / "red/odd.jpg")
    Image.eval(Image.open(root / "blue/blue00.jpg"), lambda value: value // 12).save(root / "blue/blue00.jpg")
    rows = [f"{path.relative_to(root).as_posix()},{path.parent.name},field {i % 2}" for i, path in
            enumerate(sorted(root.rglob("*.jpg")))]  # fmt: skip
    (root / "manifest.csv").write_text("\n".join(["file,class,site", *rows]) + "\n")
    done = mend(root)
    with (done.folder / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        found = {row["file"]: row for row in csv.DictReader(stream)}
    assert len(found) == 90
    assert found["red/odd.jpg"]["class"] == "red"
    assert found["red/odd.jpg"]["check"].startswith("wrong label: rather blue? ")
    assert found["red/odd.jpg"]["source"] == "red/odd.jpg"
    assert "dark: mean brightness" in found["blue/blue00.jpg"]["check"]
    assert {row["site"] for row in found.values()} == {"field 0", "field 1"}
    assert f"a remark on {done.remarks} photo" in done.described()


def test_where_nothing_would_be_left_nothing_is_written(garden: Garden, mend: Mend, tmp_path: Path) -> None:
    root = garden(1)
    (root / "blue/blue00.jpg").write_bytes(b"no photo")
    shutil.copyfile(root / "green/green00.jpg", root / "red/red00.jpg")
    with pytest.raises(PhotosError, match="nothing would be left"):
        mend(root)
    assert not (tmp_path / "copy").exists()


def test_a_copy_is_not_made_over_anything_nor_inside(garden: Garden, mend: Mend, tmp_path: Path) -> None:
    root = garden(2)
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/mine.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        mend(root)
    assert files(tmp_path / "copy") == {"mine.txt"}

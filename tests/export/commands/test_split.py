"""`edgekit-export split`, as it is typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from edgekit_export.data.dataset import read_dataset

if TYPE_CHECKING:
    from tests.export.conftest import RunExport


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three photos of each of five plants in two classes, all different."""
    rng = np.random.default_rng(0)
    root = tmp_path / "photos"
    for label in ("ok", "rust"):
        (root / label).mkdir(parents=True)
        for plant in range(5):
            for shot in range(3):
                pixels = rng.integers(0, 256, (40, 40, 3), np.uint8)
                Image.fromarray(pixels).save(root / label / f"{label}{plant}_{shot}.png")
    return root


def splits(root: Path, manifest: Path | None = None) -> dict[str, str | None]:
    return {photo.path.stem: photo.split for photo in read_dataset(root, manifest=manifest).photos}


def test_a_manifest_is_written_and_a_note_says_how_to_keep_plants_together(photos: Path, run_export: RunExport) -> None:
    done = run_export("split", photos)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["class", "train", "val", "test", "photos"]
    assert lines[3].split() == ["all", "18", "60.0%", "6", "20.0%", "6", "20.0%", "30"]
    assert lines[-2:] == [f"manifest: {photos}/manifest.csv", f"next: edgekit-export train {photos} -o model.keras"]
    assert done.stderr.count("note: ") == 1
    assert "10 series of about 3 photos" in done.stderr
    assert (photos / "manifest.csv").read_text().splitlines()[0] == "file,split,class,group"
    assert sorted(set(splits(photos).values()), key=str) == ["test", "train", "val"]


def test_the_hinted_pattern_works_as_typed(photos: Path, run_export: RunExport) -> None:
    pattern = run_export("split", photos, "-o", photos.parent / "m.csv").stderr.split("--group-pattern '")[1][:-2]
    done = run_export("split", photos, "--group-pattern", pattern)
    assert done.returncode == 0
    assert done.stderr == ""
    found = splits(photos)
    for plant in {name.partition("_")[0] for name in found}:
        assert len({split for name, split in found.items() if name.startswith(f"{plant}_")}) == 1
    assert "30 photos in 10 groups" in done.stdout


def test_folders_are_written_and_the_photos_left_alone(photos: Path, run_export: RunExport) -> None:
    done = run_export("split", photos, "--folders", photos.parent / "out", "--group-pattern", "^([^/]+/[a-z]+.)_")
    assert done.returncode == 0
    assert f"folders: {photos.parent}/out\n" in done.stdout
    assert done.stdout.endswith(f"next: edgekit-export train {photos.parent}/out -o model.keras\n")
    assert not (photos / "manifest.csv").exists()
    assert len(list((photos.parent / "out").rglob("*.png"))) == 30
    checked = run_export("split", photos.parent / "out", "--check", "--group-by", "group")
    assert checked.returncode == 0
    assert "no leaks" in checked.stdout


def test_a_manifest_with_columns_in_and_out(photos: Path, run_export: RunExport) -> None:
    rows = [f"{path.relative_to(photos).as_posix()},{path.stem[:-2]},Kabale" for path in sorted(photos.rglob("*.png"))]
    given, out = photos.parent / "in.csv", photos.parent / "out.csv"
    given.write_text("\n".join(["photo,plant,site", *rows]))
    done = run_export("split", photos, "--manifest", given, "--group-by", "plant", "-o", out, "--json")
    record = json.loads(done.stdout)
    assert done.returncode == 0
    assert record["groups"] == 10
    assert record["written"] == {"manifest": str(out)}
    assert sum(part["photos"] for part in record["splits"].values()) == 30
    assert out.read_text().splitlines()[0] == "file,split,class,group,plant,site"
    again = run_export("split", photos, "--manifest", given, "--group-by", "plant", "-o", out)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == f"Error: {out} exists. Pass --force to replace it, or choose another name.\n"
    before = splits(photos, out)
    assert run_export("split", photos, "--manifest", given, "-o", out, "--seed", "5", "--force").returncode == 0
    assert splits(photos, out) != before


def test_a_split_that_is_there_is_checked_or_replaced_on_request(photos: Path, run_export: RunExport) -> None:
    out = photos.parent / "out"
    run_export("split", photos, "--folders", out)
    (out / "manifest.csv").unlink()
    refused = run_export("split", out)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"Error: {out}: there is a split already (train 18, val 6, test 6 photos).")
    test_photo = next((out / "test" / "ok").iterdir())
    Image.open(test_photo).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(out / "train" / "rust" / "mirrored.png")
    shutil.copy(test_photo, out / "val" / "ok" / "copy.png")
    before = sorted(out.rglob("*"))
    leaking = run_export("split", out, "--check")
    assert leaking.returncode == 3
    assert f"leak: val/ok/copy.png (val) and test/ok/{test_photo.name} (test): equal files\n" in leaking.stdout
    assert "train/rust/mirrored.png (train) and test/ok/" in leaking.stdout
    assert "Make a new one with --again." in leaking.stderr
    assert leaking.stderr.count("Error: ") == 1
    assert sorted(out.rglob("*")) == before
    record = json.loads(run_export("split", out, "--check", "--json").stdout)
    assert [leak["kind"] for leak in record["leaks"]] == ["exact", "near"]
    assert record["written"] == {}
    assert run_export("split", out, "--check", "--exact-only", "--json").stdout.count('"kind"') == 1
    assert run_export("split", out, "--again").returncode == 0
    assert run_export("split", out, "--check").returncode == 0


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--group-by", "plant"), 1, "no column 'plant'; it has no further columns"),
        (("--group-pattern", "["), 1, "'[' is not a regular expression"),
        (("--group-pattern", "x", "--group-by", "y"), 2, "give one of them"),
        (("--val", "0.5", "--test", "0.5"), 2, "leave nothing for train"),
        (("--val", "1.5"), 2, "is not in the range"),
        (("--check",), 1, "no split to check"),
        (("--group-pattern", "^(.)"), 1, "class 'ok': found 15 photos in 1 group ('o')"),
        (("--manifest", "no.csv"), 1, "no.csv: No such file"),
        (("--folders", "{photos}/out"), 1, "which is not touched"),
        (("-o", "{photos}/ok"), 1, "exists"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_written(
    photos: Path, run_export: RunExport, options: tuple[str, ...], code: int, said: str
) -> None:
    before = sorted(photos.parent.rglob("*"))
    done = run_export("split", photos, *(option.replace("{photos}", str(photos)) for option in options))
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert done.stdout == ""
    assert sorted(photos.parent.rglob("*")) == before


def test_a_hostile_folder_is_only_text(tmp_path: Path, run_export: RunExport) -> None:
    rng = np.random.default_rng(1)
    for label in ("<script>alert(1)<", "\x1b[31mred", "a;b,c"):
        (tmp_path / "p" / label).mkdir(parents=True)
        for i in range(5):
            Image.fromarray(rng.integers(0, 256, (40, 40, 3), np.uint8)).save(tmp_path / "p" / label / f"{i}.png")
    done = run_export("split", tmp_path / "p")
    assert done.returncode == 0
    assert read_dataset(tmp_path / "p").labels == ("\x1b[31mred", "<script>alert(1)<", "a;b,c")
    assert "\x1b" not in done.stdout

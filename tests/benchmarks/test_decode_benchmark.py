import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).with_name("decode.py")


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """One photo of an ant, two of a bee."""
    for i, label in enumerate(("ant", "bee", "bee")):
        folder = tmp_path / "photos" / label
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(i).integers(0, 256, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.jpg")
    return tmp_path / "photos"


def test_each_size_has_a_row_with_both_accuracies(tiny_path: Path, photos: Path) -> None:
    done = run(tiny_path, photos, "--short-side", 20, "--short-side", 400)
    assert done.returncode == 0
    _, small, large = (line.split() for line in done.stdout.splitlines())
    assert small[:5] == ["20", "3", "0", "100.00", "%"]
    assert large[:3] == ["400", "3", "3"]
    assert small[5] == small[7]
    assert float(small[5]) in (0, 33.33, 66.67, 100)


def test_photos_without_a_known_label_have_no_accuracy(tiny_path: Path, photos: Path) -> None:
    for label in ("ant", "bee"):
        (photos / label).rename(photos / f"other {label}")
    assert run(tiny_path, photos).stdout.count("unknown") == 2


def test_what_cannot_be_measured_is_one_line(tiny_path: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for done in (run(tiny_path, tmp_path / "empty"), run(tmp_path / "none.tflite", tmp_path)):
        assert done.returncode == 1
        *_, last = done.stderr.splitlines()  # a runtime may say something first
        assert last.startswith("Error: ")
        assert "Traceback" not in done.stderr

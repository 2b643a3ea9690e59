import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).with_name("photos.py")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    for name, size in (("a.jpg", (320, 240)), ("b.JPG", (800, 600))):
        Image.fromarray(pixels).resize(size).save(folder / name)
    return folder


def _run(*arguments: str | Path) -> list[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_overhead_compares_each_size_with_bare_calls(photos: Path) -> None:
    first, header, *rows = _run("overhead", "--photos", photos, "--pairs", "1")
    assert first.startswith("digits.tflite, ")
    assert header.split() == ["photo", "predict", "bare", "above", "it", "part", "target"]
    assert [row.split()[0] for row in rows] == ["224x224", "640x480", "1600x1200", "320x240", "800x600"]
    assert all(row.split()[-1] in ("met", "MISSED") for row in rows)


def test_folder_compares_the_ways_through_many_photos(photos: Path) -> None:
    first, *rows = _run("folder", "--photos", photos, "--count", "5", "--rounds", "1", "--processes")
    assert first == "digits.tflite, 5 photos, 2 cores, medians of 1 rounds"
    rates = {row[:24].strip(): float(row[24:].split()[0]) for row in rows}
    assert set(rates) - {"official example"} == {"predict, one at a time", "predict_many", "processes"}
    assert min(rates.values()) > 0
    assert re.search(r"1\.00 times one at a time$", rows[0])
    assert "wanted 1.8: " in rows[1]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory as Linux shows it")
def test_memory_is_shown_in_ten_steps(photos: Path) -> None:
    first, *rows = _run("memory", "--photos", photos, "--count", "1500")
    assert "1500 photos" in first
    assert len(rows) == 10
    assert rows[-1].split()[0] == "100.0%"
    assert all(float(row.split()[-2]) > 10 for row in rows)


def test_a_missing_model_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "memory", "--model", str(tmp_path / "none.tflite")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr == f"Error: {tmp_path / 'none.tflite'} is missing. Pass --model FILE.tflite.\n"

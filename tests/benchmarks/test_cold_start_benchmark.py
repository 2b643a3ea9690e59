import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit.runtime import DISTRIBUTIONS, installed_runtimes

SCRIPT = Path(__file__).with_name("cold_start.py")
DATA = Path(__file__).parents[1] / "data"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="measures POSIX processes")


def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(SCRIPT), *map(str, arguments), "--pairs", "1"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(path)
    return path


def test_each_runtime_is_compared_with_the_bare_script(photo: Path) -> None:
    done = run(DATA / "digits.tflite", photo, "--imports")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line for line in done.stdout.splitlines() if line.startswith("edgekit / bare")]
    assert [row[16:].split("  ")[0] for row in rows] == [DISTRIBUTIONS[name] for name in installed_runtimes()]
    for row in rows:
        (wall, _) = re.findall(r"(\d+) / (\d+) ms = (\d+\.\d\d)", row)
        assert float(wall[2]) == pytest.approx(int(wall[0]) / int(wall[1]), abs=0.02), "of a single pair"
        assert row.endswith("target 1.15: met" if float(wall[2]) < 1.15 else "target 1.15: MISSED") or wall[2] == "1.15"
    assert "ms  import edgekit.card" in done.stdout


def test_the_weight_cache_is_measured_where_the_runtime_has_it(photo: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    lines = run(DATA / "digits.tflite", photo).stdout.splitlines()
    if "weight cache: this ai-edge-litert does not have it" not in lines:
        assert lines[-2].startswith("with weight cache / without")
        assert re.fullmatch(r"the weight cache has [1-9][\d,]+ bytes", lines[-1])


def test_what_cannot_be_measured_is_one_line(photo: Path, tmp_path: Path) -> None:
    missing = run(tmp_path / "none.tflite", photo)
    assert missing.returncode == 2
    assert missing.stderr.splitlines()[-1].endswith("none.tflite is missing")
    broken = run(photo, photo)
    assert broken.returncode == 1
    assert broken.stderr.startswith("Error: ")
    assert broken.stderr.count("\n") == 1

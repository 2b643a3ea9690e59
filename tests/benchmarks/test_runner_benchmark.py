import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("runner.py")
MODEL = Path(__file__).parents[1] / "data" / "tiny_graph.tflite"


def _run(*arguments: str) -> str:
    command = [sys.executable, str(SCRIPT), "--model", str(MODEL), "--predictions", "1", "--starts", "1", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(sys.platform == "win32", reason="measures POSIX processes")
def test_every_section_compares_edgekit_with_the_bare_runtime() -> None:
    machine, header, *rows = _run().splitlines()
    assert "Python" in machine
    assert header.split() == ["section", "runtime", "edgekit", "(min)", "bare", "(min)", "ratio", "target"]
    sections = [row.split("  ")[0] for row in rows]
    assert sections
    assert sections == ["predict", "cold start", "peak memory"] * (len(rows) // 3)


@pytest.mark.skipif(sys.platform == "win32", reason="measures POSIX processes")
def test_json_has_the_figures_of_each_section() -> None:
    rows = json.loads(_run("--json"))["rows"]
    assert {row["section"] for row in rows} == {"predict", "cold start", "peak memory"}
    assert all(0 < row["edgekit_min"] <= row["edgekit"] for row in rows)
    assert all(0 < row["bare_min"] <= row["bare"] for row in rows)
    cold_start = next(row for row in rows if row["section"] == "cold start")
    assert cold_start["target"] == "1.15 x"
    assert cold_start["ratio"] == pytest.approx(cold_start["edgekit"] / cold_start["bare"])  # of a single pair
    assert cold_start["met"] == (cold_start["ratio"] <= 1.15)


def test_a_missing_model_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--model", str(tmp_path / "none.tflite")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr == f"Error: {tmp_path / 'none.tflite'} is missing. Pass --model FILE.tflite.\n"

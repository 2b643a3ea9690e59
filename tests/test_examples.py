"""Every example runs as its docstring says and prints what it promises."""

from __future__ import annotations

import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
DATA = ROOT / "tests" / "data"


def run(name: str, *arguments: str | Path, cwd: Path) -> str:
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that the demo wrote, and what it printed."""
    for package in ("tensorflow", "mlxtend", "ai_edge_litert"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed; make test installs it")
    folder = tmp_path_factory.mktemp("demo")
    return folder / "out", run("demo.py", folder / "out", cwd=folder)


@pytest.mark.slow
@pytest.mark.host
def test_the_demo_trains_exports_proves_and_classifies(demo: tuple[Path, str]) -> None:
    folder, printed = demo
    commands = re.findall(r"^\$ (\S+ \S+)", printed, re.MULTILINE)
    assert commands[0].startswith("python ")
    assert commands[1:] == ["edgekit-export convert", "edgekit selftest", "edgekit classify"]
    assert "self-test passed" in printed
    assert (folder / "digits.tflite").exists()
    table = dict(re.findall(r"^(size|accuracy|same answer as float|latency)\b(.*)$", printed, re.MULTILINE))
    float_accuracy, int8_accuracy = (float(x) for x in re.findall(r"([\d.]+)%", table["accuracy"]))
    assert float_accuracy > 90
    assert int8_accuracy >= float_accuracy - 1
    float_size, int8_size = (int(x) for x in re.findall(r"(\d+) kB", table["size"]))
    assert int8_size < float_size / 2
    assert len(re.findall(r"[\d.]+ ms", table["latency"])) == 2


@pytest.mark.slow
@pytest.mark.host
def test_export_model_prints_the_proof_and_writes_the_file(demo: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = demo
    printed = run("export_model.py", folder / "digits.keras", folder / "photos", "digits.tflite", cwd=tmp_path)
    assert re.search(r"^float: \d+ of 333 right$", printed, re.MULTILINE)
    assert re.search(r"^reference: \d+ of 333 right$", printed, re.MULTILINE)
    assert (tmp_path / "digits.tflite").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.host
def test_the_accuracy_table_has_four_lines_a_network(
    demo: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a network that is trained already; the six trainings of the whole table take hours."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    table = importlib.import_module("accuracy_table")
    table.show("digits, demo", demo[0] / "digits.keras", demo[0] / "photos", tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:34].strip() for line in lines] == ["digits, demo, float", "plain int8", "quick search", "search"]
    assert re.fullmatch(r" +9\d\.\d% +\d\.\d% +\d+ kB", lines[0][34:])
    for line in lines[1:]:
        assert re.fullmatch(
            r" +9\d\.\d%  [+-]\d\.\d \([+-]\d\.\d to [+-]\d\.\d\) +\d+\.\d% +\d\.\d% +"
            r"\d+ kB +\d+\.\d ms +\d+ s  int8\S*",
            line[34:],
        )
    assert (tmp_path / "digits.tflite").stat().st_size > 10_000


def test_classify_photo_prints_three_labels(tmp_path: Path) -> None:
    lines = run("classify_photo.py", DATA / "digits.tflite", DATA / "digit_7.png", cwd=tmp_path).splitlines()
    assert len(lines) == 3
    assert re.fullmatch(r" *\d+\.\d%  7", lines[0])


def test_classify_folder_prints_a_line_for_each_photo_also_for_one_that_cannot_be_read(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("a.png", "c.png"):
        (photos / name).write_bytes((DATA / "digit_7.png").read_bytes())
    (photos / "b.png").write_text("no photo")
    lines = run("classify_folder.py", DATA / "digits.tflite", photos, cwd=tmp_path).splitlines()
    assert len(lines) == 3
    assert re.fullmatch(rf"{re.escape(str(photos))}/a\.png: 7 \d+\.\d%", lines[0])
    assert lines[1].startswith(f"{photos / 'b.png'}: found a text file of 8 bytes")
    assert lines[2] == lines[0].replace("a.png", "c.png")


def test_every_example_says_what_it_is_and_how_it_is_run() -> None:
    for script in EXAMPLES.glob("*.py"):
        docstring = script.read_text().split('"""')[1]
        assert f"python examples/{script.name}" in docstring, script.name

"""The command `edgekit-export inspect`: what is in a file, ours or anybody's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edgekit.runtime import installed_runtimes

if TYPE_CHECKING:
    from edgekit_export.pipeline import ExportResult
    from tests.export.conftest import RunExport


@pytest.mark.host
def test_inspect_tells_about_our_own_file(exported: ExportResult, exported_path: Path, run_export: RunExport) -> None:
    done = run_export("inspect", exported_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^labels +3: blue, green, red$", done.stdout, re.MULTILINE)
    assert "\nfloat leftovers   none\n" in done.stdout
    assert done.stdout.count(": runs it\n") == len(installed_runtimes())
    done = run_export("inspect", exported_path, "--json")
    record = json.loads(done.stdout)
    assert record["labels"] == ["blue", "green", "red"]
    assert record["card"]["name"] == "colour"
    assert {use["name"]: max(use["versions"]) for use in record["operators"]} == record["card"]["requires"]["operators"]
    assert [tried["refused"] for tried in record["tried_here"]] == [None] * len(installed_runtimes())
    assert record["float_leftovers"] == []


@pytest.mark.skipif("litert" not in installed_runtimes(), reason="ai-edge-litert is not installed")
def test_inspect_tells_about_other_peoples_files(
    tmp_path: Path, tiny_float: bytes, run_export: RunExport, edit_graph: Any
) -> None:
    path = tmp_path / "float.tflite"
    path.write_bytes(tiny_float)
    done = run_export("inspect", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "none: edgekit-export did not write this file" in done.stdout
    assert "CONV_2D (float32" in done.stdout
    record = json.loads(run_export("inspect", path, "--json").stdout)
    assert (record["card"], record["labels"]) == (None, None)
    assert record["float_leftovers"]

    def newer(model: Any) -> None:
        for code in model.operatorCodes:
            code.version = 99

    path.write_bytes(edit_graph(tiny_float, newer))
    done = run_export("inspect", path)
    assert done.returncode == 0
    assert done.stdout.count(": refused: ") == len(installed_runtimes())


@pytest.mark.parametrize(
    ("data", "reason"), [(None, "No such file"), (b"", "an empty file"), (b"\0\0\0\0TFL3", "0 subgraphs")]
)
def test_inspect_of_what_is_no_model_is_one_line(
    tmp_path: Path, run_export: RunExport, data: bytes | None, reason: str
) -> None:
    path = tmp_path / "x.tflite"
    if data is not None:
        path.write_bytes(data)
    done = run_export("inspect", path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: {path}: ")
    assert done.stderr.count("\n") == 1
    assert reason in done.stderr

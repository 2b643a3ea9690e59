"""`edgekit-export report`: the page again, from the file alone."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgekit.card import ModelCard
from edgekit.modelfile import pack_model_file
from edgekit_export.proof.record import Allowed, ExportRecord, Flipped, Given, Rung
from edgekit_export.proof.stored import record_entries

if TYPE_CHECKING:
    from tests.export.conftest import RunExport

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
MakeFile = Callable[..., Path]
RECORD = ExportRecord(
    command="edgekit-export convert x",
    photos_root="/nowhere/photos",
    allowed=Allowed(1.0, 98.0, "default", ("litert",)),
    rungs=(Rung("int8", "chosen", images=10, correct=9, float_correct=9, agreeing=10, size_bytes=6000),),
    flipped=(Flipped("ant/1.png", "0" * 64, "ant", Given("ant", 60.0), {"xnnpack": Given("bee", 51.0)}),),
)


@pytest.fixture
def make_file(tmp_path: Path, tiny_graph: bytes, tiny_card: ModelCard) -> MakeFile:
    def make(**changes: object) -> Path:
        record = dataclasses.replace(RECORD, **changes)  # type: ignore[arg-type]
        path = tmp_path / "leaf.tflite"
        path.write_bytes(pack_model_file(tiny_graph, tiny_card, record_entries(record)))
        return path

    return make


def test_the_page_lies_beside_the_file_and_the_verdict_is_told(run_export: RunExport, make_file: MakeFile) -> None:
    path = make_file()
    done = run_export("report", path)
    assert done.returncode == 0
    page = path.with_name("leaf.report.html")
    assert done.stdout.splitlines()[0].startswith("tiny: Do not ship it as it is: it was not verified")
    assert done.stdout.splitlines()[-1] == f"Report: {page}"
    assert done.stderr == (
        "note: without photos: the folder of the export, /nowhere/photos, is not here; pass --photos DIR\n"
    )
    assert "Export of tiny" in page.read_text(encoding="utf-8")


def test_a_page_is_only_replaced_by_force(run_export: RunExport, make_file: MakeFile) -> None:
    path = make_file()
    page = path.with_name("leaf.report.html")
    page.write_text("mine")
    done = run_export("report", path, "--no-photos")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "exists. Pass --force" in done.stderr
    assert page.read_text() == "mine"
    done = run_export("report", path, "--no-photos", "--force")
    assert (done.returncode, done.stderr) == (0, "")
    assert page.read_text(encoding="utf-8") != "mine"


def test_photos_come_from_the_folder_of_then_or_the_one_that_is_named(
    run_export: RunExport, make_file: MakeFile, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    page = tmp_path / "page.html"
    then = run_export("report", make_file(photos_root=str(tmp_path / "photos")), "-o", page)
    assert (then.returncode, then.stderr) == (0, "")
    assert '<div class="unreadable">missing</div>' in page.read_text(encoding="utf-8")
    named = run_export("report", make_file(), "--photos", tmp_path / "photos", "-o", page, "--force")
    assert (named.returncode, named.stderr) == (0, "")
    without = run_export("report", make_file(), "--no-photos", "-o", page, "--force")
    assert without.returncode == 0
    assert "made without photos" in page.read_text(encoding="utf-8")


def test_json_has_the_verdict_and_the_record(run_export: RunExport, make_file: MakeFile, tmp_path: Path) -> None:
    path = make_file()
    done = run_export("report", path, "--json", "--no-photos", "-o", tmp_path / "p.html")
    found = json.loads(done.stdout)
    assert (found["verdict"], found["report"]) == ("bad", str(tmp_path / "p.html"))
    assert found["record"]["rungs"][0]["recipe"] == "int8"


def test_what_goes_wrong_is_told_in_one_line(
    run_export: RunExport, make_file: MakeFile, tmp_path: Path, tiny_path: Path, tiny_float: bytes
) -> None:
    (tmp_path / "bare.tflite").write_bytes(tiny_float)
    lying = make_file(rungs=(dataclasses.replace(RECORD.rungs[0], correct=11),)).rename(tmp_path / "lying.tflite")
    path = make_file()
    cases: list[tuple[list[str | Path], int, str]] = [
        ([tiny_path], 1, "no record of its export is in it"),
        ([tmp_path / "bare.tflite"], 1, "Export it again with edgekit-export convert"),
        ([tmp_path / "none.tflite"], 1, "No such file"),
        ([path, "--photos", tmp_path / "none"], 1, "found no folder"),
        ([path, "--photos", tmp_path, "--no-photos"], 2, "exclude each other"),
        ([path, "-o", path, "--force"], 2, "is the model file itself"),
        ([lying], 1, "11 of 10 photos cannot be"),
    ]
    for arguments, code, words in cases:
        done = run_export("report", *arguments)
        assert (done.returncode, done.stdout) == (code, ""), words
        assert words in done.stderr
        if code == 1:
            assert done.stderr.startswith("Error: ")
            assert done.stderr.count("\n") == 1
    assert not list(tmp_path.glob("*.html"))


def test_no_tensorflow_and_no_runtime_are_loaded(make_file: MakeFile) -> None:
    path = make_file()
    code = (
        f"import sys; sys.argv[:] = ['edgekit-export', 'report', {str(path)!r}, '--no-photos']\n"
        "from edgekit_export.cli import main\n"
        "try: main()\n"
        "except SystemExit as left: print(left.code, *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    status, *modules = done.stdout.splitlines()[-1].split()
    assert status == "0"
    loaded = {module.partition(".")[0] for module in modules}
    assert not loaded & {"tensorflow", "keras", "ai_edge_litert", "tflite_runtime", "scipy"}

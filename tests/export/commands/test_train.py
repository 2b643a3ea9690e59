"""`edgekit-export train` as people type it: the file, the log, the page, and every refusal in one line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgekit_export.load import load_model

if TYPE_CHECKING:
    from edgekit_export.data.dataset import DataSet
    from tests.export.conftest import RunExport

pytestmark = pytest.mark.host
pytest.importorskip("tensorflow", reason="needs TensorFlow")
COMMAND = (sys.executable, "-c", "from edgekit_export.cli import main; main()")
SMALL = ("--backbone", "small-cnn", "--size", "32", "--epochs", "2", "--batch-size", "16", "--seed", "3")


def told_to_force(output: Path) -> str:
    return f"Error: {output} exists. Pass --force to replace it, or choose another name.\n"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_writes_a_model_a_log_and_a_page(coloured: DataSet, tmp_path: Path, run_export: RunExport) -> None:
    output = tmp_path / "leaf.keras"
    done = run_export("train", coloured.root, "-o", output, *SMALL)
    assert done.returncode == 0, done.stderr
    first, *_, last = done.stdout.splitlines()
    assert first == f"{output}: small-cnn, 32x32, 3 classes"
    assert re.search(r"^test: [\d.]+% right of 12 photos \([\d.]+% to [\d.]+%\)$", done.stdout, re.MULTILINE)
    assert last == f"Next: edgekit-export convert {output} --images {coloured.root} -o {tmp_path / 'leaf.tflite'}"
    assert load_model(output).labels == ("blue", "green", "red")
    folder = tmp_path / "leaf.training"
    assert names(folder) == ["log.csv", "tensorboard", "training.html"]
    header, *rows = (folder / "log.csv").read_text().splitlines()
    assert header.startswith("phase,epoch,train_loss,train_accuracy,val_loss,val_accuracy,learning_rate,seconds")
    assert [row.split(",")[:2] for row in rows] == [["all", "1"], ["all", "2"]]
    assert [path.name.startswith("events") for path in (folder / "tensorboard").iterdir()] == [True]
    page = (folder / "training.html").read_text()
    assert last.removeprefix("Next: ") in page
    assert "<svg" in page
    again = run_export("train", coloured.root, "-o", output, *SMALL)
    assert (again.returncode, again.stderr) == (
        1,
        f"Error: {output} exists. Pass --force to replace it, or choose another name.\n",
    )


def test_the_search_and_the_training_tell_what_they_did_as_json(
    coloured: DataSet, tmp_path: Path, run_export: RunExport
) -> None:
    output = tmp_path / "leaf.keras"
    done = run_export("train", coloured.root, "-o", output, *SMALL, "--tune", "1", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["labels"] == ["blue", "green", "red"]
    assert record["photos"] == {"train": 48, "val": 12, "test": 12}
    assert [row["epoch"] for row in record["history"]] == [1, 2]
    assert "trials.log" in names(tmp_path / "leaf.training")
    assert re.search(r"^trial 1 +val [\d.]+%  \(.*dropout 0\.2", done.stderr, re.MULTILINE)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--backbone", "resnet"), "--backbone resnet: neither a file nor one of efficientnet-lite0, "),
        (("--width-multiplier", "0.5"), "--width-multiplier: small-cnn has one width only."),
        (("--resume",), "no training was stopped here. Start it without --resume."),
        (("--strategy", "multiworker"), "--strategy multiworker: TF_CONFIG is not set; expected {"),
        (("--strategy", "multiworker", "--tune", "2"), "--tune: one machine only."),
        (("--manifest", "missing.csv"), "missing.csv: No such file or directory"),
        (("--group-by", "plant"), "plant"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    coloured: DataSet,
    tmp_path: Path,
    run_export: RunExport,
    monkeypatch: pytest.MonkeyPatch,
    more: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    done = run_export("train", coloured.root, "-o", tmp_path / "leaf.keras", *SMALL, *more)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_killed_and_resumed_it_gives_the_same_file(coloured: DataSet, tmp_path: Path) -> None:
    """The real thing: a process that gets SIGKILL in the middle of an epoch."""
    code = "import edgekit_export.learn.whole as w, edgekit_export.cli as c; w._SAVE_EVERY_SECONDS = 0.0; c.main()"

    def start(output: Path, *more: str) -> subprocess.Popen[bytes]:
        arguments = ("train", str(coloured.root), "-o", str(output), *SMALL, "--epochs", "3", *more)
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    killed = start(tmp_path / "killed.keras")
    log = tmp_path / "killed.training" / "log.csv"
    deadline = time.monotonic() + 120
    while not (log.exists() and log.read_text().count("\n") >= 2) and time.monotonic() < deadline:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed.keras").exists()
    assert start(tmp_path / "killed.keras", "--resume").wait() == 0
    assert start(tmp_path / "whole.keras").wait() == 0
    import keras
    import numpy as np

    models = [keras.models.load_model(tmp_path / f"{name}.keras") for name in ("killed", "whole")]
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_two_workers_train_the_model_of_one_and_a_lost_one_is_told(
    coloured: DataSet, tmp_path: Path, free_ports: list[int]
) -> None:
    workers = [f"127.0.0.1:{port}" for port in free_ports]

    def start(index: int, name: str, epochs: int) -> subprocess.Popen[str]:
        config = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        arguments = ("train", str(coloured.root), "-o", str(tmp_path / f"{name}.keras"), *SMALL, "--json")
        return subprocess.Popen(
            [*COMMAND, *arguments, "--strategy", "multiworker", "--epochs", str(epochs), "--patience", "9999"],
            env={**os.environ, "TF_CONFIG": json.dumps(config)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    both = [start(index, "two", 2) for index in (0, 1)]
    (out, err), (nothing, _) = (process.communicate(timeout=300) for process in both)
    assert [process.returncode for process in both] == [0, 0], err
    assert nothing == ""
    alone = subprocess.run(
        [*COMMAND, "train", str(coloured.root), "-o", str(tmp_path / "one.keras"), *SMALL, "--json"],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    two, one = (json.loads(text)["history"] for text in (out, alone.stdout))
    assert two[0]["train_loss"] == pytest.approx(one[0]["train_loss"], rel=0.1)
    assert names(tmp_path / "two.training") == names(tmp_path / "one.training")

    chief, other = (start(index, "lost", 9999) for index in (0, 1))
    log = tmp_path / "lost.training" / "log.csv"
    deadline = time.monotonic() + 200
    while not (log.exists() and log.read_text().count("\n") >= 2) and time.monotonic() < deadline:
        time.sleep(0.05)
    other.kill()
    other.communicate()
    _, err = chief.communicate(timeout=200)
    assert chief.returncode == 1
    assert err.splitlines()[-1].startswith("Error: another of the 2 workers does not answer any more")
    from edgekit_export.learn.state import read_state

    state, arrays = read_state(tmp_path / "lost.training" / "state.npz")
    assert state.epoch >= 1
    assert any(name.startswith("weight") for name in arrays)

"""`edgekit classify` and `edgekit info` where a card or a file of thresholds says which answers count."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import ModelCard
from edgekit.modelfile import pack_model_file

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
SetScores = Callable[..., None]


@pytest.fixture
def one(tmp_path: Path, photo: NDArray[np.uint8]) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(photo).save(path)
    return path


@pytest.fixture
def write(tmp_path: Path, tiny_graph: bytes, tiny_card: ModelCard) -> Callable[..., Path]:
    """`write(abstain_below=0.5)`: a model file whose card says so."""

    def written(**output: Any) -> Path:
        path = tmp_path / "leaf.tflite"
        path.write_bytes(pack_model_file(tiny_graph, replace(tiny_card, output=replace(tiny_card.output, **output))))
        return path

    return written


@pytest.fixture
def model_says(monkeypatch: pytest.MonkeyPatch) -> SetScores:
    """`model_says(8, 238, 182)`: the scores, of 256, that every model gives from now on."""
    return lambda *scores: monkeypatch.setattr("edgekit.runtime.Engine.run", lambda *_: np.array([scores], np.uint8))


def state(model: Path, text: str) -> Path:
    path = model.with_suffix(".thresholds.json")
    path.write_text(text)
    return path


def rows_of(found: subprocess.CompletedProcess[str]) -> list[list[str]]:
    return list(csv.reader(io.StringIO(found.stdout)))


def test_text_says_unsure_before_the_answers_in_parentheses(
    run_edgekit: RunCommand, write: Callable[..., Path], one: Path, model_says: SetScores
) -> None:
    model = write(thresholds=(0.5, 0.8, 0.5))
    model_says(50, 190, 16)
    found = run_edgekit("classify", model, one, "--top-k", "2")
    assert (found.returncode, found.stdout, found.stderr) == (0, f"{one}: unsure (bee 74.2%, ant 19.5%)\n", "")
    model_says(190, 50, 16)
    assert run_edgekit("classify", model, one, "--top-k", "2").stdout == f"{one}: ant 74.2%, bee 19.5%\n"


def test_json_has_the_decision_behind_the_predictions(
    run_edgekit: RunCommand, write: Callable[..., Path], one: Path, model_says: SetScores
) -> None:
    model = write(abstain_below=0.6)
    for scores, decision in (((50, 190, 16), "bee"), ((120, 100, 36), "unsure")):
        model_says(*scores)
        record = json.loads(run_edgekit("classify", model, one, "--json").stdout)
        assert list(record) == ["file", "predictions", "decision", "timing_ms"]
        assert record["decision"] == decision
        assert len(record["predictions"]) == 3


def test_csv_has_the_decision_last_in_every_row_of_the_photo(
    run_edgekit: RunCommand, write: Callable[..., Path], one: Path, model_says: SetScores
) -> None:
    model_says(120, 100, 36)
    header, *rows = rows_of(run_edgekit("classify", write(abstain_below=0.6), one, "none.jpg", "--csv"))
    assert header == ["file", "rank", "class_id", "label", "score", "error", "decision"]
    assert [row[5:] for row in rows] == [["", "unsure"]] * 3 + [["none.jpg: No such file or directory", ""]]


def test_labels_are_present_by_their_thresholds(
    run_edgekit: RunCommand, write: Callable[..., Path], one: Path, model_says: SetScores
) -> None:
    model = write(activation="sigmoid", thresholds=(0.3, 0.8, 0.5))
    model_says(100, 150, 250)
    found = run_edgekit("classify", model, one)
    assert (found.stdout, found.stderr) == (f"{one}: cat, big 97.7%, ant 39.1%, (bee 58.6%)\n", "")
    assert run_edgekit("classify", model, one, "--top-k", "1").stdout == f"{one}: cat, big 97.7%, ant 39.1%\n"
    record = json.loads(run_edgekit("classify", model, one, "--json").stdout)
    assert list(record) == ["file", "predictions", "present", "timing_ms"]
    assert record["present"] == ["cat, big", "ant"]
    rows = rows_of(run_edgekit("classify", model, one, "--csv"))
    assert [(row[3], row[6]) for row in rows[1:]] == [("cat, big", "cat, big"), ("bee", ""), ("ant", "ant")]


def test_a_file_beside_the_model_is_obeyed_and_told(
    run_edgekit: RunCommand, write: Callable[..., Path], one: Path, model_says: SetScores
) -> None:
    model = write()
    model_says(50, 190, 16)
    assert "decision" not in json.loads(run_edgekit("classify", model, one, "--json").stdout)
    path = state(model, '{"thresholds": {"bee": 0.9}}')
    found = run_edgekit("classify", model, one, "--json")
    assert json.loads(found.stdout)["decision"] == "unsure"
    assert found.stderr == f"note: {model}: {path} beside it says which answers count.\n"
    found = run_edgekit("classify", model, one, one, "--top-k", "1")
    assert found.stdout == f"{one}: unsure (bee 74.2%)\n" * 2
    assert found.stderr.count("note: ") == 1


@pytest.mark.parametrize("command", [["classify", "MODEL", "PHOTO"], ["info", "MODEL"], ["info", "MODEL", "--json"]])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON in UTF-8 (Expecting property name"),
        ('{"abstain_below": 60}', "abstain_below: found 60, expected a number from 0 to 1; 60 % is 0.6."),
        ('{"thresholds": {"wasp": 0.6}}', "thresholds: unknown label 'wasp', expected one of 'ant', 'bee'"),
    ],
)
def test_a_wrong_file_is_one_error_and_no_answer(
    command: list[str], text: str, words: str, run_edgekit: RunCommand, write: Callable[..., Path], one: Path
) -> None:
    model = write()
    path = state(model, text)
    places = {"MODEL": model, "PHOTO": one}
    found = run_edgekit(*(places.get(word, word) for word in command))
    assert (found.returncode, found.stdout, found.stderr.count("\n")) == (1, "", 1)
    assert found.stderr.startswith(f"Error: {path}: {words}")


@pytest.mark.parametrize("command", [["classify", "MODEL", "PHOTO"], ["info", "MODEL"]])
def test_a_file_that_cannot_be_read_is_one_error(
    command: list[str], run_edgekit: RunCommand, write: Callable[..., Path], one: Path
) -> None:
    model = write()
    path = model.with_suffix(".thresholds.json")
    path.mkdir()
    places = {"MODEL": model, "PHOTO": one}
    found = run_edgekit(*(places.get(word, word) for word in command))
    assert (found.returncode, found.stdout, found.stderr) == (1, "", f"Error: {path}: Is a directory\n")


def test_a_label_called_unsure_is_told_once_and_answers_as_any_other(
    run_edgekit: RunCommand, write: Callable[..., Path], one: Path, model_says: SetScores
) -> None:
    model_says(20, 220, 16)
    model = write(labels=("ant", "unsure", "cat"))
    assert run_edgekit("classify", model, one, "--top-k", "1").stdout == f"{one}: unsure 85.9%\n"
    assert run_edgekit("classify", model, one).stderr == "", "without thresholds, nothing is ambiguous"
    model = write(labels=("ant", "unsure", "cat"), abstain_below=0.5)
    found = run_edgekit("classify", model, one, "--top-k", "1")
    assert found.stdout == f"{one}: unsure (unsure 85.9%)\n"
    assert found.stderr == (
        f"note: {model}: one of its labels is 'unsure', too; that decision means this label, or that no label counts.\n"
    )
    several = write(labels=("ant", "unsure", "cat"), activation="sigmoid", abstain_below=0.5)
    found = run_edgekit("classify", several, one, "--json")
    assert (json.loads(found.stdout)["present"], found.stderr) == (["unsure"], "")


def test_info_tells_the_card_and_the_file_beside_it(run_edgekit: RunCommand, write: Callable[..., Path]) -> None:
    model = write(thresholds=(0.5, 0.8, 0.5), wanted_precision=0.95)
    assert json.loads(run_edgekit("info", model, "--json").stdout)["threshold_file"] is None
    path = state(model, '{"abstain_below": 0.6}')
    record = json.loads(run_edgekit("info", model, "--json").stdout)
    assert record["threshold_file"] == {"file": str(path), "abstain_below": 0.6, "thresholds": {}}
    output = record["card"]["output"]
    assert (output["thresholds"], output["abstain_below"], output["wanted_precision"]) == ([0.5, 0.8, 0.5], 0.0, 0.95)
    text = run_edgekit("info", model).stdout
    assert "\nabstain below     60.0 %\n" in text
    assert f"\nthreshold file    {path}, in force: abstain below 60.0 %\n" in text


def test_info_takes_any_label_where_the_model_has_no_card(
    run_edgekit: RunCommand, tmp_path: Path, tiny_graph: bytes
) -> None:
    model = tmp_path / "leaf.tflite"
    model.write_bytes(tiny_graph)
    state(model, '{"thresholds": {"of --labels": 0.5}}')
    found = run_edgekit("info", model)
    assert (found.returncode, found.stderr) == (0, "")
    assert "in force: of --labels 50.0 %" in found.stdout


def test_the_selftest_is_about_raw_outputs(run_edgekit: RunCommand, write: Callable[..., Path]) -> None:
    model = write(abstain_below=1.0)
    state(model, "{")
    assert run_edgekit("selftest", model).returncode == 0

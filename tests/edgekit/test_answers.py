"""Answers as text, JSON lines and CSV."""

from __future__ import annotations

import csv
import io
import json

import pytest

from edgekit.answers import FORMATS, CsvFormat, JsonFormat, TextFormat
from edgekit.classifier import TimedPredictions, Timing
from edgekit.scores import Prediction

RUST, SPOTS = Prediction(1, "bean, rust", 0.75), Prediction(0, "spots", 0.25)
RESULT = TimedPredictions([RUST, SPOTS], Timing(1.0, 2.0, 3.00049, 6.5))
ODD_NAMES = ["a,b.jpg", 'a"b.jpg', "a\nb.jpg", "a\rb.jpg", " a .jpg", "größe 猫.jpg", "a\x1b[31mb.jpg", "a;b.jpg", "-"]


def test_text_is_one_line_for_people() -> None:
    assert TextFormat(False).success("a.jpg", RESULT) == "a.jpg: bean, rust 75.0%, spots 25.0%\n"
    assert TextFormat(False).header == ""
    unsure = TimedPredictions(RESULT.predictions, RESULT.timing_ms, decision="unsure")
    assert TextFormat(False).success("a.jpg", unsure) == "a.jpg: unsure (bean, rust 75.0%, spots 25.0%)\n"
    present = TimedPredictions(RESULT.predictions, RESULT.timing_ms, present=(RUST,))
    assert TextFormat(True).success("a.jpg", present) == "a.jpg: bean, rust 75.0%, (spots 25.0%)\n"
    TextFormat(False).failure("a.jpg", "a.jpg: damaged")


def test_json_is_one_object_a_line() -> None:
    text = JsonFormat(False).success("a.jpg", RESULT)
    assert json.loads(text) == {
        "file": "a.jpg",
        "predictions": [
            {"class_id": 1, "label": "bean, rust", "score": 0.75}, {"class_id": 0, "label": "spots", "score": 0.25},
        ],
        "timing_ms": {"decode": 1.0, "preprocess": 2.0, "invoke": 3.0, "total": 6.5},
    }  # fmt: skip
    assert text.endswith("}\n")
    assert JsonFormat(False).failure("a.jpg", "damaged") == '{"file": "a.jpg", "error": "damaged"}\n'


def test_csv_has_a_row_an_answer() -> None:
    assert CsvFormat(False).header == "file,rank,class_id,label,score,error,decision\n"
    assert CsvFormat(False).success("a.jpg", RESULT) == (
        'a.jpg,1,1,"bean, rust",0.750000,,\n'
        "a.jpg,2,0,spots,0.250000,,\n"
    )  # fmt: skip
    assert CsvFormat(False).failure("a.jpg", "damaged") == "a.jpg,,,,,damaged,\n"


@pytest.mark.parametrize("name", ODD_NAMES)
def test_every_name_is_read_back_from_csv_and_json(name: str) -> None:
    rows = CsvFormat(False).success(name, RESULT) + CsvFormat(False).failure(name, f"{name}: damaged")
    found = list(csv.reader(io.StringIO(rows, newline=""), strict=True))
    assert [row[0] for row in found] == [name] * 3
    assert found[2][5] == f"{name}: damaged"
    text = JsonFormat(False).success(name, RESULT)
    assert text.count("\n") == 1
    assert json.loads(text)["file"] == name


@pytest.mark.parametrize("style", sorted(FORMATS))
def test_every_text_is_whole_lines(style: str) -> None:
    form = FORMATS[style](False)
    texts = [form.header, form.success("a.jpg", RESULT), form.failure("a.jpg", "damaged")]
    assert all(text.endswith("\n") for text in texts if text)

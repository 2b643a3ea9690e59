"""What is printed: the summary, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from edgekit_export.assess.evaluate import Evaluation
from edgekit_export.assess.record import answers_csv, evaluation_record
from edgekit_export.assess.text import describe_evaluation

if TYPE_CHECKING:
    from tests.export.assess.conftest import ColourPredictor
    from tests.export.conftest import MakePhotos

pytest.importorskip("scipy", reason="scipy is not installed")
Evaluate = Callable[..., Evaluation]


@pytest.fixture(scope="module")
def found(
    make_photos: MakePhotos,
    tmp_path_factory: pytest.TempPathFactory,
    evaluate_colours: Evaluate,
    colours: type[ColourPredictor],
) -> Evaluation:
    """Of 24 photos every third is too dark for the model, and one cannot be read; the other model sees them all."""
    folder = make_photos(tmp_path_factory.mktemp("text") / "photos", count=8)
    for path in sorted(folder.glob("*/*"))[::3]:
        Image.fromarray(np.asarray(Image.open(path).convert("RGB")) // 6).save(path)
    (folder / "red" / "bad.jpg").write_bytes(b"no photo")
    return evaluate_colours(folder, colours(blind_below=40), colours(name="lamp.tflite"), robustness_photos=3)


def test_the_summary_says_what_a_reader_came_for(found: Evaluation) -> None:
    lines = describe_evaluation(found, report="page.html").splitlines()
    assert lines[0] == f"colours.tflite on 24 photos in {found.dataset.root}:"
    assert lines[1] == "  right on 79.2 % of 24 photos; of all such photos 59.5 to 90.8 %"
    assert lines[2] == "  clearly better than always giving the most frequent answer, which is right on 33 %"
    weakest = found.figures.weakest
    assert lines[3].startswith(f"  weakest class: {weakest.label}, recognised on ")
    assert lines[4].startswith("  scores are ")
    text = "\n".join(lines)
    assert f"  green taken for blue: {found.figures.confused[0].share.part} of 8 photos" in text
    assert "worse photos (3 photos," in text
    assert "only colours.tflite is right on 0 photos, only lamp.tflite on 5 photos (p = 0.062)" in text
    assert "skipped 1 unreadable photo:" in text
    assert lines[-1] == "Report: page.html"
    assert not any(line != line.rstrip() for line in lines)


def test_without_a_page_the_last_line_says_how_to_get_one(found: Evaluation) -> None:
    assert describe_evaluation(found, report=None).splitlines()[-1].startswith("-o REPORT.html shows")


def test_the_weakest_class_stands_first_in_the_table(found: Evaluation) -> None:
    lines = describe_evaluation(found, report=None).splitlines()
    start = next(i for i, line in enumerate(lines) if line.split() == ["photos", "recall", "precision", "F1"])
    recalls = [float(line.split()[2]) for line in lines[start + 1 : start + 4]]
    assert recalls == sorted(recalls)


def test_json_has_every_figure_and_every_answer(found: Evaluation) -> None:
    record = json.loads(json.dumps(evaluation_record(found)))
    assert record["accuracy"]["part"] == 19
    assert record["accuracy"]["value"] == pytest.approx(19 / 24, rel=1e-5)
    assert np.array(record["confusion"]).sum() == 24
    assert [one["label"] for one in record["classes"]] == ["blue", "green", "red"]
    assert len(record["answers"]) == 24
    assert sum(one["right"] for one in record["answers"]) == 19
    first = record["answers"][0]
    assert (first["file"], first["class"], first["other_answer"]) == ("blue/000.png", "blue", "blue")
    assert record["against"]["only_other_right"] == 5
    assert record["against"]["mcnemar_p"] == pytest.approx(2 / 32)
    assert {one["kind"] for one in record["robustness"]["curves"]} >= {"blur", "darker", "jpeg", "rotation"}
    assert [len(one["levels"]) for one in record["robustness"]["curves"]] == [5] * 12
    assert {one["column"] for one in record["slices"]} >= {"brightness"}
    assert record["skipped"] == [
        {"file": str(found.dataset.root / "red/bad.jpg"), "error": record["skipped"][0]["error"]}
    ]
    assert record["fingerprint_sha256"] == found.asked.fingerprint
    assert sum(one["right"]["whole"] for one in record["calibration"]["bins"]) == 24


def test_csv_has_a_line_for_each_photo(found: Evaluation) -> None:
    rows = list(csv.DictReader(io.StringIO(answers_csv(found))))
    assert len(rows) == 24
    assert list(rows[0]) == ["file", "class", "answer", "score", "right", "other_answer", "other_score", "other_right"]
    assert [row["right"] for row in rows].count("True") == 19
    assert all(row["right"] == str(row["class"] == row["answer"]) for row in rows)


def test_numbers_that_are_none_are_null_in_json(
    make_photos: MakePhotos, tmp_path: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]
) -> None:
    folder = make_photos(tmp_path / "two", count=3, classes=("blue", "green"))
    made_dark = next((folder / "green").iterdir())
    red = np.zeros((20, 15, 3), np.uint8)
    red[..., 0] = 200
    Image.fromarray(red).save(made_dark)
    record = evaluation_record(evaluate_colours(folder, colours(), robustness_photos=0))
    odd = record["classes"][2]
    assert (odd["label"], odd["recall"]["value"], odd["precision"]["value"]) == ("red", None, 0)
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert (record["robustness"], record["against"], record["labels_without_photos"]) == (None, None, ["red"])

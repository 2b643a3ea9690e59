"""`edgekit-export evaluate`: what it prints and writes, and how it fails."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from edgekit.classifier import Classifier
from edgekit_export.statistics import wilson_interval

if TYPE_CHECKING:
    from tests.conftest import RunCommand
    from tests.export.conftest import MakePhotos, RunExport

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
pytest.importorskip("scipy", reason="scipy is not installed")
pytest.importorskip("matplotlib", reason="matplotlib is not installed")

Evaluate = Callable[..., "subprocess.CompletedProcess[str]"]
ANIMALS = ("ant", "bee", "cat, big")


@pytest.fixture
def animals(tiny_path: Path, tmp_path: Path) -> Path:
    """30 photos, each in the folder of what the tiny model says of it, but for every fifth."""
    root, rng = tmp_path / "animals", np.random.default_rng(0)
    classifier = Classifier(tiny_path, runtime="litert")
    for label in ANIMALS:
        (root / label).mkdir(parents=True)
    counts = dict.fromkeys(ANIMALS, 0)
    while min(counts.values()) < 10:
        base = rng.integers(0, 256, 3)
        pixels = np.clip(base + rng.normal(0, 40, (24, 18, 3)), 0, 255).astype(np.uint8)
        answer = classifier.predict(pixels, top_k=1)[0].label
        if counts[answer] < 10:
            label = ANIMALS[(ANIMALS.index(answer) + (counts[answer] % 5 == 0)) % 3]
            Image.fromarray(pixels).save(root / label / f"{answer[:3]}{counts[answer]}.png")
            counts[answer] += 1
    return root


@pytest.fixture
def evaluate(run_export: RunExport, tiny_path: Path, animals: Path) -> Evaluate:
    """`evaluate(*options)` of the tiny model on the animals, without worse photos unless they are asked for."""

    def run(*options: str | Path, model: Path = tiny_path, folder: Path = animals) -> subprocess.CompletedProcess[str]:
        quick = () if "--robustness-photos" in options else ("--robustness-photos", "0")
        return run_export("evaluate", model, folder, *quick, *options)

    return run


def error(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """The text of the one `Error:` line, where that is all there is."""
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("Error: ").rstrip("\n")


def test_the_summary_goes_to_stdout_and_notes_to_stderr(evaluate: Evaluate, tiny_path: Path, animals: Path) -> None:
    done = evaluate()
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == f"{tiny_path} on 30 photos in {animals}:"
    assert lines[1].startswith("  right on 80.0 % of 30 photos; of all such photos 62.7 to 90.5 %")
    assert lines[-1].startswith("-o REPORT.html shows")
    assert done.stderr == "note: the photos are not split: what the model was trained on must not be among them\n"


def test_it_agrees_with_the_runner_photo_by_photo(
    evaluate: Evaluate, animals: Path, tiny_path: Path, run_edgekit: RunCommand
) -> None:
    record = json.loads(evaluate("--json").stdout)
    done = run_edgekit("classify", tiny_path, animals, "--top-k", "1", "--json", "--runtime", "litert")
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [str(animals / one["file"]) for one in record["answers"]] == [one["file"] for one in said]
    for ours, theirs in zip(record["answers"], said, strict=True):
        assert ours["answer"] == theirs["predictions"][0]["label"]
        assert ours["score"] == pytest.approx(theirs["predictions"][0]["score"], abs=1e-4)
    low, high = wilson_interval(24, 30)
    assert record["accuracy"] == pytest.approx(
        {"part": 24, "whole": 30, "value": 0.8, "low": low, "high": high}, rel=1e-5
    )


def test_its_figures_are_scikit_learns(evaluate: Evaluate) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    record = json.loads(evaluate("--json").stdout)
    truth, given = ([one[name] for one in record["answers"]] for name in ("class", "answer"))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(truth, given, labels=list(ANIMALS))
    for i, one in enumerate(record["classes"]):
        assert one["label"] == ANIMALS[i]
        found = (one["precision"]["value"], one["recall"]["value"], one["f1"]["value"], one["photos"])
        assert found == pytest.approx((precision[i], recall[i], f1[i], support[i]), rel=1e-5)
    assert record["confusion"] == metrics.confusion_matrix(truth, given, labels=list(ANIMALS)).tolist()
    assert record["macro_f1"]["value"] == pytest.approx(metrics.f1_score(truth, given, average="macro"), rel=1e-5)


def test_a_page_and_a_csv_are_written_whole_and_not_over_others(
    evaluate: Evaluate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["/bin/edgekit-export", "evaluate", "my leaf.tflite", "photos"])
    page, table = tmp_path / "report.html", tmp_path / "answers.csv"
    options = ("-o", page, "--csv", table, "--robustness-photos", "3")
    done = evaluate(*options)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == f"Report: {page}"
    assert "worse photos (3 photos" in done.stdout
    html = page.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert "<code>edgekit-export evaluate &#x27;my leaf.tflite&#x27; photos</code>" in html
    assert len(list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))) == 30
    before = page.read_bytes()
    assert error(evaluate(*options)) == f"{page} exists. Pass --force to replace it, or choose another name."
    page.unlink()
    assert error(evaluate(*options)).startswith(f"{table} exists.")
    assert evaluate(*options, "--force").returncode == 0
    assert len(page.read_bytes()) == pytest.approx(len(before), rel=0.1)
    assert {path.name for path in tmp_path.iterdir()} == {"animals", "tiny.tflite", "report.html", "answers.csv"}


def test_another_model_stands_beside_it(evaluate: Evaluate, tiny_path: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin.tflite"
    twin.write_bytes(tiny_path.read_bytes())
    record = json.loads(evaluate("--against", twin, "--json").stdout)
    assert record["against"]["mcnemar_p"] == 1
    assert record["against"]["same_answer"] == 30
    assert (record["against"]["both_right"], record["against"]["neither_right"]) == (24, 6)


def test_options_about_a_model_are_not_for_the_other(
    evaluate: Evaluate, tiny_path: Path, tiny_graph: bytes, tmp_path: Path
) -> None:
    bare, labels = tmp_path / "bare.tflite", tmp_path / "labels.txt"
    bare.write_bytes(tiny_graph)
    labels.write_text("\n".join(ANIMALS))
    done = evaluate("--labels", labels, "--against", tiny_path, "--json", model=bare)
    assert done.returncode == 0
    assert json.loads(done.stdout)["against"]["same_answer"] == 30


def test_splits_and_columns_of_a_manifest(evaluate: Evaluate, animals: Path, tmp_path: Path) -> None:
    photos = sorted(animals.glob("*/*"))
    rows = [
        f"{p.relative_to(animals).as_posix()};{p.parent.name};{'test' if i % 3 else 'train'};{'AB'[i % 2]}"
        for i, p in enumerate(photos)
    ]
    manifest = tmp_path / "list.csv"
    manifest.write_text("\n".join(["file;class;split;site", *rows]))
    record = json.loads(evaluate("--manifest", manifest, "--slice", "site", "--json").stdout)
    assert record["part"] == "test"
    assert record["accuracy"]["whole"] == 20
    assert [(one["column"], [g["group"] for g in one["groups"]]) for one in record["slices"]] == [("site", ["A", "B"])]
    whole = json.loads(evaluate("--manifest", manifest, "--split", "all", "--json").stdout)
    assert whole["accuracy"]["whole"] == 30
    assert any("photos are of train" in note for note in whole["notes"])


def test_unreadable_photos_are_skipped_counted_and_no_error(evaluate: Evaluate, animals: Path) -> None:
    (animals / "ant" / "zzz.jpg").write_bytes(b"no photo")
    done = evaluate()
    assert done.returncode == 0
    assert "skipped 1 unreadable photo:" in done.stdout
    assert "zzz.jpg: found a text file" in done.stdout


def test_only_unreadable_photos_are_an_error(evaluate: Evaluate, animals: Path) -> None:
    for path in animals.glob("*/*"):
        path.write_bytes(b"no photo")
    assert error(evaluate()).startswith("none of the 30 photos can be read, the first: ")


def test_classes_that_the_model_does_not_know(evaluate: Evaluate, animals: Path) -> None:
    (animals / "dog").mkdir()
    Image.new("RGB", (20, 20)).save(animals / "dog" / "1.png")
    text = error(evaluate())
    assert text.startswith(
        "1 photos are of class 'dog', which tiny.tflite does not know; it knows 'ant', 'bee', 'cat, big'."
    )
    done = evaluate("--ignore-unknown-classes")
    assert done.returncode == 0
    assert "note: left out 1 photos of class 'dog': tiny.tflite does not know them" in done.stderr


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--slice", "farm"), "no column 'farm' to slice by; there are "),
        (("--split", "test"), "no photos of test; it has no splits"),
        (("--input-range", "0..1"), "carries its own labels and preprocessing; leave --input-range out"),
        (("--manifest", "missing.csv"), "missing.csv: No such file or directory"),
        (("--against", "missing.tflite"), "missing.tflite: No such file or directory"),
        (("--labels", "missing.txt"), "missing.txt: No such file or directory"),
        (("-o", "missing/report.html"), "missing/report.html: cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_line(options: tuple[str, ...], text: str, evaluate: Evaluate) -> None:
    assert text in error(evaluate(*options))


def test_a_folder_without_photos_is_one_line(evaluate: Evaluate, tmp_path: Path) -> None:
    (tmp_path / "empty" / "ant").mkdir(parents=True)
    assert "no photos in sub-folders" in error(evaluate(folder=tmp_path / "empty"))
    assert "found nothing, expected a folder" in error(evaluate(folder=tmp_path / "nowhere"))


def test_a_model_that_is_none_is_one_line(evaluate: Evaluate, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(b"\x1c\0\0\0TFL3 and then nothing")
    assert error(evaluate(model=bad)).startswith(f"{bad}: ")
    assert not list(tmp_path.glob("*.html"))


def test_wrong_usage_is_2(evaluate: Evaluate) -> None:
    assert evaluate("--split", "half").returncode == 2
    assert evaluate("--robustness-photos", "-1").returncode == 2


@pytest.mark.host
def test_a_keras_model_beside_its_own_export(
    colour_file: Path, exported_path: Path, make_photos: MakePhotos, run_export: RunExport, tmp_path: Path
) -> None:
    make_photos(tmp_path / "photos" / "train", count=8)
    make_photos(tmp_path / "photos" / "test", count=5, seed=3)
    done = run_export(
        "evaluate", colour_file, tmp_path / "photos", "--against", exported_path, "--robustness-photos", "3", "--json"
    )
    assert done.returncode == 0
    record = json.loads(done.stdout)
    assert (record["accuracy"]["value"], record["against"]["accuracy"]["value"]) == (1, 1)
    assert record["part"] == "test"
    assert "note: the order of the colour channels: RGB" in done.stderr
    assert "found on 24 photos of train" in done.stderr
    assert record["robustness"]["unchanged"]["value"] == 1

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit import Classifier, __version__
from edgekit.card import ModelCard, OutputSpec
from edgekit.modelfile import pack_model_file
from edgekit.runtime import RuntimeName

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def photos(tmp_path: Path, photo: NDArray[np.uint8]) -> Path:
    """A folder: b.png, a/inner.png, a text file that only sounds like a photo, and one that does not."""
    folder = tmp_path / "photos"
    (folder / "a").mkdir(parents=True)
    Image.fromarray(photo).save(folder / "b.png")
    Image.fromarray(255 - photo).save(folder / "a" / "inner.png")
    (folder / "c.jpg").write_text("no photo")
    (folder / "notes.txt").write_text("no photo")
    return folder


@pytest.fixture
def one(photos: Path) -> Path:
    return photos / "b.png"


def only_one_error_line(found: "subprocess.CompletedProcess[str]") -> str:
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("Error: ")
    assert found.stderr.count("\n") == 1
    return found.stderr


def test_text_names_file_labels_and_percentages(run_edgekit: RunCommand, tiny_path: Path, one: Path) -> None:
    found = run_edgekit("classify", tiny_path, one, "--top-k", "2")
    expected = ", ".join(f"{p.label} {p.score:.1%}" for p in Classifier(tiny_path).predict(one, top_k=2))
    assert (found.returncode, found.stdout, found.stderr) == (0, f"{one}: {expected}\n", "")


def test_json_is_one_object_a_line(run_edgekit: RunCommand, tiny_path: Path, photos: Path) -> None:
    found = run_edgekit("classify", tiny_path, photos, "--json")
    records = [json.loads(line) for line in found.stdout.splitlines()]
    assert [record["file"] for record in records] == [str(photos / name) for name in ("a/inner.png", "b.png", "c.jpg")]
    assert set(records[0]) == {"file", "predictions", "timing_ms"}
    assert set(records[0]["predictions"][0]) == {"class_id", "label", "score"}
    assert list(records[0]["timing_ms"]) == ["decode", "preprocess", "invoke", "total"]
    best = Classifier(tiny_path).predict(photos / "b.png")[0]
    rounded = {"class_id": best.class_id, "label": best.label, "score": round(best.score, 6)}
    assert records[1]["predictions"][0] == rounded
    assert set(records[2]) == {"file", "error"}
    assert "expected a photo" in records[2]["error"]
    assert (found.returncode, found.stderr) == (4, "")


def test_csv_has_a_header_and_quotes_what_needs_it(run_edgekit: RunCommand, tiny_path: Path, photos: Path) -> None:
    found = run_edgekit("classify", tiny_path, photos / "b.png", photos / "c.jpg", "--csv")
    assert '"cat, big"' in found.stdout
    header, *rows = csv.reader(io.StringIO(found.stdout))
    assert header == ["file", "rank", "class_id", "label", "score", "error", "decision"]
    assert [row[1] for row in rows] == ["1", "2", "3", ""]
    assert {row[3] for row in rows} == {"ant", "bee", "cat, big", ""}
    assert sum(float(row[4]) for row in rows[:3]) == pytest.approx(1, abs=0.02)
    assert rows[3][0] == str(photos / "c.jpg")
    assert "expected a photo" in rows[3][5]
    assert {row[6] for row in rows} == {""}, "nobody decided where there are no thresholds"
    assert found.returncode == 4


def test_a_folder_is_walked_in_sorted_order_and_the_rest_is_done(
    run_edgekit: RunCommand, tiny_path: Path, photos: Path
) -> None:
    found = run_edgekit("classify", tiny_path, photos)
    assert [line.split(": ")[0] for line in found.stdout.splitlines()] == [
        str(photos / "a" / "inner.png"),
        str(photos / "b.png"),
    ]
    assert found.returncode == 4
    assert found.stderr.startswith(f"Error: {photos / 'c.jpg'}: found a text file of 8 bytes, expected a photo")
    assert found.stderr.count("\n") == 1


def test_missing_photos_are_told_and_the_rest_is_done(run_edgekit: RunCommand, tiny_path: Path, one: Path) -> None:
    found = run_edgekit("classify", tiny_path, "none.jpg", one)
    assert (found.returncode, found.stdout.count("\n")) == (4, 1)
    assert found.stderr == "Error: none.jpg: No such file or directory\n"


def test_standard_input_is_a_photo_named_dash(run_edgekit: RunCommand, tiny_path: Path, one: Path) -> None:
    found = run_edgekit("classify", tiny_path, "-", stdin=one.read_bytes())
    same = run_edgekit("classify", tiny_path, one)
    assert found.stdout.removeprefix("-") == same.stdout.removeprefix(str(one))
    assert run_edgekit("classify", tiny_path, "-", stdin=b"").returncode == 4


def test_a_folder_without_photos_is_one_error(run_edgekit: RunCommand, tiny_path: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no photos in this folder; looked for .avif" in only_one_error_line(
        run_edgekit("classify", tiny_path, tmp_path / "empty")
    )


@pytest.mark.parametrize("command", [["classify", "MODEL", "x.jpg"], ["info", "MODEL"], ["selftest", "MODEL"]])
def test_a_missing_or_wrong_model_is_one_error(command: list[str], run_edgekit: RunCommand, tmp_path: Path) -> None:
    def run(path: Path) -> str:
        return only_one_error_line(run_edgekit(*(str(path) if word == "MODEL" else word for word in command)))

    page = tmp_path / "page.tflite"
    page.write_text("<html>404</html>")
    assert run(tmp_path / "none.tflite") == f"Error: {tmp_path / 'none.tflite'}: No such file or directory\n"
    assert run(page) == f"Error: {page}: an HTML page of 16 bytes, not a TFLite model. Pass a .tflite file.\n"
    assert run(tmp_path) == f"Error: {tmp_path}: Is a directory\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["classify"],
        ["classify", "MODEL"],
        ["classify", "MODEL", "PHOTO", "--top-k", "0"],
        ["classify", "MODEL", "PHOTO", "--threads", "0"],
        ["classify", "MODEL", "PHOTO", "--runtime", "onnx"],
        ["classify", "MODEL", "PHOTO", "--input-range", "0..1"],
        ["classify", "MODEL", "PHOTO", "--labels", "LABELS"],
        ["classify", "FOREIGN", "PHOTO", "--labels", "LABELS", "--input-range", "bright"],
        ["info"],
        ["selftest", "MODEL", "--nonsense"],
        ["fly"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(
    *, arguments: list[str], run_edgekit: RunCommand, tiny_path: Path, tiny_graph: bytes, one: Path, tmp_path: Path
) -> None:
    foreign, labels = tmp_path / "foreign.tflite", tmp_path / "labels.txt"
    foreign.write_bytes(tiny_graph)
    labels.write_text("a\nb\nc\n")
    places = {"MODEL": tiny_path, "PHOTO": one, "LABELS": labels, "FOREIGN": foreign}
    found = run_edgekit(*(places.get(word, word) for word in arguments))
    assert (found.returncode, found.stdout) == (2, "")
    assert "Error: " in found.stderr
    assert "Traceback" not in found.stderr


def test_assumptions_about_a_foreign_file_go_to_stderr(
    run_edgekit: RunCommand, tiny_graph: bytes, one: Path, tmp_path: Path
) -> None:
    foreign, labels = tmp_path / "foreign.tflite", tmp_path / "labels.txt"
    foreign.write_bytes(tiny_graph)
    labels.write_text("a\nb\nc\n")
    found = run_edgekit("classify", foreign, one, "--labels", labels, "--json")
    assert [p["label"] for p in json.loads(found.stdout)["predictions"]] != []
    assert found.stderr.splitlines() == [
        f"note: {foreign}: its uint8 input takes raw pixels 0..255; --input-range says otherwise.",
        f"note: {foreign}: the whole photo is stretched to 12x16, bilinear, antialiased.",
    ]
    missing = run_edgekit("classify", foreign, one, "--labels", tmp_path / "none.txt")
    assert only_one_error_line(missing).endswith("none.txt: No such file or directory\n")
    labels.write_text("a\nb\n")
    assert "found 2 labels for 3 outputs" in only_one_error_line(
        run_edgekit("classify", foreign, one, "--labels", labels)
    )


@pytest.mark.parametrize(
    "text", ["0 leaf\n1 rust\n2 dust\n", '{"dust": 2, "leaf": 0, "rust": 1}', "id,name\n1,rust\n0,leaf\n2,dust\n"]
)
def test_labels_may_come_in_other_forms(
    text: str, run_edgekit: RunCommand, tiny_graph: bytes, one: Path, tmp_path: Path
) -> None:
    foreign, labels = tmp_path / "foreign.tflite", tmp_path / "labels"
    foreign.write_bytes(tiny_graph)
    labels.write_text(text)
    found = run_edgekit("classify", foreign, one, "--labels", labels, "--json")
    names = {p["class_id"]: p["label"] for p in json.loads(found.stdout)["predictions"]}
    assert names == {0: "leaf", 1: "rust", 2: "dust"}
    labels.write_text('["leaf", 1]')
    wrong = run_edgekit("classify", foreign, one, "--labels", labels)
    assert only_one_error_line(wrong) == f"Error: {labels}: item 1: found 1, expected a label in quotes.\n"


@pytest.fixture
def diseases(tmp_path: Path, tiny_graph: bytes, tiny_card: ModelCard) -> Path:
    """A multi-label model."""
    path = tmp_path / "diseases.tflite"
    card = replace(tiny_card, output=OutputSpec("probabilities", "sigmoid", ("healthy", "rust", "spots")))
    path.write_bytes(pack_model_file(tiny_graph, card))
    return path


@pytest.mark.parametrize(
    ("scores", "top_k", "line"),
    [
        ((8, 238, 182), 3, "rust 93.0%, spots 71.1%, (healthy 3.1%)"),
        ((8, 238, 182), 2, "rust 93.0%, spots 71.1%"),
        ((8, 238, 182), 1, "rust 93.0%, spots 71.1%"),
        ((8, 128, 127), 3, "rust 50.0%, (spots 49.6%, healthy 3.1%)"),
        ((8, 128, 127), 2, "rust 50.0%, (spots 49.6%)"),
        ((8, 13, 3), 2, "(rust 5.1%, healthy 3.1%)"),
        ((200, 201, 202), 3, "spots 78.9%, rust 78.5%, healthy 78.1%"),
    ],
)
def test_labels_that_are_present_stand_before_the_others_in_parentheses(
    scores: tuple[int, ...], top_k: int, line: str, run_edgekit: RunCommand, diseases: Path, one: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("edgekit.runtime.Engine.run", lambda *_: np.array([scores], np.uint8))
    found = run_edgekit("classify", diseases, one, "--top-k", str(top_k))
    assert (found.returncode, found.stdout, found.stderr) == (0, f"{one}: {line}\n", "")


def test_json_and_csv_hold_every_label_that_is_present(
    run_edgekit: RunCommand, diseases: Path, tiny_path: Path, one: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgekit.runtime.Engine.run", lambda *_: np.array([[8, 238, 182]], np.uint8))
    record = json.loads(run_edgekit("classify", diseases, one, "--json", "--top-k", "1").stdout)
    assert list(record) == ["file", "predictions", "present", "timing_ms"]
    assert record["present"] == ["rust", "spots"]
    assert [p["label"] for p in record["predictions"]] == ["rust", "spots"]
    record = json.loads(run_edgekit("classify", diseases, one, "--json").stdout)
    assert (record["present"], len(record["predictions"])) == (["rust", "spots"], 3)
    rows = list(csv.reader(io.StringIO(run_edgekit("classify", diseases, one, "--csv", "--top-k", "1").stdout)))
    assert rows[0] == ["file", "rank", "class_id", "label", "score", "error", "decision"]
    assert [row[1:4] + row[6:] for row in rows[1:]] == [["1", "1", "rust", "rust"], ["2", "2", "spots", "spots"]]
    assert "present" not in json.loads(run_edgekit("classify", tiny_path, one, "--json").stdout)
    monkeypatch.setattr("edgekit.runtime.Engine.run", lambda *_: np.array([[8, 3, 2]], np.uint8))
    assert json.loads(run_edgekit("classify", diseases, one, "--json").stdout)["present"] == []


def test_info_prints_rows_or_one_json_object(run_edgekit: RunCommand, tiny_path: Path) -> None:
    text, record = run_edgekit("info", tiny_path), run_edgekit("info", tiny_path, "--json")
    assert (text.returncode, text.stderr, record.stderr) == (0, "", "")
    assert "labels" in text.stdout
    assert json.loads(record.stdout)["card"]["name"] == "tiny"


def test_selftest_passes_and_says_which_family(
    run_edgekit: RunCommand, runtime_name: RuntimeName, tiny_path: Path
) -> None:
    found = run_edgekit("selftest", tiny_path, "--runtime", runtime_name)
    assert (found.returncode, found.stderr) == (0, "")
    first, second = found.stdout.splitlines()
    assert first.startswith(f"{tiny_path}: self-test passed on ")
    assert first.endswith(", 8 golden inputs")
    assert "kernels" in second
    record = json.loads(run_edgekit("selftest", tiny_path, "--runtime", runtime_name, "--json").stdout)
    assert (record["file"], record["passed"], record["vectors"]) == (str(tiny_path), True, 8)


def test_selftest_exits_with_1_where_the_outputs_differ(
    run_edgekit: RunCommand, tiny_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgekit.runtime.Engine.run", lambda *_: np.zeros((1, 3), np.uint8))
    found = run_edgekit("selftest", tiny_path)
    assert found.returncode == 1
    assert "self-test FAILED" in found.stdout
    assert found.stderr.startswith(f"Error: {tiny_path}: the outputs are not the proven ones")
    record = json.loads(run_edgekit("selftest", tiny_path, "--json").stdout)
    assert (record["passed"], record["family"]) == (False, None)


def test_selftest_without_golden_vectors_is_one_error(
    run_edgekit: RunCommand, tmp_path: Path, without_golden: bytes
) -> None:
    path = tmp_path / "plain.tflite"
    path.write_bytes(without_golden)
    assert "carries no golden vectors" in only_one_error_line(run_edgekit("selftest", path))


def test_a_runtime_that_is_missing_is_one_error(
    run_edgekit: RunCommand, tiny_path: Path, one: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgekit.runtime.installed_runtimes", lambda: ())
    text = only_one_error_line(run_edgekit("classify", tiny_path, one))
    assert text == f"Error: {tiny_path}: no TFLite runtime is installed. Run: pip install ai-edge-litert\n"


def test_help_and_version_answer(run_edgekit: RunCommand) -> None:
    assert run_edgekit("--version").stdout == f"edgekit, version {__version__}\n"
    for command in ("classify", "info", "selftest"):
        assert f"Example: edgekit {command} leaf.tflite" in run_edgekit(command, "--help").stdout


def fresh(*arguments: Any, **options: Any) -> "subprocess.CompletedProcess[str]":
    code = "from edgekit.cli import main; main()"
    words = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False, **options)


def test_native_libraries_write_nothing_to_stderr(runtime_name: RuntimeName, tiny_path: Path, one: Path) -> None:
    for command in (["classify", tiny_path, one], ["selftest", tiny_path]):
        found = fresh(*command, "--runtime", runtime_name)
        assert (found.returncode, found.stderr) == (0, "")


def test_labels_outside_the_terminals_charset_do_not_stop_it(tiny_graph: bytes, one: Path, tmp_path: Path) -> None:
    foreign, labels = tmp_path / "foreign.tflite", tmp_path / "labels.txt"
    foreign.write_bytes(tiny_graph)
    labels.write_text("leaf\n日本\nc\n", encoding="utf-8")
    found = fresh("classify", foreign, one, "--labels", labels, env={**os.environ, "PYTHONIOENCODING": "latin-1"})
    assert found.returncode == 0
    assert "\\u65e5\\u672c" in found.stdout

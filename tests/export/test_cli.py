"""The command `edgekit-export`: what it prints and where, what it writes, and how it fails."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgekit import cli as edgekit_cli
from edgekit_export.pipeline import ExportResult
from edgekit_export.report import describe_evidence
from tests.export.conftest import error, essence

if TYPE_CHECKING:
    from tests.conftest import RunCommand
    from tests.export.conftest import MakePhotos, Nets, RunExport

COMMAND = (sys.executable, "-c", "from edgekit_export.cli import main; main()")
CREDITS = ("--license", "CC0-1.0", "--author", "nobody")
Convert = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def convert(run_export: RunExport, colour_file: Path, photos: Path, out: Path) -> Convert:
    """`convert(*options)` of the network that sees colours, into `out/colour.tflite`."""

    def run(*options: str | Path) -> subprocess.CompletedProcess[str]:
        return run_export("convert", colour_file, "--images", photos, "-o", out / "colour.tflite", *options)

    return run


@pytest.mark.host
def test_a_fresh_process_writes_the_file_and_says_so(
    exported: ExportResult, colour_file: Path, photos: Path, out: Path, tmp_path: Path, run_edgekit: RunCommand,
    nets: Nets, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """And the same bytes as another process; what it prints is read by people, so no library adds a word."""
    (tmp_path / "tmp").mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    done = subprocess.run(
        [*COMMAND, "convert", colour_file, "--images", photos, "-o", "colour.tflite", *CREDITS],
        env={**environment, "TMPDIR": str(tmp_path / "tmp")},
        cwd=out,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "".join(f"note: {note}\n" for note in exported.notes))
    assert sorted(path.name for path in out.iterdir()) == ["colour.report.html", "colour.tflite"]
    assert list((tmp_path / "tmp").iterdir()) == []
    made = (out / "colour.tflite").read_bytes()
    assert essence(made) == essence(exported.model_file)
    lines = done.stdout.splitlines()
    assert lines[0] == f"colour.tflite: {len(made):,} bytes, int8, 3 classes"
    assert lines[1] == "input: 16x12x3 raw pixels; trained on 0..255 (the model's own preprocessing)"
    assert exported.card.provenance is not None
    evidence = [line for one in exported.card.provenance.evidence for line in describe_evidence(one)]
    assert len(evidence) > 6  # two tables: channel orders, and views
    assert lines[2 : 2 + len(evidence)] == evidence
    rest = lines[2 + len(evidence) :]
    assert rest[:2] == [
        "calibrated on 12 photos", "search with effort default, on 12 photos for choosing (float 100.0 %):",
    ]  # fmt: skip
    assert re.fullmatch(r"  int8 +100.0 % +100.0 % +\d+ kB +\d\S* ms +chosen", rest[3])
    assert rest[4] == "verified on 12 photos that calibration never saw:"
    assert rest[6].split() == ["float", "100.0", "%", "Keras", nets.keras.__version__]
    assert lines[-1] == "Next: edgekit selftest colour.tflite"
    monkeypatch.chdir(out)
    assert run_edgekit(*lines[-1].split()[2:]).returncode == 0


@pytest.mark.host
def test_the_runner_classifies_with_the_file(exported_path: Path, photos: Path, run_edgekit: RunCommand) -> None:
    done = run_edgekit("classify", exported_path, photos, "--top-k", "1", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(records) == 36
    assert all(r["predictions"][0]["label"] == Path(r["file"]).parent.name for r in records)
    assert edgekit_cli.EXIT_UNREADABLE_PHOTOS == 4


@pytest.mark.host
def test_json_is_one_object_with_everything(convert: Convert, out: Path, exported: ExportResult) -> None:
    (out / "colour.tflite").write_bytes(b"old")
    assert "colour.tflite exists. Pass --force to replace it" in error(convert("--json"))
    assert (out / "colour.tflite").read_bytes() == b"old"
    done = convert("--json", "--force", *CREDITS)
    assert done.returncode == 0
    record = json.loads(done.stdout)
    assert list(record) == [
        "file",
        "size_bytes",
        "drop_points",
        "search",
        "flipped",
        "skipped",
        "duplicates",
        "contradictions",
        "notes",
        "card",
    ]
    assert (record["file"], record["drop_points"]) == (str(out / "colour.tflite"), 0)
    assert record["size_bytes"] == (out / "colour.tflite").stat().st_size
    assert record["card"] == json.loads(exported.card.to_json())
    assert done.stdout.count("\n") == 1
    assert essence((out / "colour.tflite").read_bytes()) == essence(exported.model_file)


@pytest.mark.host
@pytest.mark.parametrize("as_json", [False, True])
def test_a_loss_beyond_the_budget_writes_no_file(
    nets: Nets, run_export: RunExport, photos: Path, out: Path, tmp_path: Path, as_json: bool
) -> None:
    nets.brittle().save(tmp_path / "brittle.keras")
    words = ["convert", tmp_path / "brittle.keras", "--images", photos, "-o", out / "b.tflite"]
    words += ["--max-drop", "2.5", "--recipe", "int8"]
    done = run_export(*words, *(["--json"] if as_json else []))
    assert done.returncode == 3
    assert done.stderr.startswith("Error: the recipe int8: on photos for choosing, it loses ")
    assert "allowed are 2.5" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in out.iterdir()] == ["b.report.html"]
    assert "not" in (out / "b.report.html").read_text()
    if as_json:
        record = json.loads(done.stdout)
        assert (record["file"], record["verification"]["float_correct"]) == (str(out / "b.tflite"), 12)
        assert f"Error: {record['error']}\n" == done.stderr
    else:
        assert done.stdout.startswith("the recipe asked for, on 12 photos for choosing (float 100.0 %):\n")
        assert re.search(r"^  int8 .* missed: it loses", done.stdout, re.MULTILINE)
        assert "\nverified on 12 photos" in done.stdout
        assert "\nclasses whose accuracy changed (" in done.stdout
        assert "\nphotos whose answer flipped (" in done.stdout


@pytest.mark.host
def test_options_reach_the_card(
    nets: Nets, run_export: RunExport, tmp_path: Path, make_photos: MakePhotos, out: Path
) -> None:
    """A range that begins with a dash, as its own word; numbered labels from a file; photos to verify on."""
    model, labels = tmp_path / "raw.keras", tmp_path / "labels.txt"
    nets.colour(mean=127.5, std=127.5).save(model)
    labels.write_text("2 coal\n0 zinc\n1 leaf\n")
    images = make_photos(tmp_path / "a", 4, ("coal", "leaf", "zinc")[::-1])
    held = make_photos(tmp_path / "b", 4, ("zinc", "leaf", "coal"), seed=5)
    done = run_export(
        *("convert", model, "--images", images, "--verify", held, "--labels", labels, "--input-range", "-1..1"),
        *(
            "--fit",
            "pad",
            "--resize-kernel",
            "nearest",
            "--decode",
            "exact",
            "--calibration-images",
            "6",
            "--verification-images",
            "9",
        ),
        *("--seed", "7", "--name", "metal", "--max-drop", "0", "--json", "-o", out / "m.tflite"),
    )
    assert done.returncode == 0
    card = json.loads(done.stdout)["card"]
    assert (card["name"], card["output"]["labels"]) == ("metal", ["zinc", "leaf", "coal"])
    assert [card["input"][name] for name in ("fit", "resize_kernel", "decode")] == ["pad", "nearest", "exact"]
    assert "decode" not in card["verification"]
    assert (card["provenance"]["input_range"], card["provenance"]["input_range_source"]) == ("-1..1", "given")
    assert (card["calibration"]["images"], card["calibration"]["seed"]) == (6, 7)
    assert (card["verification"]["photos"]["images"], card["verification"]["float_correct"]) == (6, 6)  # of 12
    assert card["verification"]["max_drop_points"] == 0


def make(out: Path, name: str) -> Path:
    """The output of that name in a place that cannot be written to."""
    (out / "folder.tflite").mkdir()
    (out / "file").touch()
    return out / name


@pytest.mark.host
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing/x.tflite", "cannot be written: No such file or directory. Choose another place."),
        ("folder.tflite", "exists. Pass --force"),
        ("file/x.tflite", "Not a directory"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_told_first(
    run_export: RunExport, nets: Nets, out: Path, tmp_path: Path, name: str, reason: str
) -> None:
    done = run_export("convert", tmp_path / "no.keras", "--images", tmp_path / "no", "-o", make(out, name))
    assert reason in error(done)
    if name == "folder.tflite":
        done = run_export("convert", "no.keras", "--images", "no", "-o", out / name, "--force")
        assert "is a folder, expected the name of a file" in error(done)
    assert sorted(path.name for path in out.iterdir()) == ["file", "folder.tflite"]


@pytest.mark.host
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told_first(run_export: RunExport, nets: Nets, out: Path) -> None:
    out.chmod(0o555)
    done = run_export("convert", "no.keras", "--images", "no", "-o", out / "x.tflite")
    assert "Permission denied" in error(done)


@pytest.mark.host
@pytest.mark.parametrize(
    ("option", "reason"),
    [
        (("--images", "missing"), "missing: found nothing, expected a folder with one sub-folder a class."),
        (("--verify", "missing"), "missing: found nothing"),
        (("--labels", "missing"), "missing: No such file or directory"),
        (("--labels", "two.txt"), "the model has 3 outputs, --labels has 2 labels"),
        (("--labels", "empty.txt"), "empty.txt: found no label"),
        (
            ("--labels", "other.txt"),
            "class folder 'green' is none of the model's labels (blue, grass, red, from --labels)",
        ),
        (
            ("--verify", "wasps"),
            "class folder 'ant' is none of the model's labels (blue, green, red, from the folders)",
        ),
        (("--labels", "gap.txt"), "gap.txt: no label for id 1."),
        (("--activation", "sigmoid"), "colour.keras: --activation sigmoid: the model itself ends in a softmax."),
        (("--output-name", "mood"), "colour.keras: --output-name: it has no output 'mood'. Its outputs: "),
        (("--input-range", "mean=1,2/std=3"), "colour.keras: --input-range: 'mean=1,2/std=3'; mean and std take"),
        (("--input-range", "0-1"), "colour.keras: --input-range: '0-1'; expected 0..255"),
    ],
)
def test_an_error_is_one_line_and_no_file(
    convert: Convert, out: Path, tmp_path: Path, make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch,
    option: tuple[str, str], reason: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for name, text in (
        ("two", "blue\nred\n"),
        ("empty", "\n"),
        ("other", "blue\ngrass\nred\n"),
        ("gap", "0: blue\n2: red\n"),
    ):
        Path(f"{name}.txt").write_text(text)
    make_photos(Path("wasps"), classes=("ant", "wasp"), count=1)
    assert reason in error(convert(*option))
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["convert", "cnn.keras"],
        ["convert", "cnn.keras", "--images", "p", "-o", "x", "--max-drop", "-1"],
        ["convert", "cnn.keras", "--images", "p", "-o", "x", "--fit", "squeeze"],
        ["convert", "cnn.keras", "--images", "p", "-o", "x", "--calibration-images", "0"],
        ["convert", "cnn.keras", "--images", "p", "-o", "x", "--channel-order", "GBR"],
        ["convert", "cnn.keras", "--images", "p", "-o", "x", "--activation", "relu"],
        ["convert", "cnn.keras", "--images", "p", "-o", "x", "--resize-kernel", "lanczos"],
        *(
            ["convert", "cnn.keras", "--images", "p", "-o", "x", "--input-size", size]
            for size in ("", "x", "96x", "x96", "0x96", "1", "-5", "9.5", "96x96x3", "96 128", "small")
        ),
        ["inspect"],
        ["explode"],
    ],
)
def test_wrong_usage_is_exit_code_2(run_export: RunExport, words: list[str]) -> None:
    done = run_export(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: " in done.stderr


@pytest.mark.host
@pytest.mark.parametrize("as_json", [False, True])
def test_an_undecided_range_shows_what_was_tried_and_writes_no_file(
    nets: Nets, run_export: RunExport, photos: Path, out: Path, tmp_path: Path, as_json: bool
) -> None:
    nets.colour().save(tmp_path / "raw.keras")
    words = ["convert", tmp_path / "raw.keras", "--images", photos, "-o", out / "x.tflite"]
    done = run_export(*words, *(["--json"] if as_json else []))
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {tmp_path / 'raw.keras'}: nothing in the model tells which pixel values it")
    assert "on 12 photos for calibration" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(out.iterdir()) == []
    if as_json:
        record = json.loads(done.stdout)
        assert list(record) == ["file", "error", "evidence"]
        assert (record["file"], f"Error: {record['error']}\n") == (str(out / "x.tflite"), done.stderr)
        assert len(record["evidence"]["rows"]) == 10
        assert "chosen" not in record["evidence"]
    else:
        lines = done.stdout.splitlines()
        assert lines[0].startswith("what the model was trained on, tried with the float model on photos")
        assert lines[0].endswith(": nothing is clearly best")
        assert lines[1].split() == ["photos", "accuracy", "mean", "confidence"]
        assert len(lines) == 12
        assert "*" not in done.stdout


FULL_DISK = """
import pickle, resource, sys
from edgekit_export import pipeline
result = pickle.loads(open(sys.argv.pop(1), "rb").read())
pipeline.export_model = lambda *_, **__: result
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
from edgekit_export.cli import main
main()
"""


@pytest.mark.host
@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_full_disk_leaves_nothing_behind(exported: ExportResult, tmp_path: Path, out: Path) -> None:
    assert len(exported.model_file) > 4096
    (tmp_path / "result").write_bytes(pickle.dumps(exported))
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / "result", "convert", "x.keras", "--images", "x", "-o", "x.tflite"],
        cwd=out,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert error(done) == "File too large"
    assert list(out.iterdir()) == []

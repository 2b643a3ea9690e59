"""`edgekit classify` on many photos: in order, as they come, into a file, and on where it was cut off."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from PIL import Image

from edgekit import Classifier
from edgekit.ahead import AHEAD
from edgekit.classifier import TimedPredictions

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
PROGRAM = "from edgekit.cli import main; main()"
COUNT = 12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Photos 00.png to 11.png, all different."""
    place = tmp_path / "photos"
    place.mkdir()
    chance = np.random.default_rng(3)
    for number in range(COUNT):
        Image.fromarray(chance.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(place / f"{number:02}.png")
    return place


def names(folder: Path, *numbers: int) -> list[str]:
    return [str(folder / f"{number:02}.png") for number in numbers or range(COUNT)]


def files_in(text: str) -> list[str]:
    """The photos of CSV, each once, in order."""
    return list(dict.fromkeys(row[0] for row in list(csv.reader(io.StringIO(text, newline="")))[1:]))


def start(
    *arguments: str | os.PathLike[str], stdout: int | IO[str], stderr: int = subprocess.PIPE
) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    return subprocess.Popen(words, stdout=stdout, stderr=stderr, text=True)


@pytest.mark.parametrize("workers", ["1", "2", "5"])
def test_answers_come_in_order_whatever_the_number_of_threads(
    workers: str, run_edgekit: RunCommand, tiny_path: Path, folder: Path
) -> None:
    found = run_edgekit("classify", tiny_path, folder, "--csv", "--workers", workers)
    classifier = Classifier(tiny_path)
    rows = list(csv.reader(io.StringIO(found.stdout)))[1:]
    assert (found.returncode, found.stderr) == (0, "")
    assert [(row[0], row[3], row[4]) for row in rows] == [
        (name, p.label, f"{p.score:.6f}") for name in names(folder) for p in classifier.predict(name)
    ]


@pytest.mark.parametrize("style", ["--csv", "--json"])
def test_photos_that_cannot_be_read_stand_among_the_others(
    style: str, run_edgekit: RunCommand, tiny_path: Path, folder: Path
) -> None:
    (folder / "05.png").write_text("no photo")
    (folder / "07a.png").symlink_to(folder / "nowhere")
    found = run_edgekit("classify", tiny_path, folder, style)
    lines = found.stdout.splitlines()
    errors = [line for line in lines if "expected a photo" in line or "No such file" in line]
    assert (found.returncode, found.stderr, len(errors)) == (4, "", 2)
    assert f"{folder / '05.png'}: found a text file" in errors[0]
    assert lines.index(errors[0]) < lines.index(errors[1])


def test_photos_are_looked_for_no_further_ahead_than_the_bound(
    run_edgekit: RunCommand, tiny_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = written = 0
    furthest = []

    def endless(_: str) -> Iterator[Path]:
        nonlocal found
        for number in range(500):
            found += 1
            yield folder / f"{number % COUNT:02}.png"

    def write(_: object, source: str, result: TimedPredictions) -> str:
        nonlocal written
        furthest.append(found - written)
        written += 1
        return f"{source}\n"

    monkeypatch.setattr("edgekit.walk.find_photos", endless)
    monkeypatch.setattr("edgekit.answers.TextFormat.success", write)
    done = run_edgekit("classify", tiny_path, folder, "--workers", "2")
    assert (done.returncode, written) == (0, 500)
    assert max(furthest) <= AHEAD * 2 + 1, "one more was looked for to see whether the folder is empty"


def test_a_folder_that_cannot_be_listed_is_told_and_the_rest_is_done(
    run_edgekit: RunCommand, tiny_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "05").mkdir()
    monkeypatch.setattr("edgekit.walk._can_be_listed", lambda _: False)
    found = run_edgekit("classify", tiny_path, folder)
    assert (found.returncode, found.stdout.count("\n")) == (4, COUNT)
    assert found.stderr == f"Error: {folder / '05'}: Is a directory\n"


def test_a_runtime_that_fails_ends_it_with_one_error_line(
    run_edgekit: RunCommand, tiny_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgekit.runtime.Engine.run", lambda *_: np.zeros((1, 4), np.uint8))
    found = run_edgekit("classify", tiny_path, folder)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == "Error: the model gave 4 scores for 3 labels. Export it again.\n"


@pytest.mark.parametrize(
    "words", ["--csv answers.csv", "--csv=answers.csv", "--csv -o answers.csv", "-o answers.csv --csv"]
)
def test_the_file_holds_what_would_be_printed(
    words: str, run_edgekit: RunCommand, tiny_path: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (folder / "05.png").write_text("no photo")
    printed = run_edgekit("classify", tiny_path, folder, "--csv", "--top-k", "2")
    found = run_edgekit("classify", tiny_path, folder, *words.split(), "--top-k", "2")
    assert (found.returncode, found.stdout, printed.returncode) == (4, "", 4)
    assert Path("answers.csv").read_text() == printed.stdout
    assert found.stderr == "note: answers.csv: 11 photos answered now, 0 before; 1 could not be read.\n"


@pytest.mark.parametrize("words", ["--json answers.jsonl", "--json answers.json", "--json -o answers.csv"])
def test_json_lines_go_into_a_file_too(
    words: str, run_edgekit: RunCommand, tiny_path: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_edgekit("classify", tiny_path, folder, *words.split()).returncode == 0
    records = [json.loads(line) for line in Path(words.rsplit(maxsplit=1)[-1]).read_text().splitlines()]
    assert [record["file"] for record in records] == names(folder)
    assert run_edgekit("classify", tiny_path, folder, *words.split(), "--resume").returncode == 0


def test_csv_and_json_stay_flags_before_models_and_photos(
    run_edgekit: RunCommand, tiny_path: Path, folder: Path
) -> None:
    photo = names(folder, 0)[0]
    usual = run_edgekit("classify", tiny_path, photo, "--csv").stdout
    assert run_edgekit("classify", "--csv", tiny_path, photo).stdout == usual
    assert run_edgekit("classify", tiny_path, "--csv", photo).stdout == usual
    assert run_edgekit("classify", "--json", tiny_path, photo).stdout.startswith('{"file"')


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("PHOTO -o answers.csv", "-o needs --csv or --json"),
        ("PHOTO --csv --resume", "--resume and --force need a file"),
        ("PHOTO --force", "--resume and --force need a file"),
        ("PHOTO --csv answers.csv --resume --force", "choose one"),
        ("PHOTO - --csv answers.csv --resume", "cannot know a photo from standard input"),
        ("PHOTO --csv answers.csv -o", "requires an argument"),
        ("PHOTO --workers 0", "0 is not in the range"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_written(
    words: str, says: str, run_edgekit: RunCommand, tiny_path: Path, folder: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    found = run_edgekit("classify", tiny_path, *words.replace("PHOTO", names(folder, 0)[0]).split())
    assert (found.returncode, found.stdout) == (2, "")
    assert says in found.stderr
    assert not Path("answers.csv").exists()


def test_a_run_goes_on_where_another_ended(
    run_edgekit: RunCommand, tiny_path: Path, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "answers.csv"
    printed = run_edgekit("classify", tiny_path, folder, "--csv").stdout
    run_edgekit("classify", tiny_path, *names(folder, 0, 1, 2, 3), "--csv", path)
    found = run_edgekit("classify", tiny_path, folder, "--csv", path, "--resume")
    assert (found.returncode, path.read_text()) == (0, printed)
    assert found.stderr == f"note: {path}: 8 photos answered now, 4 before; 0 could not be read.\n"
    again = run_edgekit("classify", tiny_path, folder, "--csv", path, "--resume")
    assert (again.returncode, path.read_text()) == (0, printed)
    assert "0 photos answered now, 12 before" in again.stderr


def test_a_photo_that_could_not_be_read_is_tried_again(
    run_edgekit: RunCommand, tiny_path: Path, folder: Path, tmp_path: Path
) -> None:
    path, photo = tmp_path / "answers.csv", folder / "05.png"
    good = photo.read_bytes()
    photo.write_text("no photo")
    for words in (["--csv", path], ["--csv", path, "--resume"]):
        found = run_edgekit("classify", tiny_path, folder, *words)
        assert found.returncode == 4
        assert path.read_text().count("expected a photo") == 1
        assert files_in(path.read_text()).count(str(photo)) == 1
    photo.write_bytes(good)
    assert run_edgekit("classify", tiny_path, folder, "--csv", path, "--resume").returncode == 0
    assert "expected a photo" not in path.read_text()
    assert sorted(files_in(path.read_text())) == names(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("--top-k", "1"), "made with top_k 3, now it is 1"),
        ((), None),
        (("--workers", "1", "--threads", "2"), None),
    ],
)
def test_a_file_goes_on_only_with_what_changes_no_answer(
    change: tuple[str, ...], says: str | None, run_edgekit: RunCommand, tiny_path: Path, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "answers.csv"
    run_edgekit("classify", tiny_path, folder, "--csv", path)
    before = path.read_text()
    found = run_edgekit("classify", tiny_path, folder, "--csv", path, "--resume", *change)
    assert found.returncode == (1 if says else 0)
    assert path.read_text() == before
    if says:
        assert found.stderr.startswith(f"Error: {path}: {says}")
        assert found.stderr.count("\n") == 1


def test_another_model_or_other_thresholds_are_refused(
    run_edgekit: RunCommand, tiny_path: Path, without_golden: bytes, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "answers.csv"
    run_edgekit("classify", tiny_path, folder, "--csv", path)
    tiny_path.with_suffix(".thresholds.json").write_text('{"abstain_below": 0.6}')
    found = run_edgekit("classify", tiny_path, folder, "--csv", path, "--resume")
    assert 'made with thresholds null, now it is {"abstain_below": 0.6, "thresholds": {}}' in found.stderr
    tiny_path.with_suffix(".thresholds.json").unlink()
    tiny_path.write_bytes(without_golden)
    found = run_edgekit("classify", tiny_path, folder, "--csv", path, "--resume")
    assert found.returncode == 1
    assert "made with model_sha256 " in found.stderr


def test_names_that_are_relative_mean_other_photos_in_another_folder(
    run_edgekit: RunCommand, tiny_path: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "answers.csv"
    monkeypatch.chdir(tmp_path)
    assert run_edgekit("classify", tiny_path, "photos", "--csv", path).returncode == 0
    assert run_edgekit("classify", tiny_path, "./photos", "--csv", path, "--resume").returncode == 0
    (tmp_path / "day2").mkdir()
    (tmp_path / "day2" / "photos").symlink_to(folder)
    monkeypatch.chdir(tmp_path / "day2")
    found = run_edgekit("classify", tiny_path, "photos", "--csv", path, "--resume")
    assert found.returncode == 1
    assert "made with folder " in found.stderr


def test_nothing_is_replaced_without_force(
    run_edgekit: RunCommand, tiny_path: Path, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("mine")
    found = run_edgekit("classify", tiny_path, folder, "--csv", path)
    assert (found.returncode, path.read_text()) == (1, "mine")
    assert found.stderr.startswith(f"Error: {path} exists. Pass --resume to go on with it")
    assert run_edgekit("classify", tiny_path, folder, "--csv", path, "--force").returncode == 0
    assert len(files_in(path.read_text())) == COUNT


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal of POSIX")
def test_an_interrupt_loses_nothing_that_was_printed(tiny_path: Path, folder: Path) -> None:
    for number in range(3000):
        os.link(folder / f"{number % COUNT:02}.png", folder / f"x{number:04}.png")
    many = [str(path) for path in sorted(folder.iterdir())]
    with start("classify", tiny_path, folder, "--json", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        seen = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    found = [json.loads(line)["file"] for line in [*seen, *rest.splitlines()]]
    assert process.returncode == 130
    assert errors.strip() == "Interrupted."
    assert 5 <= len(found) < len(many)
    assert found == many[: len(found)]


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals of POSIX")
@pytest.mark.parametrize("how", ["SIGINT", "SIGKILL"])
def test_a_run_that_was_stopped_goes_on_and_every_photo_is_there_once(
    how: str, run_edgekit: RunCommand, tiny_path: Path, folder: Path, tmp_path: Path
) -> None:
    for number in range(3000):
        os.link(folder / f"{number % COUNT:02}.png", folder / f"x{number:04}.png")
    printed = run_edgekit("classify", tiny_path, folder, "--csv").stdout
    path = tmp_path / "answers.csv"
    codes = []
    for _ in range(3):
        size = path.stat().st_size if path.exists() else 0
        with start("classify", tiny_path, folder, "--csv", path, "--resume", stdout=subprocess.PIPE) as process:
            while process.poll() is None and (not path.exists() or path.stat().st_size < size + 3000):
                time.sleep(0.001)
            process.send_signal(getattr(signal, how))
            process.communicate(timeout=60)
        codes.append(process.returncode)
    assert codes == [130 if how == "SIGINT" else -9] * 3
    assert run_edgekit("classify", tiny_path, folder, "--csv", path, "--resume").returncode == 0
    assert path.read_text() == printed


def seen_on_a_terminal(stdout_too: bool, *arguments: str | os.PathLike[str]) -> tuple[str, str]:
    """What a terminal shows that is standard error, and perhaps standard output; and what standard output gave else."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    ours, theirs = pty.openpty()
    with start(*arguments, stdout=theirs if stdout_too else subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:
            pass  # Linux says in this way that the other side has closed
        out = process.stdout.read() if process.stdout else ""
    os.close(ours)
    assert process.returncode == 4
    return shown.decode().replace("\r\n", "\n"), out


def test_a_bar_is_shown_on_a_terminal_where_results_go_elsewhere(tiny_path: Path, folder: Path) -> None:
    (folder / "05.png").write_text("no photo")
    shown, out = seen_on_a_terminal(False, "classify", tiny_path, folder)
    assert "12/12" in shown
    assert f"\x1b[2KError: {folder / '05.png'}: found a text file" in shown
    assert out.count("\n") == COUNT - 1


def test_results_on_a_terminal_stand_there_without_a_bar(tiny_path: Path, folder: Path) -> None:
    (folder / "05.png").write_text("no photo")
    shown, _ = seen_on_a_terminal(True, "classify", tiny_path, folder)
    assert "12/12" not in shown
    assert [line.split(": ")[0] for line in shown.splitlines()] == [
        *names(folder, 0, 1, 2, 3, 4), "Error", *names(folder, 6, 7, 8, 9, 10, 11)
    ]  # fmt: skip


def test_the_bar_counts_what_is_left_to_do(
    tiny_path: Path, folder: Path, tmp_path: Path, run_edgekit: RunCommand
) -> None:
    path = tmp_path / "answers.csv"
    (folder / "05.png").write_text("no photo")
    run_edgekit("classify", tiny_path, *names(folder, 0, 1, 2), "--csv", path)
    shown, _ = seen_on_a_terminal(False, "classify", tiny_path, folder, "--csv", path, "--resume")
    assert "9/9" in shown
    assert "/12" not in shown

"""Manners of a command line: one-line errors, exit codes, never a traceback."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from edgekit.console import describe_error, loading, note, printable, quiet_native_code, run, show_error
from edgekit.errors import EdgekitError, ImageError, ModelFileError


class BudgetError(EdgekitError):
    """An error with its own exit code, as the exporter has."""

    exit_code = 3


@click.group()
def cli() -> None:
    """A command line that can go wrong in every way."""


@cli.command()
@click.argument("kind")
def fail(kind: str) -> None:
    errors: dict[str, BaseException] = {
        "image": ImageError("leaf.jpg: found a text file.\nTake another."),
        "model": ModelFileError("m.tflite: damaged"),
        "budget": BudgetError("lost 2 points"),
        "missing": FileNotFoundError(2, "No such file or directory", "leaf.jpg"),
        "line break": FileNotFoundError(2, "No such file or directory", "le\naf.jpg"),
        "no name": OSError(28, "No space left on device"),
        "plain": FileExistsError("m.tflite exists."),
        "interrupt": KeyboardInterrupt(),
        "abort": click.Abort(),
        "usage": click.UsageError("no such range"),
    }
    raise errors[kind]


@cli.command()
@click.argument("code", type=int)
def answer(code: int) -> int | None:
    click.echo("an answer")
    return code or None


def test_names_cannot_command_the_terminal() -> None:
    assert printable("a leaf é 葉.jpg") == "a leaf é 葉.jpg"
    assert printable("x\x1b[2J\ty\n\x9b") == r"x\x1b[2J\ty\n\x9b"


@pytest.mark.parametrize(
    ("arguments", "code", "stderr"),
    [
        (["fail", "image"], 1, "Error: leaf.jpg: found a text file. Take another.\n"),
        (["fail", "model"], 1, "Error: m.tflite: damaged\n"),
        (["fail", "budget"], 3, "Error: lost 2 points\n"),
        (["fail", "missing"], 1, "Error: leaf.jpg: No such file or directory\n"),
        (["fail", "line break"], 1, "Error: le af.jpg: No such file or directory\n"),
        (["fail", "no name"], 1, "Error: No space left on device\n"),
        (["fail", "plain"], 1, "Error: m.tflite exists.\n"),
        (["fail", "abort"], 130, "Interrupted.\n"),
        (["fail", "interrupt"], 130, "\nInterrupted.\n"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(
    arguments: list[str], code: int, stderr: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        run(cli, arguments)
    assert left.value.code == code
    assert capsys.readouterr() == ("", stderr)


@pytest.mark.parametrize(
    "arguments", [["fail", "usage"], ["fail"], ["nonsense"], ["answer", "x"], ["answer", "--nonsense", "1"]]
)
def test_wrong_usage_is_exit_code_2_with_one_error_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        run(cli, arguments)
    assert left.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("Error: ") == 1
    assert shown.err.startswith("Usage: ")


@pytest.mark.parametrize("arguments", [["--help"], ["answer", "--help"], ["answer", "0"]])
def test_success_is_exit_code_0(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run(cli, arguments)
    assert left.value.code == 0
    assert capsys.readouterr().err == ""


def test_an_integer_that_a_command_returns_is_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run(cli, ["answer", "4"])
    assert left.value.code == 4
    assert capsys.readouterr() == ("an answer\n", "")


PROGRAM = """
import sys
import click
from edgekit.console import quiet_native_code, run
@click.command()
@click.argument("what")
def cli(what):
    with quiet_native_code():
        print("noise", file=sys.stderr)
    sys.stdin.readline()
    {"echo": click.echo, "print": print, "endless": endless}[what]("größe 猫")
def endless(text):
    while True:
        click.echo(text)
run(cli)
"""


def environment(charset: str = "utf-8") -> dict[str, str]:
    """With a buffered stdout, as users have it: what is printed reaches the pipe when it is flushed."""
    return {**os.environ, "PYTHONIOENCODING": charset, "PYTHONUNBUFFERED": ""}


def start(what: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    worker = [sys.executable, "-W", "error", "-c", PROGRAM, what]
    pipe = subprocess.PIPE
    return subprocess.Popen(worker, stdin=pipe, stdout=stdout, stderr=pipe, env=environment())


@pytest.mark.parametrize("what", ["echo", "print"])
def test_a_pipe_that_closed_before_the_answer_ends_the_command_in_silence(what: str) -> None:
    with start(what) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        _, stderr = process.communicate(b"\n", timeout=60)
    assert (process.returncode, stderr) == (1, b"")


def test_a_reader_that_has_seen_enough_ends_the_command_in_silence() -> None:
    with start("endless") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdin = None
        assert process.stdout.readline() == "größe 猫\n".encode()
        process.stdout.close()
        process.stdout = None
        _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("what", ["echo", "print"])
def test_a_full_disk_behind_stdout_is_one_error_line(what: str) -> None:
    with Path("/dev/full").open("wb") as full, start(what, stdout=full.fileno()) as process:
        _, stderr = process.communicate(b"\n", timeout=60)
    assert (process.returncode, stderr) == (1, b"Error: No space left on device\n")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that closes streams")
@pytest.mark.parametrize(("closed", "answer_seen"), [(">&-", ""), ("2>&-", "größe 猫\n"), (">&- 2>&-", "")])
def test_closed_streams_are_as_good_as_the_null_device(closed: str, answer_seen: str) -> None:
    shell = ["/bin/sh", "-c", f'"$0" -c "$1" echo {closed}', sys.executable, PROGRAM]
    done = subprocess.run(shell, input=b"\n", capture_output=True, env=environment(), timeout=60, check=False)
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, answer_seen, b"")


@pytest.mark.parametrize("charset", ["ascii", "latin-1", "utf-8"])
def test_labels_outside_the_charset_of_the_terminal_are_no_error(charset: str) -> None:
    worker = [sys.executable, "-c", PROGRAM, "print"]
    done = subprocess.run(worker, input=b"\n", capture_output=True, env=environment(charset), timeout=60, check=True)
    assert done.stdout.decode(charset).strip() == "größe 猫".encode(charset, "backslashreplace").decode(charset)
    assert done.stderr == b""


@pytest.mark.parametrize("error", [None, ImageError("damaged")])
def test_nothing_is_searched_for_garbage_while_loading(error: ImageError | None) -> None:
    try:
        with contextlib.suppress(ImageError), loading():
            assert not gc.isenabled()
            loaded: list[list[int]] = [[]] * 10
            if error:
                raise error
        assert gc.isenabled()
        assert not any(item is loaded for item in gc.get_objects()), "later searches leave out what was loaded"
    finally:
        gc.unfreeze()


def test_native_noise_is_silenced_and_stderr_restored(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_native_code():
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"


def test_stderr_is_restored_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ImageError), quiet_native_code():
        raise ImageError
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"


def test_notes_and_errors_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    note("the fit was assumed")
    show_error("leaf.jpg: damaged")
    assert capsys.readouterr() == ("", "note: the fit was assumed\nError: leaf.jpg: damaged\n")


def test_an_error_without_text_is_still_described() -> None:
    assert describe_error(OSError(13, "Permission denied", b"leaf.jpg")) == "b'leaf.jpg': Permission denied"
    assert describe_error(FileNotFoundError(2, "No such file", "")) == ": No such file"

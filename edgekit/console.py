"""Manners of a command line, for `edgekit` and `edgekit-export`: one-line errors, exit codes, quiet native code."""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

import click

from edgekit.errors import EdgekitError

EXIT_ERROR = 1
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells count


def run(command: click.Command, arguments: Sequence[str] | None = None) -> None:
    """Run a command line and leave the process: errors in one line, never a traceback.

    Args:
        command: The click command or group; what it returns, if an integer, is the exit code.
        arguments: Instead of `sys.argv[1:]`.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell with >&-
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a label outside the terminal's charset is no error
    atexit.register(gc.freeze)  # a tenth of a cold start: no last search for cycles in memory that goes back anyway
    code = _exit_code(command, arguments)
    try:
        sys.stdout.flush()
    except OSError:
        # The disk is full or the reader gone: keep Python from trying again at exit, which ends in exit code 120.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)


def _exit_code(command: click.Command, arguments: Sequence[str] | None) -> int:
    try:
        result = command.main(arguments, standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return EXIT_ERROR  # the reader, such as `head`, has seen enough
    except (EdgekitError, OSError) as error:
        show_error(describe_error(error))
        return getattr(error, "exit_code", EXIT_ERROR)
    return result if isinstance(result, int) else 0


def show_error(text: str) -> None:
    """One `Error:` line on stderr."""
    click.echo(f"Error: {text}", err=True)


def describe_error(error: EdgekitError | OSError) -> str:
    """The error in one line; for a system error, the file and the reason without its number."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    return " ".join(text.split())


def printable(line: str) -> str:
    r"""A line of text without signs that command a terminal, as names of files may hold them: they are shown instead.

    >>> printable("leaf\x1b[31m.jpg")
    'leaf\\x1b[31m.jpg'
    """
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in line)


def note(text: str) -> None:
    """One note on stderr."""
    click.echo(f"note: {text}", err=True)


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Load modules and a model without a search for garbage: a twentieth of a cold start.

    Python looks for cycles whenever some hundred objects are new, and what is loaded here stays: nothing is found, and
    later searches leave it out.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def quiet_native_code() -> Iterator[TextIO]:
    """Keep native libraries from writing to stderr meanwhile; Python's own stderr goes the same way.

    LiteRT greets with an INFO line whenever it is loaded, TensorFlow with a dozen. For command lines only: it
    redirects the file descriptor of the whole process. The value is the real stderr, for progress bars.
    """
    sys.stderr.flush()
    saved, devnull = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(devnull, 2)
        with os.fdopen(os.dup(saved), "w", buffering=1, encoding="utf-8", errors="replace") as terminal:
            yield terminal
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(devnull)

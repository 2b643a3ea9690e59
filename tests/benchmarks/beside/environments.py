"""Environments of their own for programs that edgekit is compared with: made once, with pinned versions, from PyPI."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_READY = "ready"
_PROBE = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"


class NotAvailableError(Exception):
    """A contender cannot take part; the text is the reason, for people."""


@dataclass(frozen=True)
class Environment:
    """What to install, and the versions of Python that all of it has wheels for, preferred first."""

    requirements: tuple[str, ...]
    pythons: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Of the requirements: another pin is another environment."""
        return hashlib.sha256("\n".join(self.requirements).encode()).hexdigest()[:12]


def make_environment(environment: Environment, name: str, folder: Path) -> Path:
    """The Python of an environment below `folder`, which is made unless it is there whole.

    Raises:
        NotAvailableError: no such Python, or its packages cannot be had.
        OSError: the folder cannot be written.
    """
    version, interpreter = find_python(environment.pythons)
    place = folder / f"{name}-py{version}-{environment.digest}"
    python = place / "bin" / "python"
    if (place / _READY).exists():
        return python
    shutil.rmtree(place, ignore_errors=True)  # what an interrupted run has left
    place.parent.mkdir(parents=True, exist_ok=True)
    print(f"Installing {', '.join(environment.requirements)} for Python {version} ...", file=sys.stderr, flush=True)
    run([interpreter, "-m", "venv", str(place)])
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    run([*pip, *environment.requirements])
    (place / _READY).touch()
    return python


def find_python(versions: Sequence[str]) -> tuple[str, str]:
    """The first of some versions ("3.11") that is here with what makes environments, and its interpreter.

    Raises:
        NotAvailableError: none of them is here.
    """
    for version in versions:
        for interpreter in _candidates(version):
            if _version_of(interpreter) == version:
                return version, interpreter
    msg = f"no Python {' or '.join(versions)} with its venv module is here"
    raise NotAvailableError(msg)


def run(command: Sequence[str]) -> None:
    """Run a program to its end.

    Raises:
        NotAvailableError: it failed; the text is what it said last.
    """
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotAvailableError(last_words(done.stderr) or f"{command[0]} ended with {done.returncode}")


def last_words(text: str) -> str:
    """What a program complained of: its last line with "error" in it, else its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or [""])[-1]


def _candidates(version: str) -> Iterator[str]:
    yield sys.executable
    for folder in os.get_exec_path():
        found = shutil.which(f"python{version}", path=folder)
        if found:
            yield found
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for installed in sorted(root.glob(f"versions/{version}.*/bin/python"), reverse=True):
        yield str(installed)


def _version_of(interpreter: str) -> str:
    """Empty for one that cannot make environments, such as a shim of pyenv for a version that is not chosen."""
    try:
        done = subprocess.run([interpreter, "-c", _PROBE], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""

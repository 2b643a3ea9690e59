"""`make` picks a Python by itself, and says in one line what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None or os.name != "posix", reason="needs make and a shell")


def interpreter(folder: Path, name: str, *, version: str, has_venv: bool) -> Path:
    """A stand-in for a Python that prints its version and either has a venv module or has none."""
    script = folder / name
    script.write_text(
        "#!/bin/sh\n"
        'case "$2" in\n'
        f"*version_info*) echo {version} ;;\n"
        f"*venv*) exit {0 if has_venv else 1} ;;\n"
        f'*) [ "$1" = -m ] && mkdir -p .venv/bin && ln -s {sys.executable} .venv/bin/python ;;\n'
        "esac\n"
    )
    script.chmod(0o755)
    return script


def make(folder: Path, *arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "Makefile", folder)
    system = os.pathsep.join(["/usr/local/bin", "/usr/bin", "/bin"]) if path is None else f"{path}"
    program = shutil.which("make") or "make"
    return subprocess.run(
        [program, ".venv/bin/python", *arguments], cwd=folder, capture_output=True, text=True, env={"PATH": system}
    )


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with what the Makefile's shell needs and no Python."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("sh", "rm", "mkdir", "ln"):
        (folder / name).symlink_to(shutil.which(name) or name)
    return folder


def test_an_unsupported_python_is_named_with_what_is_needed(tmp_path: Path, tools: Path) -> None:
    interpreter(tools, "python3", version="3.9", has_venv=True)
    done = make(tmp_path, path=tools)
    assert done.returncode != 0
    assert done.stderr.startswith(
        "Error: edgekit needs Python 3.10 to 3.13, found: python3=3.9. Install one, or: make "
    )
    assert not (tmp_path / ".venv").exists()


def test_a_python_without_venv_asks_for_the_package(tmp_path: Path, tools: Path) -> None:
    interpreter(tools, "python3", version="3.12", has_venv=False)
    done = make(tmp_path, path=tools)
    assert done.stderr.startswith("Error: python3 has no venv module. Run: sudo apt install python3-venv\n")


def test_the_best_supported_python_of_several_is_taken(tmp_path: Path, tools: Path) -> None:
    interpreter(tools, "python3", version="3.14", has_venv=True)
    interpreter(tools, "python3.11", version="3.11", has_venv=False)
    interpreter(tools, "python3.12", version="3.12", has_venv=True)
    interpreter(tools, "python3.13", version="3.13", has_venv=True)
    done = make(tmp_path, path=tools)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Making .venv with python3.12 (3.12)\n"


def test_a_named_python_is_the_only_candidate(tmp_path: Path, tools: Path) -> None:
    chosen = interpreter(tmp_path, "mine", version="3.10", has_venv=True)
    interpreter(tools, "python3.11", version="3.11", has_venv=True)
    done = make(tmp_path, f"PYTHON={chosen}", path=tools)
    assert done.stdout == f"Making .venv with {chosen} (3.10)\n"

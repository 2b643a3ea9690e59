"""A device install from the wheel, in environments of its own: what a Pi gets, on each Python that is here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "tests" / "data" / "digits.tflite"
PHOTO = ROOT / "tests" / "data" / "digit_7.png"
HOST_ONLY = ("tensorflow", "tensorflow-cpu", "keras", "tf-keras", "h5py", "mlxtend")

pytestmark = pytest.mark.slow


def interpreters() -> list[str]:
    """The running Python, and one of another kind: tflite-runtime and numpy 1 up to 3.11, LiteRT and numpy 2 above."""
    other = "python3.13" if sys.version_info < (3, 12) else "python3.11"
    found = [sys.executable]
    if shutil.which(other) and subprocess.run([other, "-c", "import ensurepip"], capture_output=True).returncode == 0:
        found.append(other)
    return found


def pip(python: Path | str, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode and not os.environ.get("CI"):
        pytest.skip(f"no package index here: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip(sys.executable, "wheel", "--no-deps", "-w", str(folder), str(ROOT))
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session", params=interpreters(), ids=lambda python: Path(python).name)
def device(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of a fresh environment with the wheel in it, and nothing else asked for."""
    folder = tmp_path_factory.mktemp("device")
    subprocess.run([request.param, "-m", "venv", str(folder)], check=True)
    commands = folder / "bin"
    pip(commands / "python", "install", str(wheel))
    return commands


def run(command: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run([str(command), *arguments], capture_output=True, text=True, env=clean, cwd=command.parent)


def test_the_wheel_holds_the_two_packages_and_nothing_generic(wheel: Path) -> None:
    top = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"edgekit", "edgekit_export"}


def test_a_device_install_brings_nothing_of_the_host(device: Path) -> None:
    names = run(device / "python", "-m", "pip", "list", "--format=freeze").stdout.lower().splitlines()
    installed = {line.partition("==")[0] for line in names}
    assert "edgekit-tflite" in installed
    assert not installed & set(HOST_ONLY)


def test_a_device_install_repeats_the_proof_and_classifies(device: Path) -> None:
    proof = run(device / "edgekit", "selftest", str(MODEL))
    assert proof.returncode == 0, proof.stderr
    assert "self-test passed" in proof.stdout
    answer = run(device / "edgekit", "classify", str(MODEL), str(PHOTO), "--top-k", "1")
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    assert f"{PHOTO}: 7 " in answer.stdout


def test_the_exporter_without_tensorflow_prints_the_install_line(device: Path, tmp_path: Path) -> None:
    done = run(device / "edgekit-export", "convert", "cnn.keras", "--images", "x", "-o", str(tmp_path / "y.tflite"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "pip install 'edgekit-tflite[export]'" in done.stderr
    assert run(device / "edgekit-export", "--help").returncode == 0

"""A 64-bit Arm system to run Python in, made of Debian packages and wheels below one folder.

Nothing is installed, no root is needed, and nothing outside the folder is touched. It holds Debian 12 with its Python
3.11 for arm64; the wheels that a Raspberry Pi gets, of the same versions as this Python has; and two emulators: that of
Debian 13, because LiteRT crashes in the one of Debian 12 (7.2), and that of Debian 12, because it alone can count
instructions. Needs x86-64 Debian, or a system with its apt-get, dpkg-deb and keyring.
"""

from __future__ import annotations

import hashlib
import platform
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

MIRROR = "http://deb.debian.org/debian"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
COUNTER = Path(__file__).with_name("count.c")
_TFLITE = "tflite-runtime"
# What the runner needs, and its tests. The first are taken in the versions that this Python has, so that nothing but
# the processor differs.
_SAME = ("ai-edge-litert", "click", "flatbuffers", "hypothesis", "numpy", "pillow", "pytest", _TFLITE)
_EMULATOR = "usr/bin/qemu-aarch64"
_MORE = ("pytest-xdist",)
# pip takes a level of glibc by its name only; Debian 12 has 2.36.
_GLIBC = (17, 26, 27, 28, 31, 34, 35, 36)


class ArmError(Exception):
    """The system cannot be made; the text is the reason, for people."""


@dataclass(frozen=True)
class ArmSystem:
    """What there is in the folder.

    Attributes:
        python: Python as any other, for subprocesses, too: it is a script that starts the emulator.
        tflite: The folder with tflite-runtime, for PYTHONPATH. It stands alone because its import on Arm makes the
            whole process treat the smallest floats as 0, which some tests cannot bear.
        counting: Words to which a command of Python is appended; it counts instructions, but cannot run LiteRT. Empty
            without a C compiler.
    """

    python: Path
    tflite: Path
    counting: tuple[str, ...]


def build(folder: Path) -> ArmSystem:
    """The system at `folder`, made unless it is there whole.

    Raises:
        ArmError: something that it is made of, or with, cannot be had.
        OSError: the folder cannot be written.
    """
    requirements = [*(f"{name}=={version}" for name, version in _versions().items()), *_MORE]
    mark = folder / "made-of"
    recipe = hashlib.sha256("\n".join([*requirements, Path(__file__).read_text()]).encode()).hexdigest()
    if not mark.exists() or mark.read_text() != recipe:
        check_tools()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _say("Fetching Debian 12 for arm64, qemu and wheels ...")
        arm = folder / "arm64"
        _unpack(_fetch(folder, "bookworm", "arm64", ["python3.11", "libstdc++6"]), arm)
        _unpack(_fetch(folder, "trixie", "amd64", ["qemu-user"], alone=True), folder / "qemu-10", f"./{_EMULATOR}")
        _unpack(_fetch(folder, "bookworm", "amd64", ["qemu-user"]), folder / "qemu-7")
        _install_wheels(requirements, folder, arm / "usr" / "lib" / "python3" / "dist-packages")
        for packages in ("apt", "wheels"):
            shutil.rmtree(folder / packages)
        mark.write_text(recipe)
    return ArmSystem(_launcher(folder), folder / _TFLITE, _counting(folder))


def check_tools() -> None:
    """Raise `ArmError` where this machine cannot make or run the system."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        msg = f"Arm is emulated on x86-64 Linux, this is {platform.system()} {platform.machine()}."
        raise ArmError(msg)
    missing = [tool for tool in ("apt-get", "dpkg-deb", "tar") if not shutil.which(tool)]
    if missing:
        msg = f"{', '.join(missing)} not found: the system is made of Debian packages."
        raise ArmError(msg)
    if not KEYRING.exists():
        msg = f"{KEYRING} is missing. Run: sudo apt install debian-archive-keyring"
        raise ArmError(msg)


def launcher_text(emulator: Path, root: Path) -> str:
    """A shell script that is Python on Arm. Python takes its own name for its place, so subprocesses start it, too."""
    words = [str(emulator), "-L", str(root)]
    python = shlex.quote(str(root / "usr" / "bin" / "python3.11"))
    return f'#!/bin/sh\nexec {shlex.join(words)} -0 "$0" {python} "$@"\n'


def _versions() -> dict[str, str]:
    found = {}
    for name in _SAME:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError as error:
            msg = f"{name} is not installed here, so nothing can be compared with it. Run: make arm"
            raise ArmError(msg) from error
    return found


def _fetch(folder: Path, suite: str, architecture: str, packages: Sequence[str], *, alone: bool = False) -> list[Path]:
    """Debian packages, with all that they need unless `alone`, by an apt that knows nothing of this system."""
    state = folder / "apt" / f"{suite}-{architecture}"
    for part in ("lists/partial", "cache/archives/partial"):
        (state / part).mkdir(parents=True)
    (state / "status").touch()
    sources = state / "sources.list"
    sources.write_text(f"deb [arch={architecture} signed-by={KEYRING}] {MIRROR} {suite} main\n")
    settings = {
        "Dir::State": state,
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "",
    }
    apt = [
        "apt-get",
        "--quiet",
        "--yes",
        *(word for item in settings.items() for word in ("-o", "=".join(map(str, item)))),
    ]
    _run([*apt, "update"], state)
    if alone:
        _run([*apt, "download", *packages], state)
        return sorted(state.glob("*.deb"))
    _run([*apt, "install", "--download-only", "--no-install-recommends", *packages], state)
    return sorted((state / "cache" / "archives").glob("*.deb"))


def _unpack(packages: Sequence[Path], root: Path, *members: str) -> None:
    """Lay packages over each other, or some files of them; none of their scripts is run."""
    root.mkdir()
    for package in packages:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as unpacked:
            words = ["tar", "-x", "-C", str(root), "--keep-directory-symlink", "--no-same-owner", *members]
            done = subprocess.run(words, stdin=unpacked.stdout, capture_output=True, text=True, check=False)
        if done.returncode or unpacked.returncode:
            msg = f"{package.name} cannot be unpacked: {done.stderr.strip()}"
            raise ArmError(msg)


def _install_wheels(requirements: Sequence[str], folder: Path, target: Path) -> None:
    wheels = folder / "wheels"
    platforms = [f"manylinux_2_{minor}_aarch64" for minor in _GLIBC] + ["manylinux2014_aarch64"]
    chosen = [word for name in platforms for word in ("--platform", name)]
    abis = ["--abi", "cp311", "--abi", "abi3", "--abi", "none"]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    python = ["--python-version", "3.11", "--implementation", "cp"]
    _run([*pip, *python, *abis, *chosen, "--dest", str(wheels), *requirements], folder)
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / _TFLITE if wheel.name.startswith("tflite_runtime-") else target)


def _launcher(folder: Path) -> Path:
    root = folder / "arm64"
    script = root / "usr" / "bin" / "python"
    script.write_text(launcher_text(folder / "qemu-10" / _EMULATOR, root))
    script.chmod(0o755)
    return script


def _counting(folder: Path) -> tuple[str, ...]:
    """The emulator of Debian 12, with Debian 12's own libraries, and our plugin in it."""
    compiler = shutil.which("cc")
    if not compiler:
        return ()
    plugin = folder / "count.so"
    _run([compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(plugin), str(COUNTER)], folder)
    host, root = folder / "qemu-7", folder / "arm64"
    libraries = [host / part / "x86_64-linux-gnu" for part in ("lib", "usr/lib")]
    loader = [str(libraries[0] / "ld-linux-x86-64.so.2"), "--library-path", ":".join(map(str, libraries))]
    emulator = [str(host / _EMULATOR), "-L", str(root), "-plugin", str(plugin), "-d", "plugin"]
    return (*loader, *emulator, str(root / "usr" / "bin" / "python3.11"))


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        complaints = [line for line in done.stderr.splitlines() if line.strip()]
        msg = f"{command[0]} failed: {complaints[-1].strip() if complaints else done.returncode}"
        raise ArmError(msg)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

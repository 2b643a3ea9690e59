"""Ctrl-C and SIGTERM, wherever they fall: one word, exit code 130, and nothing left of files and processes.

A named pipe among the photos holds the command still at a known place: it waits for bytes that never come.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgekit_export.search.confirm import SLOW_PROCESSES

if TYPE_CHECKING:
    from tests.export.conftest import MakePhotos, Nets, Until

pytestmark = [
    pytest.mark.host,
    pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs pseudo-terminals and /proc"),
]

# The search for photos leaves named pipes out; here one is to be found and waited for.
FIND_PIPES = (
    "from pathlib import Path; is_file = Path.is_file; "
    "Path.is_file = lambda path, **how: is_file(path, **how) or path.is_fifo()"
)
COMMAND = (sys.executable, "-c", f"{FIND_PIPES}; from edgekit_export.cli import main; main()")


class Held:
    """A running command with its stderr on a terminal, and the pipe that it will stop at."""

    def __init__(self, root: Path, words: list[str]) -> None:
        self.root = root
        self._terminal, other = os.openpty()
        self._process = subprocess.Popen(
            [*COMMAND, *words],
            env={**os.environ, "TMPDIR": str(root / "tmp")},
            stdout=subprocess.PIPE,
            stderr=other,
            start_new_session=True,
        )
        os.close(other)
        self._shown, self._writer, self._asleep = b"", -1, 0
        os.set_blocking(self._terminal, False)

    @property
    def pid(self) -> int:
        return self._process.pid

    def reached(self, pipe: Path) -> bool:
        """Whether it waits for what is written to the pipe.

        Not from the moment that both ends are open: a signal that comes just before the read is not looked at until
        the read returns, and it never does. So it has to be seen asleep a few times in a row.
        """
        assert self._process.poll() is None, self.shown()
        self.shown()  # or a full terminal would hold it
        if self._writer < 0:
            with contextlib.suppress(OSError):
                self._writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            return False
        state = Path(f"/proc/{self.pid}/task/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        self._asleep = self._asleep + 1 if state == "S" else 0
        return self._asleep >= 5

    def shown(self) -> str:
        """What the terminal has seen so far."""
        with contextlib.suppress(OSError):  # nothing new, or closed
            while data := os.read(self._terminal, 4096):
                self._shown += data
        return self._shown.decode()

    def interrupt(self, number: signal.Signals) -> tuple[int, bytes]:
        """Exit code and stdout after a signal: Ctrl-C goes to the whole group, as a terminal does it."""
        if number == signal.SIGINT:
            os.killpg(self.pid, number)
        else:
            os.kill(self.pid, number)
        out, _ = self._process.communicate(timeout=60)
        return self._process.returncode, out

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.communicate()
        os.close(self._terminal)
        if self._writer >= 0:
            os.close(self._writer)


@pytest.fixture
def hold(tmp_path: Path, colour_file: Path, make_photos: MakePhotos, until: Until) -> Iterator[Callable[[str], Held]]:
    """`hold("calibrating")`: an export that stands still there."""
    running: list[Held] = []

    def start(stage: str) -> Held:
        for name in ("out", "tmp"):
            (tmp_path / name).mkdir()
        images, held = make_photos(tmp_path / "images", 9), make_photos(tmp_path / "held", 2, seed=1)
        pipes = {
            "loading": tmp_path / "pipe.keras",
            "reading photos": images / "red" / "pipe.png",
            "calibrating": images / "red" / "pipe.png",
            "trying": held / "red" / "pipe.png",
            "verifying": held / "red" / "pipe.png",
        }
        model = pipes["loading"] if stage == "loading" else colour_file
        words = [model, "--images", images, "--verify", held, "-o", tmp_path / "out" / "x.tflite"]
        if stage == "calibrating":  # where nothing has to be found out, photos are read for calibration only
            words += ["--channel-order", "RGB", "--fit", "stretch", "--resize-kernel", "bilinear"]
        if stage == "verifying":
            words += ["--seed", "2"]  # deals the pipe to verification; without it the choice gets it
        os.mkfifo(pipes[stage])
        running.append(Held(tmp_path, ["convert", *map(str, words)]))
        until(lambda: running[0].reached(pipes[stage]), f"stop at {pipes[stage]}")
        return running[0]

    yield start
    for process in running:
        process.close()


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.parametrize(
    ("stage", "number"),
    [
        ("loading", signal.SIGINT),
        ("loading", signal.SIGTERM),
        ("reading photos", signal.SIGTERM),
        ("calibrating", signal.SIGINT),
        ("trying", signal.SIGINT),
        ("verifying", signal.SIGTERM),
    ],
)
def test_nothing_is_left_wherever_it_is_stopped(
    nets: Nets,
    hold: Callable[[str], Held],
    children: Callable[[int], list[int]],
    until: Until,
    stage: str,
    number: signal.Signals,
) -> None:
    process = hold(stage)
    workers = children(process.pid)
    assert len(workers) == {"trying": 1, "verifying": 1 + SLOW_PROCESSES}.get(stage, 0)
    code, out = process.interrupt(number)
    text = process.shown()
    assert (code, out) == (130, b"")
    assert text.startswith("loading TensorFlow ...")
    assert text.split()[-1] == "Interrupted."
    assert "Traceback" not in text
    found = ["reading photos", "seeing how it was trained", "seeing how it resized"]
    stages = [*found, "calibrating", "trying int8", "fitting scores", "verifying"]
    assert [name for name in stages if name in text] == {
        "loading": [],
        "reading photos": ["reading photos"],
        "calibrating": ["reading photos"],
        "trying": stages[:5],
        "verifying": stages,
    }[stage]
    if stage in ("trying", "verifying"):  # what came before was shown to its end
        assert text.count("27/27") >= 2
        assert "27/27" in text.partition("calibrating")[2]
    for folder in ("out", "tmp"):
        assert list((process.root / folder).iterdir()) == []
    until(lambda: not any(alive(pid) for pid in workers), "end of the workers")

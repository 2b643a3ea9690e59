"""Processes that share work: order, errors, death, and what they are started with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgekit.errors import ImageError
from edgekit.photo import check_pixels
from edgekit_export.baseline.crew import Crew
from edgekit_export.errors import ComparisonError

if TYPE_CHECKING:
    from tests.export.conftest import Until

# What processes can import and pickle without this file: functions of modules.


def test_results_come_in_order_and_each_is_a_step(crew: Crew) -> None:
    steps: list[int] = []
    found = crew.run(abs, [-3, 2, -1, 0, -9], lambda: steps.append(1))
    assert found == [3, 2, 1, 0, 9]
    assert len(steps) == 5
    assert crew.run(abs, []) == []


def test_each_process_has_one_thread_and_no_network_library_near() -> None:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    code = "__import__('edgekit_export.baseline.shortlist') and {m.split('.')[0] for m in __import__('sys').modules}"
    with Crew(1) as crew:
        assert crew.run(os.getenv, names) == ["1", "1", "1"]
        (loaded,) = crew.run(eval, [code])
    assert not {"tensorflow", "keras", "ai_edge_litert", "tflite_runtime"} & loaded


def test_an_error_comes_back_as_it_is() -> None:
    photos = [np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4, 3), np.uint8)]
    with Crew(2) as crew, pytest.raises(ImageError, match="has no pixels"):
        crew.run(check_pixels, photos)


@pytest.mark.parametrize("count", [1, 2])
def test_a_process_that_dies_is_one_clear_error_and_nobody_waits(count: int) -> None:
    with Crew(count) as crew, pytest.raises(ComparisonError, match=r"ended \(exit code 7\).*--photos N"):
        crew.run(os._exit, [7, 7, 7, 7, 7, 7])


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_a_process_that_was_killed_says_by_what(until: Until) -> None:
    with Crew(1) as crew:
        (pid,) = crew.run(eval, ["__import__('os').getpid()"])
        os.kill(pid, signal.SIGKILL)
        until(lambda: crew._processes[0].poll() is not None, "death")
        with pytest.raises(ComparisonError, match="signal SIGKILL"):
            crew.run(abs, [1])


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_an_interrupt_ends_processes_in_the_midst_of_long_work() -> None:
    with Crew(2) as crew:
        main = threading.main_thread().ident
        assert main is not None
        timer = threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            crew.run(eval, ["__import__('threading').Event().wait(600)"] * 5)
        timer.join()
        assert all(process.poll() is not None for process in crew._processes)


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_ctrl_c_in_the_terminal_leaves_ending_to_the_parent(crew: Crew) -> None:
    (pid,) = crew.run(eval, ["__import__('os').getpid()"])
    os.kill(pid, signal.SIGINT)
    assert crew.run(abs, [-1, -2, -3, -4]) == [1, 2, 3, 4]


def test_leaving_ends_all_and_what_native_code_prints_is_not_an_answer(tmp_path: Path) -> None:
    with Crew(2) as crew:
        assert crew.run(os.system, ["echo noise", "echo more"]) == [0, 0]
    assert all(process.poll() is not None for process in crew._processes)
    assert not list(tmp_path.iterdir())


def test_the_callers_search_path_is_theirs(tmp_path: Path) -> None:
    """A module in the current folder must not shadow one of the library's."""
    (tmp_path / "pickle.py").write_text("raise SystemExit(3)")
    code = (
        "import sys; sys.path.pop(0)\n"
        "from edgekit_export.baseline.crew import Crew\n"
        "with Crew(1) as crew: print(crew.run(abs, [-4]))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[4]\n", "")

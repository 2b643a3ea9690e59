"""Processes of one thread each, that share work: no TensorFlow is near, and what they compute depends on no machine.

Not `multiprocessing`: a fork beside TensorFlow can hang, a spawn runs the caller's script again. One thread each keeps
sums in the same order however many cores there are, and makes a second of training a second of one core.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import types
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any, TypeVar

from edgekit_export.errors import ComparisonError
from edgekit_export.progress import Step

T = TypeVar("T")
R = TypeVar("R")

_MOST = 8  # processes: each holds scikit-learn and one problem in memory
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


class Crew:
    """Processes to give work to. A context: leaving it ends them, whatever they do.

    Args:
        processes: 0 for one a core, at most eight.
    """

    def __init__(self, processes: int = 0) -> None:
        count = processes or min(os.cpu_count() or 1, _MOST)
        self._processes = [_start() for _ in range(count)]
        self._free: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        for process in self._processes:
            self._free.put(process)

    def run(self, work: Callable[[T], R], items: Sequence[T], step: Step = lambda: None) -> list[R]:
        """`work` on each item, several at once.

        Args:
            work: A function of a module, which the processes import.
            items: What it takes; it and its results have to be picklable.
            step: Called for each that is done, in this thread.

        Returns:
            Its results in the order of `items`.

        Raises:
            ComparisonError: a process died.
            Exception: whatever `work` raised.
        """
        with ThreadPoolExecutor(len(self._processes)) as pool:
            asked: list[Future[R]] = []
            try:
                asked += [pool.submit(self._ask, work, item) for item in items]
                for done in as_completed(asked):
                    done.result()
                    step()
            except BaseException:
                for one in asked:
                    one.cancel()
                self.close()  # or leaving the pool waits for what nobody wants any more
                raise
        return [one.result() for one in asked]

    def _ask(self, work: Callable[[T], R], item: T) -> R:
        process = self._free.get()
        assert process.stdin  # noqa: S101 - a pipe by construction
        assert process.stdout  # noqa: S101 - a pipe by construction
        try:
            pickle.dump((work, item), process.stdin)
            process.stdin.flush()
            worked, answer = pickle.load(process.stdout)  # noqa: S301 - of our own process
        except (BrokenPipeError, EOFError, pickle.UnpicklingError, ValueError) as error:
            raise _death(process) from error
        finally:
            self._free.put(process)  # a dead one too: whoever takes it next hears of its death, and does not wait
        if worked:
            result: R = answer
            return result
        raise answer

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.close()


def _start() -> subprocess.Popen[bytes]:
    code = f"import sys; sys.path[:] = {sys.path!r}; from edgekit_export.baseline.crew import serve; serve()"
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **_ONE_THREAD},
    )


def _death(process: subprocess.Popen[bytes]) -> ComparisonError:
    code = process.wait()
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return ComparisonError(
        f"a process that computed features or trained ended ({how}), most likely for want of memory. "
        "Compare on fewer photos with --photos N."
    )


def serve() -> None:
    """Work until stdin ends: pickled pairs of function and item in, pickled pairs of success and result out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends this
    requests: Any = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # native code may print; the answers' channel must stay clean
    with contextlib.suppress(EOFError):
        while True:
            work, item = pickle.load(requests)  # noqa: S301 - of our own parent
            pickle.dump(_outcome(work, item), answers)
            answers.flush()


def _outcome(work: Callable[[Any], Any], item: Any) -> tuple[bool, Any]:
    try:
        return True, work(item)
    except Exception as error:  # noqa: BLE001 - the parent raises it
        return False, error

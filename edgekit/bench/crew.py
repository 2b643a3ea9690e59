"""Fresh processes that measure: started, asked and stopped here; see `edgekit.bench.worker`."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from dataclasses import asdict
from typing import Any, NoReturn

from edgekit.bench.worker import Job
from edgekit.errors import BenchError, InferenceError

_START_WORKER = "import json; from edgekit.bench.worker import Job, serve; serve(Job(**json.loads(sys.argv[1])))"
_START_COMMAND = "from edgekit.cli import main; main()"


class Worker:
    """A fresh process for a job. Use it in a `with` statement.

    Attributes:
        ready: What it said when the model was loaded; see `edgekit.bench.worker`.

    Raises:
        InferenceError: the runtime is not usable, or refuses the model.
        BenchError: anything else went wrong in it, such as a photo that cannot be read.
    """

    def __init__(self, job: Job) -> None:
        process = subprocess.Popen(
            _python(_START_WORKER, json.dumps(asdict(job))),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if process.stdin is None or process.stdout is None:  # cannot be, they are pipes
            raise BenchError
        self._process, self._requests, self._answers = process, process.stdin, process.stdout
        try:
            self.ready = self._listen()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def ask(self, do: str, **details: int) -> dict[str, Any]:
        """The answer to a request.

        Raises:
            InferenceError, BenchError: as above.
        """
        with contextlib.suppress(OSError):  # it has ended; what it said last tells why
            self._requests.write(json.dumps({"do": do, **details}) + "\n")
            self._requests.flush()
        return self._listen()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):  # a request that it did not read any more
            self._requests.close()
        self._answers.close()

    def _listen(self) -> dict[str, Any]:
        line = self._answers.readline()
        if not line:
            _told_by_exit(self._process.wait())
        answer: dict[str, Any] = json.loads(line)
        if "refused" in answer:
            raise InferenceError(answer["refused"])
        if "error" in answer:
            raise BenchError(answer["error"])
        return answer


def cold_start_ms(job: Job) -> float:
    """Milliseconds from the start to the end of a process `edgekit classify` with one photo.

    Raises:
        BenchError: it failed.
    """
    words = ["classify", job.model, job.photo, "--runtime", job.runtime, "--threads", str(job.num_threads)]
    words += ["--labels", job.labels] if job.labels else []
    words += [f"--input-range={job.input_range}"] if job.input_range else []
    quiet = subprocess.DEVNULL
    start = time.perf_counter()
    code = subprocess.run(
        _python(_START_COMMAND, *words), stdin=quiet, stdout=quiet, stderr=quiet, check=False
    ).returncode
    elapsed_ms = 1000 * (time.perf_counter() - start)
    if code:
        _told_by_exit(code)
    return elapsed_ms


def _python(code: str, *arguments: str) -> list[str]:
    """A command line that runs `code` with the modules that this process would find."""
    return [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}", *arguments]


def _told_by_exit(code: int) -> NoReturn:
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    msg = f"a process that measures {how}. Is there memory enough? Try: edgekit classify with the same photo."
    raise BenchError(msg)

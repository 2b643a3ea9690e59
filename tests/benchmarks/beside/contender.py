"""A program that classifies photos, as a process of its own that is asked one thing at a time."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.benchmarks.beside.environments import NotAvailableError, last_words

_NO_NETWORK = "http://127.0.0.1:9"  # port 9, discard: nobody listens


@dataclass(frozen=True)
class Reply:
    """The best class of each photo, None where nothing was classified, and the milliseconds for all."""

    class_ids: tuple[int | None, ...]
    milliseconds: float


class Contender:
    """A worker process; see `workers/protocol.py` for what it says and hears.

    Args:
        command: What starts it.
        folder: Where it runs.
        patience_seconds: An answer that takes longer counts as none.

    Raises:
        NotAvailableError: it did not start; so does `ask` where it fails later.
    """

    def __init__(self, command: Sequence[str], folder: Path, *, patience_seconds: float = 600) -> None:
        self._patience_seconds = patience_seconds
        self._complaints = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            command, cwd=folder, env=_environment(), text=True, encoding="utf-8",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints,
        )  # fmt: skip
        try:
            self.description = str(self._answer().get("ready"))
        except NotAvailableError:
            self.close()
            raise

    def ask(self, photos: Sequence[Path]) -> Reply:
        """What it answers to photos, given in one piece."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps([str(photo) for photo in photos]) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise NotAvailableError(self._last_words()) from error
        answer = self._answer()
        reply = Reply(tuple(answer["class_ids"]), float(answer["milliseconds"]))
        if len(reply.class_ids) != len(photos):
            msg = f"gave {len(reply.class_ids)} answers for {len(photos)} photos"
            raise NotAvailableError(msg)
        return reply

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._complaints.close()

    def __enter__(self) -> Contender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        watchdog = threading.Timer(self._patience_seconds, self._process.kill)
        watchdog.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise NotAvailableError(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise NotAvailableError(answer["error"])
        return answer

    def _last_words(self) -> str:
        code = self._process.wait()
        self._complaints.seek(0)
        words = last_words(self._complaints.read())
        return f"ended with {code}" + (f": {words}" if words else "")


def _environment() -> dict[str, str]:
    """This process's, without what is set for its own Python; and nobody needs a network, least of all to report."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return kept | dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY"), _NO_NETWORK)

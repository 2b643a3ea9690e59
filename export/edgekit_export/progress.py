"""How long work tells how far it is, without knowing whether anybody looks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Protocol, TextIO

import click

Step = Callable[[], None]


class Progress(Protocol):
    """Opens a bar for one stage of the work."""

    def stage(self, label: str, length: int) -> contextlib.AbstractContextManager[Step]:
        """A context whose value is called once for each of `length` steps."""


class Silent:
    """Shows nothing: for library calls, logs and pipes."""

    @contextlib.contextmanager
    def stage(self, label: str, length: int) -> Iterator[Step]:  # noqa: ARG002 - nothing is shown
        """See `Progress.stage`."""
        yield lambda: None


class Bars:
    """Progress bars on a terminal; silent where `stream` is not one."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextlib.contextmanager
    def stage(self, label: str, length: int) -> Iterator[Step]:
        """See `Progress.stage`."""
        if not self._stream.isatty():
            yield lambda: None
            return
        with click.progressbar(length=length, label=f"{label:<22}", file=self._stream, show_pos=True) as bar:
            yield lambda: bar.update(1)

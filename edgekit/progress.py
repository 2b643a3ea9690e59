"""A bar on standard error for a person who waits, and nothing for whoever reads a log."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

import click

from edgekit.console import show_error

_ERASE_LINE = "\r\x1b[2K"


class Progress:
    """Counts what is done. `advance` moves a bar by so many; None where there is no bar."""

    def __init__(self, advance: Callable[[int], None] | None = None) -> None:
        self._advance = advance

    def step(self) -> None:
        """One more is done."""
        if self._advance:
            self._advance(1)

    def error(self, text: str) -> None:
        """One `Error:` line, in place of the bar, which comes back below it with the next step."""
        if self._advance:
            click.echo(_ERASE_LINE, nl=False, err=True)
        show_error(text)


@contextlib.contextmanager
def progress(count: Callable[[], int], *, results_to_stdout: bool) -> Iterator[Progress]:
    """A bar, if standard error is a terminal and results do not go to a terminal, too, where they would mix.

    Args:
        count: How many there will be; called only where there may be a bar, which needs at least two.
        results_to_stdout: Whether results go to standard output, and not into a file.
    """
    wanted = sys.stderr.isatty() and not (results_to_stdout and sys.stdout.isatty())
    length = count() if wanted else 0
    if length < 2:
        yield Progress()
        return
    with click.progressbar(length=length, file=sys.stderr, show_pos=True) as bar:
        yield Progress(bar.update)

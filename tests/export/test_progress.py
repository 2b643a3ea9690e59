"""Progress bars: on a terminal, and nowhere else."""

from __future__ import annotations

import io

from edgekit_export.progress import Bars, Progress, Silent


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def walk(progress: Progress, length: int = 3) -> None:
    with progress.stage("verifying", length) as step:
        for _ in range(length):
            step()


def test_a_terminal_sees_how_far_it_is() -> None:
    terminal = Terminal()
    walk(Bars(terminal))
    text = terminal.getvalue()
    assert "verifying" in text
    assert "3/3" in text


def test_a_stage_that_ends_early_does_not_claim_the_rest() -> None:
    terminal = Terminal()
    with Bars(terminal).stage("calibrating", 9) as step:
        step()
    assert "1/9" in terminal.getvalue()
    assert "9/9" not in terminal.getvalue()


def test_elsewhere_nothing_is_written() -> None:
    pipe = io.StringIO()
    walk(Bars(pipe))
    walk(Silent())
    assert pipe.getvalue() == ""

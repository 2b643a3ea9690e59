"""The bar: only for a person at a terminal, and never among results."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from edgekit.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


SetStreams = Callable[[bool, bool], "tuple[io.StringIO, io.StringIO]"]


@pytest.fixture
def set_streams(monkeypatch: pytest.MonkeyPatch) -> SetStreams:
    """`set_streams(True, False)`: standard output and standard error from now on, each a terminal or not."""

    def set_them(out_is_terminal: bool, err_is_terminal: bool) -> tuple[io.StringIO, io.StringIO]:
        out, err = (Terminal() if terminal else io.StringIO() for terminal in (out_is_terminal, err_is_terminal))
        monkeypatch.setattr("sys.stdout", out)
        monkeypatch.setattr("sys.stderr", err)
        return out, err

    return set_them


def count_of_three() -> int:
    return 3


def never_asked() -> int:
    pytest.fail("nobody sees a bar, so nobody counts")


@pytest.mark.parametrize(
    ("terminals", "results_to_stdout"), [((False, True), True), ((False, True), False), ((True, True), False)]
)
def test_a_person_who_waits_sees_how_far_it_is(
    terminals: tuple[bool, bool], results_to_stdout: bool, set_streams: SetStreams
) -> None:
    out, err = set_streams(*terminals)
    with progress(count_of_three, results_to_stdout=results_to_stdout) as done:
        for _ in range(3):
            done.step()
    assert out.getvalue() == ""
    assert "1/3" in err.getvalue()
    assert "3/3" in err.getvalue()
    assert err.getvalue().endswith("\x1b[?25h\n"), "the cursor is back, on a line of its own"


@pytest.mark.parametrize(
    ("terminals", "results_to_stdout"),
    [((False, False), True), ((True, True), True), ((True, False), False), ((False, False), False)],
)
def test_there_is_no_bar_in_a_log_or_among_results(
    terminals: tuple[bool, bool], results_to_stdout: bool, set_streams: SetStreams
) -> None:
    streams = set_streams(*terminals)
    with progress(never_asked, results_to_stdout=results_to_stdout) as done:
        done.step()
        done.error("a.jpg: damaged")
    assert [stream.getvalue() for stream in streams] == ["", "Error: a.jpg: damaged\n"]


@pytest.mark.parametrize("count", [0, 1])
def test_one_photo_needs_no_bar(count: int, set_streams: SetStreams) -> None:
    _, err = set_streams(False, True)
    with progress(lambda: count, results_to_stdout=True) as done:
        done.step()
    assert err.getvalue() == ""


def test_an_error_takes_the_place_of_the_bar_which_comes_back(set_streams: SetStreams) -> None:
    _, err = set_streams(False, True)
    with progress(count_of_three, results_to_stdout=True) as done:
        done.step()
        done.error("a.jpg: damaged")
        done.step()
    before, after = err.getvalue().split("\r\x1b[2KError: a.jpg: damaged\n")
    assert "1/3" in before
    assert "2/3" in after


def test_the_cursor_comes_back_when_somebody_interrupts(set_streams: SetStreams) -> None:
    def interrupted() -> None:
        with progress(count_of_three, results_to_stdout=True) as done:
            done.step()
            raise KeyboardInterrupt

    _, err = set_streams(False, True)
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert err.getvalue().endswith("\x1b[?25h\n")

"""The processes of `peers.py`: what they say and hear, and what becomes of those that fail."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks.beside.contender import Contender
from tests.benchmarks.beside.environments import NotAvailableError
from tests.benchmarks.beside.lineup import Entry
from tests.benchmarks.beside.rounds import measure, started

ROOT = Path(__file__).parents[2]
READY = 'print(\'{"ready": "made up 1.0"}\', flush=True)\n'
# Notes who is asked what, and answers with class 7 and as many milliseconds as it was asked before.
HONEST = """
import json, sys
print('{"ready": "made up 1.0"}', flush=True)
for number, line in enumerate(sys.stdin):
    with open(sys.argv[1], "a") as log:
        print(sys.argv[2], *json.loads(line), file=log)
    answer = {"class_ids": [7 for _ in json.loads(line)], "milliseconds": number}
    print(json.dumps(answer), flush=True)
"""
BREAKS_SOON = """
import sys
print('{"ready": "made up 2.0"}', flush=True)
sys.stdin.readline()
print('{"class_ids": [7], "milliseconds": 1}', flush=True)
sys.stdin.readline()
print('{"error": "ValueError: cannot read it"}', flush=True)
"""
# As every worker does it, beside native code that writes to standard output.
BY_THE_PROTOCOL = """
import os
from tests.benchmarks.workers.protocol import one_at_a_time, serve
def load(model, threads, variant):
    os.write(1, b"INFO: Created a delegate.\\n")
    def classify(photo):
        print("noise")
        return len(photo)
    return f"{model} {threads} {variant}", one_at_a_time(classify)
serve(load)
"""


def process(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def test_answers_are_read_past_what_native_code_prints() -> None:
    with Contender(process(BY_THE_PROTOCOL, "leaf.tflite", "2", "full"), ROOT) as contender:
        assert contender.description == "leaf.tflite 2 full"
        reply = contender.ask([Path("a"), Path("blätter/1.jpg")])
        assert reply.class_ids == (1, 13)
        assert reply.milliseconds > 0


def test_an_error_of_a_package_is_told_in_one_line() -> None:
    code = "from tests.benchmarks.workers.protocol import serve\nserve(lambda *_: 1 / 0)"
    done = subprocess.run(process(code, "leaf.tflite", "1"), cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"error": "ZeroDivisionError: division by zero"}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import nowhere_to_be_found", "ended with 1: ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ('print(\'{"error": "no such model"}\')', "no such model"),
        ("import os; os.abort()", "ended with -6"),
    ],
)
def test_what_does_not_start_says_why(code: str, reason: str) -> None:
    with pytest.raises(NotAvailableError) as told:
        Contender(process(code), ROOT)
    assert str(told.value) == reason


def test_what_never_answers_is_ended() -> None:
    silent = READY + "import sys\nfor line in sys.stdin: pass"
    contender = Contender(process(silent), ROOT, patience_seconds=30)
    contender._patience_seconds = 0.1
    with contender, pytest.raises(NotAvailableError, match="ended with -9"):
        contender.ask([Path("a.jpg")])


def test_settings_of_this_python_and_the_network_do_not_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("https_proxy", "http://proxy.example")
    code = "import json, os\nprint(json.dumps({'ready': [os.environ.get(n) for n in ('PYTHONPATH', 'https_proxy')]}))"
    with Contender(process(code), ROOT) as contender:
        assert contender.description == "[None, 'http://127.0.0.1:9']"


def test_an_answer_to_something_else_does_not_count() -> None:
    code = READY + 'input()\nprint(\'{"class_ids": [1], "milliseconds": 1}\', flush=True)\ninput()'
    with Contender(process(code), ROOT) as contender, pytest.raises(NotAvailableError, match="1 answers for 2 photos"):
        contender.ask([Path("a.jpg"), Path("b.jpg")])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def entries() -> list[Entry]:
    return [Entry(name, name.title(), ("", "")) for name in ("first", "second", "third")]


@pytest.fixture
def all_honest(log: Path) -> Callable[[Entry], list[str]]:
    return lambda entry: process(HONEST, str(log), entry.key)


def test_all_are_asked_all_photos_in_every_round_in_mixed_order(
    log: Path, entries: list[Entry], all_honest: Callable[[Entry], list[str]]
) -> None:
    requests = [[Path("a")], [Path("b")], [Path("c"), Path("d")]]
    with started(entries, all_honest, ROOT, no_skip) as running:
        found = measure(running, requests, rounds=4, seed=0, skip=no_skip)
    assert [one.entry.key for one in found] == ["first", "second", "third"]
    asked = [tuple(line.split()) for line in log.read_text().splitlines()]
    turns = [asked[i : i + 3] for i in range(0, len(asked), 3)]
    assert len(turns) == 3 * (1 + 4)
    for turn in turns:
        assert {words[0] for words in turn} == {"first", "second", "third"}
        assert len({words[1:] for words in turn}) == 1, "a photo goes to everybody before the next one comes"
    assert len({tuple(words[0] for words in turn) for turn in turns}) > 2
    assert len({tuple(turn[0][1:] for turn in turns[i : i + 3]) for i in range(0, 15, 3)}) > 1


def test_the_first_round_warms_up_and_does_not_count(
    entries: list[Entry], all_honest: Callable[[Entry], list[str]]
) -> None:
    with started(entries, all_honest, ROOT, no_skip) as running:
        found = measure(running, [[Path("a")], [Path("b"), Path("c")]], rounds=2, seed=0, skip=no_skip)
    for one in found:
        assert one.class_ids == [(7,), (7, 7)]
        single, pair = [two[0] for two in one.times], [2 * two[1] for two in one.times]
        assert sorted(single + pair) == [2, 3, 4, 5], "the fake's clock counts what it was asked before"


def test_who_does_not_start_or_fails_later_is_left_out_with_the_reason(log: Path, entries: list[Entry]) -> None:
    left_out = []

    def command(entry: Entry) -> list[str]:
        if entry.key == "second":
            raise NotAvailableError("no Python 3.11 is here")
        return process(BREAKS_SOON if entry.key == "third" else HONEST, str(log), entry.key)

    with started(entries, command, ROOT, lambda entry, why: left_out.append((entry.key, why))) as running:
        assert [one.entry.key for one in running] == ["first", "third"]
        found = measure(
            running, [[Path("a")]], rounds=3, seed=0, skip=lambda entry, why: left_out.append((entry.key, why))
        )
    assert [one.entry.key for one in found] == ["first"]
    assert [len(one.times) for one in found] == [3]
    assert left_out == [("second", "no Python 3.11 is here"), ("third", "ValueError: cannot read it")]


def no_skip(entry: Entry, reason: str) -> None:
    pytest.fail(f"{entry.key}: {reason}")

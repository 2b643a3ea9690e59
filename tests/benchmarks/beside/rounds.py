"""Contenders measured together: in each round every photo goes to every one of them, one at a time, in mixed order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.beside.contender import Contender
from tests.benchmarks.beside.environments import NotAvailableError
from tests.benchmarks.beside.figures import Results
from tests.benchmarks.beside.lineup import Entry

Skip = Callable[[Entry, str], None]
"""Told who does not take part, and why."""


@dataclass
class Running:
    """A contender that was started, and what it did so far. `times` are milliseconds a photo, by round and request."""

    entry: Entry
    contender: Contender
    times: list[list[float]] = field(default_factory=list)
    class_ids: list[tuple[int | None, ...]] = field(default_factory=list)

    def results(self) -> Results:
        return Results(self.entry.title, self.times, self.class_ids, dict(self.entry.wanted))


@contextmanager
def started(
    entries: Sequence[Entry], command: Callable[[Entry], list[str]], folder: Path, skip: Skip
) -> Iterator[list[Running]]:
    """Those that start; the processes end with the context."""
    with ExitStack() as stack:
        running = []
        for entry in entries:
            try:
                contender = stack.enter_context(Contender(command(entry), folder))
            except NotAvailableError as error:
                skip(entry, str(error))
            else:
                running.append(Running(entry, contender))
        yield running


def measure(
    running: Sequence[Running], requests: Sequence[Sequence[Path]], rounds: int, seed: int, skip: Skip
) -> list[Running]:
    """Ask all of them everything, once to warm up and then `rounds` times. Those that failed do not come back."""
    chance = random.Random(seed)  # noqa: S311
    left = list(running)
    for number in range(-1, rounds):
        for one in left:
            one.times.append([0.0] * len(requests))
            one.class_ids = one.class_ids or [()] * len(requests)
        for request in chance.sample(range(len(requests)), len(requests)):
            for one in chance.sample(left, len(left)):
                try:
                    reply = one.contender.ask(requests[request])
                except NotAvailableError as error:
                    skip(one.entry, str(error))
                    left.remove(one)
                else:
                    one.times[-1][request] = reply.milliseconds / len(requests[request])
                    one.class_ids[request] = reply.class_ids
        if number < 0:
            for one in left:
                one.times.clear()
    return left

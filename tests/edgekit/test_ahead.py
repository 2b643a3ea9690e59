"""Many items in several threads: order, bound, errors, and what is left when somebody stops."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import pytest

from edgekit import ahead
from edgekit.ahead import AHEAD, map_ahead, usable_workers


class Counted:
    """Numbers from 0, which remember how many of them were taken."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.taken = 0

    def __iter__(self) -> Iterator[int]:
        for number in range(self.count):
            self.taken += 1
            yield number


def worker_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("edgekit")]


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 100])
def test_results_come_in_the_order_of_the_items(workers: int, count: int) -> None:
    def square(number: int) -> int:
        time.sleep(0.002 * (number % 3 == 0))  # so that later ones are ready first
        return number * number

    assert list(map_ahead(square, range(count), workers=workers)) == [n * n for n in range(count)]
    assert worker_threads() == []


@pytest.mark.parametrize("workers", [2, 4])
def test_no_more_items_are_taken_than_the_bound_allows(workers: int) -> None:
    items = Counted(1000)
    for yielded, _ in enumerate(map_ahead(lambda n: n, items, workers=workers)):
        assert items.taken - yielded <= AHEAD * workers
    assert items.taken == 1000


def test_a_slow_first_item_holds_the_others_within_the_bound() -> None:
    items, first_may_end = Counted(1000), threading.Event()

    def wait_for_the_first(number: int) -> int:
        if number == 0:
            assert first_may_end.wait(60)
        return number

    def let_it_end() -> None:
        while items.taken < AHEAD * 2:
            time.sleep(0.001)
        first_may_end.set()

    helper = threading.Thread(target=let_it_end)
    helper.start()
    results = map_ahead(wait_for_the_first, items, workers=2)
    assert next(results) == 0
    helper.join()
    assert items.taken == AHEAD * 2
    assert list(results) == list(range(1, 1000))


def test_threads_work_at_the_same_time() -> None:
    together = threading.Barrier(3)
    assert list(map_ahead(lambda _: together.wait(60) >= 0, range(6), workers=3)) == [True] * 6


@pytest.mark.parametrize(("workers", "count"), [(1, 5), (4, 1), (4, 0)])
def test_one_worker_or_one_item_needs_no_thread(workers: int, count: int) -> None:
    threads = set(map_ahead(lambda _: threading.current_thread().name, range(count), workers=workers))
    assert threads <= {threading.current_thread().name}


def test_one_worker_takes_an_item_only_when_its_result_is_wanted() -> None:
    items = Counted(10)
    results = map_ahead(lambda n: n, items, workers=1)
    assert items.taken == 0
    next(results)
    assert items.taken == 1


def test_a_result_that_is_there_does_not_wait_for_the_items_that_may_be_taken() -> None:
    done, came = threading.Event(), []

    def items() -> Iterator[int]:
        yield 0
        yield 1
        assert done.wait(60)
        time.sleep(0.2)  # from the return of a call to its result
        yield 2
        came.append("end of the items")

    def work(number: int) -> int:
        if number == 1:
            done.set()
        return number

    for result in map_ahead(work, items(), workers=4):
        came.append(f"result {result}")  # noqa: PERF401 - the items append meanwhile
    assert came.index("result 1") < came.index("end of the items")
    assert [text for text in came if text.startswith("result")] == ["result 0", "result 1", "result 2"]


def test_an_error_comes_in_its_place_and_ends_the_rest() -> None:
    def fail_at_five(number: int) -> int:
        if number == 5:
            msg = "five"
            raise ValueError(msg)
        return number

    items = Counted(1000)
    results: list[int] = []
    with pytest.raises(ValueError, match="five"):
        results.extend(map_ahead(fail_at_five, items, workers=2))
    assert results == [0, 1, 2, 3, 4]
    assert items.taken <= 5 + AHEAD * 2
    assert worker_threads() == []


def test_an_error_of_the_items_ends_the_rest() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        msg = "no more"
        raise OSError(msg)

    with pytest.raises(OSError, match="no more"):
        list(map_ahead(lambda n: n, items(), workers=2))
    assert worker_threads() == []


def test_closing_it_begins_no_more() -> None:
    begun: list[int] = []
    items = Counted(1000)
    results = map_ahead(begun.append, items, workers=2)
    next(results)
    results.close()
    assert worker_threads() == []
    assert len(begun) <= AHEAD * 2
    assert items.taken <= 1 + AHEAD * 2


@pytest.mark.parametrize(("processors", "workers"), [(1, 1), (2, 2), (64, 8)])
def test_there_is_a_worker_for_each_processor_up_to_a_limit(
    processors: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)), raising=False)
    assert usable_workers() == workers
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert usable_workers() == workers
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert ahead.usable_workers() == 1

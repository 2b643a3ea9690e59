"""How many threads are taken, from made-up times; and that the number is remembered, also badly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit import Classifier, threads
from edgekit.errors import InferenceError
from edgekit.machine import read_machine
from edgekit.runtime import Engine, RuntimeName, installed_runtimes
from edgekit.threads import auto_threads, choose_threads, measure_threads, thread_counts, time_inferences


@pytest.mark.parametrize(
    ("cores", "counts"),
    [(1, (1,)), (2, (1, 2)), (3, (1, 2, 3)), (4, (1, 2, 4)), (6, (1, 2, 4, 6)), (8, (1, 2, 4, 8)), (64, (1, 2, 4, 8))],
)
def test_all_cores_and_some_fewer_are_worth_trying(cores: int, counts: tuple[int, ...]) -> None:
    assert thread_counts(cores) == counts


@pytest.mark.parametrize(
    ("times_ms", "chosen"),
    [
        ({1: [10, 10, 10], 2: [6, 6, 6], 4: [4, 4, 4]}, 4),
        ({1: [10, 10, 10], 2: [6, 6, 6], 4: [5.9, 5.9, 5.9]}, 2),
        ({1: [10, 10, 10], 2: [9.9, 9.9, 9.9]}, 1),
        ({1: [10, 10, 10], 2: [5, 5, 9.8]}, 1),
        ({1: [10, 20, 40], 2: [6, 12, 24]}, 2),
        ({1: [10, 10, 10], 2: [12, 12, 12], 4: [7, 7, 7]}, 4),
        ({1: [10, 10, 10]}, 1),
    ],
    ids=(
        "more is faster", "hardly faster than two", "hardly faster than one", "one round lost", "rounds differ",
        "two may be slow", "one core",
    ),
)  # fmt: skip
def test_more_threads_must_win_every_round(times_ms: dict[int, list[float]], chosen: int) -> None:
    assert choose_threads(times_ms) == chosen


TIMES = st.lists(st.floats(0.01, 1000), min_size=3, max_size=3)


@given(st.fixed_dictionaries({1: TIMES, 2: TIMES, 4: TIMES}))
def test_the_choice_was_never_slower_than_one_thread(times_ms: dict[int, list[float]]) -> None:
    chosen = times_ms[choose_threads(times_ms)]
    assert all(mine <= one for mine, one in zip(chosen, times_ms[1], strict=True))


def test_each_number_of_threads_is_timed_in_each_round(
    runtime_name: RuntimeName, tiny_graph: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "_WARM_UP_S", 0)
    monkeypatch.setattr(threads, "_MEASURE_S", 0)
    times_ms = measure_threads(tiny_graph, runtime_name, (1, 2))
    assert {count: len(times) for count, times in times_ms.items()} == {1: threads.ROUNDS, 2: threads.ROUNDS}
    assert min(min(times) for times in times_ms.values()) > 0


def test_inferences_of_any_input_are_timed(runtime_name: RuntimeName, tiny_graph: bytes, tiny_float: bytes) -> None:
    for graph in (tiny_graph, tiny_float):
        assert len(time_inferences(Engine(graph, runtime=runtime_name), 0)) == 1


@pytest.fixture
def sweeps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """A machine of four cores where two threads are best; which numbers were measured, for each sweep."""
    done: list[tuple[int, ...]] = []

    def measure(_model: bytes, _runtime: RuntimeName, counts: tuple[int, ...]) -> dict[int, list[float]]:
        done.append(tuple(counts))
        return {count: [5.0 if count == 2 else 10.0] * 3 for count in counts}

    monkeypatch.setattr(threads, "measure_threads", measure)
    monkeypatch.setattr(threads, "usable_cores", lambda: 4)
    return done


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(threads, "cache_folder", lambda: tmp_path / "cache" / "edgekit")
    return tmp_path / "cache" / "edgekit" / "threads"


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_what_was_measured_once_is_remembered(sweeps: list[Any], cache: Path, tiny_graph: bytes) -> None:
    assert [auto_threads(tiny_graph), auto_threads(tiny_graph)] == [2, 2]
    assert sweeps == [(1, 2, 4)]
    assert json.loads(only_file(cache).read_text()) == {
        "num_threads": 2,
        "inference_ms": {"1": [10.0] * 3, "2": [5.0] * 3, "4": [10.0] * 3},
    }


def test_another_model_machine_or_runtime_is_measured_anew(
    sweeps: list[Any], cache: Path, tiny_graph: bytes, tiny_float: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    auto_threads(tiny_graph)
    auto_threads(tiny_float)
    monkeypatch.setattr(threads, "runtime_version", lambda _: "99.0")
    auto_threads(tiny_graph)
    machine = read_machine()
    other = type(machine)(**{**vars(machine), "processor": "another"})
    monkeypatch.setattr(threads, "read_machine", lambda: other)
    auto_threads(tiny_graph)
    if len(installed_runtimes()) > 1:
        auto_threads(tiny_graph, installed_runtimes()[1])
    assert len(sweeps) == len(list(cache.iterdir())) == (5 if len(installed_runtimes()) > 1 else 4)


@pytest.mark.parametrize(
    "damaged",
    [
        b"", b"{", b"\0" * 40, b"[]", b'{"num_threads": "2"}', b'{"num_threads": 0}', b'{"num_threads": 5}',
        b'{"num_threads": true}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_damaged_file_is_ignored_and_written_again(
    damaged: bytes, sweeps: list[Any], cache: Path, tiny_graph: bytes
) -> None:
    auto_threads(tiny_graph)
    path = only_file(cache)
    whole = path.read_bytes()
    path.write_bytes(damaged)
    assert auto_threads(tiny_graph) == 2
    assert len(sweeps) == 2
    assert only_file(cache).read_bytes() == whole


def test_it_works_where_nothing_can_be_remembered(
    sweeps: list[Any], cache: Path, tiny_graph: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.parent.parent.write_text("a file where the folder should be")
    assert [auto_threads(tiny_graph), auto_threads(tiny_graph)] == [2, 2]
    monkeypatch.setattr(threads, "cache_folder", lambda: None)
    assert auto_threads(tiny_graph) == 2
    assert len(sweeps) == 3


def test_one_core_needs_no_measuring(
    sweeps: list[Any], cache: Path, tiny_graph: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "usable_cores", lambda: 1)
    assert auto_threads(tiny_graph) == 1
    assert (sweeps, cache.exists()) == ([], False)


def test_a_classifier_takes_the_number_that_was_chosen(
    sweeps: list[Any], cache: Path, tiny_path: Path, photo: Any
) -> None:
    classifier = Classifier(tiny_path, num_threads="auto")
    assert classifier.engine.num_threads == 2
    assert classifier.predict(photo) == Classifier(tiny_path).predict(photo)
    assert Classifier(tiny_path).engine.num_threads == 1, "the default"


def test_a_model_that_no_runtime_takes_is_one_error_with_its_name(
    tmp_path: Path, tiny_model: bytes, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        msg = "the runtime refuses the model: not today"
        raise InferenceError(msg)

    monkeypatch.setattr(threads, "Engine", refuse)
    monkeypatch.setattr(threads, "usable_cores", lambda: 2)
    path = tmp_path / "leaf.tflite"
    path.write_bytes(tiny_model)
    with pytest.raises(InferenceError, match=r"leaf\.tflite: the runtime refuses the model: not today"):
        Classifier(path, num_threads="auto")


def test_the_command_takes_auto(
    run_edgekit: Callable[..., Any], sweeps: list[Any], cache: Path, tiny_path: Path, photo: Any
) -> None:
    from PIL import Image

    path = tiny_path.with_name("photo.png")
    Image.fromarray(photo).save(path)
    found = run_edgekit("classify", tiny_path, path, "--threads", "auto")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == run_edgekit("classify", tiny_path, path).stdout
    assert len(sweeps) == 1
    wrong = run_edgekit("classify", tiny_path, path, "--threads", "all")
    assert wrong.returncode == 2
    assert "'all' is not a valid integer range" in wrong.stderr

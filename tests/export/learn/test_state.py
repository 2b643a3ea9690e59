"""The state of a training: round trip, one atomic file, and what is better."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit_export.errors import TrainingError
from edgekit_export.learn.state import Epoch, TrainState, read_state, write_state

ROW = Epoch("all", 1, 0.5, 0.8, 0.4, 0.9, 1e-4, 12.5)
STATE = TrainState("abc", epoch=2, step=7, planned_epochs=9, loss_sum=1 / 3, correct=11, history=(ROW, ROW))
ARRAYS: dict[str, NDArray[Any]] = {
    "weight0": np.arange(6, dtype=np.float32).reshape(2, 3),
    "optimizer0": np.array(5, np.int64),
}


def test_what_is_written_is_read_to_the_last_bit(tmp_path: Path) -> None:
    write_state(tmp_path / "state.npz", STATE, ARRAYS)
    state, arrays = read_state(tmp_path / "state.npz")
    assert state == STATE
    assert arrays.keys() == ARRAYS.keys()
    for name, values in ARRAYS.items():
        assert arrays[name].dtype == values.dtype
        np.testing.assert_array_equal(arrays[name], values)


def test_a_newer_state_replaces_the_old_one_and_leaves_nothing_beside(tmp_path: Path) -> None:
    for state in (STATE, STATE.with_epoch(ROW)):
        write_state(tmp_path / "state.npz", state, ARRAYS)
    found = read_state(tmp_path / "state.npz")[0]
    assert (found.epoch, found.step, found.loss_sum, found.correct, len(found.history)) == (3, 0, 0.0, 0, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["state.npz"]


def test_a_damaged_state_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    write_state(path, STATE, ARRAYS)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for size in (0, 1, 100, *rng.integers(1, len(whole), 30).tolist()):
        path.write_bytes(whole[:size])
        with pytest.raises(TrainingError, match="damaged, so this training cannot go on") as caught:
            read_state(path)
        assert "\n" not in str(caught.value)


def test_objects_in_a_state_are_never_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "state.npz", **{"about.json": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(TrainingError, match="damaged"):
        read_state(tmp_path / "state.npz")


def test_more_right_answers_are_progress_and_then_a_smaller_loss() -> None:
    state = TrainState("", best_correct=10, best_loss=0.5)
    assert state.is_progress(11, 9.0)
    assert state.is_progress(10, 0.4)
    assert not state.is_progress(10, 0.5)
    assert not state.is_progress(9, 0.1)
    assert TrainState("").is_progress(0, 100.0)


def test_what_is_within_one_standard_error_of_the_best_is_as_good() -> None:
    state = TrainState("", best_correct=90)  # one standard error of 92 in 104 is 3.3 photos
    assert state.is_as_good(91, 100)
    assert state.is_as_good(87, 100)
    assert not state.is_as_good(86, 100)
    assert TrainState("").is_as_good(0, 100)
    assert TrainState("", best_correct=100).is_as_good(99, 100)
    assert not TrainState("", best_correct=100).is_as_good(98, 100)

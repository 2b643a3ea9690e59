"""Which settings are chosen, by which photos, and what learns from which."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit_export.baseline import shortlist
from edgekit_export.baseline.algorithms import ALGORITHMS, AlgorithmName, Candidate
from edgekit_export.baseline.shortlist import Fitted, Pairing, Task, fit, write_features, write_targets

Floats = NDArray[np.float32]


class Constant:
    """Always says the same."""

    def __init__(self, answer: int) -> None:
        self.answer = answer

    def fit(self, features: Floats, targets: NDArray[np.int64]) -> None:
        assert len(features) == len(targets)

    def predict(self, features: Floats) -> NDArray[np.int64]:
        return np.full(len(features), self.answer)


def arrays(folder: Path, *, test: Floats | None = None, seed: int = 0) -> Path:
    """Two clouds: 30 photos to learn from, 12 to choose by, 10 to test with."""
    rng = np.random.default_rng(seed)
    for split, count in (("train", 30), ("val", 12), ("test", 10)):
        targets = np.arange(count) % 2
        values = (rng.normal(0, 2, (count, 4)) + 2 * targets[:, None]).astype(np.float32)
        values = test if split == "test" and test is not None else values
        write_features(folder, "colour", split, values)  # type: ignore[arg-type]
        if split != "test":
            write_targets(folder, split, targets)  # type: ignore[arg-type]
    return folder


def fitted(folder: Path, algorithm: AlgorithmName = "svm") -> Fitted:
    return fit(Task(Pairing("colour", algorithm), folder, 0))


def test_the_classes_of_test_photos_are_not_among_the_files(tmp_path: Path) -> None:
    arrays(tmp_path)
    with pytest.raises(ValueError, match="for the table alone"):
        write_targets(tmp_path, "test", np.zeros(3, np.int64))
    assert {path.name for path in tmp_path.iterdir()} == {
        "colour-train.npy", "colour-val.npy", "colour-test.npy", "targets-train.npy", "targets-val.npy",
    }  # fmt: skip


def test_the_best_on_val_is_chosen_and_of_equals_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays(tmp_path)
    write_targets(tmp_path, "val", np.array([0] * 3 + [1] * 5 + [2] * 4))
    said = (0, 1, 1, 2)
    tried = [Candidate(f"{i}: says {n}", lambda n=n: Constant(n)) for i, n in enumerate(said)]  # type: ignore[misc]
    monkeypatch.setattr(shortlist, "candidates", lambda *_, **__: tried)
    found = fitted(tmp_path)
    assert (found.settings, found.val_correct, found.tried) == ("1: says 1", 5, 4)
    assert found.answers.tolist() == [1] * 10


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_model_on_disk_is_what_answered_and_what_its_size_is_of(tmp_path: Path, algorithm: AlgorithmName) -> None:
    found = fitted(arrays(tmp_path), algorithm)
    data = found.model_path.read_bytes()
    assert len(data) == found.size_bytes
    model = pickle.loads(data)  # noqa: S301 - our own
    assert np.array_equal(model.predict(np.load(tmp_path / "colour-test.npy")), found.answers)
    assert (model.predict(np.load(tmp_path / "colour-val.npy")) == np.arange(12) % 2).sum() == found.val_correct
    assert found.fit_s >= 0
    assert found.answers.dtype == np.int64


@pytest.mark.parametrize("algorithm", ["svm", "knn"])
def test_test_photos_change_no_scaling_and_no_choice(tmp_path: Path, algorithm: AlgorithmName) -> None:
    """The same model to the byte, whatever the test photos look like."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = fitted(arrays(tmp_path / "a"), algorithm)
    wild = np.full((10, 4), 1e6, np.float32)
    second = fitted(arrays(tmp_path / "b", test=wild), algorithm)
    assert first.model_path.read_bytes() == second.model_path.read_bytes()
    assert (first.settings, first.val_correct) == (second.settings, second.val_correct)


def test_all_classic_features_stand_side_by_side(tmp_path: Path) -> None:
    for place, part in enumerate(("colour", "lbp", "glcm", "hog")):
        for split in ("train", "val", "test"):
            write_features(tmp_path, part, split, np.full((2, place + 1), place, np.float32))
    task = Task(Pairing("classic", "svm"), tmp_path, 0)
    assert shortlist._features(task, "val").tolist() == [[0, 1, 1, 2, 2, 2, 3, 3, 3, 3]] * 2

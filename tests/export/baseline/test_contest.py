"""The whole comparison on generated photos, in which only colours differ between the classes."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from edgekit.classifier import Classifier
from edgekit_export.baseline.algorithms import ALGORITHMS
from edgekit_export.baseline.contest import Wanted, compare_methods
from edgekit_export.baseline.entrants import Contest, Entrant
from edgekit_export.data.dataset import DataSet, read_dataset
from edgekit_export.errors import ModelLoadError, PhotosError
from edgekit_export.progress import Silent
from tests.export.baseline.conftest import USED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgekit_export.progress import Step

QUICK = Wanted(features=("glcm",), algorithms=("knn",), processes=1)


def by_name(contest: Contest) -> dict[str, Entrant]:
    return {one.name: one for one in contest.entrants}


def test_every_algorithm_on_every_feature_has_a_whole_row(contest: Contest) -> None:
    found = by_name(contest)
    wanted = {f"{features} + {algorithm}" for features in USED for algorithm in ALGORITHMS}
    assert set(found) == {*wanted, "always blue", "colour.tflite"}
    assert len(contest.entrants) == len(wanted) + 2
    for name in wanted:
        one = found[name]
        assert one.kind == "classic"
        assert one.settings
        assert one.val is not None
        assert (one.test.whole, one.val.whole) == (15, 12)
        assert one.size_bytes is not None
        assert one.size_bytes > 1000
        assert one.latency_ms is not None
        assert one.fit_s is not None
        assert one.training_s is not None
        assert 0 < contest.feature_ms[one.pairing.features] < one.latency_ms  # type: ignore[union-attr]
        assert one.training_s == pytest.approx(one.fit_s + 24 * contest.feature_ms[one.pairing.features] / 1000)  # type: ignore[union-attr]
    rates = [one.test.value for one in contest.entrants]
    assert rates == sorted(rates, reverse=True)


def test_colours_tell_these_classes_apart_and_a_guess_does_not(contest: Contest) -> None:
    found = by_name(contest)
    for algorithm in ALGORITHMS:
        assert found[f"colour + {algorithm}"].test.value > 0.8, algorithm
        assert found[f"colour + {algorithm}"].macro_f1 > 0.8
    guess = found["always blue"]
    assert (guess.test.part, guess.kind, set(guess.answers)) == (5, "guess", {"blue"})
    assert guess.macro_f1 == pytest.approx(1 / 6)


def test_the_network_answers_as_on_a_device(contest: Contest, colour_model: Path) -> None:
    cnn = by_name(contest)["colour.tflite"]
    classifier = Classifier(colour_model, runtime="litert")
    assert cnn.answers == tuple(classifier.predict(photo.path, top_k=1)[0].label for photo in contest.test_photos)
    assert cnn.right.tolist() == [
        answer == photo.label for answer, photo in zip(cnn.answers, contest.test_photos, strict=True)
    ]
    assert (cnn.kind, cnn.size_bytes, cnn.val) == ("cnn", colour_model.stat().st_size, None)
    assert cnn.latency_ms is not None
    assert cnn.latency_ms > 0
    assert cnn.training_s is None
    assert cnn.runs_in.startswith("ai-edge-litert")
    assert contest.first_model == "colour.tflite"


def swapped(dataset: DataSet) -> DataSet:
    """The same photos, and other classes for those of test."""
    other = {"blue": "green", "green": "red", "red": "blue"}
    photos = tuple(
        dataclasses.replace(photo, label=other[photo.label]) if photo.split == "test" else photo
        for photo in dataset.photos
    )
    return dataclasses.replace(dataset, photos=photos)


def test_nothing_is_chosen_by_the_classes_of_test_photos(split_photos: Path) -> None:
    """And one process computes what two do: the same answers, settings and bytes."""
    dataset = read_dataset(split_photos)
    wanted = Wanted(features=("colour",), algorithms=("svm", "forest"), processes=1)
    first = by_name(compare_methods(dataset, dataclasses.replace(wanted, processes=2)))
    second = by_name(compare_methods(swapped(dataset), wanted))
    assert set(first) == set(second)
    for name, one in first.items():
        other = second[name]
        assert (one.answers, one.settings, one.val, one.size_bytes) == (
            other.answers, other.settings, other.val, other.size_bytes,
        )  # fmt: skip
    assert first["colour + svm"].test.value > 0.8
    assert second["colour + svm"].test.value < 0.2


def test_unreadable_odd_and_gray_photos_are_no_trouble(split_photos: Path, tmp_path: Path) -> None:
    shutil.copytree(split_photos, tmp_path / "p")
    for split in ("train", "val", "test"):
        (tmp_path / "p" / split / "red" / "broken.jpg").write_bytes(b"\xff\xd8\xff damaged")
    Image.new("L", (7, 300), 80).save(tmp_path / "p" / "train" / "green" / "gray.png")
    Image.new("RGB", (1, 1), (0, 0, 250)).save(tmp_path / "p" / "test" / "blue" / "tiny.png")
    (tmp_path / "p" / "train" / "rare").mkdir()
    for i in range(2):
        Image.new("RGB", (9, 9), (250, 250, 250 - i)).save(tmp_path / "p" / "train" / "rare" / f"{i}.png")
    found = compare_methods(read_dataset(tmp_path / "p"), Wanted(("colour",), ("svm",), processes=1))
    assert [one.path.name for one in found.skipped] == ["broken.jpg"] * 3
    assert [len(found.dataset.part(split)) for split in ("train", "val", "test")] == [27, 12, 16]
    assert by_name(found)["colour + svm"].test.part >= 13


class Watched(Silent):
    """Keeps which stages there were, and how many steps they had."""

    def __init__(self) -> None:
        self.stages: dict[str, list[int]] = {}

    def stage(self, label: str, length: int) -> Any:
        import contextlib

        @contextlib.contextmanager
        def watched() -> Iterator[Step]:
            self.stages[label] = [length, 0]

            def step() -> None:
                self.stages[label][1] += 1

            yield step

        return watched()


def test_stages_tell_how_far_they_are_models_of_one_name_are_told_apart_and_nothing_stays_behind(
    split_photos: Path, colour_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, left = Path(shutil.copy(colour_model, tmp_path / "colour.tflite")), tmp_path / "left"
    left.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(left))
    watched = Watched()
    wanted = dataclasses.replace(QUICK, models=(colour_model, other))
    found = compare_methods(read_dataset(split_photos), wanted, watched)
    assert watched.stages == {"asking": [15, 15], "features": [51, 51], "training": [1, 1], "timing": [1, 1]}
    assert {one.name for one in found.of("cnn")} == {str(colour_model), str(other)}
    assert found.first_model == str(colour_model)
    assert list(left.iterdir()) == []


def test_a_model_that_cannot_compete_is_refused_before_the_long_work(
    split_photos: Path, tiny_path: Path, colour_file_stub: Path
) -> None:
    dataset, watched = read_dataset(split_photos), Watched()
    for model, error, text in (
        (tiny_path, PhotosError, "does not know class 'blue'"),
        (colour_file_stub, ModelLoadError, "expected a .tflite"),
        (split_photos, ModelLoadError, "expected a .tflite"),
        (split_photos / "none.tflite", FileNotFoundError, "none.tflite"),
    ):
        with pytest.raises(error, match=text):
            compare_methods(dataset, dataclasses.replace(QUICK, models=(model,)), watched)
    assert "features" not in watched.stages


@pytest.fixture
def colour_file_stub(tmp_path: Path) -> Path:
    path = tmp_path / "leaf.keras"
    path.write_bytes(b"PK\3\4 a Keras file begins so")
    return path


def test_no_file_stays_behind_an_interrupt(split_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    class Stopped(Watched):
        def stage(self, label: str, length: int) -> Any:
            if label == "training":
                assert len(list(tmp_path.iterdir())) == 1
                raise KeyboardInterrupt
            return super().stage(label, length)

    with pytest.raises(KeyboardInterrupt):
        compare_methods(read_dataset(split_photos), QUICK, Stopped())
    assert list(tmp_path.iterdir()) == []

"""`predict_many`: the answers of `predict`, for many photos, whatever some of them are."""

from __future__ import annotations

import gc
import io
import itertools
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit import Classifier
from edgekit.ahead import AHEAD
from edgekit.classifier import TimedPredictions
from edgekit.errors import ImageError, InferenceError
from edgekit.photo import Photo
from edgekit.runtime import RuntimeName


def jpeg(seed: int) -> bytes:
    chance = np.random.default_rng(seed)
    file = io.BytesIO()
    pixels = chance.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((80 + seed, 60)).save(file, "jpeg")
    return file.getvalue()


@pytest.mark.parametrize("workers", [None, 1, 2, 7])
def test_answers_are_those_of_predict_in_the_order_of_the_photos(
    workers: int | None, runtime_name: RuntimeName, tiny_model: bytes
) -> None:
    classifier = Classifier(tiny_model, runtime=runtime_name)
    photos = [jpeg(seed) for seed in range(40)]
    answers = list(classifier.predict_many(photos, top_k=2, workers=workers))
    assert [answer.photo for answer in answers] == photos
    assert [answer.predictions for answer in answers] == [classifier.predict(photo, top_k=2) for photo in photos]
    assert all(answer.error is None for answer in answers)


def test_every_kind_of_photo_is_taken(tiny_model: bytes, photo: NDArray[np.uint8], tmp_path: Path) -> None:
    Image.fromarray(photo).save(tmp_path / "photo.png")
    classifier = Classifier(tiny_model)
    path = tmp_path / "photo.png"
    photos: list[Photo] = [photo, path, str(path), path.read_bytes(), Image.fromarray(photo)]
    wanted = classifier.predict(photo)
    assert [answer.predictions for answer in classifier.predict_many(photos)] == [wanted] * 5


@pytest.mark.parametrize("workers", [1, 3])
def test_a_photo_that_cannot_be_read_does_not_stop_the_others(workers: int, tiny_model: bytes, tmp_path: Path) -> None:
    good = jpeg(0)
    photos: list[Photo] = [good, b"no photo", good, tmp_path / "none.jpg", good[:200], good]
    answers = list(Classifier(tiny_model).predict_many(photos, workers=workers))
    assert [type(answer.error) for answer in answers] == [
        type(None), ImageError, type(None), FileNotFoundError, ImageError, type(None),
    ]  # fmt: skip
    assert isinstance(answers[0].outcome, TimedPredictions)
    assert answers[5].result is answers[5].outcome
    for answer in answers[1:5:2]:
        for ask in ("result", "predictions"):
            with pytest.raises((ImageError, OSError)) as raised:
                getattr(answer, ask)
            assert raised.value is answer.error
    assert "none.jpg" in str(answers[3].error)


def test_photos_are_taken_no_further_ahead_than_the_bound(tiny_model: bytes) -> None:
    taken = 0

    def photos() -> Iterator[bytes]:
        nonlocal taken
        for photo in itertools.cycle([jpeg(0), b"no photo"]):  # never ends
            taken += 1
            yield photo

    answers = Classifier(tiny_model).predict_many(photos(), workers=2)
    assert taken == 0, "nothing happens before somebody asks"
    for given, _ in enumerate(itertools.islice(answers, 200)):
        assert taken - given <= AHEAD * 2


def test_the_error_of_a_photo_does_not_keep_its_bytes(tiny_model: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pixels(bytearray):
        """Bytes that can be watched."""

    watched: list[weakref.ref[Pixels]] = []

    def fail(photo: Photo, **_: object) -> Image.Image:
        pixels = Pixels(1000)
        watched.append(weakref.ref(pixels))
        try:
            raise SyntaxError
        except SyntaxError as error:
            msg = "image: damaged"
            raise ImageError(msg) from error

    monkeypatch.setattr("edgekit.classifier.load_photo", fail)
    answers = list(Classifier(tiny_model).predict_many([b"1", b"2", b"3"], workers=2))
    gc.collect()
    assert [str(answer.error) for answer in answers] == ["image: damaged"] * 3
    assert [reference() for reference in watched] == [None] * 3


@pytest.mark.parametrize("workers", [1, 2])
def test_a_runtime_that_fails_ends_it(
    workers: int, tiny_model: bytes, photo: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = Classifier(tiny_model)
    monkeypatch.setattr(classifier.engine, "run", lambda _: np.zeros((1, 4), np.uint8))
    with pytest.raises(InferenceError, match="gave 4 scores for 3 labels"):
        list(classifier.predict_many([photo, photo, photo], workers=workers))


def test_wrong_arguments_are_told_before_anything_is_asked(tiny_model: bytes, photo: NDArray[np.uint8]) -> None:
    classifier = Classifier(tiny_model)
    with pytest.raises(ValueError, match="top_k is 0, expected at least 1"):
        classifier.predict_many([photo], top_k=0)
    with pytest.raises(ValueError, match="workers is 0, expected at least 1"):
        classifier.predict_many([photo], workers=0)
    with pytest.raises(TypeError, match="not int"):
        list(classifier.predict_many([photo, 5], workers=2))  # type: ignore[list-item]

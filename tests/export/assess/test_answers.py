"""Asking about photos: each is decoded once, unreadable ones are told, and several models get the same photos."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import edgekit.preprocess
from edgekit.photo import AtLeast, load_photo
from edgekit_export.assess import answers as module
from edgekit_export.assess.answers import ask, copies_among
from edgekit_export.data.dataset import DataPhoto, DataSet, read_dataset
from edgekit_export.errors import PhotosError
from edgekit_export.images import LabeledFolder, Sample
from edgekit_export.progress import Silent

if TYPE_CHECKING:
    from tests.export.assess.conftest import ColourPredictor
    from tests.export.conftest import MakePhotos


@pytest.fixture
def dataset(make_photos: MakePhotos, tmp_path: Path) -> DataSet:
    return read_dataset(make_photos(tmp_path / "photos", count=3))


def test_answers_belong_to_their_photos(dataset: DataSet, colours: type[ColourPredictor]) -> None:
    asked = ask([colours()], dataset.photos, Silent())
    answers = asked.answers[0]
    assert asked.photos == dataset.photos
    assert answers.truth.argmax(axis=1).tolist() == [dataset.labels.index(p.label) for p in dataset.photos]
    assert answers.correct.all()
    assert answers.scores.dtype == np.float32
    assert asked.digests == tuple(hashlib.sha256(p.path.read_bytes()).hexdigest() for p in dataset.photos)


def test_more_photos_than_are_held_at_once_stay_in_order(
    make_photos: MakePhotos, tmp_path: Path, colours: type[ColourPredictor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 4)
    dataset = read_dataset(make_photos(tmp_path / "many", count=7))
    asked = ask([colours()], dataset.photos, Silent())
    assert len(asked.photos) == 21
    assert asked.answers[0].correct.all()


def test_two_models_get_each_photo_at_their_own_size_and_it_is_decoded_once(
    dataset: DataSet, colours: type[ColourPredictor], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []

    def counted(data: bytes, *, at_least: AtLeast | None) -> Image.Image:
        decoded.append(1)
        return load_photo(data, at_least=at_least)

    monkeypatch.setattr(edgekit.preprocess, "load_photo", counted)
    first, second = colours(), colours(labels=("red", "blue", "green"))
    second.spec = replace(first.spec, height=8, width=8)
    asked = ask([first, second], dataset.photos, Silent())
    assert len(decoded) == len(dataset.photos)
    assert {pixels.shape for pixels in second.asked} == {(8, 8, 3)}
    assert asked.answers[1].labels == ("red", "blue", "green")
    assert asked.answers[1].truth.argmax(axis=1).tolist() == [
        second.labels.index(photo.label) for photo in dataset.photos
    ]


def test_unreadable_photos_are_told_and_do_not_shift_the_others(
    dataset: DataSet, colours: type[ColourPredictor]
) -> None:
    bad = dataset.photos[4].path
    bad.write_bytes(b"no photo")
    asked = ask([colours()], dataset.photos, Silent())
    assert [one.path for one in asked.skipped] == [bad]
    assert asked.skipped[0].reason.startswith("found ")
    assert asked.photos == tuple(photo for photo in dataset.photos if photo.path != bad)
    assert asked.answers[0].correct.all()


def test_where_no_photo_can_be_read_that_is_an_error(dataset: DataSet, colours: type[ColourPredictor]) -> None:
    for photo in dataset.photos:
        photo.path.write_bytes(b"no photo")
    with pytest.raises(PhotosError, match=r"none of the 9 photos can be read, the first: .*000\.png: found"):
        ask([colours()], dataset.photos, Silent())


def test_the_fingerprint_is_that_of_a_model_card(dataset: DataSet, colours: type[ColourPredictor]) -> None:
    """So that a report can be held against what an export was verified on."""
    classes = {label: tuple(p.path for p in dataset.photos if p.label == label) for label in dataset.labels}
    folder = LabeledFolder(dataset.root, classes)
    sample = Sample(folder.root, classes, dict.fromkeys(classes, 99), 0)
    spec = colours().spec
    assert len(list(sample.read(spec))) == 9
    asked = ask([colours()], dataset.photos[::-1], Silent())
    assert asked.fingerprint == sample.photo_set().fingerprint_sha256


def test_brightness_and_sharpness_are_those_of_the_pixels(tmp_path: Path, colours: type[ColourPredictor]) -> None:
    rng = np.random.default_rng(0)
    pictures = {
        "dark": np.full((16, 12, 3), 20, np.uint8),
        "light": np.full((16, 12, 3), 200, np.uint8),
        "busy": rng.integers(0, 256, (16, 12, 3), dtype=np.uint8),
    }
    photos = []
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        photos.append(DataPhoto(tmp_path / f"{name}.png", "red"))
    asked = ask([colours()], photos, Silent())
    assert asked.brightness[:2].tolist() == [20, 200]
    gray = pictures["busy"].mean(axis=2)
    wanted = (np.abs(np.diff(gray, axis=0)).mean() + np.abs(np.diff(gray, axis=1)).mean()) / 2
    assert asked.sharpness.tolist() == pytest.approx([0, 0, wanted], rel=1e-5)


def test_a_photo_shows_all_labels_that_it_is_said_to(dataset: DataSet, colours: type[ColourPredictor]) -> None:
    first = dataset.photos[0]
    also = {first.path: frozenset({"blue", "red"})}
    answers = ask([colours(multi_label=True)], dataset.photos, Silent(), also=also).answers[0]
    assert answers.named(answers.truth)[:2] == ("blue + red", "blue")
    assert answers.correct.tolist() == [False] + [True] * 8


def test_copies_are_counted_and_found_again(dataset: DataSet, tmp_path: Path, colours: type[ColourPredictor]) -> None:
    twin, other = tmp_path / "twin.png", tmp_path / "other.png"
    twin.write_bytes(dataset.photos[0].path.read_bytes())
    other.write_bytes(dataset.photos[1].path.read_bytes())
    asked = ask([colours()], (*dataset.photos, DataPhoto(twin, "blue")), Silent())
    assert asked.copies == 1
    train = (DataPhoto(other, "blue"), DataPhoto(tmp_path / "missing.png", "blue"))
    assert copies_among(asked, train) == (dataset.photos[1].path,)
    assert copies_among(asked, ()) == ()


def test_a_file_of_the_same_size_is_no_copy(dataset: DataSet, tmp_path: Path, colours: type[ColourPredictor]) -> None:
    data = bytearray(dataset.photos[0].path.read_bytes())
    data[-1] ^= 1
    (tmp_path / "like.png").write_bytes(data)
    asked = ask([colours()], dataset.photos, Silent())
    assert copies_among(asked, (DataPhoto(tmp_path / "like.png", "blue"),)) == ()

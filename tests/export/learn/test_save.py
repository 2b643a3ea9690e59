"""A finished training as a file: it can be exported without a question, and anybody's Keras reads it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgekit_export.keras_note import MEMBER, KerasNote, add_note, read_note
from edgekit_export.learn.save import keras_bytes
from edgekit_export.learn.trainer import TrainResult
from edgekit_export.load import load_model
from edgekit_export.understand import known_mappings, see_source

pytestmark = pytest.mark.host
keras = pytest.importorskip("keras", reason="needs TensorFlow")


@pytest.fixture(scope="module")
def file(trained: TrainResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "leaf.keras"
    path.write_bytes(keras_bytes(trained))
    return path


def test_keras_reads_it(file: Path, trained: TrainResult) -> None:
    model = keras.models.load_model(file)
    pixels = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(model(pixels), trained.model(pixels), rtol=1e-5)


def test_the_export_knows_labels_and_pixels(file: Path) -> None:
    loaded = load_model(file)
    assert loaded.labels == ("blue", "green", "red")
    assert (loaded.fit, loaded.resize_kernel, loaded.channel_order) == ("stretch", "bilinear", "RGB")
    assert loaded.decode == "fast"


def test_nothing_is_left_to_find_out(file: Path) -> None:
    source = see_source(load_model(file), None, None, None)
    mappings, how = known_mappings(source, None, None)
    assert [str(mapping.order) for mapping in mappings] == ["RGB"]
    assert how == "the model's own preprocessing"


def test_the_note_says_what_it_was_made_from(file: Path) -> None:
    note = read_note(file)
    assert note is not None
    assert note.made_by.startswith("edgekit ")
    assert note.made_by.endswith("from small-cnn")


def test_a_note_from_before_there_was_fast_decode_leaves_it_open(tmp_path: Path) -> None:
    path = tmp_path / "x.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MEMBER, '{"labels": ["a", "b"], "fit": "crop", "resize_kernel": "bilinear"}')
    assert read_note(path) == KerasNote(("a", "b"), "crop", "bilinear", decode=None)


def test_a_note_that_does_not_fit_the_outputs_is_left_aside(file: Path, tmp_path: Path) -> None:
    path = tmp_path / "two.keras"
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            if name != MEMBER:
                new.writestr(name, old.read(name))
    assert load_model(path).labels is None
    add_note(path, KerasNote(("one", "two"), "crop", "nearest"))
    loaded = load_model(path)
    assert (loaded.labels, loaded.fit, loaded.resize_kernel) == (None, None, None)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"labels": 5}', '{"labels": ["a"], "fit": "sideways"}', "[" * 9999])
def test_a_note_that_cannot_be_understood_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MEMBER, text)
    assert read_note(path) is None


def test_a_file_that_is_no_archive_has_no_note(tmp_path: Path) -> None:
    (tmp_path / "x.keras").write_bytes(b"hello")
    assert read_note(tmp_path / "x.keras") is None
    assert read_note(tmp_path / "missing.keras") is None

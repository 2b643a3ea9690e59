"""One way to ask any model: a `.tflite` exactly as the runner asks it, a float model as its training saw photos."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import ModelCard, OutputSpec
from edgekit.classifier import Classifier
from edgekit.errors import EdgekitError, UnsupportedModelError
from edgekit.modelfile import pack_model_file
from edgekit.photo import load_photo
from edgekit.preprocess import fit_pixels
from edgekit_export.assess.options import ModelOptions
from edgekit_export.assess.predictor import open_predictor
from edgekit_export.data.dataset import DataSet, read_dataset
from edgekit_export.errors import InputRangeError, ModelLoadError, VerificationError
from edgekit_export.keras_note import KerasNote, add_note

if TYPE_CHECKING:
    from tests.conftest import EditGraph
    from tests.export.conftest import MakePhotos, Nets, See

ANIMALS = ("ant", "bee", "cat, big")
pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")


@pytest.fixture(scope="module")
def animals(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """Photos of other sizes and aspects than the tiny model's, two a class."""
    root, rng = tmp_path_factory.mktemp("animals"), np.random.default_rng(0)
    for i, label in enumerate((*ANIMALS, *ANIMALS)):
        (root / label).mkdir(exist_ok=True)
        pixels = rng.integers(0, 256, (20 + 7 * i, 50 - 3 * i, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / label / f"{i}.{'png' if i % 2 else 'jpg'}")
    return read_dataset(root)


def as_the_runner(path: Path, dataset: DataSet, **options: Any) -> NDArray[np.float32]:
    classifier = Classifier(path, runtime="litert", **options)
    rows = []
    for photo in dataset.photos:
        predictions = classifier.predict(photo.path, top_k=99)
        rows.append([p.score for p in sorted(predictions, key=lambda p: p.class_id)])
    return np.array(rows, np.float32)


def asked(path: Path, dataset: DataSet, options: ModelOptions | None = None, **more: Any) -> NDArray[np.float32]:
    with open_predictor(path, dataset, options, **more) as predictor:
        pixels = [fit_pixels(load_photo(photo.path), predictor.spec) for photo in dataset.photos]
        return np.stack(list(predictor.predict_each(pixels)))


def test_a_model_file_scores_exactly_as_the_runner_does(tiny_path: Path, animals: DataSet) -> None:
    np.testing.assert_array_equal(asked(tiny_path, animals), as_the_runner(tiny_path, animals))


@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_also_where_the_card_asks_for_another_fit(
    fit: Any, tiny_graph: bytes, tiny_card: ModelCard, animals: DataSet, tmp_path: Path
) -> None:
    path = tmp_path / "fit.tflite"
    spec = dataclasses.replace(tiny_card.input, fit=fit, resize_kernel="tf-bilinear")
    path.write_bytes(pack_model_file(tiny_graph, dataclasses.replace(tiny_card, input=spec)))
    np.testing.assert_array_equal(asked(path, animals), as_the_runner(path, animals))


def test_a_stranger_without_a_card_too(tiny_graph: bytes, animals: DataSet, tmp_path: Path) -> None:
    path = tmp_path / "stranger.tflite"
    path.write_bytes(tiny_graph)
    np.testing.assert_array_equal(asked(path, animals), as_the_runner(path, animals, labels=ANIMALS))


def test_and_a_float_stranger_whose_range_is_given(tiny_float: bytes, animals: DataSet, tmp_path: Path) -> None:
    path = tmp_path / "float.tflite"
    path.write_bytes(tiny_float)
    options = ModelOptions(input_range="0..1", labels=ANIMALS)
    wanted = as_the_runner(path, animals, labels=ANIMALS, input_range="0..1")
    np.testing.assert_array_equal(asked(path, animals, options), wanted)


def test_what_a_predictor_says_of_itself(tiny_path: Path, tiny_card: ModelCard, animals: DataSet) -> None:
    with open_predictor(tiny_path, animals) as predictor:
        assert (predictor.name, predictor.labels) == ("tiny.tflite", ANIMALS)
        assert predictor.spec == tiny_card.input
        assert (predictor.multi_label, predictor.notes) == (False, ())
        assert predictor.runs_in.startswith("ai-edge-litert ")
        assert len(predictor.sha256) == 64


@pytest.mark.parametrize("processes", [1, 3])
def test_answers_come_in_order_however_many_processes_give_them(
    processes: int, tiny_path: Path, animals: DataSet
) -> None:
    rng = np.random.default_rng(1)
    pixels = list(rng.integers(0, 256, (25, 16, 12, 3), dtype=np.uint8))
    with open_predictor(tiny_path, animals, processes=processes) as predictor:
        one_by_one = [predictor.predict(one) for one in pixels]
        np.testing.assert_array_equal(np.stack(list(predictor.predict_each(iter(pixels)))), np.stack(one_by_one))
        assert list(predictor.predict_each([])) == []


def test_whoever_stops_listening_leaves_no_answers_behind(tiny_path: Path, animals: DataSet) -> None:
    rng = np.random.default_rng(2)
    pixels = list(rng.integers(0, 256, (9, 16, 12, 3), dtype=np.uint8))
    with open_predictor(tiny_path, animals, processes=2) as predictor:
        wanted = np.stack([predictor.predict(one) for one in pixels])
        for heard in (1, 2, 3):
            answers = predictor.predict_each(pixels)
            for _ in range(heard):
                next(answers)
            answers.close()  # type: ignore[attr-defined]
            np.testing.assert_array_equal(np.stack(list(predictor.predict_each(pixels))), wanted)


def test_the_class_folders_name_the_outputs_of_a_stranger(tiny_graph: bytes, animals: DataSet, tmp_path: Path) -> None:
    path = tmp_path / "stranger.tflite"
    path.write_bytes(tiny_graph)
    with open_predictor(path, animals) as predictor:
        assert predictor.labels == ANIMALS
        assert predictor.notes[0].startswith("it does not name its labels: they are the class folders of ")
        assert any("stretched to 12x16" in note for note in predictor.notes)
    with open_predictor(path, animals, ModelOptions(labels=("x", "y", "z"))) as predictor:
        assert predictor.labels == ("x", "y", "z")


def test_where_there_are_as_many(tiny_graph: bytes, animals: DataSet, tmp_path: Path) -> None:
    path = tmp_path / "stranger.tflite"
    path.write_bytes(tiny_graph)
    two = dataclasses.replace(animals, labels=("ant", "bee"))
    message = r"stranger\.tflite: it has 3 classes and no labels\. Pass --labels FILE"
    with pytest.raises(UnsupportedModelError, match=message), open_predictor(path, two):
        pass


def test_a_file_with_a_card_is_not_to_be_told_what_it_is(tiny_path: Path, animals: DataSet) -> None:
    options = ModelOptions(labels=ANIMALS, fit="crop", trust_model_code=True)
    with pytest.raises(ModelLoadError) as caught, open_predictor(tiny_path, animals, options):
        pass
    assert str(caught.value) == (
        f"{tiny_path}: this .tflite carries its own labels and preprocessing; leave --labels, --fit, "
        "--trust-model-code out."
    )


def test_a_quantized_stranger_takes_what_the_runner_takes(tiny_graph: bytes, animals: DataSet, tmp_path: Path) -> None:
    path = tmp_path / "stranger.tflite"
    path.write_bytes(tiny_graph)
    message = "runs as edgekit classify runs it; leave --fit out"
    with pytest.raises(ModelLoadError, match=message), open_predictor(path, animals, ModelOptions(fit="crop")):
        pass


def test_a_range_that_is_none_is_told(tiny_graph: bytes, animals: DataSet, tmp_path: Path) -> None:
    path = tmp_path / "stranger.tflite"
    path.write_bytes(tiny_graph)
    options = ModelOptions(input_range="0..2")
    with pytest.raises(InputRangeError, match=r"--input-range: '0\.\.2'"), open_predictor(path, animals, options):
        pass


def test_several_sigmoids_are_several_labels(
    tiny_graph: bytes, tiny_card: ModelCard, animals: DataSet, tmp_path: Path
) -> None:
    path = tmp_path / "multi.tflite"
    output = OutputSpec("probabilities", "sigmoid", ANIMALS)
    path.write_bytes(pack_model_file(tiny_graph, dataclasses.replace(tiny_card, output=output, golden=None)))
    with open_predictor(path, animals) as predictor:
        assert predictor.multi_label


def test_a_model_that_gives_no_numbers_is_refused(
    tiny_float: bytes, edit_graph: EditGraph, animals: DataSet, tmp_path: Path
) -> None:
    def break_weights(model: Any) -> None:
        for buffer in model.buffers:
            if buffer.data is not None and len(buffer.data) > 64:
                buffer.data = np.frombuffer(np.full(len(buffer.data) // 4, np.nan, np.float32).tobytes(), np.uint8)

    path = tmp_path / "broken.tflite"
    path.write_bytes(edit_graph(tiny_float, break_weights))
    options = ModelOptions(input_range="0..1", labels=ANIMALS)
    with pytest.raises(VerificationError, match=r"broken\.tflite: its output is not a number"):
        asked(path, animals, options)


@pytest.mark.parametrize("content", [b"", b"nothing", b"\0\0\0\0TFL3", b"\x1c\0\0\0TFL3 and more"])
def test_what_is_no_model_ends_in_one_line(content: bytes, animals: DataSet, tmp_path: Path) -> None:
    path = tmp_path / "bad.tflite"
    path.write_bytes(content)
    with pytest.raises(EdgekitError, match=r"bad\.tflite") as caught, open_predictor(path, animals):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.host
def test_a_keras_model_answers_as_keras_does(
    nets: Nets, colour_file: Path, make_photos: MakePhotos, tmp_path: Path
) -> None:
    dataset = read_dataset(make_photos(tmp_path / "photos", count=8))
    with open_predictor(colour_file, dataset, evaluated=dataset.photos) as predictor:
        assert predictor.labels == ("blue", "green", "red")
        pixels = np.stack([fit_pixels(load_photo(photo.path), predictor.spec) for photo in dataset.photos])
        found = np.stack(list(predictor.predict_each(pixels)))
    wanted = nets.keras.models.load_model(colour_file).predict(pixels.astype(np.float32), verbose=0)
    np.testing.assert_allclose(found, wanted, atol=2e-5)
    assert any("trained on pixels 0..255: the model's own preprocessing" in note for note in predictor.notes)
    assert any("the class folders of" in note for note in predictor.notes)


@pytest.mark.host
def test_a_float_tflite_that_does_not_tell_its_range_is_read_as_convert_reads_it(
    nets: Nets, see: See, make_photos: MakePhotos, tmp_path: Path
) -> None:
    path = tmp_path / "float.tflite"
    path.write_bytes(see(nets.own()).tflite)
    dataset = read_dataset(make_photos(tmp_path / "photos", count=4))
    with pytest.raises(InputRangeError, match="no range is clearly best on 12 photos"), open_predictor(path, dataset):
        pass
    with open_predictor(path, dataset, ModelOptions(input_range="0..255", channel_order="RGB")) as predictor:
        assert predictor.notes[0] == "trained on pixels 0..255: given"
        pixels = [fit_pixels(load_photo(photo.path), predictor.spec) for photo in dataset.photos]
        answers = [predictor.labels[int(scores.argmax())] for scores in predictor.predict_each(pixels)]
    assert answers == [photo.label for photo in dataset.photos]


@pytest.mark.host
def test_how_a_model_was_trained_is_found_on_photos_of_training_and_not_on_those_of_the_test(
    colour_file: Path, make_photos: MakePhotos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of the colours, and how photos were resized."""
    make_photos(tmp_path / "photos" / "train", count=16)
    make_photos(tmp_path / "photos" / "test", count=3, seed=9)
    dataset = read_dataset(tmp_path / "photos")
    read = record_reads(monkeypatch)
    with open_predictor(colour_file, dataset, evaluated=dataset.part("test")) as predictor:
        pixels = [fit_pixels(load_photo(photo.path), predictor.spec) for photo in dataset.part("test")]
        answers = [predictor.labels[int(scores.argmax())] for scores in predictor.predict_each(pixels)]
    assert answers == [photo.label for photo in dataset.part("test")]
    assert read
    assert not {photo.path for photo in dataset.part("test")} & read
    order = next(note for note in predictor.notes if note.startswith("the order of the colour channels"))
    assert (
        order == "the order of the colour channels: RGB (clearly best on labelled photos), found on 24 photos of train"
    )
    assert not any("a little too good" in note for note in predictor.notes)


@pytest.mark.host
def test_without_other_photos_those_evaluated_are_asked_and_that_is_said(
    colour_file: Path, make_photos: MakePhotos, tmp_path: Path
) -> None:
    dataset = read_dataset(make_photos(tmp_path / "photos", count=4))
    with open_predictor(colour_file, dataset, evaluated=dataset.photos) as predictor:
        assert any("the figures are a little too good" in note for note in predictor.notes)


@pytest.mark.host
def test_what_training_noted_in_the_file_is_not_asked_of_photos(
    colour_file: Path, make_photos: MakePhotos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "noted.keras"
    path.write_bytes(colour_file.read_bytes())
    add_note(path, KerasNote(("blue", "green", "red"), "crop", "bicubic", decode="exact"))
    dataset = read_dataset(make_photos(tmp_path / "photos", count=4))
    read = record_reads(monkeypatch)
    with open_predictor(path, dataset) as predictor:
        assert predictor.labels == ("blue", "green", "red")
        assert (predictor.spec.fit, predictor.spec.resize_kernel) == ("crop", "bicubic")
        assert predictor.spec.decode == "exact"
        assert predictor.notes == ("trained on pixels 0..255: the model's own preprocessing",)
    assert not read


@pytest.mark.host
def test_what_the_user_says_is_not_asked_of_photos(
    colour_file: Path, make_photos: MakePhotos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = read_dataset(make_photos(tmp_path / "photos", count=4))
    read = record_reads(monkeypatch)
    options = ModelOptions(
        labels=("red", "green", "blue"), input_range="0..255", channel_order="BGR", fit="crop", resize_kernel="nearest"
    )
    options = dataclasses.replace(options, labels=("red", "green", "x"))
    with open_predictor(colour_file, dataset, options) as predictor:
        assert predictor.spec.decode == "fast"  # nobody says otherwise
        assert predictor.labels == ("red", "green", "x")
        assert (predictor.spec.fit, predictor.spec.resize_kernel) == ("crop", "nearest")
        blue = np.zeros((16, 12, 3), np.uint8)
        blue[..., 2] = 220
        assert predictor.labels[int(predictor.predict(blue).argmax())] == "x"  # red for a network that takes BGR
    assert not read


def record_reads(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """The photos that are read to find out how a model was trained."""
    from edgekit_export.images import Sample

    read: set[Path] = set()
    original: Callable[..., Any] = Sample.read

    def recorded(self: Sample, *specs: Any) -> Any:
        for photo in original(self, *specs):
            read.add(photo.path)
            yield photo

    monkeypatch.setattr(Sample, "read", recorded)
    return read

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit import Classifier, Prediction
from edgekit.card import ModelCard, OutputSpec
from edgekit.errors import ImageError, InferenceError, ModelFileError, UnsupportedModelError
from edgekit.modelfile import pack_model_file
from edgekit.runtime import RuntimeName

EditGraph = Callable[[bytes, Callable[[Any], None]], bytes]
RunBare = Callable[[RuntimeName, bytes, NDArray[Any]], NDArray[Any]]
ABC = ("a", "b", "c")


def png(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def test_answers_are_those_of_a_bare_interpreter(
    runtime_name: RuntimeName, tiny_model: bytes, tiny_card: ModelCard, photo: NDArray[np.uint8], run_bare: RunBare
) -> None:
    bare = run_bare(runtime_name, tiny_model, photo[None]).astype(int)
    order, labels = np.argsort(-bare, kind="stable"), tiny_card.output.labels
    answers = Classifier(tiny_model, runtime=runtime_name).predict(photo)
    assert answers == [Prediction(int(i), labels[i], bare[i] / 256) for i in order]


def test_logits_become_probabilities(
    runtime_name: RuntimeName, tiny_float: bytes, photo: NDArray[np.uint8], run_bare: RunBare
) -> None:
    logits = run_bare(runtime_name, tiny_float, (photo / 255).astype(np.float32)[None])
    expected = np.exp(logits) / np.exp(logits).sum()
    answers = Classifier(tiny_float, runtime=runtime_name, labels=ABC, input_range="0..1").predict(photo)
    assert sum(p.score for p in answers) == pytest.approx(1)
    assert {p.class_id: p.score for p in answers} == pytest.approx(dict(enumerate(expected)), abs=1e-6)


def test_the_input_range_reaches_the_model(tiny_float: bytes, photo: NDArray[np.uint8]) -> None:
    first, second = (Classifier(tiny_float, labels=ABC, input_range=r).predict(photo) for r in ("0..1", "-1..1"))
    assert first != second


def test_a_photo_may_be_an_array_a_path_bytes_or_an_image(
    tmp_path: Path, tiny_path: Path, photo: NDArray[np.uint8]
) -> None:
    classifier = Classifier(tiny_path)
    path = tmp_path / "photo.png"
    path.write_bytes(png(photo))
    expected = classifier.predict(photo)
    for same in (path, str(path), path.read_bytes(), Image.fromarray(photo)):
        assert classifier.predict(same) == expected


def test_photos_of_any_size_are_brought_to_the_models(tiny_model: bytes) -> None:
    classifier = Classifier(tiny_model)
    one, many = np.full((1, 1, 3), 90, np.uint8), np.full((333, 7, 3), 90, np.uint8)
    assert classifier.predict(one) == classifier.predict(many)


@pytest.mark.parametrize(("top_k", "count"), [(1, 1), (2, 2), (3, 3), (99, 3)])
def test_top_k_answers_come_best_first(top_k: int, count: int, tiny_model: bytes, photo: NDArray[np.uint8]) -> None:
    answers = Classifier(tiny_model).predict(photo, top_k=top_k)
    assert len(answers) == count
    assert answers == sorted(answers, key=lambda p: -p.score)


@pytest.mark.parametrize(("top_k", "labels"), [(1, "ac"), (2, "ac"), (3, "acb"), (9, "acb")])
def test_all_labels_that_are_present_come_back_from_a_multi_label_model(
    top_k: int, labels: str, tiny_graph: bytes, tiny_card: ModelCard, photo: NDArray[np.uint8],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    card = replace(tiny_card, output=OutputSpec("probabilities", "sigmoid", ABC))
    classifier = Classifier(pack_model_file(tiny_graph, card))
    monkeypatch.setattr(classifier.engine, "run", lambda _: np.array([[250, 127, 128]], np.uint8))
    answers = classifier.predict(photo, top_k=top_k)
    assert "".join(p.label for p in answers) == labels
    assert [p.label for p in classifier.predict_timed(photo, top_k=top_k).present] == ["a", "c"]
    with pytest.raises(ValueError, match="top_k is 0"):
        classifier.predict(photo, top_k=0)


def test_an_exclusive_model_gives_no_more_than_top_k(
    tiny_model: bytes, photo: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = Classifier(tiny_model)
    monkeypatch.setattr(classifier.engine, "run", lambda _: np.array([[250, 127, 128]], np.uint8))
    assert len(classifier.predict(photo, top_k=1)) == 1


def test_a_foreign_sigmoid_model_answers_with_independent_scores(
    tiny_graph: bytes, edit_graph: EditGraph, photo: NDArray[np.uint8]
) -> None:
    def end_in_sigmoid(model: Any) -> None:
        code = model.operatorCodes[model.subgraphs[0].operators[-2].opcodeIndex]
        code.builtinCode = code.deprecatedBuiltinCode = 14
        model.subgraphs[0].operators[-2].builtinOptions = None
        model.subgraphs[0].operators[-2].builtinOptionsType = 0

    classifier = Classifier(edit_graph(tiny_graph, end_in_sigmoid), labels=ABC)
    answers = classifier.predict(photo, top_k=1)
    everything = classifier.predict_timed(photo, top_k=3)
    assert classifier.card.output.multi_label
    assert answers == everything.predictions[: max(1, len(everything.present))]


def test_wrong_arguments_are_the_callers_errors(tiny_model: bytes, tiny_float: bytes, photo: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="top_k is 0"):
        Classifier(tiny_model).predict(photo, top_k=0)
    with pytest.raises(ValueError, match="num_threads is 0"):
        Classifier(tiny_model, num_threads=0)
    with pytest.raises(ValueError, match=r"expected 0\.\.255"):
        Classifier(tiny_float, labels=ABC, input_range="bright")
    with pytest.raises(TypeError, match="not int"):
        Classifier(tiny_model).predict(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("option", [{"labels": ABC}, {"input_range": "0..1"}])
def test_a_file_that_carries_its_own_takes_no_labels_or_range(option: dict[str, Any], tiny_model: bytes) -> None:
    with pytest.raises(ValueError, match="carries its own labels and input range"):
        Classifier(tiny_model, **option)


def test_a_file_with_a_card_assumes_nothing(tiny_model: bytes, tiny_graph: bytes) -> None:
    assert Classifier(tiny_model).assumptions == ()
    assert Classifier(tiny_graph, labels=ABC).assumptions != ()


def test_an_output_that_is_not_a_number_is_an_inference_error(
    runtime_name: RuntimeName, tiny_float: bytes, edit_graph: EditGraph, photo: NDArray[np.uint8]
) -> None:
    def change(model: Any) -> None:
        subgraph = model.subgraphs[0]
        for index in subgraph.operators[-1].inputs[1:]:
            buffer = model.buffers[subgraph.tensors[index].buffer]
            buffer.data = np.full(len(buffer.data) // 4, np.nan, np.float32).view(np.uint8)

    broken = Classifier(edit_graph(tiny_float, change), runtime=runtime_name, labels=ABC, input_range="0..1")
    with pytest.raises(InferenceError, match="not a number: the model is broken"):
        broken.predict(photo)


def test_an_output_of_another_size_than_declared_is_an_inference_error(
    tiny_model: bytes, photo: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = Classifier(tiny_model)
    monkeypatch.setattr(classifier.engine, "run", lambda _: np.zeros((1, 4), np.uint8))
    with pytest.raises(InferenceError, match="gave 4 scores for 3 labels"):
        classifier.predict(photo)


def test_a_classifier_is_reusable_also_after_a_bad_photo(tiny_model: bytes, photo: NDArray[np.uint8]) -> None:
    classifier = Classifier(tiny_model)
    first = classifier.predict(photo)
    assert classifier.predict(np.bitwise_not(photo)) != first
    with pytest.raises(ImageError):
        classifier.predict(b"no photo")
    assert classifier.predict(photo) == first


def test_threads_that_share_a_classifier_get_the_answers_that_one_gets(
    runtime_name: RuntimeName, tiny_model: bytes, tiny_float: bytes
) -> None:
    chance = np.random.default_rng(1)
    photos = [png(chance.integers(0, 256, (40 + i, 30, 3), dtype=np.uint8)) for i in range(6)] * 20
    for classifier in (
        Classifier(tiny_model, runtime=runtime_name),
        Classifier(tiny_float, runtime=runtime_name, labels=ABC, input_range="0..1"),
    ):
        wanted = [classifier.predict(photo) for photo in photos]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(classifier.predict, photos)) == wanted


def test_the_parts_of_the_time_make_up_the_total(tiny_model: bytes, photo: NDArray[np.uint8]) -> None:
    result = Classifier(tiny_model).predict_timed(png(photo), top_k=1)
    timing = result.timing_ms
    assert len(result.predictions) == 1
    assert min(timing.decode, timing.preprocess, timing.invoke) > 0
    assert timing.decode + timing.preprocess + timing.invoke <= timing.total


def test_errors_name_the_model(tmp_path: Path, tiny_graph: bytes) -> None:
    path = tmp_path / "foreign.tflite"
    path.write_bytes(tiny_graph)
    with pytest.raises(UnsupportedModelError, match=r"foreign\.tflite: it has 3 classes and no labels"):
        Classifier(path)
    with pytest.raises(UnsupportedModelError, match=r"^model: it has 3 classes and no labels"):
        Classifier(tiny_graph)
    with pytest.raises(ModelFileError, match="not a TFLite model"):
        Classifier(b"no model")
    with pytest.raises(FileNotFoundError):
        Classifier(tmp_path / "none.tflite")

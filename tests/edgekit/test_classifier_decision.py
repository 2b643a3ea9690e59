"""What a `Classifier` decides: by its card, by the file of thresholds beside it, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit import Classifier, run_selftest
from edgekit.card import ModelCard
from edgekit.decision import DecisionRule
from edgekit.errors import ModelFileError
from edgekit.modelfile import pack_model_file

Pixels = NDArray[np.uint8]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tmp_path / "leaf.tflite"


def write(model: Path, graph: bytes, card: ModelCard, **output: Any) -> Path:
    model.write_bytes(pack_model_file(graph, replace(card, output=replace(card.output, **output))))
    return model


def state(model: Path, **content: Any) -> Path:
    path = model.with_name("leaf.thresholds.json")
    path.write_text(json.dumps(content))
    return path


def answering(classifier: Classifier, monkeypatch: pytest.MonkeyPatch, *scores: int) -> Classifier:
    """The classifier, whose model gives these scores, of 256."""
    monkeypatch.setattr(classifier.engine, "run", lambda _: np.array([scores], np.uint8))
    return classifier


def test_nothing_decides_where_neither_card_nor_file_say_so(tiny_path: Path, photo: Pixels) -> None:
    classifier = Classifier(tiny_path)
    assert (classifier.rule, classifier.threshold_file) == (None, None)
    result = classifier.predict_timed(photo)
    assert (result.decision, result.present) == (None, ())


def test_the_real_score_of_a_photo_decides(
    model: Path, tiny_graph: bytes, tiny_card: ModelCard, tiny_model: bytes, photo: Pixels
) -> None:
    best, second, _ = Classifier(tiny_model).predict(photo)
    exactly = write(model, tiny_graph, tiny_card, abstain_below=best.score)
    assert Classifier(exactly).predict_timed(photo).decision == best.label
    assert Classifier(exactly).predict_timed(photo, top_k=1).decision == best.label
    above = write(model, tiny_graph, tiny_card, abstain_below=best.score + 1 / 512)
    result = Classifier(above).predict_timed(photo)
    assert (result.decision, result.present) == ("unsure", ())
    assert result.predictions == Classifier(tiny_model).predict(photo), "thresholds change no score and no order"
    thresholds = tuple(1.0 if label == best.label else 0.0 for label in tiny_card.output.labels)
    strict = write(model, tiny_graph, tiny_card, thresholds=thresholds)
    assert second.label != Classifier(strict).predict_timed(photo).decision == "unsure"


def test_the_card_decides_alike_from_bytes_and_from_a_path(
    model: Path, tiny_graph: bytes, tiny_card: ModelCard, photo: Pixels
) -> None:
    write(model, tiny_graph, tiny_card, abstain_below=1.0)
    for classifier in (Classifier(model), Classifier(model.read_bytes())):
        assert classifier.rule == DecisionRule((0.0, 0.0, 0.0), 1.0)
        assert classifier.predict_timed(photo).decision == "unsure"


def test_the_file_beside_the_model_goes_before_the_card(
    model: Path, tiny_graph: bytes, tiny_card: ModelCard, monkeypatch: pytest.MonkeyPatch, photo: Pixels
) -> None:
    write(model, tiny_graph, tiny_card, thresholds=(0.5, 0.5, 0.5), abstain_below=0.1)
    path = state(model, thresholds={"bee": 0.8})
    classifier = Classifier(str(model))
    assert classifier.threshold_file is not None
    assert (classifier.threshold_file.path, classifier.threshold_file.thresholds) == (path, {"bee": 0.8})
    assert classifier.rule == DecisionRule((0.5, 0.8, 0.5), 0.1)
    assert answering(classifier, monkeypatch, 20, 200, 36).predict_timed(photo).decision == "unsure"
    assert answering(classifier, monkeypatch, 10, 210, 36).predict_timed(photo).decision == "bee"
    assert answering(classifier, monkeypatch, 10, 110, 136).predict_timed(photo).decision == "cat, big"
    assert Classifier(model.read_bytes()).threshold_file is None, "bytes lie nowhere"


def test_the_file_serves_models_without_thresholds_and_without_a_card(
    model: Path, tiny_model: bytes, tiny_graph: bytes, photo: Pixels
) -> None:
    state(model, abstain_below=1.0)
    model.write_bytes(tiny_model)
    assert Classifier(model).predict_timed(photo).decision == "unsure"
    model.write_bytes(tiny_graph)
    assert Classifier(model, labels=["a", "b", "c"]).predict_timed(photo).decision == "unsure"
    state(model, thresholds={"b": 0.5})
    assert Classifier(model, labels=["a", "b", "c"]).rule == DecisionRule((0.0, 0.5, 0.0))


def test_an_empty_file_is_in_use_and_decides_nothing(model: Path, tiny_model: bytes, photo: Pixels) -> None:
    model.write_bytes(tiny_model)
    path = state(model)
    classifier = Classifier(model)
    assert classifier.threshold_file is not None
    assert classifier.threshold_file.path == path
    assert classifier.predict_timed(photo).decision is None


def test_a_file_that_is_wrong_stops_the_classifier(model: Path, tiny_model: bytes) -> None:
    model.write_bytes(tiny_model)
    path = state(model, thresholds={"wasp": 0.5})
    with pytest.raises(ModelFileError) as refused:
        Classifier(model)
    labels = "'ant', 'bee', 'cat, big'"
    assert str(refused.value) == f"{path}: thresholds: unknown label 'wasp', expected one of {labels}."
    path.unlink()
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        Classifier(model)


@pytest.mark.parametrize(
    ("scores", "top_k", "labels", "present"),
    [
        ((100, 150, 250), 3, ["cat, big", "bee", "ant"], ["cat, big", "ant"]),
        ((100, 150, 250), 1, ["cat, big", "ant"], ["cat, big", "ant"]),
        ((100, 150, 250), 2, ["cat, big", "bee", "ant"], ["cat, big", "ant"]),
        ((70, 150, 60), 1, ["bee"], []),
        ((70, 230, 60), 2, ["bee", "ant"], ["bee"]),
    ],
)
def test_each_label_of_a_multi_label_model_is_present_from_its_threshold(
    scores: tuple[int, ...], top_k: int, labels: list[str], present: list[str], model: Path, tiny_graph: bytes,
    tiny_card: ModelCard, photo: Pixels, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    write(model, tiny_graph, tiny_card, activation="sigmoid", thresholds=(0.3, 0.8, 0.5))
    result = answering(Classifier(model), monkeypatch, *scores).predict_timed(photo, top_k=top_k)
    assert [p.label for p in result.predictions] == labels
    assert [p.label for p in result.present] == present
    assert result.decision is None, "no single label decides about a photo that may show several"


def test_the_file_moves_what_is_present(
    model: Path, tiny_graph: bytes, tiny_card: ModelCard, photo: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(model, tiny_graph, tiny_card, activation="sigmoid")
    state(model, abstain_below=0.6, thresholds={"bee": 0.9})
    result = answering(Classifier(model), monkeypatch, 140, 220, 160).predict_timed(photo)
    assert [p.label for p in result.present] == ["cat, big"]
    state(model, thresholds={"bee": 0.1})
    result = answering(Classifier(model), monkeypatch, 140, 30, 120).predict_timed(photo, top_k=1)
    assert [p.label for p in result.present] == ["ant", "bee"]


def test_the_selftest_asks_neither_thresholds_nor_their_file(
    model: Path, tiny_graph: bytes, tiny_card: ModelCard
) -> None:
    write(model, tiny_graph, tiny_card, abstain_below=1.0)
    state(model, nonsense=1)
    assert run_selftest(model).passed

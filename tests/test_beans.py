"""The ready-made model of bean leaves: its proof holds here, and nothing private travels with it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from edgekit.classifier import Classifier
from edgekit.modelfile import ModelFile, read_model_file
from edgekit.runtime import installed_runtimes
from edgekit.selftest import run_selftest

BEANS = Path(__file__).parents[1] / "examples" / "beans"
MODEL, REPORT = BEANS / "beans.tflite", BEANS / "beans.report.html"
LABELS = ("angular_leaf_spot", "bean_rust", "healthy")


@pytest.fixture(scope="module")
def file() -> ModelFile:
    return read_model_file(MODEL)


def test_it_is_small_full_int8_and_says_where_it_comes_from(file: ModelFile) -> None:
    assert MODEL.stat().st_size < 5e6
    card = file.card
    assert card is not None
    assert card.output.labels == LABELS
    assert card.quantization is not None
    assert card.quantization.recipe.split("+")[0] == "int8"
    assert "keep-float" not in card.quantization.recipe
    assert card.provenance is not None
    assert card.provenance.license == "Apache-2.0"
    assert "iBean" in (card.provenance.author or "")


def test_its_proof_holds_on_this_machine() -> None:
    if not installed_runtimes():
        pytest.skip("no TFLite runtime is installed")
    assert run_selftest(MODEL).passed


@pytest.mark.slow
def test_it_is_as_good_on_photos_of_test_as_its_card_says(file: ModelFile, shared_data: Path) -> None:
    if "litert" not in installed_runtimes():
        pytest.skip("ai-edge-litert is not installed")
    assert file.card is not None
    proven = file.card.verification
    assert proven is not None
    classifier = Classifier(MODEL, runtime="litert")
    photos = sorted((shared_data / "data" / "ibean" / "test").rglob("*.jpg"))
    right = sum(classifier.predict(photo, top_k=1)[0].label == photo.parent.name for photo in photos)
    assert proven.photos.images == len(photos) == 128
    assert right == next(family.correct for family in proven.families if family.family == "xnnpack")
    assert right / len(photos) > 0.93


def test_its_report_has_no_photo_and_asks_for_no_other_file() -> None:
    page = REPORT.read_text(encoding="utf-8")
    assert not re.search(r"data:image/(?!svg)", page)
    assert not re.search(r"<(?:img|script|link)\b[^>]*(?:src|href)=", page)
    assert "beans.tflite" in page


def test_nothing_of_the_machine_that_made_it_travels(file: ModelFile) -> None:
    record = json.loads(file.entry("export_record.json") or b"")
    assert record["photos_root"] == "ibean"
    assert "--images ibean" in record["command"]
    for text in (json.dumps(record), REPORT.read_text(encoding="utf-8"), MODEL.read_bytes().decode("latin-1")):
        assert not re.search(r"/(?:home|root|tmp|work|Users)/", text)

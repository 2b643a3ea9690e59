"""The record of real exports: what it says is what the file does."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgekit.classifier import Classifier
from edgekit.modelfile import parse_model_file
from edgekit_export.errors import AccuracyDropError
from edgekit_export.pipeline import ExportResult, export_model
from edgekit_export.proof.report import report_page
from edgekit_export.proof.stored import stored_record

if TYPE_CHECKING:
    from tests.export.conftest import MakePhotos, Nets

pytestmark = pytest.mark.host


def test_the_file_carries_the_record_without_its_times(exported: ExportResult) -> None:
    stored = stored_record(parse_model_file(exported.model_file))
    assert stored == exported.record.without_times()
    assert exported.record.rungs[-1].milliseconds > 0
    assert [rung.outcome for rung in exported.record.rungs] == ["chosen"]


def test_layers_are_named_and_near_the_float_network(exported: ExportResult) -> None:
    layers = exported.record.layers
    assert len(layers) >= 3
    assert all(layer.cosine > 0.9 for layer in layers)
    assert all(layer.sqnr_db is None or layer.sqnr_db > 5 for layer in layers)
    assert not any("/" in layer.layer or ";" in layer.layer for layer in layers)


def test_confusions_count_every_photo_of_the_verification(exported: ExportResult) -> None:
    verification = exported.card.verification
    assert verification is not None
    assert {one.who for one in exported.record.confusions} == {"float", "xnnpack", "reference"}
    for one in exported.record.confusions:
        assert sum(count for *_, count in one.cells) == verification.photos.images
    right = sum(count for true, called, count in exported.record.confusions[0].cells if true == called)
    assert right == verification.float_correct


def test_the_calibration_covers_more_with_each_photo(exported: ExportResult) -> None:
    found = exported.record.calibrated
    assert found is not None
    assert list(found.covered_percent) == sorted(found.covered_percent)
    assert (len(found.covered_percent), found.covered_percent[-1]) == (12, 100.0)
    assert all(one.low <= one.seen_low + 1e-3 and one.high >= one.seen_high - 1e-3 for one in found.ranges)


def test_thresholds_stand_in_the_card_and_decide(exported: ExportResult, exported_path: Path, photos: Path) -> None:
    output = exported.card.output
    assert output.wanted_precision == 0.9
    assert len(output.thresholds) == 3
    decisions = exported.record.decisions
    assert decisions is not None
    assert sum(one.right for one in decisions.classes) == 12
    found = Classifier(exported_path).predict_timed(next((photos / "red").iterdir()))
    assert found.decision == "red"


def test_without_a_wanted_precision_nothing_is_decided(colour_file: Path, photos: Path) -> None:
    found = export_model(colour_file, photos, precision=None, recipe="int8")
    assert (found.card.output.thresholds, found.record.decisions) == ((), None)


def test_the_page_of_a_real_export_shows_its_flips(nets: Nets, photos: Path, tmp_path: Path) -> None:
    nets.brittle().save(tmp_path / "brittle.keras")
    found = export_model(tmp_path / "brittle.keras", photos, recipe="int8", max_drop=100)
    flipped = found.record.flipped
    assert flipped
    for one in flipped:
        assert hashlib.sha256((Path(found.record.photos_root) / one.file).read_bytes()).hexdigest() == one.sha256
    page = report_page(found.card, found.record, size_bytes=len(found.model_file), photos=photos)
    assert page.count("data:image/jpeg") >= len(flipped)
    without = report_page(found.card, found.record, size_bytes=len(found.model_file), photos=None)
    assert "data:image" not in without


def test_flips_of_a_folder_for_verification_are_found_again(
    nets: Nets, photos: Path, tmp_path: Path, make_photos: MakePhotos
) -> None:
    nets.brittle().save(tmp_path / "brittle.keras")
    held = make_photos(tmp_path / "held", 6, seed=4)
    found = export_model(tmp_path / "brittle.keras", photos, verify=held, recipe="int8", max_drop=100)
    assert found.record.flipped
    assert all((held / one.file).is_file() and ".." not in one.file for one in found.record.flipped)


def test_a_refusal_has_a_page_too(nets: Nets, photos: Path, tmp_path: Path) -> None:
    nets.brittle().save(tmp_path / "brittle.keras")
    with pytest.raises(AccuracyDropError) as caught:
        export_model(tmp_path / "brittle.keras", photos, recipe="int8")
    error = caught.value
    page = report_page(error.card, error.record, size_bytes=0, photos=photos)
    assert "int8" in page
    assert error.card.verification is None
    assert 'class="verdict bad"' in page


def test_scores_of_a_model_that_is_too_modest_are_mended(nets: Nets, tmp_path: Path, make_photos: MakePhotos) -> None:
    """Its logits are a tenth of what they should be: always right, never sure."""
    k = nets.keras
    photos = make_photos(tmp_path / "photos", 40)
    image = k.Input((16, 12, 3))
    mean = k.layers.GlobalAveragePooling2D()(k.layers.Rescaling(1 / 255)(image))
    head = k.layers.Dense(3, activation="softmax")
    model = k.Model(image, head(mean))
    head.set_weights([np.eye(3)[:, ::-1].astype(np.float32), np.zeros(3, np.float32)])
    model.save(tmp_path / "modest.keras")
    found = export_model(tmp_path / "modest.keras", photos)
    scores = found.record.scores
    assert scores is not None
    before, after = scores.scored
    assert (before.who, after.who) == ("float model", "file")
    assert scores.temperature < 0.5
    assert after.ece_percent < before.ece_percent / 2
    assert found.card.quantization is not None
    assert found.card.quantization.folded_temperature == scores.temperature

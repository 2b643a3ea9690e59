"""Whole exports of a network that sees colours: is every word in the card true, and every failure told?"""

from __future__ import annotations

import base64
import dataclasses
import gc
import hashlib
import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from edgekit.card import DecodeCheck
from edgekit.classifier import Classifier
from edgekit.golden import golden_input
from edgekit.modelfile import parse_model_file
from edgekit.photo import load_photo
from edgekit.preprocess import fit_pixels
from edgekit.runtime import Engine, Kernels, RuntimeName, installed_runtimes
from edgekit.selftest import run_selftest
from edgekit.tflite import Graph
from edgekit_export import device
from edgekit_export.errors import AccuracyDropError, InputRangeError, ModelLoadError, PhotosError, VerificationError
from edgekit_export.graph import operators_used
from edgekit_export.images import Amounts, plan_samples, read_labeled_folder
from edgekit_export.pipeline import ExportResult, export_model
from edgekit_export.report import describe_comparison
from edgekit_export.sources.keras_model import network_of

if TYPE_CHECKING:
    from tests.export.conftest import MakePhotos, Nets

pytestmark = pytest.mark.host


def held_back(photos: Path) -> list[Path]:
    """The photos that an export with default options verifies on."""
    samples = plan_samples(read_labeled_folder(photos), None, None, Amounts(), 0)
    return [path for paths in samples.verification.candidates.values() for path in paths]


def test_the_card_names_the_photos(exported: ExportResult, photos: Path) -> None:
    calibration, verification = exported.card.calibration, exported.card.verification
    assert calibration is not None
    assert verification is not None
    assert (calibration.images, calibration.images_per_class) == (12, {"blue": 4, "green": 4, "red": 4})
    assert (verification.photos.images, verification.photos.seed) == (12, 0)
    rows = [f"{path.parent.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in held_back(photos)]
    assert verification.photos.fingerprint_sha256 == hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()
    assert calibration.fingerprint_sha256 != verification.photos.fingerprint_sha256


def test_the_verification_in_the_card_can_be_repeated(
    nets: Nets, exported: ExportResult, photos: Path, colour_file: Path
) -> None:
    """By other means: `Classifier` on the file in this process, and the original Keras model."""
    verification = exported.card.verification
    assert verification is not None
    spec, labels = exported.card.input, exported.card.output.labels
    wanted: dict[str, list[bool]] = {"xnnpack": [], "reference": [], "float": []}
    agreeing = dict.fromkeys(("xnnpack", "reference"), 0)
    model = nets.keras.models.load_model(colour_file)
    classifiers = {family: classifier(exported, family) for family in agreeing}
    for path in held_back(photos):
        pixels = fit_pixels(load_photo(path), spec)
        first = labels[int(np.asarray(model(pixels[None].astype(np.float32))).argmax())]
        wanted["float"].append(first == path.parent.name)
        for family in agreeing:
            answer = classifiers[family].predict(path, top_k=1)[0].label
            wanted[family].append(answer == path.parent.name)
            agreeing[family] += answer == first
    assert verification.float_correct == sum(wanted["float"]) == 12
    assert {f.family: f.correct for f in verification.families} == {f: sum(wanted[f]) for f in agreeing}
    assert {f.family: f.agreeing for f in verification.families} == agreeing
    assert sum(c.images for c in verification.classes) == 12
    assert exported.comparison.drop_points == 0


def test_a_new_export_decodes_fast_and_says_what_that_changes(exported: ExportResult) -> None:
    assert exported.card.input.decode == "fast"
    assert exported.card.verification is not None
    assert exported.card.verification.decode == DecodeCheck("xnnpack", 12, 0, 12, 12, 12)


def test_large_photos_are_seen_as_the_device_will_see_them(
    nets: Nets, tmp_path: Path, colour_file: Path, make_photos: MakePhotos
) -> None:
    """Calibrated and verified on pixels of photos decoded at a part of their size, and compared with all of them."""
    photos = make_photos(tmp_path / "photos", count=8)
    for path in photos.rglob("*.*"):
        with Image.open(path) as image:
            large = image.convert("RGB").resize((240, 320))
        path.unlink()
        large.save(path.with_suffix(".jpg"), quality=90)
    found = export_model(colour_file, photos, recipe="int8")
    assert found.card.verification is not None
    images = found.card.verification.photos.images
    assert found.card.verification.decode == DecodeCheck("xnnpack", images, images, images, images, images)
    exact = export_model(colour_file, photos, recipe="int8", decode="exact")
    assert exact.card.input.decode == "exact"
    assert exact.card.verification is not None
    assert exact.card.verification.decode is None


def classifier(exported: ExportResult, family: str) -> Classifier:
    """In the runtime and with the kernels that the card names."""
    assert exported.card.verification is not None
    runtime = next(f.runtime for f in exported.card.verification.families if f.family == family)
    found = Classifier(exported.model_file, runtime="litert")
    kernels: Kernels = "default" if family == "xnnpack" else "reference"
    found.engine = Engine(
        exported.model_file, runtime="tflite" if runtime == "tflite-runtime" else "litert", kernels=kernels
    )
    return found


def test_the_card_tells_where_the_file_comes_from(exported: ExportResult, colour_file: Path) -> None:
    card = exported.card
    assert card.provenance is not None
    assert card.quantization is not None
    assert card.requires is not None
    assert (card.name, card.output.labels) == ("colour", ("blue", "green", "red"))
    assert (card.provenance.source_file, card.provenance.license, card.provenance.author) == (
        "colour.keras",
        "CC0-1.0",
        "nobody",
    )
    assert card.provenance.source_sha256 == hashlib.sha256(colour_file.read_bytes()).hexdigest()
    assert (card.provenance.input_range, card.provenance.input_range_source) == (
        "0..255",
        "the model's own preprocessing",
    )
    assert {"python", "keras", "numpy", "ai-edge-litert"} <= set(card.provenance.tools)
    date = json.loads(zipfile.ZipFile(colour_file).read("metadata.json"))["date_saved"]
    assert card.created == date.replace("@", "T")
    graph = Graph(exported.model_file)
    assert card.requires.operators == {use.name: max(use.versions) for use in operators_used(graph)}
    oldest = "tflite-runtime" if "tflite" in installed_runtimes() else "ai-edge-litert"
    assert (card.requires.oldest_runtime or "").startswith(f"{oldest} ")
    assert "reference" not in (card.requires.oldest_runtime or "")
    assert card.input.mean == (0.0,)
    assert graph.inputs[0].zero_point == 0
    assert card.input.std == (1 / graph.inputs[0].scale,)


def test_the_file_carries_this_card_and_passes_its_selftest(
    exported: ExportResult, exported_path: Path, runtime_name: RuntimeName, photos: Path
) -> None:
    card = parse_model_file(exported.model_file).card
    assert card is not None
    assert dataclasses.replace(card, graph=None) == exported.card
    result = run_selftest(exported_path, runtime=runtime_name)
    assert (result.passed, result.vectors) == (True, 8)
    found = Classifier(exported_path, runtime=runtime_name)
    for path in held_back(photos):
        best = found.predict(path, top_k=1)[0]
        assert (best.label, best.score > 0.6) == (path.parent.name, True)


def test_nothing_is_noted_about_a_plain_export(exported: ExportResult) -> None:
    assert exported.skipped == ()
    assert (exported.duplicates.copies, exported.duplicates.contradictions) == ((), ())
    assert exported.notes == () or "tflite" not in installed_runtimes()


def test_the_same_input_and_seed_give_the_same_bytes(
    exported: ExportResult, colour_file: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"license": "CC0-1.0", "author": "nobody"}
    assert export_model(colour_file, photos, **options).model_file == exported.model_file
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    other = export_model(colour_file, photos, seed=1, **options).card
    assert other.created == "1970-01-02T00:00:00"
    assert other.calibration is not None
    assert exported.card.calibration is not None
    assert other.calibration.fingerprint_sha256 != exported.card.calibration.fingerprint_sha256


def test_labels_are_in_the_order_of_the_outputs(
    colour_file: Path, tmp_path: Path, make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders whose alphabetical order is not that of the outputs; and a grown folder with copies and damage."""
    names = ("zinc", "leaf", "coal")  # blue, green, red
    photos, held = make_photos(tmp_path / "a", 3, names), make_photos(tmp_path / "b", 6, names, seed=9)
    shutil.copy(photos / "zinc" / "000.png", held / "zinc" / "copy.png")
    shutil.copy(photos / "zinc" / "001.jpg", photos / "leaf" / "wrong.jpg")
    (held / "coal" / "000.png").write_bytes(b"")
    wrong = export_model(colour_file, photos, verify=held, max_drop=100)
    assert wrong.comparison.verification.float_correct == 3  # the leaves alone
    assert any("check the input range, and that the order of the labels" in note for note in wrong.notes)
    right = export_model(colour_file, photos, verify=held, labels=names, name="metal")
    assert (right.card.name, right.card.output.labels) == ("metal", names)
    assert right.card.calibration is not None
    assert right.card.calibration.images_per_class == {"coal": 3, "leaf": 3, "zinc": 2}
    assert right.record.choice is not None
    seen = [right.record.choice.images_per_class, right.comparison.verification.photos.images_per_class]
    assert {name: sum(one[name] for one in seen) for name in names} == {"coal": 5, "leaf": 6, "zinc": 6}
    assert right.comparison.verification.float_correct == right.comparison.verification.photos.images
    assert len(right.skipped) == 1
    assert "coal/000.png: found an empty file" in right.skipped[0].replace("\\", "/")
    assert right.duplicates.copies == (held / "zinc" / "copy.png",)
    assert set(right.duplicates.contradictions) == {photos / "zinc" / "001.jpg", photos / "leaf" / "wrong.jpg"}
    assert any(note.startswith("left out exact copies of photos: 1, such as ") for note in right.notes)
    assert any(
        note.startswith("left out photos that stand under more than one class: 2, such as ") for note in right.notes
    )


def test_labels_without_photos_are_told(colour_file: Path, tmp_path: Path, make_photos: MakePhotos) -> None:
    names = ("blue", "green", "red")
    photos = make_photos(tmp_path, 6, names[:2])
    with pytest.raises(ModelLoadError, match=r"3 outputs.*2 class folders"):
        export_model(colour_file, photos)
    result = export_model(colour_file, photos, labels=names)
    assert result.card.output.labels == names
    assert "nothing was verified for labels without photos: 1, such as 'red'" in result.notes


def test_a_network_that_cannot_be_in_int8_is_not_exported_in_int8(nets: Nets, photos: Path, tmp_path: Path) -> None:
    nets.brittle().save(tmp_path / "brittle.keras")
    with pytest.raises(AccuracyDropError) as caught:
        export_model(tmp_path / "brittle.keras", photos, recipe="int8")
    assert str(caught.value).startswith("the recipe int8: on photos for choosing, it loses ")
    assert "allowed are 1 (one photo of 12 is 8.33 points). No file was written." in str(caught.value)
    assert re.search(r"float +100.0 %", describe_comparison(caught.value.comparison))
    assert caught.value.exit_code == 3
    assert [rung.outcome for rung in caught.value.record.rungs] == ["missed"]
    found = export_model(tmp_path / "brittle.keras", photos)
    assert found.card.quantization is not None
    assert found.card.quantization.recipe != "int8"
    assert found.comparison.drop_points <= 1
    assert found.record.rungs[-1].outcome == "chosen"


def test_what_was_made_hard_for_int8_is_found_a_recipe_in_int8(nets: Nets, photos: Path, tmp_path: Path) -> None:
    nets.uneven().save(tmp_path / "uneven.keras")
    with pytest.raises(AccuracyDropError):
        export_model(tmp_path / "uneven.keras", photos, recipe="int8")
    found = export_model(tmp_path / "uneven.keras", photos)
    assert found.record.rungs[0].recipe == "int8"
    assert found.record.rungs[0].outcome == "missed"
    assert found.card.quantization is not None
    assert found.card.quantization.recipe in {"int8+equalize", "int8+equalize+bias"}
    assert found.comparison.drop_points <= 1


def test_a_gray_network_with_a_given_range_is_exported(nets: Nets, photos: Path, tmp_path: Path) -> None:
    k = nets.keras
    layers = [k.layers.Conv2D(4, 3, activation="relu"), k.layers.GlobalAveragePooling2D(), k.layers.Dense(3)]
    k.utils.set_random_seed(0)
    k.Sequential([k.Input((16, 12, 1)), *layers]).save(tmp_path / "gray.keras")
    with pytest.raises(InputRangeError, match=r"gray.keras: nothing in the model tells which pixel values"):
        export_model(tmp_path / "gray.keras", photos)
    result = export_model(tmp_path / "gray.keras", photos, input_range="-1..1", fit="crop", max_drop=100)
    spec = result.card.input
    assert (spec.channels, spec.color_order, spec.fit) == (1, "L", "crop")
    assert spec.std == pytest.approx((127.5,))
    assert spec.mean in ((127.0,), (128.0,))


def test_a_float_tflite_is_exported_again(nets: Nets, photos: Path, tmp_path: Path) -> None:
    """Its own preprocessing went into its weights when it was converted, so its range has to be given."""
    path = tmp_path / "float.tflite"
    path.write_bytes(network_of(nets.own(), nets.keras).to_tflite(0, None))
    result = export_model(path, photos, input_range="0..255")
    gc.collect()  # the process that answered for the float file has ended: pytest would tell
    card = result.card
    assert card.provenance is not None
    assert (card.provenance.source_kind or "").startswith("float .tflite, the .tflite itself in ai-edge-litert ")
    assert card.verification is not None
    assert (card.verification.float_correct, card.verification.families[0].correct) == (12, 12)
    assert (card.verification.float_runtime or "").startswith("the .tflite itself in ai-edge-litert ")
    (tmp_path / "again.tflite").write_bytes(result.model_file)
    with pytest.raises(ModelLoadError, match=r"again.tflite: edgekit wrote this .tflite: it is int8 and verified"):
        export_model(tmp_path / "again.tflite", photos)


def test_a_model_that_takes_bytes_tells_its_range(nets: Nets, photos: Path, tmp_path: Path) -> None:
    k = nets.keras
    inner = nets.own()
    inputs = k.Input((16, 12, 3), dtype="uint8")
    k.Model(inputs, inner(k.ops.cast(inputs, "float32"))).save(tmp_path / "bytes.keras")
    result = export_model(tmp_path / "bytes.keras", photos)
    assert result.card.provenance is not None
    assert (result.card.provenance.input_range, result.card.provenance.input_range_source) == (
        "0..255",
        "the model takes bytes",
    )
    assert result.comparison.verification.float_correct == 12
    assert result.comparison.drop_points == 0


@pytest.mark.parametrize("refusing", [False, True])
def test_the_card_says_which_runtimes_were_not_tried_or_refused(
    colour_file: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, refusing: bool
) -> None:
    class Picky(device.DeviceRuntime):
        def __init__(self, model: bytes, runtime: RuntimeName, kernels: Any) -> None:
            if runtime == "tflite":
                raise VerificationError("tflite-runtime 2.14.0 refuses the model: it is too new")
            super().__init__(model, runtime, kernels)

    monkeypatch.setattr(device, "installed_runtimes", lambda: ("litert", "tflite") if refusing else ("litert",))
    monkeypatch.setattr(device, "DeviceRuntime", Picky)
    if refusing:
        with pytest.raises(AccuracyDropError, match=r"not for tflite-2.14: tflite-runtime 2.14.0 refuses the model"):
            export_model(colour_file, photos, verification_images=3, recipe="int8")
    result = export_model(colour_file, photos, verification_images=3, targets=["litert"])
    assert result.card.requires is not None
    assert (result.card.requires.oldest_runtime or "").startswith("ai-edge-litert ")
    assert [f.runtime for f in result.comparison.verification.families] == ["ai-edge-litert", "ai-edge-litert"]
    assert result.card.golden is not None
    assert set(result.card.golden.outputs_base64) == {"xnnpack"}  # no board has the kernels that stood in
    if refusing:
        assert result.card.requires.refused_by == {
            "tflite-runtime": "tflite-runtime 2.14.0 refuses the model: it is too new"
        }
        assert result.notes[0].startswith("not for every runtime: tflite-runtime 2.14.0 refuses")
    else:
        assert result.card.requires.refused_by is None
        assert result.notes[0].startswith("tflite-runtime is not installed here")


def test_the_card_has_the_outputs_of_the_families_that_were_proven(exported: ExportResult) -> None:
    golden = exported.card.golden
    assert golden is not None
    both = "tflite" in installed_runtimes()
    assert tuple(golden.outputs_base64) == (("xnnpack", "reference") if both else ("xnnpack",))
    for family, rows in golden.outputs_base64.items():
        engine = classifier(exported, family).engine
        wanted = [engine.run(golden_input(seed, 16, 12, 3)).tobytes() for seed in range(8)]
        assert [base64.b64decode(row) for row in rows] == wanted
        assert len(set(wanted)) > 1


def test_a_refusal_names_the_model(nets: Nets, photos: Path, tmp_path: Path) -> None:
    k = nets.keras
    k.Sequential([k.Input((16, 12, 3)), k.layers.Conv2D(3, 3)]).save(tmp_path / "map.keras")
    with pytest.raises(ModelLoadError, match=r"map.keras: not a classifier: found output \(1, 14, 10, 3\)"):
        export_model(tmp_path / "map.keras", photos)


def test_photos_of_which_none_can_be_read_are_refused(colour_file: Path, tmp_path: Path) -> None:
    for name in ("blue", "green", "red"):
        (tmp_path / name).mkdir()
        for i in range(2):
            (tmp_path / name / f"{i}.png").write_bytes(f"{name} {i}".encode())
    with pytest.raises(PhotosError, match=r"none of the photos .* calibration could be read, the first: .*a text file"):
        export_model(colour_file, tmp_path)

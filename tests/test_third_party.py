"""Model files that other people made, in both runtimes: known answers, refusals with their reasons.

Across runtimes the answers are not the same bits: LiteRT rounds every layer in XNNPACK, tflite-runtime in its own
kernels. A known answer was recorded with tflite-runtime; the reference kernels of both runtimes must repeat it exactly.
"""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit import Classifier, read_model_file
from edgekit.errors import UnsupportedModelError
from edgekit.graft import add_metadata_buffer
from edgekit.photo import load_photo
from edgekit.preprocess import PixelTable, fit_pixels
from edgekit.runtime import Engine, RuntimeName
from edgekit.structure import check_structure
from edgekit.tflite import Graph

RunBare = Callable[[RuntimeName, bytes, NDArray[Any]], NDArray[Any]]
RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]

V1_128 = "coral_mobilenet_v1_0.25_128_quant"
V2 = "coral_mobilenet_v2_1.0_224_quant"
BIRDS = "coral_mobilenet_v2_1.0_224_inat_bird_quant"
SUPPORT = "tflitesupport_mobilenet_v1_0.25_224_quant"
SUPPORT_FLOAT = "tflitesupport_mobilenet_v1_0.25_224_1_metadata_1"
CIFAR10 = "mlcommons_resnet8_cifar10_int8"
WAKE_WORDS = "mlcommons_vww_96_int8"
EMBEDDER = "tfexamples_mobilenet_v2_035_96_embedder_with_metadata"
EDGE_TPU = "coral_EDGETPU_mobilenet_v1_0.25_128_quant_edgetpu"
FAKE_OP = "coral_INVALID_model_invoking_error"
ALL = (V1_128, V2, BIRDS, SUPPORT, SUPPORT_FLOAT, CIFAR10, WAKE_WORDS, EMBEDDER, EDGE_TPU, FAKE_OP)

OPTIONS: dict[str, dict[str, Any]] = {
    CIFAR10: {"labels": ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]},
    WAKE_WORDS: {"labels": ["no person", "person"]},
}
BURGER, BIRD, CAT = "tflitesupport_burger.jpg", "coral_bird.bmp", "coral_cat.bmp"
DAISY, FOX = "coral_sunflower.bmp", "tfexamples_fox.jpeg"

# Model, photo, class, label, and 256 times the score: of reference kernels, of LiteRT's XNNPACK.
ANSWERS = [
    (SUPPORT, BURGER, 934, "cheeseburger", 248, 248),
    (BIRDS, BIRD, 659, "Poecile atricapillus (Black-capped Chickadee)", 190, 184),
    (V2, BURGER, 934, "cheeseburger", 250, 249),
    (V2, CAT, 286, "Egyptian cat", 205, 202),
    (V2, BIRD, 20, "chickadee", 251, 253),
    (V2, DAISY, 986, "daisy", 253, 253),
    (V2, FOX, 278, "red fox, Vulpes vulpes", 157, 145),
    (V1_128, BURGER, 934, "cheeseburger", 243, 244),
    (V1_128, CAT, 286, "Egyptian cat", 32, 34),
    (CIFAR10, BIRD, 2, "bird", 255, 255),
]


def model_path(third_party: Path, name: str) -> Path:
    return third_party / f"{name}.tflite"


@pytest.mark.parametrize("name", ALL)
def test_our_reader_agrees_with_the_generated_schema(
    name: str, third_party: Path, agrees_with_schema: Callable[[bytes], None]
) -> None:
    data = model_path(third_party, name).read_bytes()
    if name != FAKE_OP:  # hand-made: its tensors name buffers that it does not have
        agrees_with_schema(data)
        agrees_with_schema(add_metadata_buffer(data, "NOTE", b"hello"))


@pytest.mark.parametrize("name", sorted(set(ALL) - {EDGE_TPU, FAKE_OP}))
def test_honest_files_pass_the_structure_check(name: str, third_party: Path) -> None:
    check_structure(Graph(model_path(third_party, name).read_bytes()))


@pytest.mark.parametrize(
    ("name", "photo", "class_id", "label", "reference", "xnnpack"), ANSWERS, ids=lambda v: str(v)[:24]
)
def test_known_answers(
    *,
    name: str,
    photo: str,
    class_id: int,
    label: str,
    reference: int,
    xnnpack: int,
    runtime_name: RuntimeName,
    third_party: Path,
) -> None:
    path = model_path(third_party, name)
    classifier = Classifier(path, runtime=runtime_name, **OPTIONS.get(name, {}))
    best = classifier.predict(third_party / "images" / photo)[0]
    assert (best.class_id, best.label) == (class_id, label)
    if runtime_name == "litert":
        assert best.score * 256 == xnnpack
    else:
        assert abs(best.score * 256 - reference) <= 1  # its default kernels on x86 may be a step away

    engine = Engine(path.read_bytes(), runtime=runtime_name, kernels="reference")
    pixels = fit_pixels(load_photo(third_party / "images" / photo), classifier.card.input)
    table = PixelTable(classifier.card.input, engine.input.dtype, engine.input.scale, engine.input.zero_point)
    output = engine.run(table.apply(pixels)).reshape(-1)
    assert int(output[class_id]) - engine.output.zero_point == reference


@pytest.mark.parametrize("name", [V1_128, V2, BIRDS, SUPPORT, CIFAR10, WAKE_WORDS])
def test_answers_are_those_of_a_bare_interpreter(
    name: str, runtime_name: RuntimeName, third_party: Path, run_bare: RunBare
) -> None:
    path = model_path(third_party, name)
    classifier = Classifier(path, runtime=runtime_name, **OPTIONS.get(name, {}))
    spec, tensor = classifier.card.input, classifier.engine.input
    pixels = np.random.default_rng(0).integers(0, 256, (spec.height, spec.width, 3), dtype=np.uint8)
    raw = pixels if tensor.dtype == np.uint8 else (pixels.astype(np.int16) - 128).astype(np.int8)
    bare = run_bare(runtime_name, path.read_bytes(), raw[None]).astype(int)
    step, zero_point = classifier.engine.output.scale, classifier.engine.output.zero_point
    answers = classifier.predict(pixels, top_k=len(bare))
    assert [p.class_id for p in answers] == np.argsort(-bare, kind="stable").tolist()
    assert [p.score for p in answers] == [(bare[p.class_id] - zero_point) * np.float32(step) for p in answers]


def test_a_float_file_is_normalized_as_its_metadata_says(
    runtime_name: RuntimeName, third_party: Path, run_bare: RunBare
) -> None:
    path = model_path(third_party, SUPPORT_FLOAT)
    metadata = read_model_file(path).metadata
    assert metadata is not None
    assert (metadata.mean, metadata.std, metadata.label_files) == ((127.5,), (127.5,), ("labels.txt",))
    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    bare = run_bare(runtime_name, path.read_bytes(), ((pixels - 127.5) / 127.5).astype(np.float32)[None])
    answers = Classifier(path, runtime=runtime_name).predict(pixels, top_k=1001)
    assert {p.class_id: p.score for p in answers} == dict(enumerate(bare.tolist()))
    best = Classifier(path, runtime=runtime_name).predict(third_party / "images" / BURGER)[0]
    assert (best.class_id, best.label) == (934, "cheeseburger")
    assert best.score == pytest.approx(0.9883, abs=1e-4)


def test_a_float_file_without_metadata_needs_an_input_range(third_party: Path, tiny_float: bytes) -> None:
    with pytest.raises(UnsupportedModelError, match="Pass --input-range"):
        Classifier(tiny_float, labels=("a", "b", "c"))
    assert Classifier(model_path(third_party, SUPPORT_FLOAT), input_range="0..1").card.input.std == (255.0,)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (EDGE_TPU, r"compiled for the Edge TPU \(operator edgetpu-custom-op\). Use the .tflite it was compiled from"),
        (FAKE_OP, "needs the custom operator 'fake-op-double', which no plain TFLite runtime has"),
        (EMBEDDER, "an embedder, not a classifier: its 1280 outputs come from pooled features and have no labels"),
        (CIFAR10, "it has 10 classes and no labels. Pass --labels FILE with 10 lines"),
        (WAKE_WORDS, "it has 2 classes and no labels. Pass --labels FILE with 2 lines"),
    ],
)
def test_what_cannot_be_classified_with_is_refused_with_its_reason(name: str, words: str, third_party: Path) -> None:
    with pytest.raises(UnsupportedModelError, match=words) as refused:
        Classifier(model_path(third_party, name))
    assert str(refused.value).startswith(str(model_path(third_party, name)))


def test_gray_files_are_photos_for_a_colour_model(runtime_name: RuntimeName, third_party: Path) -> None:
    """The model was not made for these photos: only which of them looks more like a person is asked."""
    classifier = Classifier(model_path(third_party, WAKE_WORDS), runtime=runtime_name, **OPTIONS[WAKE_WORDS])
    persons = [
        next(p.score for p in classifier.predict(third_party / "images" / photo) if p.label == "person")
        for photo in ("tflitemicro_no_person.bmp", "tflitemicro_person.bmp")
    ]
    assert persons == sorted(persons)


def test_the_command_tells_assumptions_on_stderr_only(
    run_edgekit: RunCommand, third_party: Path, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(OPTIONS[CIFAR10]["labels"]))
    model, photo = model_path(third_party, CIFAR10), third_party / "images" / BIRD
    found = run_edgekit("classify", model, photo, "--labels", labels, "--json", "--top-k", "1")
    assert json.loads(found.stdout)["predictions"][0]["label"] == "bird"
    assert [line.split(": ")[0] for line in found.stderr.splitlines()] == ["note", "note"]
    assert "its int8 input takes raw pixels minus 128" in found.stderr


@pytest.mark.parametrize("name", ALL)
def test_info_reads_every_file(name: str, run_edgekit: RunCommand, third_party: Path) -> None:
    found = run_edgekit("info", model_path(third_party, name), "--json")
    record = json.loads(found.stdout)
    assert (found.returncode, found.stderr, record["card"]) == (0, "", None)
    labels = dict.fromkeys((V1_128, V2, SUPPORT, SUPPORT_FLOAT, EDGE_TPU), 1001) | {BIRDS: 965}
    assert len(record["labels"] or ()) == labels.get(name, 0)
    assert record["custom_operators"] == {EDGE_TPU: ["edgetpu-custom-op"], FAKE_OP: ["fake-op-double"]}.get(name, [])

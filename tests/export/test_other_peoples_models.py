"""Models that other people trained, on real photos: what edgekit finds out about them is what is known of them."""

from __future__ import annotations

import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.card import InputSpec
from edgekit.classifier import Classifier
from edgekit.modelfile import read_model_file
from edgekit.photo import load_photo
from edgekit.preprocess import fit_pixels
from edgekit_export.classes import LabelOrder
from edgekit_export.errors import ModelLoadError
from edgekit_export.frontend import see_network
from edgekit_export.load import LoadedModel, load_model
from edgekit_export.mapping import plausible_mappings
from edgekit_export.training import LabeledPixels, find_reading

if TYPE_CHECKING:
    from tests.export.conftest import RunExport

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("nets"), pytest.mark.slow]

KNOWN_RANGES = {
    "resnet8-cifar10/pretrainedResnet.h5": "0..255",
    "vww96/vww_96.h5": "0..1",
    "teachable-machine-waste/keras_model.h5": "-1..1",
    "mobilenet-v1-0.25-224-imagenet/mobilenet_v1_0.25_224.h5": "-1..1",
}
TEACHABLE = "teachable-machine-waste"


@pytest.fixture(scope="module")
def models(shared_data: Path) -> Path:
    return shared_data / "models" / "keras"


@pytest.fixture(scope="module")
def leaves(shared_data: Path) -> list[Path]:
    """Photos of leaves, which none of the models was trained on."""
    return sorted((shared_data / "data" / "ibean" / "train").rglob("*.jpg"))


@pytest.fixture(scope="module")
def loaded(models: Path) -> Callable[[str], LoadedModel]:
    known: dict[str, LoadedModel] = {}

    def load(name: str) -> LoadedModel:
        if name not in known:
            known[name] = load_model(models / name)
        return known[name]

    return load


def pixels_of(path: Path, side: int) -> NDArray[np.uint8]:
    spec = InputSpec(side, side, 3, (0.0,), (1.0,), fit="crop")
    return fit_pixels(load_photo(path), spec)


@pytest.mark.parametrize("name", KNOWN_RANGES)
def test_the_range_is_found_from_photos_alone(
    loaded: Callable[[str], LoadedModel], leaves: list[Path], name: str
) -> None:
    """Photos of other things than the model's classes, under labels that mean nothing."""
    model = loaded(name)
    network = see_network(model.network.to_tflite(0, None))
    labels = tuple(f"class {i}" for i in range(network.head.classes))
    rng = np.random.default_rng(0)
    photos = [
        LabeledPixels((pixels_of(path, network.image.height),), frozenset([labels[rng.integers(len(labels))]]))
        for path in leaves[:: len(leaves) // 40]
    ]
    found = find_reading(
        network,
        photos,
        plausible_mappings(3, None),
        (LabelOrder("of no meaning", labels),),
        divergence=model.network.divergence,
        habit=None,
        step=lambda: None,
    )
    assert found.reading.mapping.text == KNOWN_RANGES[name]
    assert found.evidence is not None
    assert len(found.evidence.rows) == 10


@pytest.mark.parametrize("name", KNOWN_RANGES)
def test_the_float_tflite_answers_as_the_original_in_its_own_keras(
    loaded: Callable[[str], LoadedModel], leaves: list[Path], name: str
) -> None:
    from edgekit_export.device import DeviceRuntime

    model = loaded(name)
    network = see_network(model.network.to_tflite(0, None))
    mapping = next(m for m in plausible_mappings(3, None) if m.text == KNOWN_RANGES[name])
    original = model.network.answer(0, None)
    with DeviceRuntime(network.tflite, "litert", "default") as device:
        for path in leaves[:4]:
            tensor = mapping.tensor(pixels_of(path, network.image.height))
            np.testing.assert_allclose(device.run(tensor, "a leaf"), original(tensor), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mobilenet-v2-0.35-224-notop/mobilenet_v2_0.35_224_notop.keras", "not a classifier"),
        ("not-an-image-model", "not an image classifier: found input (batch, 4)"),
        ("not-an-image-model/model.json", "not an image classifier: found input (batch, 4)"),
        ("not-an-image-model/model.h5", "found only the weights of a model"),
        ("imagenet1000_labels.txt", "found a text file"),
        (".", "expected a SavedModel, a Teachable Machine export, or one model file"),
    ],
)
def test_what_is_no_image_classifier_is_refused_in_one_line(
    models: Path, leaves: list[Path], run_export: RunExport, tmp_path: Path, name: str, reason: str
) -> None:
    done = run_export("convert", models / name, "--images", leaves[0].parents[1], "-o", tmp_path / "x.tflite")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: {models / name}: ")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_float_tflite_tells_its_range_and_labels_by_its_metadata(third_party: Path) -> None:
    model = load_model(third_party / "tflitesupport_mobilenet_v1_0.25_224_1_metadata_1.tflite")
    assert model.labels is not None
    assert (len(model.labels), model.labels[:2]) == (1001, ("background", "tench"))
    assert model.input_range is not None
    assert (model.input_range.mean, model.input_range.std) == ((127.5,), (127.5,))


@pytest.mark.parametrize(
    "name",
    [
        "coral_mobilenet_v1_0.25_128_quant.tflite",
        "mlcommons_resnet8_cifar10_int8.tflite",
        "tfexamples_mobilenet_v2_035_96_embedder_with_metadata.tflite",
    ],
)
def test_a_quantized_tflite_is_not_quantized_again(third_party: Path, name: str) -> None:
    with pytest.raises(ModelLoadError, match="cannot be given back"):
        load_model(third_party / name)


@pytest.fixture(scope="module")
def sorted_photos(models: Path, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Leaves that the Teachable Machine model is sure about, in folders by its own answer in its own Keras."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tf_keras = pytest.importorskip("tf_keras")
    model = tf_keras.models.load_model(models / TEACHABLE / "keras_model.h5", compile=False)
    labels = [line.split(" ", 1)[1] for line in (models / TEACHABLE / "labels.txt").read_text().splitlines()]
    root = tmp_path_factory.mktemp("sorted")
    paths = sorted((shared_data / "data").glob("*/train/*/*.[jJ][pP][gG]"))[::10]
    batch = np.stack([pixels_of(path, 224) for path in paths]).astype(np.float32) / 127.5 - 1
    for path, scores in zip(paths, model.predict(batch, verbose=0), strict=True):
        if scores.max() > 0.97:
            folder = root / labels[int(scores.argmax())]
            folder.mkdir(exist_ok=True)
            shutil.copy(path, folder / f"{path.parent.name}-{path.name}")
    for folder in list(root.iterdir()):
        if len(list(folder.iterdir())) < 4:
            shutil.rmtree(folder)
    return root


def test_a_teachable_machine_zip_needs_no_flag(
    models: Path, sorted_photos: Path, run_export: RunExport, tmp_path: Path
) -> None:
    archive, output = tmp_path / "converted_keras.zip", tmp_path / "waste.tflite"
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("keras_model.h5", "labels.txt"):
            file.write(models / TEACHABLE / name, name)
    done = run_export("convert", archive, "--images", sorted_photos, "-o", output)
    assert done.returncode == 0, done.stderr
    card = read_model_file(output).card
    assert card is not None
    assert card.output.labels == ("cardboard", "plastic", "glass", "metal")
    assert card.input.fit == "crop"
    assert card.provenance is not None
    assert card.provenance.input_range == "-1..1"
    assert str(card.provenance.source_kind).startswith("Teachable Machine export")
    assert card.verification is not None
    assert str(card.verification.float_runtime).startswith("tf_keras")
    assert card.verification.float_correct == card.verification.photos.images
    assert min(family.agreeing for family in card.verification.families) >= 0.9 * card.verification.photos.images
    photo = next((sorted_photos / "cardboard").iterdir())
    assert Classifier(output).predict(photo)[0].label == "cardboard"

"""From a loaded model and photos to what its training did: what is known, what is tried, and what the card says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import InputSpec
from edgekit.classifier import Classifier
from edgekit.inputrange import parse_input_range
from edgekit.modelfile import parse_model_file
from edgekit_export import understand
from edgekit_export.classes import LabelOrder
from edgekit_export.errors import ConversionError, ExportError, InputRangeError, ModelLoadError, PhotosError
from edgekit_export.images import Sample, read_labeled_folder
from edgekit_export.load import Habit, LoadedModel
from edgekit_export.mapping import Mapping, plausible_mappings
from edgekit_export.pipeline import export_model
from edgekit_export.progress import Silent
from edgekit_export.sources.keras_model import network_of
from edgekit_export.training import View
from edgekit_export.understand import Source, find_training, known_mappings, naming, possible_views, see_source

if TYPE_CHECKING:
    from tests.export.conftest import Nets

pytestmark = pytest.mark.host

HEIGHT, WIDTH = 16, 12
# As in test_training.py: grays tell scales and middles apart, the two colours tell RGB from BGR.
COLOURS = {
    "ash": (160, 160, 160),
    "chalk": (230, 230, 230),
    "coal": (20, 20, 20),
    "rust": (220, 120, 30),
    "sky": (30, 120, 220),
    "slate": (90, 90, 90),
}
FOLDERS = LabelOrder("as the sorted folders", tuple(COLOURS))
SCALED = Mapping(parse_input_range("0..1"))
CAFFE = Mapping(parse_input_range("mean=103.939,116.779,123.68/std=1"), "BGR")
SIX_VIEWS = [View(fit, kernel) for fit in ("stretch", "crop") for kernel in ("bilinear", "tf-bilinear", "nearest")]


def nearest_colour(keras: Any, mapping: Mapping) -> Any:
    """A network that says which colour the mean of the photo is the closest to, for photos mapped in one way."""
    places = np.array([mapping.tensor(np.array([[c]], np.uint8)).reshape(-1) for c in COLOURS.values()])
    std = np.broadcast_to(np.array(mapping.range.std), 3)
    model = keras.Sequential(
        [
            keras.Input((HEIGHT, WIDTH, 3)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(36, activation="relu"),
            keras.layers.Dense(6, activation="softmax"),
        ]
    )
    away = np.tile(np.concatenate([np.eye(3), -np.eye(3)], axis=1), 6)
    model.layers[1].set_weights([away, np.concatenate([np.concatenate([-place, place]) for place in places])])
    model.layers[2].set_weights([np.kron(np.eye(6), np.tile(-std / 10, 2)[:, None]), np.zeros(6)])
    return model


def pixels(colour: Sequence[int], seed: int, height: int, width: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(0, 8, (height, width, 3))
    return np.asarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8))


def save(root: Path, count: int, seed: int = 0, striped: bool = False) -> Path:
    """Photos of each colour; striped, in every other column only, with the complement between."""
    for name, colour in COLOURS.items():
        (root / name).mkdir(parents=True)
        for i in range(count):
            photo = pixels(colour, seed + i, 2 * HEIGHT, 2 * WIDTH + (0 if striped else 3))
            if striped:
                photo[:, 0::2] = 255 - photo[:, 1::2]
            Image.fromarray(photo).save(root / name / f"{i:02}.png")
    return root


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 photos, 10 of each colour."""
    return save(tmp_path_factory.mktemp("many"), 10)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 photos, 2 of each colour."""
    return save(tmp_path_factory.mktemp("held"), 2, seed=100)


@pytest.fixture(scope="module")
def caffe_file(nets: Nets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that was trained as Caffe does it: BGR, and the mean of ImageNet taken away."""
    path = tmp_path_factory.mktemp("caffe") / "caffe.keras"
    nearest_colour(nets.keras, CAFFE).save(path)
    return path


def source(nets: Nets, model: Any, output: str | None = None, **told: Any) -> Source:
    loaded = LoadedModel(network_of(model, nets.keras), "Keras archive", "m.keras", "0" * 64, **told)
    return see_source(loaded, output, None, None)


@pytest.fixture(scope="module")
def raw(nets: Nets) -> Source:
    """Nothing in it tells its range."""
    return source(nets, nearest_colour(nets.keras, SCALED))


def whole(root: Path) -> Sample:
    folder = read_labeled_folder(root)
    return Sample(root, folder.classes, {name: len(paths) for name, paths in folder.classes.items()}, 0)


def test_what_tells_the_range_first_is_believed(nets: Nets, raw: Source) -> None:
    own, torch = source(nets, nets.own()), parse_input_range("mean=1,2,3/std=4")
    with_metadata = replace(own, loaded=replace(own.loaded, input_range=torch))
    found = [
        known_mappings(with_metadata, "-1..1", None),
        known_mappings(with_metadata, None, None),
        known_mappings(replace(raw, network=replace(raw.network, takes_bytes=True)), None, None),
        known_mappings(own, None, None),
    ]
    assert [how for _, how in found] == [
        "given",
        "the file's metadata",
        "the model takes bytes",
        "the model's own preprocessing",
    ]
    assert [mappings[0].range.text for mappings, _ in found] == ["-1..1", torch.text, "0..255", "0..255"]
    assert all([one.order for one in mappings] == ["RGB", "BGR"] for mappings, _ in found)
    assert known_mappings(raw, None, None) == (plausible_mappings(3, None), None)


def test_a_given_channel_order_is_not_tried(nets: Nets, raw: Source) -> None:
    assert [one.text for one in known_mappings(raw, "0..1", "BGR")[0]] == ["0..1 BGR"]
    mappings, how = known_mappings(raw, None, "BGR")
    assert ({one.order for one in mappings}, how) == ({"BGR"}, None)
    k = nets.keras
    gray = source(nets, k.Sequential([k.Input((16, 12, 1)), k.layers.GlobalAveragePooling2D(), k.layers.Dense(3)]))
    assert [one.text for one in known_mappings(gray, "0..1", None)[0]] == ["0..1"]  # gray has no order


def test_a_given_range_has_to_fit_the_channels(nets: Nets) -> None:
    k = nets.keras
    gray = source(nets, k.Sequential([k.Input((16, 12, 1)), k.layers.GlobalAveragePooling2D(), k.layers.Dense(3)]))
    with pytest.raises(
        InputRangeError, match=r"--input-range: 'mean=1,2,3/std=4' has values for 3 channels, the model"
    ):
        known_mappings(gray, "mean=1,2,3/std=4", None)
    with pytest.raises(InputRangeError, match="--input-range: '0-1'; expected"):
        known_mappings(gray, "0-1", None)


def test_views_begin_with_the_usual_one() -> None:
    assert list(possible_views(None, None, None)) == SIX_VIEWS
    habit = Habit(parse_input_range("-1..1"), "crop")
    assert list(possible_views(None, None, habit)) == SIX_VIEWS[3:] + SIX_VIEWS[:3]
    assert possible_views("pad", "bicubic", habit) == (View("pad", "bicubic"),)
    assert [view.text for view in possible_views("pad", None, None)] == [
        "pad, bilinear",
        "pad, tf-bilinear",
        "pad, nearest",
    ]
    assert [view.text for view in possible_views(None, "bicubic", habit)] == ["crop, bicubic", "stretch, bicubic"]


def two_headed(nets: Nets) -> Any:
    k = nets.keras
    inputs = k.Input((16, 12, 3))
    pooled = k.layers.GlobalAveragePooling2D()(inputs)
    heads = [k.layers.Dense(n, "softmax", name=name)(pooled) for name, n in (("kind", 3), ("state", 2))]
    return k.Model(inputs, heads)


def test_of_several_outputs_one_has_to_be_named(nets: Nets) -> None:
    model = two_headed(nets)
    names = [port.name for port in network_of(model, nets.keras).outputs]
    with pytest.raises(
        ModelLoadError, match=r"it has 2 outputs\. Choose the one that classifies with --output-name"
    ) as no:
        source(nets, model)
    with pytest.raises(ModelLoadError, match=r"--output-name: it has no output 'mood'\. Its outputs: ") as unknown:
        source(nets, model, "mood")
    for caught in (no, unknown):
        assert all(name in str(caught.value) for name in names)
    assert [source(nets, model, name).network.head.units for name in names] == [3, 2]
    answer = source(nets, model, names[1]).answers(SCALED)(np.full((16, 12, 3), 9, np.uint8))
    assert (answer.shape, answer.sum()) == ((2,), pytest.approx(1))


def test_the_name_of_the_only_output_may_be_given(nets: Nets, raw: Source) -> None:
    name = raw.loaded.network.outputs[0].name
    assert see_source(raw.loaded, name, None, None).output == 0
    with pytest.raises(ModelLoadError, match="it has no output 'x'"):
        see_source(raw.loaded, "x", None, None)


def test_errors_name_the_model_once() -> None:
    evidence = object()
    for error in (ConversionError("no such operator"), ModelLoadError("m.keras: no such operator")):
        with pytest.raises(type(error), match=r"^m.keras: no such operator$"), naming("m.keras"):
            raise error
    with pytest.raises(InputRangeError, match=r"^m.keras: which\?$") as caught, naming(Path("m.keras")):
        raise InputRangeError("which?", evidence)  # type: ignore[arg-type]
    assert caught.value.evidence is evidence
    from edgekit.errors import UnsupportedModelError

    with pytest.raises(ModelLoadError, match=r"^m.keras: too odd$") as other, naming("m.keras"):
        raise UnsupportedModelError("too odd")
    assert isinstance(other.value, ExportError)


def test_what_is_known_needs_no_photo(raw: Source, many: Path) -> None:
    sample = whole(many)
    found = find_training(raw, sample, [SCALED], [FOLDERS], [View("pad", "bicubic")], Silent(), decode="fast")
    assert (found.reading.mapping, found.how, found.evidence, found.pixels) == (SCALED, "", (), ())
    assert found.spec == InputSpec(16, 12, 3, (0.0,), (1.0,), fit="pad", resize_kernel="bicubic", decode="fast")
    assert sample.counts == {}


def test_photos_that_were_read_on_the_way_are_those_for_calibration(raw: Source, many: Path) -> None:
    found = find_training(raw, whole(many), plausible_mappings(3, None), [FOLDERS], SIX_VIEWS, Silent(), decode="fast")
    assert found.reading.mapping == SCALED
    again = [photo.pixels for photo in whole(many).read(found.spec)]
    assert len(found.pixels) == len(again) == 60
    assert all(np.array_equal(one, other) for one, other in zip(found.pixels, again, strict=True))


@pytest.mark.parametrize(("most", "asked"), [(59, 59), (60, 60), (3, 24)])
def test_more_photos_than_fit_into_memory_are_read_again(
    raw: Source, many: Path, monkeypatch: pytest.MonkeyPatch, most: int, asked: int
) -> None:
    monkeypatch.setattr(understand, "_MOST_BYTES", most * 2 * 16 * 12 * 3)
    views = [View("stretch", "bilinear"), View("crop", "bilinear")]
    sample = whole(many)
    found = find_training(raw, sample, [SCALED], [FOLDERS], views, Silent(), decode="fast")
    assert max(row.images for one in found.evidence for row in one.rows) == asked
    assert len(found.pixels) == (60 if asked == 60 else 0)


def test_photos_of_which_none_can_be_read_are_told(raw: Source, tmp_path: Path) -> None:
    for name in ("ash", "sky"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(b"GIF")
    with pytest.raises(PhotosError, match=r"none of the photos for calibration could be read, the first: .*1.png: "):
        find_training(raw, whole(tmp_path), [SCALED], [FOLDERS], SIX_VIEWS, Silent(), decode="fast")


def test_what_was_found_stands_in_the_card(
    caffe_file: Path, many: Path, held: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no photo for verification is read before verification."""
    read: list[tuple[Path, int]] = []
    original = Sample.read

    def noted(self: Sample, *specs: InputSpec) -> Iterator[Any]:
        read.append((self.root, len(specs)))
        return original(self, *specs)

    monkeypatch.setattr(Sample, "read", noted)
    result = export_model(caffe_file, many, verify=held)
    assert read == [(many, 6), *[(held, 1)] * 3]  # tried, fitted to, verified
    card = result.card
    assert card.provenance is not None
    assert card.provenance.input_range == CAFFE.text
    assert card.provenance.input_range_source == "clearly best on labelled photos"
    assert (card.provenance.source_kind or "").startswith("Keras archive, Keras 3.")
    assert [(one.question, one.chosen) for one in card.provenance.evidence] == [
        ("what the model was trained on", CAFFE.text),
        ("how training resized photos", "stretch, bilinear"),
    ]
    assert all(row.images <= 60 for one in card.provenance.evidence for row in one.rows)
    parsed = parse_model_file(result.model_file).card
    assert parsed is not None
    assert parsed.provenance == card.provenance
    assert card.verification is not None
    assert card.verification.float_runtime == (card.provenance.source_kind or "").removeprefix("Keras archive, ")
    classifier = Classifier(result.model_file)
    for path in held.rglob("*.png"):
        assert classifier.predict(path, top_k=1)[0].label == path.parent.name


def test_lying_photos_for_verification_change_nothing_that_is_found(caffe_file: Path, many: Path, held: Path) -> None:
    honest = export_model(caffe_file, many, verify=held)
    lies = held.parent / "lies"
    for name, other in zip(COLOURS, [*list(COLOURS)[1:], "ash"], strict=True):
        (lies / name).mkdir(parents=True, exist_ok=True)
        for path in (held / other).iterdir():
            (lies / name / path.name).write_bytes(path.read_bytes())
    lying = export_model(caffe_file, many, verify=lies)
    assert lying.card.provenance == honest.card.provenance
    assert lying.card.input == honest.card.input
    assert lying.comparison.verification.float_correct == 0
    assert honest.comparison.verification.float_correct == 6


def test_too_few_photos_stop_the_export_with_the_table(caffe_file: Path, held: Path) -> None:
    with pytest.raises(InputRangeError, match=r"caffe.keras: nothing in the model tells .* on 6 photos") as caught:
        export_model(caffe_file, held)
    assert caught.value.evidence is not None
    assert caught.value.evidence.chosen is None
    assert {row.images for row in caught.value.evidence.rows} == {6}


def test_the_kernel_of_training_stands_in_the_card(nets: Nets, tmp_path: Path) -> None:
    """The float model is right on stripes with one kernel only; with the default it would be wrong on most."""
    nearest_colour(nets.keras, SCALED).save(tmp_path / "m.keras")
    images, verify = save(tmp_path / "images", 6, striped=True), save(tmp_path / "held", 2, seed=50, striped=True)
    result = export_model(tmp_path / "m.keras", images, verify=verify, input_range="0..1", channel_order="RGB")
    spec = result.card.input
    assert (spec.fit, spec.resize_kernel) == ("stretch", "nearest")
    assert result.card.provenance is not None
    (evidence,) = result.card.provenance.evidence
    assert (evidence.question, evidence.chosen, evidence.how) == (
        "how training resized photos",
        "stretch, nearest",
        "clearly better on labelled photos",
    )
    assert (result.card.provenance.input_range, result.card.provenance.input_range_source) == ("0..1", "given")
    assert result.comparison.verification.float_correct == 6
    parsed = parse_model_file(result.model_file).card
    assert parsed is not None
    assert (parsed.input, parsed.provenance) == (spec, result.card.provenance)
    text = json.loads(result.card.to_json())["provenance"]["evidence"][0]
    assert text["chosen"] == "stretch, nearest"

"""Loading: every file that people call a model is loaded, or refused in one line that says what to do."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit_export import needs
from edgekit_export.errors import MissingPackageError, ModelLoadError
from edgekit_export.load import LoadedModel, LoadOptions, load_model

if TYPE_CHECKING:
    from tests.export.conftest import MakePhotos, Nets, RunExport

INSTALL = "Run: pip install 'edgekit-tflite[export]'"
KERAS = Path(__file__).parents[1] / "data" / "keras"
CUSTOM = LoadOptions(custom_objects=KERAS / "custom_layers.py")

Colours = tuple[tuple[int, NDArray[np.float32]], ...]

ONLY_WEIGHTS = (
    "found only the weights of a model, without its layers. Give the layers too: model.json (model.to_json())"
)
CHECKPOINT = (
    "found a TensorFlow checkpoint: weights without a network. Build the model in Keras, restore the checkpoint"
)
LAMBDA = "a Lambda layer is Python code, and loading it would run whatever the file's author put there."
UNKNOWN = "it needs 'Squash', code of your own that is not in the file. Pass the module that defines it: --custom-obj"


def files(*generations: str, names: str) -> list[str]:
    return [f"{generation}/{name}" for generation in generations for name in names.split()]


TAKEN = {
    "Keras archive": [
        *files("keras-3.15", "keras-3.4", "keras-3.0", "tf-2.15", "tf-2.13", names="whole.keras"),
        "keras-3.15/augmented.keras",
    ],
    "Keras HDF5": [
        *files("tf-1.15", "tf-2.8", names="whole.h5"),
        *files("keras-2.2.4", "tf-2.4", "tf-2.15", "keras-3.15", names="whole.h5 nested.h5"),
        *files(
            "tf-2.4", "keras-3.15", names="conv_head.h5 logits.h5 mixed.h5 sigmoid_many.h5 two_outputs.h5 custom.h5"
        ),
        *files("tf-2.4", "tf-2.15", names="augmented.h5"),
        *files("tf-2.4", names="compiled.h5 whole.keras"),
    ],
    "SavedModel": [
        *files("keras-2.2.4", "tf-2.4", "tf-2.15", "keras-3.15", names="saved_model"),
        *files("tf-2.4", "tf-2.15", "keras-3.15", names="plain_saved_model"),
    ],
    "Keras configuration and weights": files("keras-2.2.4", "tf-2.4", "tf-2.15", "keras-3.15", names="json/model.json"),
}
ONE_VALUE = files("tf-2.4", "keras-3.15", names="sigmoid_one.h5")
REFUSED = {
    ONLY_WEIGHTS: [
        *files("keras-2.2.4", "tf-2.4", "tf-2.15", names="json/model.h5"),
        *files("tf-2.4", "tf-2.15", names="weights.h5"),
        *files("tf-2.15", "keras-3.15", names="weights.weights.h5"),
        "keras-3.15/json/model.weights.h5",
    ],
    CHECKPOINT: files("tf-2.4", "tf-2.15", "keras-3.15", names="checkpoint"),
    LAMBDA: files("tf-2.4", "keras-3.15", names="lambda.h5"),
    UNKNOWN: files("tf-2.4", "keras-3.15", names="custom.h5"),
}


@pytest.fixture(scope="session")
def colours(make_photos: MakePhotos, tmp_path_factory: pytest.TempPathFactory) -> Colours:
    """Photos, pixels 0..1, 16 x 12, each with the index of its dominating colour."""
    root = make_photos(tmp_path_factory.mktemp("colours"), count=3, seed=5)
    found = []
    for index, name in enumerate(("blue", "green", "red")):
        for path in sorted((root / name).iterdir()):
            with Image.open(path) as photo:
                pixels = np.asarray(photo.convert("RGB").resize((12, 16)), np.float32)[None] / 255
            found.append((index, pixels))
    return tuple(found)


def is_right(loaded: LoadedModel, colours: Colours, scale: float = 1) -> bool:
    answer = loaded.network.answer(0, None)
    return all(answer(pixels * scale).argmax() == index for index, pixels in colours)


def refusal(path: Path, options: LoadOptions | None = None) -> str:
    with pytest.raises(ModelLoadError) as caught:
        load_model(path, options)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_every_file_is_expected_somewhere() -> None:
    """Of `tests/data/keras`: a new generation or a new file fails here until it is said what becomes of it."""
    known = {name for names in (*TAKEN.values(), *REFUSED.values(), ONE_VALUE) for name in names}
    folders = {KERAS / name for name in known if (KERAS / name).is_dir()}
    found = {path for path in KERAS.rglob("*") if path.suffix in (".h5", ".keras", ".json") or path in folders}
    assert {path.relative_to(KERAS).as_posix() for path in found} == known
    for path in KERAS.rglob("*"):
        inside = path in found or folders & set(path.parents)
        assert inside or path.is_dir() or path.suffix in (".py", ".pyc", ".md"), path


@pytest.mark.host
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in TAKEN.items() for name in names])
def test_a_file_of_any_keras_is_loaded_and_answers_right(
    nets: Nets, colours: Colours, scratch: Path, kind: str, name: str
) -> None:
    loaded = load_model(KERAS / name, CUSTOM if "custom" in name else None)
    assert (loaded.kind, loaded.file_name) == (kind, Path(name).name)
    assert [port.shape for port in loaded.network.inputs] == [(None, 16, 12, 3)]
    lengths = [port.shape for port in loaded.network.outputs]
    assert lengths == ([(None, 3), (None, 2)] if "two_outputs" in name else [(None, 3)])
    assert is_right(loaded, colours, 255 if "augmented" in name else 1)
    assert (loaded.saved is not None) == (kind == "Keras archive")
    assert (loaded.labels, loaded.input_range, loaded.habit) == (None, None, None)
    assert list(scratch.iterdir()) == []


@pytest.mark.host
@pytest.mark.parametrize("name", ONE_VALUE)
def test_a_network_with_one_value_tells_one_colour_from_the_others(nets: Nets, colours: Colours, name: str) -> None:
    loaded = load_model(KERAS / name)
    assert [port.shape for port in loaded.network.outputs] == [(None, 1)]
    answer = loaded.network.answer(0, None)
    red = [answer(pixels)[0] for index, pixels in colours if index == 2]
    others = [answer(pixels)[0] for index, pixels in colours if index != 2]
    assert min(red) > max(others)


@pytest.mark.host
@pytest.mark.parametrize(("found", "name"), [(found, name) for found, names in REFUSED.items() for name in names])
def test_a_file_that_is_no_whole_model_is_refused(nets: Nets, scratch: Path, found: str, name: str) -> None:
    text = refusal(KERAS / name)
    assert text.startswith(found) or (found == UNKNOWN and f" cannot load it: {UNKNOWN}" in text)
    assert text.endswith(".")
    assert list(scratch.iterdir()) == []


@pytest.mark.host
def test_a_file_tells_when_it_was_saved_and_what_it_is(nets: Nets) -> None:
    path = KERAS / "keras-3.15" / "whole.keras"
    loaded = load_model(str(path))
    with zipfile.ZipFile(path) as archive:
        date = json.loads(archive.read("metadata.json"))["date_saved"]
    assert loaded.saved == date.replace("@", "T")
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.host
def test_the_sum_of_a_folder_is_that_of_its_files_and_names(nets: Nets, tmp_path: Path) -> None:
    folder = shutil.copytree(KERAS / "tf-2.15" / "saved_model", tmp_path / "a")
    first = load_model(folder).sha256
    assert first == load_model(folder.rename(tmp_path / "b")).sha256
    (tmp_path / "b" / "new").touch()
    second = load_model(tmp_path / "b").sha256
    (tmp_path / "b" / "new").rename(tmp_path / "b" / "other")
    assert len({first, second, load_model(tmp_path / "b").sha256}) == 3


@pytest.mark.host
@pytest.mark.parametrize("name", ["cnn", "cnn.zip", "cnn.h5", "cnn.keras.1", "cnn.tflite", "cnn.json", "labels.txt"])
@pytest.mark.parametrize("source", ["keras-3.15/whole.keras", "tf-2.15/whole.h5", "tf-2.15/whole.keras"])
def test_the_kind_is_told_by_the_content(nets: Nets, colours: Colours, tmp_path: Path, source: str, name: str) -> None:
    path = tmp_path / name
    shutil.copyfile(KERAS / source, path)
    loaded = load_model(path)
    assert loaded.kind == ("Keras HDF5" if source.endswith(".h5") else "Keras archive")
    assert is_right(loaded, colours)


def teachable(root: Path, *, model: str = "keras_model.h5") -> Path:
    """What Teachable Machine hands out: the model and its labels, numbered."""
    root.mkdir(parents=True)
    if model.endswith(".h5"):
        shutil.copyfile(KERAS / "tf-2.4" / "nested.h5", root / model)
    else:
        shutil.copytree(KERAS / "tf-2.4" / "saved_model", root / model)
    (root / "labels.txt").write_text("0 blue\n1 green\n2 red\n")
    return root


def zipped(root: Path, path: Path, top: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in sorted(root.rglob("*")):
            if item.is_file():
                archive.write(item, top + item.relative_to(root).as_posix())
        if top:  # as macOS makes them
            archive.writestr(f"__MACOSX/{top}._keras_model.h5", "x")
            archive.writestr(f"{top}.DS_Store", "x")
    return path


@pytest.mark.host
@pytest.mark.parametrize("form", ["folder", "zip", "zip with one folder", "file", "folder in a folder"])
@pytest.mark.parametrize("model", ["keras_model.h5", "model.savedmodel"])
def test_an_export_of_teachable_machine_is_taken_with_its_labels_and_habit(
    nets: Nets, colours: Colours, tmp_path: Path, scratch: Path, form: str, model: str
) -> None:
    root = teachable(tmp_path / "export" / "tm", model=model)
    path = {
        "folder": lambda: root,
        "zip": lambda: zipped(root, tmp_path / "converted_keras.zip"),
        "zip with one folder": lambda: zipped(root, tmp_path / "converted.zip", "converted_keras/"),
        "file": lambda: root / model,
        "folder in a folder": lambda: root.parent,
    }[form]()
    loaded = load_model(path)
    assert loaded.file_name == path.name
    if form != "file" or model == "keras_model.h5":
        assert loaded.kind == "Teachable Machine export"
        assert loaded.labels == ("blue", "green", "red")
        assert loaded.habit is not None
        assert (loaded.habit.input_range.text, loaded.habit.fit) == ("-1..1", "crop")
    assert is_right(loaded, colours)
    assert list(scratch.iterdir()) == []


@pytest.mark.host
def test_labels_beside_another_file_are_not_taken_unasked(nets: Nets, tmp_path: Path) -> None:
    root = teachable(tmp_path / "tm")
    (root / "keras_model.h5").rename(root / "mine.h5")
    assert load_model(root / "mine.h5").labels is None
    in_folder = load_model(root)
    assert (in_folder.labels, in_folder.kind, in_folder.habit) == (("blue", "green", "red"), "Keras HDF5", None)


@pytest.mark.host
@pytest.mark.parametrize("generation", ["keras-2.2.4", "tf-2.4", "tf-2.15", "keras-3.15"])
def test_a_configuration_is_taken_with_its_weights(
    nets: Nets, colours: Colours, tmp_path: Path, generation: str
) -> None:
    folder = shutil.copytree(KERAS / generation / "json", tmp_path / "json")
    assert is_right(load_model(folder / "model.json"), colours)
    assert is_right(load_model(folder), colours)
    assert is_right(load_model(zipped(folder, tmp_path / "model.zip")), colours)
    (weights,) = folder.glob("*.h5")
    elsewhere = weights.rename(tmp_path / "other.bin")
    assert "found the configuration of a model without its weights (none beside it)" in refusal(folder / "model.json")
    assert is_right(load_model(folder / "model.json", LoadOptions(weights=elsewhere)), colours)
    for name in ("a.h5", "b.h5"):
        shutil.copyfile(elsewhere, folder / name)
    assert "without its weights (a.h5, b.h5 beside it). Pass them: --weights FILE.h5." in refusal(folder / "model.json")
    assert "found a folder with 2 models (a.h5, b.h5)" in refusal(folder)
    assert is_right(load_model(folder / "model.json", LoadOptions(weights=elsewhere)), colours)


@pytest.mark.host
def test_an_unpacked_keras_file_is_taken(nets: Nets, colours: Colours, tmp_path: Path) -> None:
    for generation in ("keras-3.15", "keras-3.0"):
        folder = tmp_path / generation
        with zipfile.ZipFile(KERAS / generation / "whole.keras") as archive:
            archive.extractall(folder)
        assert is_right(load_model(folder), colours)
        assert is_right(load_model(zipped(folder, tmp_path / "again.zip", "whole/")), colours)


@pytest.mark.host
@pytest.mark.parametrize("generation", ["keras-2.2.4", "tf-2.15"])
def test_a_saved_model_is_taken_by_its_folder_its_file_or_zipped(
    nets: Nets, colours: Colours, tmp_path: Path, generation: str
) -> None:
    folder = KERAS / generation / "saved_model"
    for path in (
        folder / "saved_model.pb",
        zipped(folder, tmp_path / "a.zip"),
        zipped(folder, tmp_path / "b.zip", "model/1/"),
    ):
        loaded = load_model(path)
        assert (loaded.kind, loaded.file_name) == ("SavedModel", path.name)
        assert is_right(loaded, colours)


@pytest.mark.host
def test_an_archive_in_an_archive_is_to_be_unpacked_by_hand(nets: Nets, tmp_path: Path, scratch: Path) -> None:
    (tmp_path / "inner").mkdir()
    inner = zipped(teachable(tmp_path / "tm"), tmp_path / "inner" / "a.keras")
    assert refusal(zipped(inner.parent, tmp_path / "outer.zip")).startswith("found a ZIP archive inside a ZIP archive.")
    assert list(scratch.iterdir()) == []
    shutil.copyfile(KERAS / "keras-3.15" / "whole.keras", inner)
    assert load_model(zipped(inner.parent, tmp_path / "outer.zip")).kind == "Keras archive"


@pytest.mark.host
def test_a_folder_without_a_model_is_refused_and_a_missing_file_stays_an_os_error(nets: Nets, tmp_path: Path) -> None:
    assert "found a folder with nothing; expected a SavedModel" in refusal(tmp_path)
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "missing.keras")


@pytest.mark.host
@pytest.mark.parametrize("registered", [False, True])
def test_unknown_code_is_named(nets: Nets, tmp_path: Path, registered: bool) -> None:
    layer = type("Squash", (nets.keras.layers.Layer,), {"call": lambda _, x: x, "__module__": "gone"})
    if registered:
        nets.keras.saving.register_keras_serializable("mine")(layer)
    path = tmp_path / "custom.keras"
    nets.keras.Sequential([nets.keras.Input((8, 8, 3)), layer(), nets.keras.layers.Flatten()]).save(path)
    nets.keras.saving.get_custom_objects().pop("mine>Squash", None)
    assert refusal(path).startswith(UNKNOWN)
    module = tmp_path / "mine.py"
    module.write_text(
        "import keras\nclass Squash(keras.layers.Layer):\n    def call(self, inputs):\n        return inputs\n"
    )
    if not registered:
        assert load_model(path, LoadOptions(custom_objects=module)).network.outputs[0].shape == (None, 192)


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        (("tensorflow",), "tensorflow"),
        (("ai_edge_litert",), "ai-edge-litert"),
        (("tensorflow", "ai_edge_litert"), "tensorflow and ai-edge-litert"),
    ],
)
def test_without_tensorflow_the_install_line_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_export: RunExport, missing: tuple[str, ...], named: str
) -> None:
    util = SimpleNamespace(find_spec=lambda name: None if name in missing else "found")
    monkeypatch.setattr(needs, "importlib", SimpleNamespace(util=util))
    with pytest.raises(MissingPackageError) as caught:
        load_model(tmp_path / "any.keras")
    assert str(caught.value) == f"the exporter needs {named}. {INSTALL}"
    assert isinstance(caught.value, ImportError)
    done = run_export("convert", tmp_path / "any.keras", "--images", tmp_path, "-o", tmp_path / "x.tflite")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"Error: {caught.value}\n")


def test_without_tensorflow_the_command_ends_with_one_line(tmp_path: Path) -> None:
    code = "import sys; sys.modules['tensorflow'] = None; from edgekit_export.cli import main; main()"
    words = ["convert", "cnn.keras", "--images", "photos", "-o", "x.tflite"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(f"Error: the exporter needs tensorflow.*{re.escape(INSTALL)}\n", done.stderr)
    assert list(tmp_path.iterdir()) == []

"""Loading: every file that people call a model is loaded, or refused in one line that says what to do."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from edgekit_export import load
from edgekit_export.errors import MissingTensorFlowError, ModelLoadError

if TYPE_CHECKING:
    from tests.export.conftest import Nets, RunExport

INSTALL = "Run: pip install 'edgekit-tflite[export]'"


def archive(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, data in members.items():
            file.writestr(name.replace("_json", ".json"), data)
    return stream.getvalue()


def refusal(path: Path) -> str:
    with pytest.raises(ModelLoadError) as caught:
        load.load_model(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


@pytest.mark.host
def test_a_keras_file_is_loaded(colour_file: Path) -> None:
    loaded = load.load_model(str(colour_file))
    assert loaded.keras_model.output_shape == (None, 3)
    assert loaded.file_name == "colour.keras"
    assert loaded.sha256 == hashlib.sha256(colour_file.read_bytes()).hexdigest()
    date = json.loads(zipfile.ZipFile(colour_file).read("metadata.json"))["date_saved"]
    assert loaded.saved == date.replace("@", "T")


@pytest.mark.host
@pytest.mark.parametrize("metadata", [b"{}", b"[]", b'{"date_saved": 3}', b'{"date_saved": "soon"}', b"not JSON"])
def test_a_file_that_does_not_say_when_it_was_saved_is_loaded_too(
    colour_file: Path, tmp_path: Path, metadata: bytes
) -> None:
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(colour_file) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            target.writestr(name, metadata if name == "metadata.json" else source.read(name))
    assert load._saved_date(path.read_bytes(), path) is None


@pytest.mark.host
@pytest.mark.parametrize(
    ("data", "found", "advice"),
    [
        (b"", "an empty file", "model.save('x.keras')"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "an HDF5 file of 107 bytes", "model.save('x.keras')"),
        (b"a model, honestly", "a text file", "model.save('x.keras')"),
        (b"<!DOCTYPE html><p>404", "an HTML page", "model.save('x.keras')"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer", "git lfs pull"),
        (b"\0\0\0\0TFL3" + bytes(20), "a TFLite model", "model.save('x.keras')"),
        (archive(word=b"hello"), "a ZIP archive with word", "with config.json"),
        (archive(), "a ZIP archive with nothing", "with config.json"),
        (archive(config_json=b"{}"), "cannot load it", ""),
        (archive(config_json=b"[" * 100_000), "cannot load it", ""),
    ],
)
def test_another_kind_of_file_is_refused(nets: Nets, tmp_path: Path, data: bytes, found: str, advice: str) -> None:
    path = tmp_path / "cnn.keras"
    path.write_bytes(data)
    text = refusal(path)
    assert found in text
    assert advice in text


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    place = data.index(b"class_name")
    return data[:place] + b"X" + data[place + 1 :]


@pytest.mark.host
@pytest.mark.parametrize(("damage", "what"), [(cut, "cut short or damaged"), (flipped, "damaged .keras file")])
def test_a_damaged_keras_file_is_to_be_copied_again(
    colour_file: Path, tmp_path: Path, damage: Callable[[bytes], bytes], what: str
) -> None:
    path = tmp_path / "cnn.keras"
    path.write_bytes(damage(colour_file.read_bytes()))
    text = refusal(path)
    assert what in text
    assert "Copy" in text


@pytest.mark.host
@pytest.mark.parametrize("name", ["cnn", "cnn.zip", "cnn.h5", "cnn.keras.1"])
def test_keras_wants_the_name_to_say_it(colour_file: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(colour_file.read_bytes())
    assert f"Rename it to {path.stem}.keras." in refusal(path)


@pytest.mark.host
def test_a_folder_is_refused_and_a_missing_file_stays_an_os_error(nets: Nets, tmp_path: Path) -> None:
    assert "found a folder" in refusal(tmp_path)
    with pytest.raises(FileNotFoundError):
        load.load_model(tmp_path / "missing.keras")


@pytest.mark.host
def test_code_in_a_file_is_not_executed(nets: Nets, tmp_path: Path) -> None:
    marker, path = tmp_path / "executed", tmp_path / "lambda.keras"

    def scale(x: Any) -> Any:
        marker.touch()
        return x / 255

    k = nets.keras
    code = k.layers.Lambda(lambda x: scale(x) * 1.0)
    k.Sequential([k.Input((8, 8, 3)), code, k.layers.Flatten()]).save(path)
    marker.unlink()
    assert "a Lambda layer is Python code" in refusal(path)
    assert not marker.exists()


@pytest.mark.host
@pytest.mark.parametrize("registered", [False, True])
def test_unknown_code_is_named(nets: Nets, tmp_path: Path, registered: bool) -> None:
    layer = type("Squash", (nets.keras.layers.Layer,), {"call": lambda _, x: x, "__module__": "gone"})
    if registered:
        nets.keras.saving.register_keras_serializable("mine")(layer)
    path = tmp_path / "custom.keras"
    nets.keras.Sequential([nets.keras.Input((8, 8, 3)), layer(), nets.keras.layers.Flatten()]).save(path)
    nets.keras.saving.get_custom_objects().pop("mine>Squash", None)
    assert "it needs 'Squash', code of your own that is not in the file. Use layers that Keras has." in refusal(path)


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
    monkeypatch.setattr(load, "importlib", SimpleNamespace(util=util))
    with pytest.raises(MissingTensorFlowError) as caught:
        load.load_model(tmp_path / "any.keras")
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
    assert done.stderr.startswith("Error: the exporter needs tensorflow")
    assert done.stderr.endswith(f"{INSTALL}\n")
    assert list(tmp_path.iterdir()) == []

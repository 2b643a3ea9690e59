"""Files that are no Keras model: each is named, with the way forward, and none is opened by what could run code."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from edgekit_export.sources.strangers import describe_stranger

if TYPE_CHECKING:
    from tests.export.conftest import Nets
    from tests.export.sources.conftest import Refusal

TORCH = "found a PyTorch file. Convert it first, for instance ONNX with onnx2tf or PyTorch with ai-edge-torch, and give"
SAVE = "Load the model in Keras and call model.save('x.keras')."
DAMAGED = "found an HDF5 file damaged by line-ending conversion (git or an FTP client took it for text)."
WITHOUT_NETWORK = "weights without a network"
TFJS = "found a TensorFlow.js model, which has lost what Keras needs. Export it as Keras (in Teachable Machine: Export"


class Evil:
    """Unpickling it writes a file."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.place,)


def archive(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, data in members.items():
            file.writestr(name.replace("__", "/").replace("_", "."), data)
    return stream.getvalue()


def photo(form: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, form)
    return stream.getvalue()


def array() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    return stream.getvalue()


def onnx(ir_version: int = 8) -> bytes:
    producer = b"\x12\x07pytorch"
    graph = b"\x3a\x10\x0a\x0e\x0a\x05image\x22\x05Relu_"
    return bytes((8, ir_version)) + producer + graph


HEADER = json.dumps({"weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 8

STRANGERS: dict[str, tuple[bytes, str, str]] = {
    "HDF5, CRLF to LF": (HDF5.replace(b"\r\n", b"\n"), DAMAGED, "'*.h5 binary' in .gitattributes."),
    "HDF5, LF to CRLF": (HDF5.replace(b"\n", b"\r\n"), DAMAGED, "'*.h5 binary' in .gitattributes."),
    "HDF5, LF to CRLF in text mode": (HDF5.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), DAMAGED, "Get it again"),
    "HDF5 as UTF-8": (HDF5.decode("utf-8", "replace").encode(), DAMAGED, "Get it again as it was"),
    "PyTorch": (archive(model__data_pkl=b"\x80\2", model__version=b"3"), TORCH, "the float .tflite."),
    "PyTorch before 1.6": (pickle.dumps({"torch._utils": 1}, 2), TORCH, "the float .tflite."),
    "pickle": (pickle.dumps({"weights": [1.0]}), "found a Python pickle, which runs code when it is opened", SAVE),
    "ONNX": (onnx(), "found an ONNX file. Convert it first", "onnx2tf"),
    "ONNX of old": (onnx(3), "found an ONNX file.", "the float .tflite."),
    "ONNX of tomorrow": (onnx(13), "found an ONNX file.", "the float .tflite."),
    "NumPy": (array(), "found a NumPy array, expected a model.", SAVE),
    "safetensors": (len(HEADER).to_bytes(8, "little") + HEADER + bytes(4), "safetensors file", WITHOUT_NETWORK),
    "GGUF": (b"GGUF\3\0\0\0" + bytes(99), "found a GGUF language model, expected an image classifier.", ""),
    "checkpoint": (b'model_checkpoint_path: "weights"\n', "the index of a TensorFlow checkpoint", WITHOUT_NETWORK),
    "YAML": (b"backend: tensorflow\nclass_name: Functional\n", "a model in YAML", "model.to_json()."),
    "YAML, class first": (b"class_name: Sequential\nconfig: {}\n", "a model in YAML", "because loading it ran code"),
    "TensorFlow.js": (b'{"format": "layers-model", "modelTopology": {}, "weightsManifest": []}', TFJS, SAVE),
    "Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer", "lfs pull"),
    "HTML": (b"<!DOCTYPE html><title>Sign in</title>", "found an HTML page of 37 bytes, expected a model", SAVE),
    "nothing": (b"", "found an empty file, expected a model that Keras or TensorFlow saved.", SAVE),
    "JPEG": (photo("JPEG"), "found a JPEG image", SAVE),
    "PNG": (photo("PNG"), "found a PNG image", SAVE),
    "text": (b"a model, honestly", "found a text file of 17 bytes", SAVE),
    "zeros": (bytes(64), "found a file of zeros of 64 bytes", SAVE),
    "noise": (b"\x01\x02\x03\xff" * 8, "found 32 bytes of unknown kind", SAVE),
    "JSON": (b'{"hello": 1, "world": 2}', "found JSON with hello, world, expected the configuration of a Keras", ""),
    "JSON, cut": (b'{"class_name": "Sequ', "begins like JSON but is not. Copy it again.", ""),
    "Core ML": (archive(Manifest_json=b"{}", Data__model_mlmodel=b""), "found a Core ML package", SAVE),
    "some ZIP": (archive(a_txt=b"a", b_txt=b"b", c_txt=b"c", d_txt=b"d"), "ZIP archive with a.txt, b.txt, c.txt,", ""),
    "empty ZIP": (archive(), "ZIP archive", ""),
    "ZIP, cut": (archive(a_txt=b"a" * 999)[:500], "found a ZIP archive of 500 bytes that is cut short", "Copy"),
    "gzip": (b"\x1f\x8b\x08" + bytes(20), "found a gzip archive", SAVE),
}  # fmt: skip


@pytest.mark.host
@pytest.mark.parametrize("suffix", ["", ".keras", ".h5"])
@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_file_of_another_kind_is_named_with_the_way_forward(
    nets: Nets, refusal: Refusal, tmp_path: Path, stranger: str, suffix: str
) -> None:
    data, found, advice = STRANGERS[stranger]
    path = tmp_path / f"model{suffix}"
    path.write_bytes(data)
    text = refusal(path)
    assert found in text
    assert advice in text
    assert text.endswith(".")
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_is_not_opened(tmp_path: Path, protocol: int) -> None:
    marker = tmp_path / "executed"
    data = pickle.dumps(Evil(marker), protocol)
    assert "found a Python pickle, which runs code when it is opened, so it is left alone." in describe_stranger(data)
    assert TORCH in describe_stranger(archive(data_pkl=data), ("archive/data.pkl",))
    assert not marker.exists()
    pickle.loads(data)  # noqa: S301 - our own
    assert marker.exists()


@pytest.mark.host
def test_a_frozen_graph_is_named(nets: Nets, refusal: Refusal, tmp_path: Path) -> None:
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        image = tf.compat.v1.placeholder(tf.float32, (None, 8, 8, 3), name="image")
        tf.nn.relu(image, name="scores")
    path = tmp_path / "frozen.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    assert "found a frozen TensorFlow graph without signature. Save a SavedModel instead" in refusal(path)


@pytest.mark.host
def test_a_damaged_hdf5_file_of_keras_is_named(keras_files: Path, refusal: Refusal, tmp_path: Path) -> None:
    path, good = tmp_path / "model.h5", (keras_files / "tf-2.15" / "whole.h5").read_bytes()
    assert b"\r\n" in good
    for damaged in (
        good.replace(b"\r\n", b"\n"),
        good.replace(b"\n", b"\r\n"),
        good.decode("utf-8", "replace").encode(),
        good.decode("latin-1").encode(),
    ):
        path.write_bytes(damaged)
        assert DAMAGED in refusal(path)
    for length in (12, 100, 2000, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:length])
        text = refusal(path)
        assert "damaged HDF5 file" in text
        assert text.endswith("Copy it again.")


@pytest.mark.host
def test_the_export_of_teachable_machine_for_browsers_is_named(nets: Nets, refusal: Refusal, tmp_path: Path) -> None:
    members = {
        "model.json": b'{"modelTopology": {}, "weightsManifest": []}', "weights.bin": bytes(8),
        "metadata.json": b'{"labels": ["blue", "red"]}',
    }  # fmt: skip
    path = tmp_path / "tm-my-image-model.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
            (tmp_path / name).write_bytes(data)
    assert TFJS in refusal(path)
    path.unlink()
    assert TFJS in refusal(tmp_path)
    assert TFJS in refusal(tmp_path / "model.json")


def test_as_many_bytes_as_tell_are_enough() -> None:
    for name, (data, found, _) in STRANGERS.items():
        if not data.startswith((b"PK", b"{")) and len(data) > 512:
            assert found.partition(" of ")[0] in describe_stranger(data[:512]), name

"""Files that are no Keras model: what each is, and the way forward."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from edgekit.sniff import describe_bytes

_FROM_TORCH = (
    "Convert it first, for instance ONNX with onnx2tf or PyTorch with ai-edge-torch, and give the float .tflite"
)
_SAVE_AGAIN = "Load the model in Keras and call model.save('x.keras')"
_DAMAGED_HDF5 = (
    "an HDF5 file damaged by line-ending conversion (git or an FTP client took it for text). Get it again as it was; "
    "in git, with the line '*.h5 binary' in .gitattributes"
)


def describe_stranger(data: bytes, names: tuple[str, ...] = ()) -> str:
    """What bytes are that no loader takes, and what to do: two sentences for an error message.

    Args:
        data: The bytes, or as many of them as tell.
        names: The members, where the file is a ZIP archive.
    """
    for is_one, text in _KNOWN:
        if is_one(data):
            return f"found {text}."
    if data.startswith(b"PK"):
        return _describe_archive(data, names)
    if data[:64].lstrip()[:1] == b"{":
        return _describe_json(data)
    advice = "" if "git lfs pull" in describe_bytes(data) else f" {_SAVE_AGAIN}."
    return f"found {describe_bytes(data)}, expected a model that Keras or TensorFlow saved.{advice}"


def _describe_archive(data: bytes, names: tuple[str, ...]) -> str:
    if any(name.endswith("data.pkl") for name in names):
        return f"found a PyTorch file. {_FROM_TORCH}."
    if any(name.endswith((".mlmodel", "Manifest.json")) for name in names):
        return f"found a Core ML package, expected a Keras model. {_SAVE_AGAIN}."
    if not names:
        return f"found {describe_bytes(data)} that is cut short or damaged. Copy the file again."
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"found a ZIP archive with {shown}; expected a .keras file, a Teachable Machine export or a SavedModel."


def _describe_json(data: bytes) -> str:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return f"found {describe_bytes(data)} that begins like JSON but is not. Copy it again."
    if "modelTopology" in value or "weightsManifest" in value:
        return (
            "found a TensorFlow.js model, which has lost what Keras needs. Export it as Keras (in Teachable Machine: "
            f"Export Model, TensorFlow, Keras). {_SAVE_AGAIN}."
        )
    shown = ", ".join(list(value)[:3])
    return f"found JSON with {shown}, expected the configuration of a Keras model (class_name and config)."


def _is_pickle(data: bytes) -> bool:
    return data[:1] == b"\x80" and data[1:2] in (b"\2", b"\3", b"\4", b"\5")


def _is_onnx(data: bytes) -> bool:
    # A protobuf: field 1, ir_version, a small number; then field 2, producer_name, or field 7, the graph.
    return data[:1] == b"\x08" and data[1:2] < b"\x20" and data[2:3] in (b"\x12", b"\x1a", b"\x22", b"\x3a", b"\x42")


def _is_graph_def(data: bytes) -> bool:
    return bool(re.match(rb"\n[\x00-\xff]{1,4}?\n[\x01-\x7f][\w./-]+\x12[\x01-\x40][A-Z]\w+", data[:300]))


def _is_checkpoint(data: bytes) -> bool:
    return data.startswith(b"model_checkpoint_path:")


_KNOWN: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (
        lambda d: (
            (d[:4] == b"\x89HDF" and d[:8] != b"\x89HDF\r\n\x1a\n")
            or d.startswith((b"\xef\xbf\xbdHDF", b"\xc2\x89HDF"))
        ),
        _DAMAGED_HDF5,
    ),
    (
        lambda d: _is_pickle(d) and b"torch" in d[:4096],
        f"a PyTorch file. {_FROM_TORCH}",
    ),
    (
        _is_pickle,
        f"a Python pickle, which runs code when it is opened, so it is left alone. {_SAVE_AGAIN}",
    ),
    (_is_onnx, f"an ONNX file. {_FROM_TORCH}"),
    (lambda d: d[:6] == b"\x93NUMPY", f"a NumPy array, expected a model. {_SAVE_AGAIN}"),
    (
        lambda d: d[8:10] == b'{"' and d[4:8] == b"\0\0\0\0",
        (
            "a safetensors file: weights without a network. Give the whole model: build it in Keras, load the weights "
            "and call model.save('x.keras')"
        ),
    ),
    (lambda d: d[:4] == b"GGUF", "a GGUF language model, expected an image classifier"),
    (
        _is_checkpoint,
        (
            "the index of a TensorFlow checkpoint: weights without a network. Build the model in Keras, restore the "
            "checkpoint into it (model.load_weights) and call model.save('x.keras')"
        ),
    ),
    (
        _is_graph_def,
        (
            "a frozen TensorFlow graph without signature. Save a SavedModel instead (tf.saved_model.save), and give "
            "its folder"
        ),
    ),
    (
        lambda d: d[:64].lstrip().startswith((b"backend:", b"class_name:")),
        "a model in YAML, which Keras gave up because loading it ran code. Save it again with model.to_json()",
    ),
)

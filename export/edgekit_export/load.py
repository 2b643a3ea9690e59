"""A Keras model from a file. The kind is found by content, not by name; nothing in a model file is executed."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import importlib.util
import io
import json
import os
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from edgekit.sniff import describe_bytes
from edgekit_export.errors import MissingTensorFlowError, ModelLoadError

KerasModel: TypeAlias = Any
"""A `keras.Model`; TensorFlow has no types to give it."""

_INSTALL = "pip install 'edgekit-tflite[export]'"
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, ValueError, EOFError, OSError)


@dataclass(frozen=True)
class LoadedModel:
    """A Keras model and where it comes from."""

    keras_model: KerasModel
    file_name: str
    sha256: str
    saved: str | None


def require_tensorflow() -> None:
    """Raise `MissingTensorFlowError` with the exact install line where the exporter cannot work."""
    missing = [name for name in ("tensorflow", "ai_edge_litert") if importlib.util.find_spec(name) is None]
    if missing:
        names = " and ".join(name.replace("_", "-") for name in missing)
        msg = f"the exporter needs {names}. Run: {_INSTALL}"
        raise MissingTensorFlowError(msg)


def load_model(path: str | os.PathLike[str]) -> LoadedModel:
    """The Keras model in a `.keras` file of Keras 3.

    Raises:
        ModelLoadError: another kind of file, a damaged one, or one that Keras refuses.
        MissingTensorFlowError: TensorFlow is not installed.
        OSError: the file cannot be read.
    """
    require_tensorflow()
    file = Path(path)
    if file.is_dir():
        msg = f"{file}: found a folder, expected a .keras file. Load the model in Keras and call model.save('x.keras')."
        raise ModelLoadError(msg)
    data = file.read_bytes()
    saved = _saved_date(data, file)
    import keras

    try:
        model = keras.models.load_model(file, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, AttributeError, ImportError, OSError, RuntimeError) as error:
        msg = f"{file}: Keras {keras.__version__} cannot load it: {_reason(error)}"
        raise ModelLoadError(msg) from error
    return LoadedModel(model, file.name, hashlib.sha256(data).hexdigest(), saved)


def _saved_date(data: bytes, file: Path) -> str | None:
    """Check that `data` is a .keras archive; when it was saved, ISO 8601, None if it does not say."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        if data.startswith(b"PK"):
            msg = f"{file}: found {describe_bytes(data)} that is cut short or damaged. Copy the .keras file again."
            raise ModelLoadError(msg)
        msg = (
            f"{file}: found {describe_bytes(data)}, expected a .keras file of Keras 3. "
            "Load the model in Keras 3 and call model.save('x.keras')."
        )
        raise ModelLoadError(msg)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            text = archive.read("metadata.json").decode() if "metadata.json" in names else "{}"
            damaged = archive.testzip()
    except _ZIP_ERRORS as error:
        msg = f"{file}: damaged .keras file ({error}). Copy it again."
        raise ModelLoadError(msg) from error
    if damaged:
        msg = f"{file}: damaged .keras file (wrong checksum of {damaged}). Copy it again."
        raise ModelLoadError(msg)
    if "config.json" not in names:
        shown = ", ".join(names[:3]) or "nothing"
        msg = f"{file}: found a ZIP archive with {shown}, expected a .keras file of Keras 3 (with config.json)."
        raise ModelLoadError(msg)
    if file.suffix != ".keras":
        msg = (
            f"{file}: Keras reads a .keras file only under a name that ends in .keras. Rename it to {file.stem}.keras."
        )
        raise ModelLoadError(msg)
    with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
        return datetime.datetime.strptime(json.loads(text)["date_saved"], "%Y-%m-%d@%H:%M:%S").isoformat()
    return None


def _reason(error: BaseException) -> str:
    """What is wrong, and what to do where we know; Keras puts whole configurations in front of it."""
    text = " ".join(str(error).split()).rpartition("Exception encountered: ")[2]
    unknown = re.match(r"Could not locate (?:class|function) '([^']*)'", text)
    if unknown:
        return f"it needs {unknown[1]!r}, code of your own that is not in the file. Use layers that Keras has."
    if "`Lambda` layer" in text:
        return "a Lambda layer is Python code, and loading would run it. Replace it by a layer of Keras, as Rescaling."
    return text if len(text) <= 300 else text[:297] + "..."

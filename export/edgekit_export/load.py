"""A float network from any model file that people have: the kind is found by content, not by name.

Nothing in a model file is executed, unless the user says so.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit.card import Decode, Fit, ResizeKernel
from edgekit.errors import EdgekitError
from edgekit.inputrange import InputRange, parse_input_range
from edgekit_export.errors import ExportError, ModelLoadError
from edgekit_export.keras_note import read_note
from edgekit_export.mapping import ChannelOrder
from edgekit_export.needs import require
from edgekit_export.sources.folders import (
    files_below,
    is_keras_config,
    is_saved_model,
    look_into,
    unpack,
    weights_beside,
)
from edgekit_export.sources.keras_files import Trust, read_archive, read_config_and_weights, read_hdf5
from edgekit_export.sources.network import Network
from edgekit_export.sources.saved_model import read_saved_model
from edgekit_export.sources.strangers import describe_stranger
from edgekit_export.sources.tflite_file import read_tflite

_HDF5 = b"\x89HDF\r\n\x1a\n"
_TEACHABLE_MACHINE = "Teachable Machine"


@dataclass(frozen=True)
class LoadOptions:
    """What a user may say about a model file.

    `weights` belong to a configuration in JSON; `custom_objects` is a Python file with the model's own layers, which
    is run; `trust_code` lets code inside the model file run.
    """

    weights: Path | None = None
    custom_objects: Path | None = None
    trust_code: bool = False


@dataclass(frozen=True)
class Habit:
    """How a tool always trains: what decides where neither the file nor the photos do."""

    input_range: InputRange
    fit: Fit


@dataclass(frozen=True)
class LoadedModel:
    """A float network, where it comes from, and what its file tells beside it.

    `kind` says what the file is; what follows `saved` is None where it does not
    tell; `habit` is that of the tool that made it, where it is known.
    """

    network: Network
    kind: str
    file_name: str
    sha256: str
    saved: str | None = None
    labels: tuple[str, ...] | None = None
    input_range: InputRange | None = None
    habit: Habit | None = None
    fit: Fit | None = None
    resize_kernel: ResizeKernel | None = None
    channel_order: ChannelOrder | None = None
    decode: Decode | None = None


def require_tensorflow() -> None:
    """Raise `MissingPackageError` where the exporter cannot work."""
    require("tensorflow", "ai_edge_litert", extra="export")


def load_model(path: str | os.PathLike[str], options: LoadOptions | None = None) -> LoadedModel:
    """The float network in a model file or folder.

    Args:
        path: `.keras`, `.h5`, a SavedModel folder, a Teachable Machine export (folder or .zip), a configuration in
            JSON with its weights, or a float `.tflite`; under any name.
        options: What the user says about it.

    Raises:
        ModelLoadError: what it is, why it cannot be exported, and the way forward.
        MissingPackageError: TensorFlow, or for an old file tf_keras, is not installed.
        OSError: the file cannot be read.
    """
    require_tensorflow()
    file, options = Path(path), options or LoadOptions()
    if options.trust_code:
        _try_code(file, options)
    loader = _Loader(options, Trust(options.custom_objects, options.trust_code))
    try:
        with tempfile.TemporaryDirectory(prefix="edgekit-export-") as scratch:
            loaded = loader.load(file, Path(scratch))
    except EdgekitError as error:
        kind = type(error) if isinstance(error, ExportError) else ModelLoadError
        raise kind(f"{file}: {error}") from error
    return replace(loaded, file_name=file.name, sha256=_sha256(file))


def _try_code(path: Path, options: LoadOptions) -> None:
    """Load a model whose code may run in a process of its own first: code from another Python crashes this one.

    Raises:
        ModelLoadError: it crashed that process. Other errors come again when it is loaded here.
    """
    files = (path, options.weights, options.custom_objects)
    request = json.dumps([None if file is None else os.fspath(file) for file in files])
    code = f"import sys; sys.path[:] = {sys.path!r}; from edgekit_export.load import load_and_leave; load_and_leave()"
    done = subprocess.run([sys.executable, "-c", code], input=request.encode(), capture_output=True, check=False)
    if done.returncode < 0:
        msg = (
            f"{path}: the code in it crashes Python {platform.python_version()} "
            f"({signal.Signals(-done.returncode).name}): most likely another version compiled it. Use the Python that "
            "saved the file, or build the model without a Lambda."
        )
        raise ModelLoadError(msg)


def load_and_leave() -> None:
    """Load the model named on standard input, for `_try_code`: what counts is to survive it."""
    path, weights, custom = json.loads(sys.stdin.read())
    options = LoadOptions(Path(weights) if weights else None, Path(custom) if custom else None, trust_code=True)
    with tempfile.TemporaryDirectory(prefix="edgekit-export-") as scratch:
        _Loader(options, Trust(options.custom_objects, code=True)).load(Path(path), Path(scratch))


@dataclass(frozen=True)
class _Loader:
    options: LoadOptions
    trust: Trust

    def load(self, path: Path, scratch: Path) -> LoadedModel:
        """What is at `path`; copies go into the folder `scratch`."""
        if path.is_dir():
            return self._load_folder(path, scratch)
        with path.open("rb") as stream:
            head = stream.read(8192)
        if head.startswith(_HDF5):
            return self._load_hdf5(path, scratch)
        if head.startswith(b"PK"):
            return self._load_zip(path, head, scratch)
        if head[4:8] == b"TFL3":
            network, told = read_tflite(path.read_bytes())
            return LoadedModel(network, "float .tflite", "", "", labels=told.labels, input_range=told.input_range)
        if path.name in ("saved_model.pb", "saved_model.pbtxt"):
            return self._load_folder(path.parent, scratch)
        if head.lstrip().startswith(b"{") and is_keras_config(path):
            return self._load_config(path, self.options.weights or weights_beside(path), scratch)
        raise ModelLoadError(describe_stranger(path.read_bytes()[: 64 * 2**20]))

    def _load_folder(self, folder: Path, scratch: Path) -> LoadedModel:
        found = look_into(folder)
        if found.model.is_dir() and is_saved_model(found.model):
            loaded = LoadedModel(read_saved_model(found.model), "SavedModel", "", "")
        elif found.weights is not None:
            loaded = self._load_config(found.model, self.options.weights or found.weights, scratch)
        else:
            loaded = self.load(found.model, scratch)
        if found.labels is None:
            return loaded
        return _as_teachable(replace(loaded, labels=loaded.labels or found.labels), found.model)

    def _load_hdf5(self, path: Path, scratch: Path) -> LoadedModel:
        network = read_hdf5(path, self.trust, scratch)
        loaded = LoadedModel(network, "Keras HDF5", "", "")
        beside = path.parent / "labels.txt"
        if path.name == "keras_model.h5" and beside.is_file():  # as Teachable Machine lays them out
            with contextlib.suppress(ModelLoadError):
                return replace(_as_teachable(loaded, path), labels=look_into(path.parent).labels)
        return loaded

    def _load_zip(self, path: Path, head: bytes, scratch: Path) -> LoadedModel:
        try:
            with zipfile.ZipFile(path) as archive:
                names = tuple(archive.namelist())
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
            raise ModelLoadError(describe_stranger(head)) from error
        if "config.json" in names:
            network, saved = read_archive(path, self.trust, scratch)
            note = read_note(path)
            if note is None or [port.shape[-1:] for port in network.outputs] != [(len(note.labels),)]:
                return LoadedModel(network, "Keras archive", "", "", saved)
            loaded = LoadedModel(network, "Keras archive", "", "", saved, note.labels)
            loaded = replace(loaded, fit=note.fit, resize_kernel=note.resize_kernel, decode=note.decode)
            return replace(loaded, channel_order="RGB")
        if any(name.endswith("data.pkl") for name in names):
            raise ModelLoadError(describe_stranger(head, names))
        folder = scratch / "unpacked"
        if folder.exists():
            msg = "found a ZIP archive inside a ZIP archive. Unpack it and give the model inside."
            raise ModelLoadError(msg)
        folder.mkdir()
        unpack(path, folder)
        try:
            return self._load_folder(folder, scratch)
        except ModelLoadError as error:
            if str(error).startswith("found a folder with"):
                raise ModelLoadError(describe_stranger(head, names)) from error
            raise

    def _load_config(self, config: Path, weights: Path, scratch: Path) -> LoadedModel:
        network = read_config_and_weights(config, weights, self.trust, scratch)
        return LoadedModel(network, "Keras configuration and weights", "", "")


def _as_teachable(loaded: LoadedModel, model: Path) -> LoadedModel:
    """Teachable Machine's own names tell its habit: the centre of the photo, pixels scaled to -1..1."""
    names = ("keras_model.h5", "model.savedmodel", "model_unquant.tflite")
    if model.name not in names:
        return loaded
    return replace(loaded, kind=f"{_TEACHABLE_MACHINE} export", habit=Habit(parse_input_range("-1..1"), "crop"))


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    if path.is_dir():
        for file in files_below(path):
            digest.update(f"{file.relative_to(path).as_posix()}\0".encode(errors="surrogateescape"))
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    else:
        for block in _blocks(path):
            digest.update(block)
    return digest.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while block := stream.read(2**20):
            yield block

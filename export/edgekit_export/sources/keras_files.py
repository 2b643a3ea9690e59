"""Keras' own files: `.keras` archives, HDF5 files, and a configuration in JSON with its weights."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import shutil
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit_export.errors import ModelLoadError
from edgekit_export.sources.custom import load_custom_objects
from edgekit_export.sources.folders import check_archive
from edgekit_export.sources.keras_model import Keras, KerasModel, read_keras
from edgekit_export.sources.network import TracedNetwork
from edgekit_export.sources.safety import dicts, refuse_code

_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, ValueError, EOFError, OSError)
_WEIGHTS = "model.weights.h5"
_OLD_LAYOUT, _OLD_GROUP = ("2.12.", "2.13.", "2.14."), "_layer_checkpoint_dependencies"
_MIXED = ("mixed_float16", "mixed_bfloat16")


@dataclass(frozen=True)
class Trust:
    """What the user lets a model file do: name classes and functions of the user's own module, and run its code."""

    custom_module: Path | None = None
    code: bool = False

    def custom_objects(self, keras: Keras) -> dict[str, Any]:
        """What the user's own module defines, made for one Keras. Runs it."""
        return dict(load_custom_objects(self.custom_module, keras)) if self.custom_module else {}

    def check(self, config: object) -> None:
        """Refuse a configuration that would run code.

        Raises:
            ModelLoadError: it would; or the user's own module fails.
        """
        import keras

        refuse_code(config, trusted=self.code, custom=self.custom_objects(keras))


def read_archive(path: Path, trust: Trust, scratch: Path) -> tuple[TracedNetwork, str | None]:
    """The network in a `.keras` archive, and when it was saved, ISO 8601, None if it does not say.

    Args:
        path: The archive, under any name.
        trust: What it may do.
        scratch: A folder for copies, which the caller removes.

    Raises:
        ModelLoadError: damaged, refused, or nothing that Keras reads.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            check_archive(archive)
            names = archive.namelist()
            text = archive.read("config.json").decode()
            about = archive.read("metadata.json").decode() if "metadata.json" in names else "{}"
            damaged = archive.testzip()
            weights = archive.read(_WEIGHTS) if _WEIGHTS in names and not damaged else None
    except (*_ZIP_ERRORS, KeyError) as error:
        if isinstance(error, ModelLoadError):
            raise
        msg = f"damaged .keras file ({error}). Copy it again."
        raise ModelLoadError(msg) from error
    if damaged:
        msg = f"damaged .keras file (wrong checksum of {damaged}). Copy it again."
        raise ModelLoadError(msg)
    _, description = _checked(text, "config.json", trust)
    if weights is not None:
        _refuse_links(io.BytesIO(weights), _WEIGHTS)
    copy = scratch / "model.keras"  # Keras goes by the name
    metadata = _about(about)
    saved_by = str(metadata.get("keras_version", ""))
    if description != text or saved_by.startswith(_OLD_LAYOUT):
        _rewrite_archive(path, copy, description, old_layout=saved_by.startswith(_OLD_LAYOUT))
    else:
        shutil.copyfile(path, copy)

    def read(keras: Keras) -> KerasModel:
        return keras.models.load_model(
            copy, compile=False, custom_objects=trust.custom_objects(keras), safe_mode=not trust.code
        )

    return read_keras(read, saved_by or None), _saved_date(metadata)


def read_hdf5(path: Path, trust: Trust, scratch: Path) -> TracedNetwork:
    """The network in an HDF5 file that holds a whole model.

    Raises:
        ModelLoadError: damaged, only weights, refused, or nothing that Keras reads.
    """
    text, saved_by = _hdf5_config(path)
    _, description = _checked(text, "model_config", trust)
    _refuse_links(path, path.name)
    copy = scratch / "model.h5"  # Keras goes by the name
    shutil.copyfile(path, copy)
    copy.chmod(0o600)
    if description != text:
        import h5py

        with h5py.File(copy, "r+") as file:
            file.attrs["model_config"] = description

    def read(keras: Keras) -> KerasModel:
        with _lambdas_allowed(keras, allowed=trust.code):
            return keras.models.load_model(
                copy, compile=False, custom_objects=trust.custom_objects(keras), safe_mode=not trust.code
            )

    return read_keras(read, saved_by)


def read_config_and_weights(config: Path, weights: Path, trust: Trust, scratch: Path) -> TracedNetwork:
    """The network that a `model.json` or `config.json` describes, with weights from an HDF5 file.

    Raises:
        ModelLoadError: damaged, refused, nothing that Keras reads, or weights of another network.
    """
    text = config.read_text(encoding="utf-8", errors="replace")
    parsed, description = _checked(text, config.name, trust)
    if not weights.read_bytes().startswith(b"\x89HDF\r\n\x1a\n"):
        msg = f"the weights in {weights.name} are no HDF5 file. Save them with model.save_weights('x.weights.h5')."
        raise ModelLoadError(msg)
    new_layout = _has_new_layout(weights)
    _refuse_links(weights, weights.name)
    copy = scratch / ("model.weights.h5" if new_layout else "model.h5")  # Keras goes by the name
    shutil.copyfile(weights, copy)

    def read(keras: Keras) -> KerasModel:
        with _lambdas_allowed(keras, allowed=trust.code):
            model = keras.models.model_from_json(description, custom_objects=trust.custom_objects(keras))
        model.load_weights(copy)
        return model

    saved_by = parsed.get("keras_version") if isinstance(parsed, dict) else None
    return read_keras(read, saved_by if isinstance(saved_by, str) else ("3" if new_layout else None))


@contextlib.contextmanager
def _lambdas_allowed(keras: Keras, *, allowed: bool) -> Any:
    """Let Keras make Lambda layers where the user trusts the file; without it, some of its loaders refuse anyway."""
    if not allowed or keras.__name__ != "keras":
        yield
        return
    with keras.src.saving.serialization_lib.SafeModeScope(safe_mode=False):
        yield


def _hdf5_config(path: Path) -> tuple[str, str | None]:
    """The configuration in an HDF5 file, and the version of Keras that saved it."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            config, version = file.attrs.get("model_config"), file.attrs.get("keras_version")
            groups = list(file)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        msg = f"damaged HDF5 file ({error}). Copy it again."
        raise ModelLoadError(msg) from error
    if config is None:
        raise ModelLoadError(_no_config(groups, version))
    return _text(config), None if version is None else _text(version)


def _no_config(groups: list[str], version: object) -> str:
    if version is None and not {"model_weights", "layers", "_layer_checkpoint_dependencies"} & set(groups):
        shown = ", ".join(groups[:3]) or "nothing"
        return f"found an HDF5 file with {shown}, expected a model that Keras saved (with model_config)."
    return (
        "found only the weights of a model, without its layers. Give the layers too: model.json (model.to_json()) with "
        "--weights FILE; or build the model in Keras, load_weights, and call model.save('x.keras')."
    )


def _has_new_layout(weights: Path) -> bool:
    """Whether an HDF5 file of weights is laid out as Keras 3 does, which wants its name to end in .weights.h5."""
    import h5py

    try:
        with h5py.File(weights, "r") as file:
            return "layer_names" not in file.attrs and "model_weights" not in file
    except (OSError, RuntimeError) as error:
        msg = f"the weights in {weights.name}: damaged HDF5 file ({error}). Copy it again."
        raise ModelLoadError(msg) from error


def _refuse_links(source: Path | io.BytesIO, where: str) -> None:
    """Refuse an HDF5 file that would make other files of this machine part of the model."""
    import h5py

    def linked(name: str, link: object) -> str | None:
        return name if isinstance(link, h5py.ExternalLink) else None

    def stored(name: str, item: Any) -> str | None:
        return name if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual) else None

    try:
        with h5py.File(source, "r") as file:
            found = file.visititems_links(linked) or file.visititems(stored)
    except (OSError, RuntimeError, KeyError, ValueError, SystemError) as error:
        msg = f"{where}: damaged HDF5 file ({error}). Copy it again."
        raise ModelLoadError(msg) from error
    if found:
        msg = f"{where}: {found!r} lies in another file, which would be read. Save the model again with model.save()."
        raise ModelLoadError(msg)


def _checked(text: str, where: str, trust: Trust) -> tuple[Any, str]:
    """A configuration, and its text as Keras gets it: in float32, and without losses, which only training needs."""
    try:
        config = json.loads(text)
        for entry in dicts(config):
            entry.pop("compile_config", None)
        description = json.dumps(config)
    except (ValueError, RecursionError) as error:
        msg = f"{where}: no valid JSON ({error}). Copy the file again."
        raise ModelLoadError(msg) from error
    trust.check(config)
    return config, _as_float32(description)


def _as_float32(text: str) -> str:
    """The configuration without mixed precision, which is for training on GPUs: TFLite would compute in halves."""
    for policy in _MIXED:
        text = text.replace(f'"{policy}"', '"float32"')
    return text


def _rewrite_archive(path: Path, copy: Path, config: str, *, old_layout: bool) -> None:
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w") as target:
        for name in source.namelist():
            content = config.encode() if name == "config.json" else source.read(name)
            if old_layout and name == _WEIGHTS:
                content = _with_new_layout(content)
            target.writestr(name, content)


def _with_new_layout(weights: bytes) -> bytes:
    """The weights of Keras 2.12 to 2.14 under the group name that every later Keras looks for."""
    import h5py

    stream = io.BytesIO(weights)
    with h5py.File(stream, "r+") as file:
        found: list[str] = []
        file.visit(lambda name: found.append(name) if name.endswith(_OLD_GROUP) else None)
        for name in sorted(found, key=len, reverse=True):  # the innermost first
            file.move(name, name[: -len(_OLD_GROUP)] + "layers")
    return stream.getvalue()


def _about(text: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(text)
        return value if isinstance(value, dict) else {}
    return {}


def _saved_date(metadata: dict[str, Any]) -> str | None:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return datetime.datetime.strptime(metadata["date_saved"], "%Y-%m-%d@%H:%M:%S").isoformat()
    return None


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

"""Which of the files in a folder, or in a ZIP archive, is the model: what Teachable Machine and others hand out."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgekit.errors import EdgekitError
from edgekit.labelfile import read_label_file
from edgekit_export.errors import ModelLoadError

_MAX_UNPACKED_BYTES = 4 * 2**30
_SUFFIXES = (".keras", ".h5", ".hdf5", ".hdf", ".tflite")
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, ValueError, EOFError, OSError)
_LABEL_NAMES = ("labels.txt", "labels.json", "class_names.txt", "classes.txt", "metadata.json")


@dataclass(frozen=True)
class FolderContent:
    """The model in a folder, the weights of a model that is only a configuration, and labels that lie beside it."""

    model: Path
    weights: Path | None = None
    labels: tuple[str, ...] | None = None


def is_saved_model(folder: Path) -> bool:
    """Whether a folder is a SavedModel."""
    return (folder / "saved_model.pb").is_file() or (folder / "saved_model.pbtxt").is_file()


def look_into(folder: Path) -> FolderContent:
    """The one model in a folder.

    Raises:
        ModelLoadError: none, several, or something that is no whole model.
    """
    while not is_saved_model(folder):
        inner = _visible(folder)
        if len(inner) != 1 or not inner[0].is_dir():
            break
        folder = inner[0]  # archives often hold one folder
    labels = _labels(folder)
    if is_saved_model(folder):
        return FolderContent(folder, labels=labels)
    entries = _visible(folder)
    names = {path.name for path in entries}
    if {"config.json", "metadata.json", "model.weights.h5"} <= names:
        return FolderContent(folder / "config.json", folder / "model.weights.h5", labels)
    configs = [path for path in entries if path.suffix == ".json" and is_keras_config(path)]
    models = [path for path in entries if path.suffix.lower() in _SUFFIXES and path.is_file()]
    models += [path for path in entries if path.is_dir() and is_saved_model(path)]
    if len(configs) == 1 and len(models) == 1 and models[0].suffix in (".h5", ".hdf5"):
        return FolderContent(configs[0], models[0], labels)
    candidates = models or configs
    if len(candidates) == 1:
        return FolderContent(candidates[0], labels=labels)
    if candidates:
        shown = ", ".join(path.name for path in candidates[:5])
        msg = f"found a folder with {len(candidates)} models ({shown}). Name the one to export."
        raise ModelLoadError(msg)
    raise ModelLoadError(_nothing(entries))


def unpack(archive: Path, target: Path) -> None:
    """Unpack a ZIP archive into an empty folder; nothing is written outside it.

    Raises:
        ModelLoadError: damaged, protected by a password, too large, or with names that lead outside.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            check_archive(file)
            for member in (member for member in file.infolist() if not member.is_dir()):
                parts = PurePosixPath(member.filename.replace("\\", "/")).parts
                if ".." in parts or (parts and parts[0].startswith("/")) or any(":" in part for part in parts):
                    msg = f"found a ZIP archive whose member {member.filename!r} leads out of it. Do not trust it."
                    raise ModelLoadError(msg)
                file.extract(member, target)
    except _ZIP_ERRORS as error:
        if isinstance(error, EdgekitError):
            raise
        msg = f"damaged ZIP archive ({error}). Copy it again."
        raise ModelLoadError(msg) from error


def check_archive(archive: zipfile.ZipFile) -> None:
    """Refuse a ZIP archive that no one can unpack.

    Raises:
        ModelLoadError: protected by a password, or too large.
    """
    members = archive.infolist()
    if any(member.flag_bits & 1 for member in members):
        msg = "found a ZIP archive with a password. Unpack it and give the folder."
        raise ModelLoadError(msg)
    total = sum(member.file_size for member in members)
    if total > _MAX_UNPACKED_BYTES:
        msg = f"found a ZIP archive of {total} bytes unpacked, more than any model for a small device."
        raise ModelLoadError(msg)


def weights_beside(config: Path) -> Path:
    """The file of weights that lies beside a configuration.

    Raises:
        ModelLoadError: none, or several.
    """
    found = [path for path in _visible(config.parent) if path.suffix in (".h5", ".hdf5") and path.is_file()]
    like = [path for path in found if path.name.startswith(config.stem)] if len(found) > 1 else found
    if len(like) == 1:
        return like[0]
    shown = ", ".join(path.name for path in found[:5]) or "none"
    msg = f"found the configuration of a model without its weights ({shown} beside it). Pass them: --weights FILE.h5."
    raise ModelLoadError(msg)


def is_keras_config(path: Path) -> bool:
    """Whether a JSON file describes a Keras model."""
    try:
        value = json.loads(path.read_bytes()[: 64 * 2**20])
    except (ValueError, RecursionError, OSError):
        return False
    return isinstance(value, dict) and "class_name" in value and "config" in value


def _visible(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if not p.name.startswith((".", "__MACOSX")))


def _labels(folder: Path) -> tuple[str, ...] | None:
    for name in _LABEL_NAMES:
        path = folder / name
        if path.is_file():
            try:
                return read_label_file(path)
            except EdgekitError:
                continue  # of another kind, such as the metadata of a .keras file
    return None


def _nothing(entries: list[Path]) -> str:
    names = [path.name for path in entries]
    if "checkpoint" in names or any(name.endswith(".index") for name in names):
        return (
            "found a TensorFlow checkpoint: weights without a network. Build the model in Keras, restore the "
            "checkpoint into it (model.load_weights) and call model.save('x.keras')."
        )
    if any(name.endswith((".mlpackage", ".mlmodel")) for name in names):
        return "found a Core ML package, expected a Keras model. Load it in Keras and call model.save('x.keras')."
    if "model.json" in names or any(name.endswith(".bin") for name in names):
        return (
            "found a TensorFlow.js model, which has lost what Keras needs. Export it as Keras (in Teachable Machine: "
            "Export Model, TensorFlow, Keras)."
        )
    shown = ", ".join(names[:4]) or "nothing"
    return f"found a folder with {shown}; expected a SavedModel, a Teachable Machine export, or one model file."


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, in a fixed order."""
    yield from sorted(path for path in folder.rglob("*") if path.is_file())

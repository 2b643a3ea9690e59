"""A finished training as a `.keras` file that says what its labels are and how it sees photos."""

from __future__ import annotations

import tempfile
from pathlib import Path

from edgekit.version import __version__
from edgekit_export.keras_note import KerasNote, add_note
from edgekit_export.learn.trainer import TrainResult


def keras_bytes(result: TrainResult) -> bytes:
    """The bytes of the `.keras` file."""
    with tempfile.TemporaryDirectory(prefix="edgekit-export-") as folder:
        path = Path(folder) / "model.keras"
        result.model.save(path)
        spec = result.spec
        made_by = f"edgekit {__version__}, from {result.backbone}"
        add_note(path, KerasNote(result.labels, spec.fit, spec.resize_kernel, made_by, spec.decode))
        return path.read_bytes()

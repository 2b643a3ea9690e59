"""Turn a trained Keras CNN into one verified int8 `.tflite` file.

    from edgekit_export import export_model

    result = export_model("cnn.keras", "photos/")
    result.model_file  # bytes; edgekit.write_model_file writes them

Names are loaded when they are first used, so that `edgekit-export --help` is instant.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgekit_export.errors import ExportError
    from edgekit_export.pipeline import ExportResult, export_model

__all__ = ["ExportError", "ExportResult", "export_model"]

_HOME = {
    "ExportError": "edgekit_export.errors",
    "ExportResult": "edgekit_export.pipeline",
    "export_model": "edgekit_export.pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        msg = f"module 'edgekit_export' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(_HOME[name]), name)

"""Classify photos with one verified int8 `.tflite` file, on a small device.

    from edgekit import Classifier

    classifier = Classifier("leaf.tflite")
    for p in classifier.predict("photo.jpg", top_k=3):
        print(f"{p.score:6.1%}  {p.label}")

Names are loaded when they are first used, so that `import edgekit` and `edgekit --help` are instant.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from edgekit.version import __version__

if TYPE_CHECKING:
    from edgekit.card import ModelCard
    from edgekit.classifier import Classifier
    from edgekit.errors import EdgekitError
    from edgekit.modelfile import read_model_file, write_model_file
    from edgekit.scores import Prediction
    from edgekit.selftest import run_selftest

__all__ = [
    "Classifier",
    "EdgekitError",
    "ModelCard",
    "Prediction",
    "__version__",
    "read_model_file",
    "run_selftest",
    "write_model_file",
]

_HOME = {
    "Classifier": "edgekit.classifier",
    "EdgekitError": "edgekit.errors",
    "ModelCard": "edgekit.card",
    "Prediction": "edgekit.scores",
    "read_model_file": "edgekit.modelfile",
    "run_selftest": "edgekit.selftest",
    "write_model_file": "edgekit.modelfile",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        msg = f"module 'edgekit' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(_HOME[name]), name)

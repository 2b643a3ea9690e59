"""Where an exported file comes from: the source model, what was found out about it, and the tools."""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import os
import platform

from edgekit.card import Evidence, Provenance
from edgekit_export.load import LoadedModel
from edgekit_export.mapping import Mapping
from edgekit_export.understand import Source

_TOOLS = (
    "edgekit-tflite",
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "ai-edge-litert",
    "tflite-runtime",
    "tf_keras",
    "numpy",
    "pillow",
)


def provenance_of(  # noqa: PLR0913, PLR0917 - what is known of the source
    source: Source,
    mapping: Mapping,
    how: str,
    evidence: tuple[Evidence, ...],
    license_: str | None,
    author: str | None,
) -> Provenance:
    """Where the exported file comes from."""
    tools = {"python": platform.python_version()}
    for distribution in _TOOLS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            tools[distribution] = importlib.metadata.version(distribution)
    loaded = source.loaded
    kind = f"{loaded.kind}, {loaded.network.maker}"
    return Provenance(loaded.file_name, loaded.sha256, mapping.text, how, tools, license_, author, kind, evidence)


def created_on(loaded: LoadedModel) -> str | None:
    """When the model came to be: as it says itself, so that the same input gives the same bytes.

    SOURCE_DATE_EPOCH overrides it. Source: reproducible-builds.org.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch and epoch.isdecimal():
        return datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc).replace(tzinfo=None).isoformat()
    return loaded.saved

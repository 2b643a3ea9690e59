"""What `edgekit-export train` writes into a `.keras` file beside the network, for the export to read.

The member `edgekit.json` says which labels the outputs have and how training brought photos to the network's size.
Keras reads over it, and drops it when the model is saved again.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from edgekit.card import Decode, Fit, ResizeKernel
from edgekit.errors import EdgekitError
from edgekit.records import from_json, to_json

MEMBER = "edgekit.json"
_MOST_BYTES = 2**24


@dataclass(frozen=True)
class KerasNote:
    """Labels of the outputs in order, and how photos were brought to the input's size; pixels are RGB, 0..255.

    `decode` is None in files from before there was a choice.
    """

    labels: tuple[str, ...]
    fit: Fit
    resize_kernel: ResizeKernel
    made_by: str = ""
    decode: Decode | None = None


def add_note(path: Path, note: KerasNote) -> None:
    """Write the note into a `.keras` file that has none."""
    text = json.dumps(to_json(note), ensure_ascii=False, indent=1)
    with zipfile.ZipFile(path, "a") as archive:
        # A fixed date: the same training gives the same bytes.
        archive.writestr(zipfile.ZipInfo(MEMBER, (1980, 1, 1, 0, 0, 0)), text)


def read_note(path: Path) -> KerasNote | None:
    """The note in a `.keras` file; None where there is none, or none that can be understood."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(MEMBER).file_size > _MOST_BYTES:
                return None
            return from_json(KerasNote, json.loads(archive.read(MEMBER)), MEMBER)
    except (KeyError, ValueError, OSError, zipfile.BadZipFile, NotImplementedError, RecursionError, EdgekitError):
        return None

"""The record of an export in its model file, and the page beside it: how they get there, and where they are."""

from __future__ import annotations

import os
from pathlib import Path

from edgekit.errors import ModelFileError
from edgekit.modelfile import ModelFile
from edgekit_export.proof.record import RECORD_NAME, ExportRecord


def record_entries(record: ExportRecord) -> dict[str, bytes]:
    """What `pack_model_file` takes as `extra`."""
    return {RECORD_NAME: record.to_json().encode()}


def stored_record(file: ModelFile) -> ExportRecord | None:
    """The record in a model file, None where it has none.

    Raises:
        ModelFileError: it is damaged, or of a newer schema.
    """
    data = file.entry(RECORD_NAME)
    if data is None:
        return None
    try:
        return ExportRecord.from_json(data.decode())
    except UnicodeDecodeError as error:
        msg = f"{RECORD_NAME} is not UTF-8 (byte {error.start}). Copy the model file again."
        raise ModelFileError(msg) from error


def report_path(model: str | os.PathLike[str]) -> Path:
    """Where the page of a model file is written if nobody says otherwise.

    >>> report_path("models/leaf.tflite").name
    'leaf.report.html'
    """
    path = Path(model)
    stem = path.stem if path.suffix.lower() == ".tflite" else path.name
    return path.with_name(f"{stem}.report.html")

"""The log of a training, one line an epoch: a CSV file, and TensorBoard's event files."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from edgekit.atomic import write_whole
from edgekit_export.learn.state import Epoch

CSV_NAME, EVENTS_NAME = "log.csv", "tensorboard"


def write_log(folder: Path, history: Sequence[Epoch]) -> None:
    """Both logs anew, so that a training that was resumed leaves the log of one that was not.

    Raises:
        OSError: the folder cannot be written.
    """
    write_whole(folder / CSV_NAME, csv_text(history).encode(), overwrite=True)
    _write_events(folder / EVENTS_NAME, history)


def csv_text(history: Sequence[Epoch]) -> str:
    """A header and one line an epoch."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([field.name for field in fields(Epoch)])
    writer.writerows([_short(value) for value in asdict(row).values()] for row in history)
    return out.getvalue()


def _short(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value


def _write_events(folder: Path, history: Sequence[Epoch]) -> None:
    import tensorflow as tf

    shutil.rmtree(folder, ignore_errors=True)
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for step, row in enumerate(history):
            for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate"):
                tf.summary.scalar(name, getattr(row, name), step=step)
    writer.close()

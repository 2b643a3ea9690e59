"""What a person sees of a training: plain text, and a record for programs."""

from __future__ import annotations

from pathlib import Path

from edgekit.records import to_json
from edgekit_export.data.dataset import DataSet
from edgekit_export.learn.journal import CSV_NAME, EVENTS_NAME
from edgekit_export.learn.run_folder import PAGE_NAME
from edgekit_export.learn.trainer import TrainResult
from edgekit_export.statistics import wilson_interval


def describe_training(result: TrainResult, dataset: DataSet, path: str, folder: Path) -> str:
    """The summary of a finished training; its last line is the next command to type."""
    epochs = sum(row.phase == "all" for row in result.history)
    best = "the head alone" if result.best_epoch < 0 else f"epoch {result.best_epoch + 1} of {epochs}"
    photos = ", ".join(f"{split} {count}" for split, count in result.photos.items())
    lines = [
        f"{path}: {result.backbone}, {result.spec.height}x{result.spec.width}, {len(result.labels)} classes",
        f"photos: {photos}; {result.elapsed_seconds / 60:.1f} minutes; weights of {best}",
    ]
    for split, correct in result.correct.items():
        count = result.photos[split]
        low, high = wilson_interval(correct, count)
        chosen = ", which chose the best epoch" if split == "val" else ""
        lines.append(f"{split}: {correct / count:.1%} right of {count} photos ({low:.1%} to {high:.1%}){chosen}")
    if result.skipped:
        lines += [f"skipped {len(result.skipped)} unreadable photos:", *(f"  {line}" for line in result.skipped[:5])]
    lines.append(f"{folder}: {PAGE_NAME}, {CSV_NAME} and {EVENTS_NAME}/ show how it went")
    return "\n".join([*lines, f"Next: {next_command(dataset, path)}"])


def next_command(dataset: DataSet, path: str) -> str:
    """The export of what was trained."""
    target = path.removesuffix(".keras") + ".tflite"
    return f"edgekit-export convert {path} --images {dataset.root} -o {target}"


def training_record(result: TrainResult, path: str) -> dict[str, object]:
    """The record behind `train --json`."""
    return {
        "file": path,
        "labels": list(result.labels),
        "backbone": result.backbone,
        "input": {"height": result.spec.height, "width": result.spec.width, "fit": result.spec.fit},
        "photos": result.photos,
        "correct": result.correct,
        "best_epoch": result.best_epoch + 1,
        "elapsed_seconds": round(result.elapsed_seconds, 1),
        "history": to_json(result.history),
        "skipped": list(result.skipped),
    }

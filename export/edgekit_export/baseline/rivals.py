"""Finished CNNs, asked about the same test photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit_export.assess.answers import ask
from edgekit_export.assess.predictor import open_predictor
from edgekit_export.baseline.cast import require_rival, training_seconds
from edgekit_export.baseline.clock import Network
from edgekit_export.data.dataset import DataSet
from edgekit_export.errors import ModelLoadError
from edgekit_export.progress import Progress


@dataclass(frozen=True)
class Rival:
    """A CNN and its answers.

    Attributes:
        name: Of its file; with folders where another's is the same.
        network: The file, and how a photo becomes its input.
        answers: A label for each photo that could be read.
        runs_in: What computed them.
        notes: What was assumed about it.
        training_s: Seconds that its training took, where a log tells.
    """

    name: str
    network: Network
    answers: dict[Path, str]
    runs_in: str
    notes: tuple[str, ...]
    training_s: float | None


def ask_rivals(
    models: Sequence[Path], dataset: DataSet, *, seed: int, processes: int, progress: Progress
) -> list[Rival]:
    """Ask each of `models` about the test photos.

    Raises:
        EdgekitError: not a `.tflite` that classifies, says too little, or does not know the classes.
        OSError: it cannot be read.
    """
    names = [model.name for model in models]
    return [
        _ask(
            model,
            dataset,
            name=model.name if names.count(model.name) == 1 else str(model),
            seed=seed,
            processes=processes,
            progress=progress,
        )
        for model in models
    ]


def _ask(  # noqa: PLR0913 - a model, and how to ask it
    model: Path, dataset: DataSet, *, name: str, seed: int, processes: int, progress: Progress
) -> Rival:
    if model.is_dir() or _start_of(model)[4:8] != b"TFL3":
        msg = f"{model}: expected a .tflite, as devices run it. Make one with edgekit-export convert."
        raise ModelLoadError(msg)
    test = dataset.part("test")
    opened = open_predictor(model, dataset, evaluated=test, seed=seed, progress=progress, processes=processes)
    with opened as predictor:
        require_rival(model, predictor, dataset)
        asked = ask([predictor], test, progress)
        labels = asked.answers[0].named(asked.answers[0].given)
        return Rival(
            name,
            Network(model, predictor.spec),
            {photo.path: label for photo, label in zip(asked.photos, labels, strict=True)},
            predictor.runs_in,
            tuple(f"{name}: {note}" for note in predictor.notes),
            training_seconds(model),
        )


def _start_of(model: Path) -> bytes:
    with model.open("rb") as stream:
        return stream.read(8)

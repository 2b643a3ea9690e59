"""`evaluate_model`: a model and a data set -> everything that the report tells. Nothing is written here."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit_export.assess.against import Against, compare_models
from edgekit_export.assess.answers import AlsoShows, Answers, Asked, ask, copies_among
from edgekit_export.assess.calibration import Calibration, calibrate
from edgekit_export.assess.choice import Part, choose_photos, keep_known, stratified_sample
from edgekit_export.assess.columns import find_columns
from edgekit_export.assess.measures import Figures, measure
from edgekit_export.assess.options import ModelOptions
from edgekit_export.assess.predictor import Predictor, open_predictor
from edgekit_export.assess.robustness import Robustness, measure_robustness
from edgekit_export.assess.slices import Slice, slice_by
from edgekit_export.data.dataset import DataPhoto, DataSet
from edgekit_export.errors import ModelLoadError
from edgekit_export.images import LabeledFolder, drop_duplicates
from edgekit_export.progress import Progress, Silent


@dataclass(frozen=True)
class Evaluation:
    """How good a model is on photos, how sure that is, and what it stumbles over.

    Attributes:
        model: Its file.
        sha256: Of the file.
        runs_in: What computed the answers.
        dataset: Where the photos come from.
        part: Which part of it was asked about.
        asked: The photos and what was said to each; the model's answers are the first.
        figures: Accuracy and all that follows from counts.
        calibration: Whether scores mean what they say; None for multi-label models.
        slices: Groups of photos side by side.
        robustness: How accuracy falls as photos get worse; None where it was not asked for.
        against: Another model on the same photos, if any.
        unseen: Labels of the model without photos.
        notes: Sentences that a reader should know before trusting the figures.
        found: What was assumed about the model or found out on photos.
    """

    model: Path
    sha256: str
    runs_in: str
    dataset: DataSet
    part: Part
    asked: Asked
    figures: Figures
    calibration: Calibration | None
    slices: tuple[Slice, ...]
    robustness: Robustness | None
    against: Against | None
    unseen: tuple[str, ...]
    notes: tuple[str, ...]
    found: tuple[str, ...]

    @property
    def answers(self) -> Answers:
        """What the model said."""
        return self.asked.answers[0]


def evaluate_model(  # noqa: PLR0913 - one keyword for each thing that a user may decide
    model: Path,
    dataset: DataSet,
    *,
    options: ModelOptions | None = None,
    part: Part | None = None,
    against: Path | None = None,
    slices: Sequence[str] = (),
    robustness_photos: int = 200,
    ignore_unknown_classes: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Ask a model about labelled photos, and work out how good it is.

    Args:
        model: A `.tflite`, or any float model that `edgekit_export.load` knows.
        dataset: The photos.
        options: What the user says about the model; the other model has to speak for itself.
        part: Which photos; without it those of test, else of val, else all.
        against: Another model, to be asked about the same photos.
        slices: Columns to group photos by; without it all that group them.
        robustness_photos: On how many photos, at most, to measure how accuracy falls as photos get worse; 0 for none.
        ignore_unknown_classes: Leave out photos of classes that a model does not know.
        seed: Of samples, resamples and permutations.
        progress: Where to show it.

    Raises:
        EdgekitError: what it says.
        OSError: a file cannot be read.
    """
    progress = progress or Silent()
    choice = choose_photos(dataset, part)
    with contextlib.ExitStack() as stack:
        predictors: list[Predictor] = []
        photos, notes = choice.photos, list(choice.notes)
        for path, said in ((model, options), (against, None)):
            if path is None:
                continue
            opened = open_predictor(path, dataset, said, evaluated=photos, seed=seed, progress=progress)
            predictors.append(stack.enter_context(opened))
            photos, about = keep_known(
                photos, predictors[-1].labels, ignore_others=ignore_unknown_classes, about=path.name
            )
            notes += about
        photos, also = _merged(dataset, photos, multi_label=_multi_label(predictors))
        asked = ask(predictors, photos, progress, also=also)
        robustness = _robustness(predictors[0], dataset, asked, robustness_photos, progress, seed)
    answers = asked.answers[0]
    return Evaluation(
        model=model,
        sha256=predictors[0].sha256,
        runs_in=predictors[0].runs_in,
        dataset=dataset,
        part=choice.part,
        asked=asked,
        figures=measure(answers, seed=seed),
        calibration=None if answers.multi_label else calibrate(answers.confidence, answers.correct, seed=seed),
        slices=_slices(asked, dataset, slices, seed),
        robustness=robustness,
        against=_against(predictors, asked, seed),
        unseen=tuple(label for i, label in enumerate(answers.labels) if not answers.truth[:, i].any()),
        notes=(*notes, *_notes(asked, dataset)),
        found=predictors[0].notes,
    )


def _multi_label(predictors: Sequence[Predictor]) -> bool:
    if len({one.multi_label for one in predictors}) > 1:
        msg = f"{predictors[1].name}: one model names one label a photo, the other several: they cannot be compared."
        raise ModelLoadError(msg)
    return predictors[0].multi_label


def _merged(
    dataset: DataSet, photos: Sequence[DataPhoto], *, multi_label: bool
) -> tuple[tuple[DataPhoto, ...], AlsoShows]:
    """For a multi-label model, exact copies under several classes are one photo that shows them all."""
    if not multi_label:
        return tuple(photos), {}
    classes: dict[str, list[Path]] = {}
    for photo in photos:
        classes.setdefault(photo.label, []).append(photo.path)
    folder = LabeledFolder(dataset.root, {label: tuple(paths) for label, paths in classes.items()})
    kept = drop_duplicates([folder], multi_label=True)[0][0]
    paths = {path for some in kept.classes.values() for path in some}
    return tuple(photo for photo in photos if photo.path in paths), kept.also


def _robustness(  # noqa: PLR0913, PLR0917 - what is asked of what
    predictor: Predictor, dataset: DataSet, asked: Asked, most: int, progress: Progress, seed: int
) -> Robustness | None:
    if not most:
        return None
    sample = {photo.path for photo in stratified_sample(dataset, asked.photos, most, seed)}
    places = [i for i, photo in enumerate(asked.photos) if photo.path in sample]
    paths = [asked.photos[i].path for i in places]
    return measure_robustness(predictor, paths, asked.answers[0].truth[places], progress, seed=seed)


def _slices(asked: Asked, dataset: DataSet, wanted: Sequence[str], seed: int) -> tuple[Slice, ...]:
    answers = asked.answers[0]
    columns = find_columns(asked, dataset, wanted)
    return slice_by(columns, answers.correct, answers.named(answers.truth), seed=seed)


def _against(predictors: Sequence[Predictor], asked: Asked, seed: int) -> Against | None:
    if len(predictors) == 1:
        return None
    other = predictors[1]
    return compare_models(*asked.answers, name=other.name, runs_in=other.runs_in, notes=other.notes, seed=seed)


def _notes(asked: Asked, dataset: DataSet) -> list[str]:
    notes = []
    if dataset.missing:
        notes.append(f"{len(dataset.missing)} photos of the manifest do not exist, such as {dataset.missing[0]}")
    if dataset.unlisted:
        notes.append(f"{len(dataset.unlisted)} photos are not in the manifest and were left out")
    if asked.copies:
        notes.append(f"{asked.copies} of the photos are exact copies of others among them: they count twice")
    here = {photo.path for photo in asked.photos}
    trained_on = [photo for photo in dataset.part("train") if photo.path not in here]
    if copies := copies_among(asked, trained_on):
        notes.append(
            f"{len(copies)} of the photos are exact copies of photos of train, such as {copies[0]}: their answers say "
            "nothing about new photos. Run edgekit-export check"
        )
    return notes

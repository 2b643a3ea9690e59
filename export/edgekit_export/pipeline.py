"""The stages of an export in order: load, look, search, confirm, pack. Typed results between them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit.card import Decode, Fit, ModelCard, OutputSpec, Quantization, ResizeKernel
from edgekit.modelfile import pack_model_file
from edgekit.tflite import Graph
from edgekit_export.classes import NamedLabels, possible_orders
from edgekit_export.data.labeled import Labeled, read_photos
from edgekit_export.errors import AccuracyDropError
from edgekit_export.frontend import Activation
from edgekit_export.graph import requirements
from edgekit_export.images import Amounts, Duplicates, drop_duplicates, plan_samples
from edgekit_export.load import LoadedModel, LoadOptions, load_model
from edgekit_export.mapping import ChannelOrder
from edgekit_export.notes import notes_on
from edgekit_export.probability.thresholds import Thresholds, choose_thresholds
from edgekit_export.progress import Progress, Silent
from edgekit_export.proof.collect import About, record_of
from edgekit_export.proof.record import ExportRecord
from edgekit_export.proof.stored import record_entries
from edgekit_export.provenance import created_on, provenance_of
from edgekit_export.quantize import quantizer_version
from edgekit_export.recipes.recipe import parse_recipe
from edgekit_export.report import budget_shortfall
from edgekit_export.search.budget import Budget
from edgekit_export.search.climb import Step, nearest
from edgekit_export.search.confirm import Confirmed
from edgekit_export.search.job import Job, Wish
from edgekit_export.search.ladder import LADDERS, Effort
from edgekit_export.search.targets import TARGETS, Target
from edgekit_export.understand import DEFAULT_DECODE, find_training, known_mappings, naming, possible_views, see_source
from edgekit_export.verify import Comparison


@dataclass(frozen=True)
class ExportResult:
    """A finished export: the bytes of the model file, its card, and what happened on the way.

    `notes` are sentences that a user should read; `skipped` names unreadable photos with the reason.
    """

    model_file: bytes
    card: ModelCard
    record: ExportRecord
    comparison: Comparison
    duplicates: Duplicates
    skipped: tuple[str, ...]
    notes: tuple[str, ...]


def export_model(  # noqa: PLR0913 - one keyword for each thing that a user may decide
    model: str | os.PathLike[str],
    images: str | os.PathLike[str],
    *,
    verify: str | os.PathLike[str] | None = None,
    labels: Sequence[str] | None = None,
    name: str | None = None,
    input_range: str | None = None,
    channel_order: ChannelOrder | None = None,
    input_size: tuple[int, int] | None = None,
    output_name: str | None = None,
    activation: Activation | None = None,
    fit: Fit | None = None,
    resize_kernel: ResizeKernel | None = None,
    decode: Decode | None = None,
    weights: str | os.PathLike[str] | None = None,
    custom_objects: str | os.PathLike[str] | None = None,
    trust_model_code: bool = False,
    calibration_images: int = 200,
    verification_images: int | None = None,
    max_drop: float = 1.0,
    max_class_drop: float | None = None,
    min_agreement: float | None = None,
    effort: Effort = "default",
    recipe: str | None = None,
    targets: Sequence[Target] = TARGETS,
    precision: float | None = 0.9,
    seed: int = 0,
    license: str | None = None,  # noqa: A002 - the word that everybody uses
    author: str | None = None,
    command: str = "",
    progress: Progress | None = None,
) -> ExportResult:
    """One verified int8 model file from a trained image classifier and labelled photos. Writes nothing.

    What neither the file nor the caller tells about the model's training is found by trying it on the photos for
    calibration; the card says what was found, and how.

    Args:
        model: A model file or folder of any kind that `edgekit_export.load` knows.
        images: A folder with one sub-folder of photos a class; or with splits, of which train calibrates and test, or
            else val, verifies.
        verify: The same, for verification; without it and without splits, a part of `images` that calibration never
            sees is held back.
        labels: Labels of the model's outputs in order; without them, those of the model file, else the sorted names
            of the class folders.
        name: Of the model; the file's name without it.
        input_range: What the model was trained on: ``0..255``, ``0..1``, ``-1..1`` or ``mean=.../std=...`` in pixel
            units.
        channel_order: ``RGB`` or ``BGR``.
        input_size: Height and width, for a model whose input leaves them free.
        output_name: Of the output to export, for a model with several.
        activation: ``softmax`` or ``sigmoid``, for a model whose outputs are logits; softmax if None.
        fit: How training brought photos to the model's aspect: stretch, crop or pad.
        resize_kernel: How it resized them.
        decode: How photos are decoded, here and on the device: exact, or fast, which may take large JPEGs at a part of
            their size. If None as `edgekit-export train` says in its file, else fast.
        weights: For a model that is a configuration in JSON.
        custom_objects: A Python file with the model's own layers. It is run.
        trust_model_code: Run Python code that the model file holds, such as Lambda layers.
        calibration_images: Photos for calibration, at most.
        verification_images: Photos to choose a recipe by, and photos to confirm it on, at most; what suits `effort`
            if None.
        max_drop: Percentage points of accuracy that the file may lose in the worse kernel family.
        max_class_drop: The same, of each class.
        min_agreement: Percent of photos that must get the float model's answer. Without it the search aims at 97, but
            takes less rather than a slower file.
        effort: How long to search for a recipe: quick, default or thorough.
        recipe: The one recipe to take, such as ``int8+bias``, instead of a search.
        targets: What the file must run on: recipes that one of these cannot run are not tried.
        precision: Share of answers that should be right, 0..1, for the thresholds of the card; None for no thresholds.
        seed: Of the choice of photos.
        license: Of the model, for the card.
        author: Of the model, for the card.
        command: What the user typed, for the record.
        progress: Where to show progress.

    Raises:
        ExportError: what it says; `AccuracyDropError` where no recipe keeps what the user wants kept.
        OSError: a file or folder cannot be read.
    """
    progress = progress or Silent()
    budget = Budget(max_drop, max_class_drop, min_agreement)
    ladder = LADDERS[effort]
    wanted = parse_recipe(recipe) if recipe else None
    given = read_photos(Path(images), Path(verify) if verify is not None else None)
    with naming(model):
        loaded = load_model(
            model,
            LoadOptions(
                weights=Path(weights) if weights is not None else None,
                custom_objects=Path(custom_objects) if custom_objects is not None else None,
                trust_code=trust_model_code,
            ),
        )
        source = see_source(loaded, output_name, input_size, activation)
        mappings, range_source = known_mappings(source, input_range, channel_order)
    head = source.network.head
    orders = possible_orders(
        head.classes,
        _named_labels(labels, loaded),
        given.calibration,
        given.verification,
        one_unit=head.units == 1,
    )
    given, duplicates = _without_duplicates(given, multi_label=head.multi_label)
    at_most = verification_images or ladder.verification_photos
    samples = plan_samples(*given, Amounts(calibration_images, ladder.tuning_photos, at_most), seed)
    views = possible_views(fit or loaded.fit, resize_kernel or loaded.resize_kernel, loaded.habit)
    with naming(model):
        decode = decode or loaded.decode or DEFAULT_DECODE
        found = find_training(source, samples.calibration, mappings, orders, views, progress, decode=decode)
    scores = OutputSpec("probabilities", "sigmoid" if head.multi_label else "softmax", found.reading.order.labels)
    job = Job(source, found, samples, scores, Wish(budget, tuple(targets), ladder, wanted, seed), progress)
    chosen = job.run()
    about = About(effort, command)
    card = ModelCard(
        name=name or Path(model).stem,
        input=found.spec,
        output=scores,
        created=created_on(loaded),
        calibration=samples.calibration.photo_set(),
        provenance=provenance_of(
            source, found.reading.mapping, range_source or found.how, found.evidence, license, author
        ),
    )
    if chosen is None:
        raise _shortfall(job, card, about)
    step, confirmed = chosen
    thresholds = None if precision is None or head.multi_label else _thresholds(confirmed, precision)
    graph = Graph(confirmed.tempered.tflite)
    card = replace(
        card,
        input=replace(found.spec, mean=(float(graph.inputs[0].zero_point),), std=(1 / graph.inputs[0].scale,)),
        output=scores if thresholds is None else _with_thresholds(scores, thresholds),
        quantization=_quantization(step, confirmed),
        verification=confirmed.comparison.verification,
        requires=requirements(graph, confirmed.oldest_runtime, confirmed.refused_by),
        golden=confirmed.golden,
    )
    record = record_of(job, step, confirmed, about, thresholds)
    return ExportResult(
        model_file=pack_model_file(confirmed.tempered.tflite, card, record_entries(record.without_times())),
        card=card,
        record=record,
        comparison=confirmed.comparison,
        duplicates=duplicates,
        skipped=(*samples.calibration.skipped, *job.choice.skipped, *confirmed.comparison.skipped),
        notes=(*notes_on(confirmed.comparison, confirmed.refused_by, duplicates, scores.labels), *_search_notes(job)),
    )


def _shortfall(job: Job, card: ModelCard, about: About) -> AccuracyDropError:
    step = nearest(job.search)
    assert step is not None  # noqa: S101 - else the search had raised
    assert step.trial is not None  # noqa: S101 - it was measured
    proof = job.search.proofs.get(step.recipe.name)
    comparison = step.trial.comparison if proof is None else proof.comparison
    record = record_of(job, None, None, about)
    return AccuracyDropError(budget_shortfall(job.search.steps, step), comparison, card, record)


def _without_duplicates(given: Labeled, *, multi_label: bool) -> tuple[Labeled, Duplicates]:
    folders = [folder for folder in given if folder is not None]
    kept, duplicates = drop_duplicates(folders, multi_label=multi_label)
    waiting = iter(kept)
    return Labeled(*(None if folder is None else next(waiting) for folder in given)), duplicates  # type: ignore[arg-type]


def _named_labels(labels: Sequence[str] | None, loaded: LoadedModel) -> NamedLabels | None:
    if labels is not None:
        return NamedLabels(tuple(labels), "--labels")
    return NamedLabels(loaded.labels, loaded.file_name) if loaded.labels else None


def _quantization(step: Step, confirmed: Confirmed) -> Quantization:
    assert step.trial is not None  # noqa: S101 - it was chosen
    return Quantization(
        step.recipe.name,
        "TFLiteConverter",
        quantizer_version(),
        step.trial.made.kept_float,
        round(confirmed.tempered.temperature, 4),
    )


def _thresholds(confirmed: Confirmed, precision: float) -> Thresholds:
    return choose_thresholds(confirmed.tempered.scores, confirmed.tempered.truth, precision)


def _with_thresholds(scores: OutputSpec, thresholds: Thresholds) -> OutputSpec:
    return replace(
        scores,
        thresholds=thresholds.classes,
        abstain_below=thresholds.abstain_below,
        wanted_precision=thresholds.wanted,
    )


def _search_notes(job: Job) -> list[str]:
    notes = []
    if job.search.interrupted:
        notes.append("the search was stopped early: a longer one may find a better recipe")
    turned_down = sum(step.turned_down for step in job.search.steps)
    if turned_down:
        notes.append(
            f"recipes that the photos for confirming turned down before they confirmed this one: {turned_down}. Its "
            "figures are a little flattering for that"
        )
    if not job.samples.choice.length:
        notes.append("too few photos to choose a recipe on others than those for calibration")
    return notes

"""A float model as `convert` sees it: loaded, and what its file does not tell of its training found on photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit_export.assess.choice import others_to_ask, shuffled_by_class
from edgekit_export.assess.options import ModelOptions
from edgekit_export.classes import LabelOrder, NamedLabels, possible_orders
from edgekit_export.data.dataset import DataPhoto, DataSet
from edgekit_export.images import LabeledFolder, Sample, drop_duplicates, stratified_quota
from edgekit_export.load import LoadedModel, LoadOptions, load_model
from edgekit_export.progress import Progress
from edgekit_export.training import ORDER_QUESTION
from edgekit_export.understand import (
    DEFAULT_DECODE,
    Source,
    Training,
    find_training,
    known_mappings,
    naming,
    possible_views,
    see_source,
)

_PHOTOS_TO_ASK = 200  # as many as `convert` takes for calibration


@dataclass(frozen=True)
class FloatModel:
    """A float network, how its training saw photos, and what a reader should know about how that is known."""

    source: Source
    training: Training
    notes: tuple[str, ...]


def read_float_model(  # noqa: PLR0913, PLR0917 - a model, and who may tell what of it
    model: Path, dataset: DataSet, options: ModelOptions, evaluated: Sequence[DataPhoto], seed: int, progress: Progress
) -> FloatModel:
    """Load a float model; ask photos what neither its file nor the user tells, never those evaluated if others exist.

    Raises:
        ExportError: what it says.
        OSError: a file cannot be read.
    """
    with naming(model):
        loaded = load_model(model, LoadOptions(options.weights, options.custom_objects, options.trust_model_code))
        source = see_source(loaded, options.output_name, options.input_size, options.activation)
        mappings, told = known_mappings(source, options.input_range, options.channel_order)
    named = _named(options, loaded)
    photos, where = others_to_ask(dataset, evaluated)
    orders = _orders(source, named, dataset)
    photos = tuple(photo for photo in photos if photo.label in orders[0].labels)
    views = possible_views(options.fit or loaded.fit, options.resize_kernel or loaded.resize_kernel, loaded.habit)
    with naming(model):
        sample = _sample(dataset, photos, seed, multi_label=source.network.head.multi_label)
        decode = options.decode or loaded.decode or DEFAULT_DECODE
        found = find_training(source, sample, mappings, orders, views, progress, decode=decode)
    return FloatModel(source, found, tuple(_notes(found, told, named, dataset, where)))


def _named(options: ModelOptions, loaded: LoadedModel) -> NamedLabels | None:
    if options.labels is not None:
        return NamedLabels(options.labels, "--labels")
    return NamedLabels(loaded.labels, loaded.file_name) if loaded.labels else None


def _orders(source: Source, named: NamedLabels | None, dataset: DataSet) -> tuple[LabelOrder, ...]:
    """The orders that the labels may have; classes that the model does not know are the caller's to deal with."""
    head = source.network.head
    known = [label for label in dataset.labels if named is None or label in named.labels]
    folder = LabeledFolder(dataset.root, dict.fromkeys(known, ()))
    return possible_orders(head.classes, named, folder, None, one_unit=head.units == 1)


def _sample(dataset: DataSet, photos: Sequence[DataPhoto], seed: int, *, multi_label: bool) -> Sample:
    folder = LabeledFolder(dataset.root, shuffled_by_class(dataset, photos, seed))
    if multi_label:
        folder = drop_duplicates([folder], multi_label=True)[0][0]
    counts = {label: len(paths) for label, paths in folder.classes.items()}
    quota = stratified_quota(counts, _PHOTOS_TO_ASK)
    return Sample(dataset.root, folder.classes, quota, seed, folder.also)


def _notes(found: Training, told: str | None, named: NamedLabels | None, dataset: DataSet, where: str) -> list[str]:
    mapping = found.reading.mapping.text
    notes = [f"trained on pixels {mapping}: {told}"] if told else []
    for one in found.evidence:
        answer = found.reading.mapping.order if one.question == ORDER_QUESTION else one.chosen
        photos = max(row.images for row in one.rows)
        notes.append(f"{one.question}: {answer} ({one.how}), found on {photos} photos of {where}")
    if found.evidence and where == "the photos evaluated":
        notes.append("there are no other photos to find that on, so the figures are a little too good")
    if named is None:
        notes.append(f"the model does not name its labels: they are the class folders of {dataset.root}, sorted")
    return notes

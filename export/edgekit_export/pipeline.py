"""The stages of an export in order: load, look, quantize, check, verify, pack. Typed results between them."""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit.card import (
    Family,
    Fit,
    Golden,
    InputSpec,
    ModelCard,
    OutputSpec,
    Quantization,
    ResizeKernel,
)
from edgekit.golden import GENERATOR, SEEDS, golden_input
from edgekit.modelfile import pack_model_file
from edgekit.tflite import Graph
from edgekit_export.classes import NamedLabels, possible_orders
from edgekit_export.data.labeled import read_photos
from edgekit_export.device import DeviceRuntime, open_family
from edgekit_export.errors import AccuracyDropError
from edgekit_export.frontend import Activation, ExplicitModel, make_explicit
from edgekit_export.graph import check_full_integer, requirements
from edgekit_export.images import Duplicates, Sample, drop_duplicates, plan_samples
from edgekit_export.load import LoadedModel, LoadOptions, load_model
from edgekit_export.mapping import ChannelOrder, Mapping
from edgekit_export.notes import notes_on
from edgekit_export.progress import Progress, Silent
from edgekit_export.provenance import created_on, provenance_of
from edgekit_export.quantize import calibrate, quantize_int8, quantizer_version
from edgekit_export.recipes.network import FloatNetwork
from edgekit_export.report import accuracy_shortfall
from edgekit_export.understand import (
    Source,
    Training,
    find_training,
    known_mappings,
    naming,
    possible_views,
    see_source,
)
from edgekit_export.verify import FAMILIES, Comparison, compare


@dataclass(frozen=True)
class ExportResult:
    """A finished export: the bytes of the model file, its card, and what happened on the way.

    `notes` are sentences that a user should read; `skipped` names unreadable photos with the reason.
    """

    model_file: bytes
    card: ModelCard
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
    weights: str | os.PathLike[str] | None = None,
    custom_objects: str | os.PathLike[str] | None = None,
    trust_model_code: bool = False,
    calibration_images: int = 200,
    verification_images: int = 500,
    max_drop: float = 1.0,
    seed: int = 0,
    license: str | None = None,  # noqa: A002 - the word that everybody uses
    author: str | None = None,
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
        weights: For a model that is a configuration in JSON.
        custom_objects: A Python file with the model's own layers. It is run.
        trust_model_code: Run Python code that the model file holds, such as Lambda layers.
        calibration_images: Photos for calibration, at most.
        verification_images: Photos for verification, at most.
        max_drop: Percentage points of accuracy that int8 may lose in the worse kernel family.
        seed: Of the choice of photos.
        license: Of the model, for the card.
        author: Of the model, for the card.
        progress: Where to show progress.

    Raises:
        ExportError: what it says; `AccuracyDropError` where int8 loses more than `max_drop`.
        OSError: a file or folder cannot be read.
    """
    progress = progress or Silent()
    folder, verify_folder = read_photos(Path(images), Path(verify) if verify is not None else None)
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
    orders = possible_orders(
        source.network.head.classes,
        _named_labels(labels, loaded),
        folder,
        verify_folder,
        one_unit=source.network.head.units == 1,
    )
    folders, duplicates = drop_duplicates(
        [folder, *([verify_folder] if verify_folder else [])], multi_label=source.network.head.multi_label
    )
    calibration, verification = plan_samples(
        folders[0],
        folders[1] if verify_folder else None,
        calibration=calibration_images,
        verification=verification_images,
        seed=seed,
    )
    views = possible_views(fit or loaded.fit, resize_kernel or loaded.resize_kernel, loaded.habit)
    with naming(model):
        found = find_training(source, calibration, mappings, orders, views, progress)
    spec, mapping, names = found.spec, found.reading.mapping, found.reading.order.labels
    explicit = make_explicit(source.network, mapping)
    quantized = _quantize(explicit, calibration, found, progress)
    graph = Graph(quantized)
    check_full_integer(graph, explicit)
    scores = OutputSpec("probabilities", "sigmoid" if source.network.head.multi_label else "softmax", names)
    proof = _prove(quantized, source, mapping, verification, spec, scores, max_drop, progress)
    tensor = graph.inputs[0]
    card = ModelCard(
        name=name or Path(model).stem,
        input=replace(spec, mean=(float(tensor.zero_point),), std=(1 / tensor.scale,)),
        output=scores,
        created=created_on(loaded),
        quantization=Quantization("int8", "TFLiteConverter", quantizer_version()),
        calibration=calibration.photo_set(),
        verification=proof.comparison.verification,
        requires=requirements(graph, proof.oldest_runtime, proof.refused_by),
        provenance=provenance_of(source, mapping, range_source or found.how, found.evidence, license, author),
        golden=proof.golden,
    )
    return ExportResult(
        model_file=pack_model_file(quantized, card),
        card=card,
        comparison=proof.comparison,
        duplicates=duplicates,
        skipped=(*calibration.skipped, *proof.comparison.skipped),
        notes=notes_on(proof.comparison, proof.refused_by, duplicates, names),
    )


def _named_labels(labels: Sequence[str] | None, loaded: LoadedModel) -> NamedLabels | None:
    if labels is not None:
        return NamedLabels(tuple(labels), "--labels")
    return NamedLabels(loaded.labels, loaded.file_name) if loaded.labels else None


@dataclass(frozen=True)
class _Proof:
    """What the device runtimes showed."""

    comparison: Comparison
    golden: Golden
    oldest_runtime: str
    refused_by: dict[str, str]


def _quantize(explicit: ExplicitModel, sample: Sample, found: Training, progress: Progress) -> bytes:
    with progress.stage("calibrating", sample.length) as step:

        def calibration() -> Iterator[NDArray[np.uint8]]:
            for pixels in found.pixels or (photo.pixels for photo in sample.read(found.spec)):
                yield pixels
                step()

        return quantize_int8(FloatNetwork(explicit.tflite), calibrate(explicit, calibration))


def _prove(  # noqa: PLR0913, PLR0917 - each is a stage's result
    tflite: bytes,
    source: Source,
    mapping: Mapping,
    sample: Sample,
    spec: InputSpec,
    output: OutputSpec,
    max_drop: float,
    progress: Progress,
) -> _Proof:
    """Verify in both kernel families, each in a process of its own; record their golden outputs."""
    refused: dict[str, str] = {}
    devices: dict[Family, DeviceRuntime] = {}
    with contextlib.ExitStack() as stack:
        for family in FAMILIES:
            device, reasons = open_family(tflite, family)
            devices[family] = stack.enter_context(device)
            refused |= reasons
        with progress.stage("verifying", sample.length) as step:
            answer = source.answers(mapping)
            maker = source.loaded.network.maker
            comparison = compare(
                answer, devices, sample, spec, output, float_runtime=maker, max_drop=max_drop, step=step
            )
        if comparison.drop_points > max_drop:
            raise AccuracyDropError(accuracy_shortfall(comparison), comparison)
        return _Proof(comparison, _golden(devices, spec), _oldest(devices), refused)


def _golden(devices: Map[Family, DeviceRuntime], spec: InputSpec) -> Golden:
    outputs = {}
    for family, device in devices.items():
        if not device.is_portable:
            continue  # a board would give other bits
        rows = []
        for seed in SEEDS:
            pixels = golden_input(seed, spec.height, spec.width, spec.channels)
            rows.append(base64.b64encode(device.run(pixels, f"golden input {seed}").tobytes()).decode())
        outputs[str(family)] = tuple(rows)
    return Golden(GENERATOR, SEEDS, outputs)


def _oldest(devices: Map[Family, DeviceRuntime]) -> str:
    """tflite-runtime is older than any ai-edge-litert; both were seen running the file."""
    oldest = min(devices.values(), key=lambda device: device.runtime != "tflite")
    return oldest.name.removesuffix(" reference kernels")

"""The stages of an export in order: load, look, quantize, check, verify, pack. Typed results between them."""

from __future__ import annotations

import base64
import contextlib
import datetime
import importlib.metadata
import itertools
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit.card import Family, Fit, Golden, InputSpec, ModelCard, OutputSpec, Provenance, ResizeKernel
from edgekit.golden import GENERATOR, SEEDS, golden_input
from edgekit.inputrange import InputRange
from edgekit.modelfile import pack_model_file
from edgekit.tflite import Graph
from edgekit_export.classes import match_labels
from edgekit_export.device import DeviceRuntime, open_family
from edgekit_export.errors import AccuracyDropError, ExportError, PhotosError
from edgekit_export.frontend import ExplicitModel, ImageInput, find_input_range, image_input, make_explicit
from edgekit_export.graph import check_full_integer, requirements
from edgekit_export.images import (
    Duplicates,
    Sample,
    drop_duplicates,
    plan_samples,
    read_labeled_folder,
)
from edgekit_export.load import LoadedModel, load_model
from edgekit_export.progress import Progress, Silent
from edgekit_export.quantize import QuantizedModel, quantize_int8
from edgekit_export.report import accuracy_shortfall
from edgekit_export.verify import FAMILIES, Comparison, compare

_PHOTOS_TO_SEE_THE_HEAD = 8
_TOOLS = (
    "edgekit-tflite",
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "ai-edge-litert",
    "tflite-runtime",
    "numpy",
    "pillow",
)


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
    fit: Fit = "stretch",
    resize_kernel: ResizeKernel = "bilinear",
    calibration_images: int = 200,
    verification_images: int = 500,
    max_drop: float = 1.0,
    seed: int = 0,
    license: str | None = None,  # noqa: A002 - the word that everybody uses
    author: str | None = None,
    progress: Progress | None = None,
) -> ExportResult:
    """One verified int8 model file from a trained Keras classifier and labelled photos. Writes nothing.

    Args:
        model: A `.keras` file.
        images: A folder with one sub-folder of photos a class.
        verify: The same, for verification; without it, a part of `images` that calibration never sees is held back.
        labels: Labels of the model's outputs in order; without them, the sorted names of the class folders.
        name: Of the model; the file's name without it.
        input_range: What the model was trained on: ``0..255``, ``0..1``, ``-1..1`` or ``mean=.../std=...`` in pixel
            units; needed where the model has no preprocessing of its own.
        fit: How photos are brought to the model's aspect: stretch, crop or pad.
        resize_kernel: How they are resized.
        calibration_images: Photos for calibration, at most.
        verification_images: Photos for verification, at most.
        max_drop: Percentage points of top-1 accuracy that int8 may lose in the worse kernel family.
        seed: Of the choice of photos.
        license: Of the model, for the card.
        author: Of the model, for the card.
        progress: Where to show progress.

    Raises:
        ExportError: what it says; `AccuracyDropError` where int8 loses more than `max_drop`.
        OSError: a file or folder cannot be read.
    """
    progress = progress or Silent()
    folder = read_labeled_folder(Path(images))
    verify_folder = read_labeled_folder(Path(verify)) if verify is not None else None
    source = _load(model, input_range)
    names = match_labels(source.image.classes, labels, folder, verify_folder)
    folders, duplicates = drop_duplicates([folder, *([verify_folder] if verify_folder else [])])
    calibration, verification = plan_samples(
        folders[0],
        folders[1] if verify_folder else None,
        calibration=calibration_images,
        verification=verification_images,
        seed=seed,
    )
    spec = source.spec(fit, resize_kernel)
    explicit = make_explicit(
        source.loaded.keras_model, source.image, source.input_range, _first_photos(calibration, spec)
    )
    quantized = _quantize(explicit, calibration, spec, progress)
    graph = Graph(quantized.tflite)
    check_full_integer(graph, explicit)
    proof = _prove(quantized.tflite, explicit, verification, spec, names, max_drop, progress)
    tensor = graph.inputs[0]
    card = ModelCard(
        name=name or Path(model).stem,
        input=replace(spec, mean=(float(tensor.zero_point),), std=(1 / tensor.scale,)),
        output=OutputSpec("probabilities", "softmax", names),
        created=_created(source.loaded),
        quantization=quantized.quantization,
        calibration=calibration.photo_set(),
        verification=proof.comparison.verification,
        requires=requirements(graph, proof.oldest_runtime, proof.refused_by),
        provenance=source.provenance(license, author),
        golden=proof.golden,
    )
    return ExportResult(
        model_file=pack_model_file(quantized.tflite, card),
        card=card,
        comparison=proof.comparison,
        duplicates=duplicates,
        skipped=(*calibration.skipped, *proof.comparison.skipped),
        notes=_notes(proof, duplicates, names),
    )


@dataclass(frozen=True)
class _Source:
    """The loaded model, and what was found out about its input."""

    loaded: LoadedModel
    image: ImageInput
    input_range: InputRange
    range_source: str

    def spec(self, fit: Fit, resize_kernel: ResizeKernel) -> InputSpec:
        """How photos become its pixels; the mapping of the file's input is not known yet."""
        image = self.image
        return InputSpec(
            image.height, image.width, image.channels, (0.0,), (1.0,), image.color_order, fit, resize_kernel
        )

    def provenance(self, license_: str | None, author: str | None) -> Provenance:
        """Where the exported file comes from."""
        tools = {"python": platform.python_version()}
        for distribution in _TOOLS:
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                tools[distribution] = importlib.metadata.version(distribution)
        loaded = self.loaded
        return Provenance(
            loaded.file_name, loaded.sha256, self.input_range.text, self.range_source, tools, license_, author
        )


@dataclass(frozen=True)
class _Proof:
    """What the device runtimes showed."""

    comparison: Comparison
    golden: Golden
    oldest_runtime: str
    refused_by: dict[str, str]


def _load(model: str | os.PathLike[str], input_range: str | None) -> _Source:
    loaded = load_model(model)
    try:
        image = image_input(loaded.keras_model)
        range_, source = find_input_range(loaded.keras_model, input_range)
    except ExportError as error:
        raise type(error)(f"{os.fspath(model)}: {error}") from error
    return _Source(loaded, image, range_, source)


def _first_photos(sample: Sample, spec: InputSpec) -> list[NDArray[np.uint8]]:
    photos = [photo.pixels for photo in itertools.islice(sample.read(spec), _PHOTOS_TO_SEE_THE_HEAD)]
    if not photos:
        msg = f"{sample.root}: none of the photos for calibration could be read, the first: {sample.skipped[0]}"
        raise PhotosError(msg)
    return photos


def _quantize(explicit: ExplicitModel, sample: Sample, spec: InputSpec, progress: Progress) -> QuantizedModel:
    with progress.stage("calibrating", sample.length) as step:

        def calibration() -> Iterator[NDArray[np.uint8]]:
            for photo in sample.read(spec):
                yield photo.pixels
                step()

        return quantize_int8(explicit, calibration)


def _prove(  # noqa: PLR0913, PLR0917 - each is a stage's result
    tflite: bytes,
    explicit: ExplicitModel,
    sample: Sample,
    spec: InputSpec,
    labels: tuple[str, ...],
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
            comparison = compare(explicit.compiled(), devices, sample, spec, labels, max_drop=max_drop, step=step)
        if comparison.drop_points > max_drop:
            raise AccuracyDropError(accuracy_shortfall(comparison), comparison)
        return _Proof(comparison, _golden(devices, explicit.image), _oldest(devices), refused)


def _golden(devices: Mapping[Family, DeviceRuntime], image: ImageInput) -> Golden:
    outputs = {}
    for family, device in devices.items():
        if not device.is_portable:
            continue  # a board would give other bits
        rows = []
        for seed in SEEDS:
            pixels = golden_input(seed, image.height, image.width, image.channels)
            rows.append(base64.b64encode(device.run(pixels, f"golden input {seed}").tobytes()).decode())
        outputs[str(family)] = tuple(rows)
    return Golden(GENERATOR, SEEDS, outputs)


def _oldest(devices: Mapping[Family, DeviceRuntime]) -> str:
    """tflite-runtime is older than any ai-edge-litert; both were seen running the file."""
    oldest = min(devices.values(), key=lambda device: device.runtime != "tflite")
    return oldest.name.removesuffix(" reference kernels")


def _created(loaded: LoadedModel) -> str | None:
    """When the model came to be: as it says itself, so that the same input gives the same bytes.

    SOURCE_DATE_EPOCH overrides it. Source: reproducible-builds.org.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch and epoch.isdecimal():
        return datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc).replace(tzinfo=None).isoformat()
    return loaded.saved


def _notes(proof: _Proof, duplicates: Duplicates, labels: Sequence[str]) -> tuple[str, ...]:
    result = proof.comparison.verification
    notes = [f"not for every runtime: {reason}" for reason in proof.refused_by.values()]
    if not proof.refused_by and all(family.runtime != "tflite-runtime" for family in result.families):
        notes.append(
            "tflite-runtime is not installed here (it needs Python 3.10 or 3.11 on Linux): ai-edge-litert's reference "
            "kernels stood in for it, and edgekit selftest will not be able to prove boards that use tflite-runtime"
        )
    if duplicates.copies:
        notes.append(f"left out exact copies of photos: {len(duplicates.copies)}, such as {duplicates.copies[0]}")
    if duplicates.contradictions:
        notes.append(
            f"left out photos that stand under more than one class: {len(duplicates.contradictions)}, such as "
            f"{duplicates.contradictions[0]}"
        )
    unseen = [label for label in labels if label not in result.photos.images_per_class]
    if unseen:
        notes.append(f"nothing was verified for labels without photos: {len(unseen)}, such as {unseen[0]!r}")
    chance = 1 / len(labels)
    if result.float_correct / result.photos.images <= 1.5 * chance:
        notes.append(
            f"the float model itself is right on only {result.float_correct} of {result.photos.images} photos: check "
            "the input range, and that the order of the labels is the order of the outputs"
        )
    return tuple(notes)

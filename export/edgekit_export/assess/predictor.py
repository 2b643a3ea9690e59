"""One way to ask any model about photos: a `.tflite` as devices run it, a float model as its training saw photos.

Both run in ai-edge-litert, in processes of their own: native code may crash, several cores share the work, and no
TensorFlow is near. A `.tflite` that says what it takes is asked exactly as `edgekit classify` asks it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgekit.card import InputSpec, ModelCard
from edgekit.errors import EdgekitError, UnsupportedModelError
from edgekit.foreign import describe_foreign
from edgekit.inputrange import InputRange, parse_input_range
from edgekit.modelfile import ModelFile, read_model_file
from edgekit.preprocess import PixelTable
from edgekit.scores import dequantize, probabilities
from edgekit_export.assess.options import ModelOptions
from edgekit_export.assess.source import FloatModel, read_float_model
from edgekit_export.data.dataset import DataPhoto, DataSet
from edgekit_export.device import DeviceRuntime
from edgekit_export.errors import InputRangeError, ModelLoadError, VerificationError
from edgekit_export.needs import require
from edgekit_export.progress import Progress, Silent

Pixels = NDArray[np.uint8]
Scores = NDArray[np.float32]


class Predictor(Protocol):
    """A model that is ready to answer."""

    @property
    def name(self) -> str:
        """Of the model's file."""

    @property
    def sha256(self) -> str:
        """Of that file."""

    @property
    def runs_in(self) -> str:
        """What computes, with version."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Of the scores, in their order."""

    @property
    def spec(self) -> InputSpec:
        """How `edgekit.preprocess.fit_pixels` brings a photo to the pixels that `predict` takes."""

    @property
    def multi_label(self) -> bool:
        """Whether the scores stand each for itself, so that several labels may be present, or none."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed about the model or found on photos, one sentence each."""

    def predict(self, pixels: Pixels) -> Scores:
        """Probabilities, float32 (classes,), for uint8 pixels (height, width, channels)."""

    def predict_each(self, photos: Iterable[Pixels]) -> Iterator[Scores]:
        """As `predict`, for each of many photos in order, several at once."""


@contextlib.contextmanager
def open_predictor(  # noqa: PLR0913 - a model, and how it may be found out what it is
    model: Path,
    dataset: DataSet,
    options: ModelOptions | None = None,
    *,
    evaluated: Sequence[DataPhoto] = (),
    seed: int = 0,
    progress: Progress | None = None,
    processes: int = 0,
) -> Iterator[Predictor]:
    """A model, ready to answer; leaving the context ends its processes.

    Args:
        model: A `.tflite`, or any float model that `edgekit_export.load` knows.
        dataset: Its class folders name the outputs of a model without labels; its photos tell how a float model was
            trained, where the file does not.
        options: What the user says about the model.
        evaluated: The photos that it will be judged on. They are not asked how it was trained, if there are others.
        seed: Of the choice of photos for that.
        progress: Where to show it.
        processes: That answer at the same time; 0 for one a core.

    Raises:
        EdgekitError: not an image classifier, or it says too little; the text has the option that helps.
        OSError: a file cannot be read.
    """
    require("ai_edge_litert", extra="export")
    options = options or ModelOptions()
    file = read_model_file(model) if _is_tflite(model) else None
    if file is not None and _speaks_for_itself(file, options):
        reading = _as_device(model, file, dataset, options)
    else:
        reading = _as_training(model, read_float_model(model, dataset, options, evaluated, seed, progress or Silent()))
    with contextlib.ExitStack() as stack:
        count = processes or os.cpu_count() or 1
        devices = [stack.enter_context(_start(model, reading.network)) for _ in range(count)]
        yield _Processes(reading, devices)


@dataclass(frozen=True)
class _Reading:
    """A network, and what stands around it: pixels -> tensor, output values -> scores."""

    network: bytes
    name: str
    sha256: str
    labels: tuple[str, ...]
    spec: InputSpec
    multi_label: bool
    notes: tuple[str, ...]
    tensor: Callable[[Pixels], NDArray[Any]]
    scores: Callable[[Scores], Scores]


class _Processes:
    """See `Predictor`."""

    def __init__(self, reading: _Reading, devices: Sequence[DeviceRuntime]) -> None:
        self._reading, self._devices = reading, devices
        self.name, self.sha256, self.labels, self.spec = reading.name, reading.sha256, reading.labels, reading.spec
        self.multi_label, self.notes = reading.multi_label, reading.notes
        self.runs_in = devices[0].name

    def predict(self, pixels: Pixels) -> Scores:
        """See `Predictor`."""
        self._devices[0].send(self._reading.tensor(pixels), "a photo")
        return self._received(self._devices[0])

    def predict_each(self, photos: Iterable[Pixels]) -> Iterator[Scores]:
        """See `Predictor`."""
        free, busy = deque(self._devices), deque[DeviceRuntime]()
        try:
            for pixels in photos:
                if not free:
                    device = busy.popleft()
                    free.append(device)
                    yield self._received(device)
                device = free.popleft()
                device.send(self._reading.tensor(pixels), "a photo")
                busy.append(device)
            while busy:
                yield self._received(busy.popleft())
        finally:
            for device in busy:  # whoever stops listening must not leave answers for the next to read
                with contextlib.suppress(EdgekitError):
                    device.receive("a photo")

    def _received(self, device: DeviceRuntime) -> Scores:
        values = dequantize(device.receive("a photo"), device.output_scale, device.output_zero_point)
        if not np.isfinite(values).all():
            msg = f"{self.name}: its output is not a number: the model is broken. Train or export it again."
            raise VerificationError(msg)
        scores = self._reading.scores(values)
        if len(scores) != len(self.labels):
            msg = f"{self.name}: it gave {len(scores)} scores for {len(self.labels)} labels. Export it again."
            raise VerificationError(msg)
        return scores


def _is_tflite(model: Path) -> bool:
    if model.is_dir():
        return False
    with model.open("rb") as stream:
        return stream.read(8)[4:8] == b"TFL3"


def _speaks_for_itself(file: ModelFile, options: ModelOptions) -> bool:
    """Whether a `.tflite` runs as it is: edgekit's own, a quantized one, and a float one that tells its range."""
    if file.card is not None or any(tensor.dtype != "float32" for tensor in file.graph.inputs):
        return True
    stated = options.input_range is not None or bool(file.metadata and file.metadata.mean and file.metadata.std)
    return stated and not options.given_beside("labels", "input_range")


def _as_device(model: Path, file: ModelFile, dataset: DataSet, options: ModelOptions) -> _Reading:
    """As `edgekit.Classifier` reads it."""
    card, notes = _card(model, file, dataset, options)
    image = file.graph.inputs[0]
    table = PixelTable(card.input, np.dtype(image.dtype), image.scale, image.zero_point)
    spec = card.output
    return _Reading(
        network=file.data,
        name=model.name,
        sha256=hashlib.sha256(file.data).hexdigest(),
        labels=spec.labels,
        spec=card.input,
        multi_label=spec.multi_label,
        notes=notes,
        tensor=table.apply,
        scores=lambda values: probabilities(values, spec),
    )


def _card(model: Path, file: ModelFile, dataset: DataSet, options: ModelOptions) -> tuple[ModelCard, tuple[str, ...]]:
    known = () if file.card else ("labels", "input_range")
    if given := options.given_beside(*known):
        what = "carries its own labels and preprocessing" if file.card else "runs as edgekit classify runs it"
        msg = f"{model}: this .tflite {what}; leave {', '.join(given)} out."
        raise ModelLoadError(msg)
    if file.card is not None:
        return file.card, ()
    labels, notes = _foreign_labels(file, dataset, options)
    try:
        card, assumptions = describe_foreign(file, labels=labels, input_range=_given_range(options))
    except UnsupportedModelError as error:
        msg = f"{model}: {error}"
        raise UnsupportedModelError(msg) from error
    return card, (*notes, *assumptions)


def _foreign_labels(
    file: ModelFile, dataset: DataSet, options: ModelOptions
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """The sorted class folders stand in for labels that nobody gives, where there are as many as outputs."""
    shapes = [tensor.shape for tensor in file.graph.outputs]
    if options.labels is not None or file.labels is not None or [s[-1:] for s in shapes] != [(len(dataset.labels),)]:
        return options.labels, ()
    return dataset.labels, (f"it does not name its labels: they are the class folders of {dataset.root}, sorted",)


def _given_range(options: ModelOptions) -> InputRange | None:
    if options.input_range is None:
        return None
    try:
        return parse_input_range(options.input_range)
    except ValueError as error:
        msg = f"--input-range: {error}"
        raise InputRangeError(msg) from error


def _as_training(model: Path, found: FloatModel) -> _Reading:
    """The float network behind the pixels that its training saw."""
    network, reading = found.source.network, found.training.reading
    return _Reading(
        network=network.tflite,
        name=model.name,
        sha256=found.source.loaded.sha256,
        labels=reading.order.labels,
        spec=found.training.spec,
        multi_label=network.head.multi_label,
        notes=found.notes,
        tensor=reading.mapping.tensor,
        scores=network.head.scores,
    )


def _start(model: Path, network: bytes) -> DeviceRuntime:
    try:
        return DeviceRuntime(network, "litert", "default")
    except VerificationError as error:
        msg = f"{model}: {error}"
        raise VerificationError(msg) from error

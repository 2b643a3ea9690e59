"""Who takes part: edgekit, its floor, and what people would otherwise write. Versions are pinned here, nowhere else."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgekit.card import ModelCard
from edgekit.errors import EdgekitError, UnsupportedModelError
from edgekit.foreign import describe_foreign
from edgekit.modelfile import ModelFile, pack_model_file, read_model_file
from tests.benchmarks.beside.environments import Environment, NotAvailableError, make_environment, run
from tests.benchmarks.beside.photos import CAMERA

EDGEKIT = "edgekit"
DECODE = "decode"
INTERPRETER = "interpreter"
MANY = "many"

_RECENT = ("3.11", "3.12", "3.13")
_TFLITE = Environment(("tflite-runtime==2.14.0", "numpy==1.26.4", "pillow==13.0.0"), ("3.11", "3.10"))
_LITERT = Environment(("ai-edge-litert==2.3.0", "pillow==13.0.0"), _RECENT)
_OPENVINO = Environment(("openvino==2026.4.1", "opencv-python-headless==4.14.0.94"), _RECENT)
_ONNXRUNTIME = Environment(("onnxruntime==1.32.0", "pillow==13.0.0"), _RECENT)
_MEDIAPIPE = Environment(("mediapipe==1.2.3",), _RECENT)
_CONVERTER = Environment(("tf2onnx==1.17.0", "onnx==1.23.2", "tensorflow-cpu==2.21.0"), _RECENT)


@dataclass(frozen=True)
class Entry:
    """A contender before it is started.

    Attributes:
        key: Its name on the command line.
        title: Its name for people.
        worker: A module below `workers/`, and its variant.
        environment: What it runs in; None for this Python.
        wanted: By group of photos, how many times as long as edgekit it should take.
        takes_onnx: It reads the converted model.
    """

    key: str
    title: str
    worker: tuple[str, str]
    environment: Environment | None = None
    wanted: tuple[tuple[str, float], ...] = ()
    takes_onnx: bool = False


def _wanted(camera: float) -> tuple[tuple[str, float], ...]:
    return ((CAMERA, camera), ("640x480", 1.0))


ENTRIES = (
    Entry(EDGEKIT, "edgekit", ("edgekit_classifier", "whole")),
    Entry("tflite", "Pillow + tflite-runtime, as the examples", ("pillow_tflite", "tflite"), _TFLITE, _wanted(5.0)),
    Entry("litert", "Pillow + ai-edge-litert", ("pillow_tflite", "litert"), _LITERT, _wanted(1.0)),
    Entry("mediapipe", "MediaPipe Tasks", ("mediapipe_tasks", ""), _MEDIAPIPE, _wanted(3.0)),
    Entry("onnx", "Pillow + onnxruntime", ("pillow_onnxruntime", ""), _ONNXRUNTIME, _wanted(1.0), takes_onnx=True),
    Entry("openvino", "OpenCV + OpenVINO", ("opencv_openvino", "full"), _OPENVINO, _wanted(1.8)),
    Entry("expert", "OpenCV reduced + OpenVINO", ("opencv_openvino", "reduced"), _OPENVINO, _wanted(1.0)),
    Entry(DECODE, "floor: Pillow's scaled decode", ("edgekit_classifier", "decode")),
    Entry(INTERPRETER, "floor: the interpreter", ("edgekit_classifier", "interpreter")),
)
FOLDER_ENTRIES = (
    Entry(MANY, "edgekit predict_many", ("edgekit_classifier", "many")),
    Entry(EDGEKIT, "edgekit, one at a time", ("edgekit_classifier", "whole"), wanted=(("folder", 1.8),)),
    Entry("tflite", ENTRIES[1].title, ("pillow_tflite", "tflite"), _TFLITE, wanted=(("folder", 6.0),)),
)


@dataclass(frozen=True)
class Subject:
    """The model file that all are given. `size` is (width, height); `note` says what edgekit cannot do with it."""

    path: Path
    size: tuple[int, int]
    note: str = ""


def prepare_model(model: Path, folder: Path) -> Subject:
    """The same graph in a file that everybody can read: as it is where it has a card, else with one added.

    Raises:
        EdgekitError: it is no model of the kind that is compared here.
        OSError: it cannot be read, or the copy not be written.
    """
    file = read_model_file(model)
    copy = folder / "model.tflite"
    copy.write_bytes(file.data if file.card else with_fast_decode(model))
    card = read_model_file(copy).card
    assert card is not None
    if card.input.channels != 3 or card.input.fit != "stretch":
        msg = f"{model}: the others are given colour photos, stretched to the input: the model wants other ones."
        raise UnsupportedModelError(msg)
    # Cards say how photos are decoded; a file with a card of its own is not changed.
    decode = json.loads(card.to_json())["input"].get("decode", "exact")
    note = "" if decode == "fast" else "edgekit decodes photos in full: the model's card asks for it"
    return Subject(copy, (card.input.width, card.input.height), note)


def with_fast_decode(model: Path) -> bytes:
    """The bytes of a model file whose card asks for fast decoding, where this edgekit has it.

    Raises:
        EdgekitError: it is no image classifier with uint8 input and output.
        OSError: it cannot be read.
    """
    file = read_model_file(model)
    try:
        return pack_model_file(_graph(file), _fast(file.card or describe_foreign(file, labels=_labels(file))[0]))
    except EdgekitError as error:
        raise type(error)(f"{model}: {error}") from error


def command(entry: Entry, subject: Subject, folder: Path, threads: int) -> list[str]:
    """What starts a contender, in the folder of this repository.

    Raises:
        NotAvailableError: its environment or its model cannot be made; the text is the reason.
        OSError: `folder` cannot be written.
    """
    python, model = Path(sys.executable), subject.path
    if entry.environment:
        python = make_environment(entry.environment, entry.worker[0].replace("_", "-"), folder)
    if entry.takes_onnx:
        model = _converted(model, folder)
    module, variant = entry.worker
    return [str(python), "-m", f"tests.benchmarks.workers.{module}", str(model), str(threads), variant]


def chosen(entries: Iterable[Entry], keys: Iterable[str] | None) -> list[Entry]:
    """Of these, the ones with those keys; all for None. edgekit and what it is measured by always take part."""
    always = {EDGEKIT, DECODE, INTERPRETER, MANY}
    return [entry for entry in entries if keys is None or entry.key in always.union(keys)]


def _fast(card: ModelCard) -> ModelCard:
    """The card with fast decoding, where this edgekit has it."""
    record = json.loads(card.to_json())
    record["input"]["decode"] = "fast"
    try:
        return ModelCard.from_json(json.dumps(record))
    except EdgekitError:
        return card


def _labels(file: ModelFile) -> list[str] | None:
    """Names for the classes of a model that has none: only their numbers are compared."""
    outputs = file.graph.outputs
    if file.labels or not outputs or not outputs[0].shape:
        return None
    return [f"class {i}" for i in range(outputs[0].shape[-1])]


def _graph(file: ModelFile) -> bytes:
    """Without a ZIP that is appended to it."""
    stream = io.BytesIO(file.data)
    if not zipfile.is_zipfile(stream):
        return file.data
    with zipfile.ZipFile(stream) as archive:
        return file.data[: min((info.header_offset for info in archive.infolist()), default=archive.start_dir)]


def _converted(model: Path, folder: Path) -> Path:
    """The model as ONNX, converted once; the converter needs TensorFlow."""
    target = folder / f"{hashlib.sha256(model.read_bytes()).hexdigest()[:12]}.onnx"
    if not target.exists():
        python = make_environment(_CONVERTER, "converter", folder)
        part = target.with_suffix(".part")
        try:
            run([str(python), "-m", "tf2onnx.convert", "--tflite", str(model), "--output", str(part), "--opset", "17"])
        except NotAvailableError as error:
            msg = f"tf2onnx cannot convert the model: {error}"
            raise NotAvailableError(msg) from error
        shutil.move(part, target)
    return target

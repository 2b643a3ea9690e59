"""`ModelCard`: what a model file promises, and how that was proven.

The card travels inside the model file as `model_card.json`. `input` and `output` steer the runner; everything else
is optional for it and is there for people, for `selftest` and for tools.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal, NamedTuple

from edgekit.errors import ModelFileError
from edgekit.records import from_json, to_json

SCHEMA = 1
MAX_SIDE = 8192

Fit = Literal["stretch", "crop", "pad"]
ResizeKernel = Literal["nearest", "bilinear", "bicubic", "tf-bilinear"]
ColorOrder = Literal["RGB", "L"]
Decode = Literal["exact", "fast"]
Family = Literal["xnnpack", "reference"]


@dataclass(frozen=True)
class InputSpec:
    """How a photo becomes the input tensor, shape (1, height, width, channels).

    The real value that the model works with is ``(pixel - mean) / std`` for pixels 0..255, per channel or, with one
    element, for all channels. In files that edgekit exports, that is exactly the input tensor's quantization, so
    the raw bytes are the input.

    `decode` exact takes every photo as it is; fast may take a large JPEG at a part of its size, as
    `edgekit.preprocess.enough_for` says. Cards from before there was a choice mean exact.
    """

    height: int
    width: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    color_order: ColorOrder = "RGB"
    fit: Fit = "stretch"
    resize_kernel: ResizeKernel = "bilinear"
    decode: Decode = "exact"

    def __post_init__(self) -> None:
        """Refuse values that no image can have."""
        if not (1 <= self.height <= MAX_SIDE and 1 <= self.width <= MAX_SIDE):
            msg = f"input size {self.height}x{self.width} is outside 1..{MAX_SIDE}"
            raise ValueError(msg)
        if self.channels != {"RGB": 3, "L": 1}[self.color_order]:
            msg = f"{self.channels} channels do not go with color order {self.color_order}"
            raise ValueError(msg)
        if len(self.mean) not in (1, self.channels) or len(self.std) not in (1, self.channels):
            msg = f"mean and std need 1 or {self.channels} elements"
            raise ValueError(msg)
        if min(self.std) <= 0:
            msg = "std must be positive"
            raise ValueError(msg)


@dataclass(frozen=True)
class OutputSpec:
    """What the output tensor means, and from which score on an answer counts; see `edgekit.decision`.

    `temperature` divides logits before the activation. `thresholds` holds a score 0..1 for each label, in their order,
    or is empty where none were chosen. An answer below `abstain_below`, 0..1, counts for no label. `wanted_precision`,
    0..1, is what the thresholds were chosen for; people want to know, the runner does not.
    """

    kind: Literal["probabilities", "logits"]
    activation: Literal["softmax", "sigmoid"]
    labels: tuple[str, ...]
    temperature: float = 1.0
    thresholds: tuple[float, ...] = ()
    abstain_below: float = 0.0
    wanted_precision: float | None = None

    @property
    def multi_label(self) -> bool:
        """Whether the scores are independent, so that several labels may be present in a photo, or none."""
        return self.activation == "sigmoid" and len(self.labels) > 1

    def __post_init__(self) -> None:
        """Refuse an output that cannot name its classes, or decide about them."""
        if not self.labels:
            msg = "no labels"
            raise ValueError(msg)
        if self.temperature <= 0:
            msg = "temperature must be positive"
            raise ValueError(msg)
        if self.thresholds and len(self.thresholds) != len(self.labels):
            msg = f"{len(self.thresholds)} thresholds for {len(self.labels)} labels, expected one for each or none"
            raise ValueError(msg)
        for label, threshold in zip(self.labels, self.thresholds, strict=False):  # there may be none
            _refuse_outside_0_to_1(threshold, f"the threshold of {label!r}")
        _refuse_outside_0_to_1(self.abstain_below, "abstain_below")
        if self.wanted_precision is not None:
            _refuse_outside_0_to_1(self.wanted_precision, "wanted_precision")


def _refuse_outside_0_to_1(value: float, what: str) -> None:
    if not 0 <= value <= 1:  # neither is NaN
        msg = f"{what} is {value}, expected 0 to 1"
        raise ValueError(msg)


class GraphDigest(NamedTuple):
    """Checksum of the file's graph part, all bytes before the appended ZIP."""

    size_bytes: int
    sha256: str


class Quantization(NamedTuple):
    """How the float model became int8.

    `exceptions` names the tensors of layers that stayed in float. `folded_temperature` is what logits were divided by,
    inside the graph, so that scores mean what they say: the runner has nothing left to do.
    """

    recipe: str
    quantizer: str
    quantizer_version: str
    exceptions: tuple[str, ...] = ()
    folded_temperature: float = 1.0


class PhotoSet(NamedTuple):
    """Which photos were used: how many of each class, and a SHA-256 over their labels and contents."""

    images: int
    images_per_class: dict[str, int]
    fingerprint_sha256: str
    seed: int


class FamilyResult(NamedTuple):
    """What one kernel family answered on the verification photos."""

    family: Family
    runtime: str
    runtime_version: str
    correct: int
    agreeing: int
    agreement_low_percent: float
    agreement_high_percent: float


class ClassResult(NamedTuple):
    """Right answers for the photos of one class: of the float model, and of each kernel family."""

    label: str
    images: int
    float_correct: int
    correct: dict[str, int]


class DecodeCheck(NamedTuple):
    """The file's answers to photos decoded exactly, beside those to the same photos decoded fast.

    Attributes:
        family: The kernel family that answered.
        images: Photos that were compared.
        reduced: Of these, photos decoded at a part of their size; the pixels of the others are the same either way.
        agreeing: Of `images`, photos with the same answer.
        fast_correct: Of `images`, right answers to photos decoded fast.
        exact_correct: The same of photos decoded exactly.
    """

    family: Family
    images: int
    reduced: int
    agreeing: int
    fast_correct: int
    exact_correct: int


class Verification(NamedTuple):
    """The proof: the int8 file beside the float model on labelled photos that calibration never saw.

    `float_runtime` is what ran the float model: the framework that its file was made for. `decode` is there where
    the file's photos are decoded fast.
    """

    photos: PhotoSet
    float_correct: int
    families: tuple[FamilyResult, ...]
    classes: tuple[ClassResult, ...]
    max_drop_points: float
    float_runtime: str | None = None
    decode: DecodeCheck | None = None


class Requires(NamedTuple):
    """What a runtime must have. `operators` maps builtin names to the versions used."""

    operators: dict[str, int]
    oldest_runtime: str | None = None
    declared_min_runtime: str | None = None
    refused_by: dict[str, str] | None = None


class EvidenceRow(NamedTuple):
    """How a hypothesis fared on labelled photos with the float model.

    `divergence` is how far its input is from what the network remembers of its training, 0 for the same.
    """

    hypothesis: str
    images: int
    correct: int
    mean_confidence_percent: float
    divergence: float | None = None


class Evidence(NamedTuple):
    """What was found out by trying: the question, how it was decided, all that was tried, and what was chosen."""

    question: str
    how: str
    rows: tuple[EvidenceRow, ...]
    chosen: str | None = None


class Provenance(NamedTuple):
    """Where the file comes from; `evidence` tells what its source did not."""

    source_file: str
    source_sha256: str
    input_range: str
    input_range_source: str
    tools: dict[str, str]
    license: str | None = None
    author: str | None = None
    source_kind: str | None = None
    evidence: tuple[Evidence, ...] = ()


class Golden(NamedTuple):
    """Generated inputs, by seed, and the exact output bytes (base64) for them of each kernel family that was proven."""

    generator: str
    seeds: tuple[int, ...]
    outputs_base64: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class ModelCard:
    """What a model file promises. See the classes of its fields."""

    name: str
    input: InputSpec
    output: OutputSpec
    task: Literal["image-classification"] = "image-classification"
    created: str | None = None
    graph: GraphDigest | None = None
    quantization: Quantization | None = None
    calibration: PhotoSet | None = None
    verification: Verification | None = None
    requires: Requires | None = None
    provenance: Provenance | None = None
    golden: Golden | None = None

    def to_json(self) -> str:
        """The text of `model_card.json`: UTF-8, indented, keys in declaration order."""
        return json.dumps({"schema": SCHEMA, **to_json(self)}, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """A card from the text of `model_card.json`.

        Raises:
            ModelFileError: not JSON, of a newer schema, or not a card.
        """
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            msg = f"model_card.json is not JSON ({error}). Copy the model file again."
            raise ModelFileError(msg) from error
        schema = value.get("schema") if isinstance(value, dict) else None
        if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
            msg = f"model_card.json: schema: found {schema!r}, expected an integer from 1 to {SCHEMA}."
            raise ModelFileError(msg)
        if schema > SCHEMA:
            msg = (
                f"model_card.json: schema {schema} is newer than this edgekit knows ({SCHEMA}). "
                "Run: pip install --upgrade edgekit-tflite"
            )
            raise ModelFileError(msg)
        return from_json(cls, value, "model_card.json")

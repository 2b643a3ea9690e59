"""`ExportRecord`: all that an export found out, for the page; it travels in the model file beside the card.

The runner never reads it. Shares are in percent and times in milliseconds, as their names say; counts are of photos.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from edgekit.card import PhotoSet
from edgekit.errors import ModelFileError
from edgekit.records import from_json, to_json

SCHEMA = 1
RECORD_NAME = "export_record.json"

Outcome: TypeAlias = Literal["chosen", "met", "missed", "turned down", "failed", "not tried"]
"""Of a recipe. `met`: within the budget, but another was chosen; `turned down`: within the budget on the photos for
choosing, not on those for confirming; `failed`: no file came out; `not tried`: it has an obstacle."""


@dataclass(frozen=True)
class Rung:
    """One recipe of the search.

    Attributes:
        recipe: Its name, as `--recipe` takes it.
        outcome: What became of it.
        reason: Why it was not tried, failed, or was turned down; what of the budget it missed. Empty if nothing.
        told: What its steps did, one line each.
        images: Photos for choosing that it was measured on; 0 if it was not.
        correct: Of these, right answers of the file (xnnpack kernels).
        float_correct: Of these, right answers of the float model.
        agreeing: Of these, the same answer as the float model.
        size_bytes: Of the graph.
        milliseconds: Of one inference where it was exported, median, one thread, xnnpack kernels; 0 in a model file.
    """

    recipe: str
    outcome: Outcome
    reason: str = ""
    told: tuple[str, ...] = ()
    images: int = 0
    correct: int = 0
    float_correct: int = 0
    agreeing: int = 0
    size_bytes: int = 0
    milliseconds: float = 0.0


@dataclass(frozen=True)
class Allowed:
    """What the user asked for.

    `aim_agreement_percent` is where the search stops looking for a better int8 recipe; it refuses nothing.
    """

    max_drop_points: float
    aim_agreement_percent: float
    effort: str
    targets: tuple[str, ...]
    max_class_drop_points: float | None = None
    min_agreement_percent: float | None = None
    recipe: str | None = None


@dataclass(frozen=True)
class Given:
    """An answer to a photo: its label, and its score in percent."""

    label: str
    score_percent: float


@dataclass(frozen=True)
class Flipped:
    """A photo for confirming whose answer is not the float model's in at least one kernel family.

    `file` is relative to the folder of photos, `sha256` is of its bytes.
    """

    file: str
    sha256: str
    label: str
    float_answer: Given
    answers: dict[str, Given]


@dataclass(frozen=True)
class Confusion:
    """Photos for confirming by what they are (index of the label), what they were called, and how many; no zeros."""

    who: str
    cells: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Bin:
    """Photos whose best score lies in one interval: how many, their mean score, and how many were right."""

    photos: int
    mean_score_percent: float
    right: int


@dataclass(frozen=True)
class Scored:
    """How well the scores of one model mean what they say, on photos for confirming.

    `ece_percent` is the expected calibration error over `bins`.
    """

    who: str
    ece_percent: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class Scores:
    """What was done so that scores mean what they say.

    Attributes:
        temperature: What logits were divided by, folded into the file; 1 for nothing.
        fitted_on: Photos for choosing that it was fitted on.
        scored: The float model as it came, and the file.
    """

    temperature: float
    fitted_on: int
    scored: tuple[Scored, ...]


@dataclass(frozen=True)
class Decided:
    """What a threshold does to photos for confirming: how many got this answer above it, and how many of these right.

    `threshold_percent` is None for a class that no threshold makes precise enough on the photos for choosing.
    """

    label: str
    answered: int
    right: int
    threshold_percent: float | None = None


@dataclass(frozen=True)
class Decisions:
    """The thresholds of the card, and what they do.

    Attributes:
        wanted_precision_percent: What they were chosen for.
        abstain_below_percent: Below this score an answer is "unsure", whatever its class.
        photos: For confirming.
        classes: One for each label.
    """

    wanted_precision_percent: float
    abstain_below_percent: float
    photos: int
    classes: tuple[Decided, ...]


@dataclass(frozen=True)
class LayerError:
    """A layer's output in the file against the float network, on photos for choosing.

    `sqnr_db` is the ratio of signal to quantization noise, in decibels; None where there is no noise at all.
    """

    layer: str
    kind: str
    cosine: float
    sqnr_db: float | None = None


@dataclass(frozen=True)
class TensorRange:
    """What int8 covers of a computed tensor, and what calibration saw."""

    layer: str
    low: float
    high: float
    seen_low: float
    seen_high: float


@dataclass(frozen=True)
class Calibrated:
    """Is the calibration set big enough?

    Attributes:
        covered_percent: How much of the final ranges the first n photos already cover, n from 1.
        ranges: Of every computed tensor, in order.
    """

    covered_percent: tuple[float, ...]
    ranges: tuple[TensorRange, ...]


@dataclass(frozen=True)
class ExportRecord:
    """See the classes of its fields. What the card has, its verification above all, is not repeated here.

    Attributes:
        command: What was typed, to be typed again.
        photos_root: The folder that `flipped` is relative to.
        choice: The photos for choosing.
        rungs: In the order of trying.
        confirmed_after: How many recipes the photos for confirming turned down before they confirmed one.
    """

    command: str
    photos_root: str
    allowed: Allowed
    rungs: tuple[Rung, ...]
    choice: PhotoSet | None = None
    confirmed_after: int = 0
    flipped: tuple[Flipped, ...] = ()
    confusions: tuple[Confusion, ...] = ()
    scores: Scores | None = None
    decisions: Decisions | None = None
    layers: tuple[LayerError, ...] = ()
    calibrated: Calibrated | None = None
    notes: tuple[str, ...] = ()

    def without_times(self) -> ExportRecord:
        """What the model file carries: a clock would make other bytes of the same export each time."""
        return replace(self, rungs=tuple(replace(rung, milliseconds=0.0) for rung in self.rungs))

    def to_json(self) -> str:
        """The text of `export_record.json`."""
        return json.dumps({"schema": SCHEMA, **to_json(self)}, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ExportRecord:
        """A record from its text.

        Raises:
            ModelFileError: not JSON, of a newer schema, or not a record.
        """
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            msg = f"{RECORD_NAME} is not JSON ({error}). Export the model again."
            raise ModelFileError(msg) from error
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            found = value.get("schema") if isinstance(value, dict) else None
            msg = f"{RECORD_NAME}: schema: found {found!r}, expected {SCHEMA}. Export the model again."
            raise ModelFileError(msg)
        return from_json(cls, value, RECORD_NAME)

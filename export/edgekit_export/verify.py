"""The int8 file beside the float Keras model, on labelled photos, in the kernels that devices use."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from edgekit.card import ClassResult, Family, FamilyResult, InputSpec, Verification
from edgekit_export.device import DeviceRuntime
from edgekit_export.errors import PhotosError
from edgekit_export.images import LabeledPhoto, Sample
from edgekit_export.progress import Step

FAMILIES: tuple[Family, ...] = get_args(Family)
_Z95 = 1.959963984540054  # the 97.5 % quantile of the normal distribution


@dataclass(frozen=True)
class Answer:
    """A model's first answer to a photo, and its score 0..1."""

    label: str
    score: float


@dataclass(frozen=True)
class Flip:
    """A photo whose first answer is not the float model's in at least one kernel family."""

    file: str
    label: str
    float_answer: Answer
    answers: dict[str, Answer]


@dataclass(frozen=True)
class Comparison:
    """What verification found; `verification` goes into the card, the rest into the report."""

    verification: Verification
    flips: tuple[Flip, ...]
    skipped: tuple[str, ...]

    @property
    def drop_points(self) -> float:
        """Percentage points of top-1 accuracy that the worse family loses against float; negative for a gain."""
        result = self.verification
        worst = min(family.correct for family in result.families)
        return 100 * (result.float_correct - worst) / result.photos.images


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % confidence interval of a proportion, as fractions.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.

    >>> [round(x, 3) for x in wilson_interval(93, 100)]
    [0.863, 0.966]
    """
    if trials == 0:
        return 0.0, 1.0
    p, z2 = successes / trials, _Z95**2
    centre = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z95 / (1 + z2 / trials) * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials**2))
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass
class _Tally:
    """Counts while photos pass by."""

    labels: Sequence[str]
    images: dict[str, int] = field(default_factory=dict)
    float_correct: dict[str, int] = field(default_factory=dict)
    correct: dict[Family, dict[str, int]] = field(default_factory=dict)
    agreeing: dict[Family, int] = field(default_factory=dict)
    flips: list[Flip] = field(default_factory=list)

    def add(
        self, photo: LabeledPhoto, wanted: NDArray[np.float32], found: Mapping[Family, NDArray[np.float32]]
    ) -> None:
        float_answer = self._answer(wanted)
        _count(self.images, photo.label, 1)
        _count(self.float_correct, photo.label, float_answer.label == photo.label)
        answers: dict[str, Answer] = {}
        for family, scores in found.items():
            answer = self._answer(scores)
            _count(self.correct.setdefault(family, {}), photo.label, answer.label == photo.label)
            self.agreeing[family] = self.agreeing.get(family, 0) + (answer.label == float_answer.label)
            answers[family] = answer
        if any(answer.label != float_answer.label for answer in answers.values()):
            self.flips.append(Flip(str(photo.path), photo.label, float_answer, answers))

    def _answer(self, scores: NDArray[np.float32]) -> Answer:
        best = int(scores.argmax())
        return Answer(self.labels[best], float(scores[best]))


def _count(counts: dict[str, int], label: str, by: int) -> None:
    counts[label] = counts.get(label, 0) + int(by)


def compare(  # noqa: PLR0913 - what is compared, on what, and who watches
    answer_float: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    devices: Mapping[Family, DeviceRuntime],
    sample: Sample,
    spec: InputSpec,
    labels: Sequence[str],
    *,
    max_drop: float,
    step: Step,
) -> Comparison:
    """Ask the float model and each kernel family about each photo; one photo in memory at a time.

    Args:
        answer_float: From uint8 pixels (height, width, channels) to probabilities (classes,).
        devices: A process for each kernel family.
        sample: The verification photos.
        spec: How a photo becomes the input.
        labels: Of the outputs, in order.
        max_drop: Allowed loss in points, for the record; nothing is decided here.
        step: Called after each photo.

    Raises:
        VerificationError: a runtime failed or crashed.
        PhotosError: no photo could be read.
    """
    tally = _Tally(labels)
    for photo in sample.read(spec):
        about = str(photo.path)
        for device in devices.values():
            device.send(photo.pixels, about)  # they work while the float model does
        wanted = answer_float(photo.pixels)
        tally.add(photo, wanted, {family: device.receive_scores(about) for family, device in devices.items()})
        step()
    photos = sample.photo_set()
    if not photos.images:
        msg = f"{sample.root}: none of the photos for verification could be read, the first: {sample.skipped[0]}"
        raise PhotosError(msg)
    families = tuple(_family_result(family, device, tally, photos.images) for family, device in devices.items())
    classes = tuple(
        ClassResult(
            label,
            tally.images[label],
            tally.float_correct[label],
            {family: counts[label] for family, counts in tally.correct.items()},
        )
        for label in labels
        if label in tally.images
    )
    verification = Verification(photos, sum(tally.float_correct.values()), families, classes, max_drop)
    flips = tuple(sorted(tally.flips, key=lambda flip: flip.file))
    return Comparison(verification, flips, tuple(sample.skipped))


def _family_result(family: Family, device: DeviceRuntime, tally: _Tally, images: int) -> FamilyResult:
    low, high = wilson_interval(tally.agreeing[family], images)
    return FamilyResult(
        family=family,
        runtime=device.distribution,
        runtime_version=device.version,
        correct=sum(tally.correct[family].values()),
        agreeing=tally.agreeing[family],
        agreement_low_percent=round(100 * low, 2),
        agreement_high_percent=round(100 * high, 2),
    )

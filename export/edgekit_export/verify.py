"""The int8 file beside the float Keras model, on labelled photos, in the kernels that devices use."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from edgekit.card import ClassResult, Family, FamilyResult, InputSpec, OutputSpec, Verification
from edgekit.decision import PRESENT_FROM
from edgekit_export.device import DeviceRuntime
from edgekit_export.errors import PhotosError
from edgekit_export.images import LabeledPhoto, Sample
from edgekit_export.progress import Step
from edgekit_export.statistics import wilson_interval

FAMILIES: tuple[Family, ...] = get_args(Family)


@dataclass(frozen=True)
class Answer:
    """A model's answer to a photo, and its score 0..1.

    Of a multi-label model: all labels that are present, and the score that was nearest to the threshold.
    """

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
class Asked:
    """All that was said to the photos of a verification.

    Attributes:
        files: Of the photos.
        truth: bool (photos, classes): the label of each; of a multi-label model, all that it shows.
        float_scores: float32 (photos, classes), of the float model.
        scores: The same of the file, in each kernel family.
    """

    files: tuple[Path, ...]
    truth: NDArray[np.bool_]
    float_scores: NDArray[np.float32]
    scores: Mapping[Family, NDArray[np.float32]]


@dataclass(frozen=True)
class Comparison:
    """What verification found; `verification` goes into the card, the rest into the report.

    Of a multi-label model, an answer is right when all its labels are those of the photo.
    """

    verification: Verification
    flips: tuple[Flip, ...]
    skipped: tuple[str, ...]
    multi_label: bool = False
    asked: Asked | None = field(default=None, compare=False, repr=False)

    @property
    def drop_points(self) -> float:
        """Percentage points of accuracy that the worse family loses against float; negative for a gain."""
        result = self.verification
        worst = min(family.correct for family in result.families)
        return 100 * (result.float_correct - worst) / result.photos.images

    @property
    def agreement_percent(self) -> float:
        """Photos with the float model's answer, in the worse family."""
        result = self.verification
        return 100 * min(family.agreeing for family in result.families) / result.photos.images

    @property
    def class_drops(self) -> dict[str, float]:
        """Percentage points that each class loses in its worse family; negative for a gain."""
        return {
            one.label: 100 * (one.float_correct - min(one.correct.values())) / one.images
            for one in self.verification.classes
        }


@dataclass
class _Tally:
    """Counts while photos pass by."""

    output: OutputSpec
    images: dict[str, int] = field(default_factory=dict)
    float_correct: dict[str, int] = field(default_factory=dict)
    correct: dict[Family, dict[str, int]] = field(default_factory=dict)
    agreeing: dict[Family, int] = field(default_factory=dict)
    flips: list[Flip] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    truth: list[list[bool]] = field(default_factory=list)
    float_scores: list[NDArray[np.float32]] = field(default_factory=list)
    scores: dict[Family, list[NDArray[np.float32]]] = field(default_factory=dict)

    def add(
        self, photo: LabeledPhoto, wanted: NDArray[np.float32], found: Mapping[Family, NDArray[np.float32]]
    ) -> None:
        float_answer, truth = self._answer(wanted), self._truth(photo)
        self.files.append(photo.path)
        self.truth.append([label in photo.labels for label in self.output.labels])
        self.float_scores.append(np.asarray(wanted, np.float32))
        _count(self.images, photo.label, 1)
        _count(self.float_correct, photo.label, float_answer.label == truth)
        answers: dict[str, Answer] = {}
        for family, scores in found.items():
            answer = self._answer(scores)
            self.scores.setdefault(family, []).append(np.array(scores, np.float32))
            _count(self.correct.setdefault(family, {}), photo.label, answer.label == truth)
            self.agreeing[family] = self.agreeing.get(family, 0) + (answer.label == float_answer.label)
            answers[family] = answer
        if any(answer.label != float_answer.label for answer in answers.values()):
            self.flips.append(Flip(str(photo.path), photo.label, float_answer, answers))

    def asked(self) -> Asked:
        """All answers, as arrays."""
        scores = {family: np.stack(rows) for family, rows in self.scores.items()}
        return Asked(tuple(self.files), np.array(self.truth, bool), np.stack(self.float_scores), scores)

    def _answer(self, scores: NDArray[np.float32]) -> Answer:
        if self.output.multi_label:
            nearest = int(np.abs(scores - PRESENT_FROM).argmin())
            return Answer(self._joined(scores >= PRESENT_FROM), float(scores[nearest]))
        best = int(scores.argmax())
        return Answer(self.output.labels[best], float(scores[best]))

    def _truth(self, photo: LabeledPhoto) -> str:
        if self.output.multi_label:
            return self._joined([label in photo.labels for label in self.output.labels])
        return photo.label

    def _joined(self, present: Iterable[bool]) -> str:
        found = [label for label, there in zip(self.output.labels, present, strict=True) if there]
        return " + ".join(found) or "none"


def _count(counts: dict[str, int], label: str, by: int) -> None:
    counts[label] = counts.get(label, 0) + int(by)


@dataclass
class _Answered:
    """A photo, what the float model says to it, and what the families have said so far."""

    photo: LabeledPhoto
    wanted: NDArray[np.float32]
    found: dict[Family, NDArray[np.float32]] = field(default_factory=dict)


def _answered(
    answer_float: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    devices: Mapping[Family, Sequence[DeviceRuntime]],
    photos: Iterable[LabeledPhoto],
) -> Iterator[_Answered]:
    """The photos in order. All processes and the float model work at the same time; none is asked before it answered.

    (Else a long answer that nobody reads and a photo that nobody reads would wait for each other.)
    """
    waiting: deque[tuple[int, _Answered]] = deque()

    def receive(number: int, answered: _Answered, family: Family) -> None:
        team = devices[family]
        answered.found[family] = team[number % len(team)].receive_scores(str(answered.photo.path))

    for number, photo in enumerate(photos):
        for family, team in devices.items():
            if len(waiting) >= len(team):
                receive(*waiting[-len(team)], family)
            team[number % len(team)].send(photo.pixels, str(photo.path))
        waiting.append((number, _Answered(photo, answer_float(photo.pixels))))
        while len(waiting[0][1].found) == len(devices):
            yield waiting.popleft()[1]
    for number, answered in waiting:
        for family in [one for one in devices if one not in answered.found]:
            receive(number, answered, family)
        yield answered


def compare(  # noqa: PLR0913 - what is compared, on what, and who watches
    answer_float: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    devices: Mapping[Family, Sequence[DeviceRuntime]],
    sample: Sample,
    spec: InputSpec,
    output: OutputSpec,
    *,
    float_runtime: str,
    max_drop: float,
    step: Step,
) -> Comparison:
    """Ask the float model and each kernel family about each photo; a few photos in memory at a time.

    Args:
        answer_float: From uint8 pixels (height, width, channels) to probabilities (classes,).
        devices: Processes of each kernel family, one or more, which photos are dealt to in turn.
        sample: The verification photos.
        spec: How a photo becomes the input.
        output: What the scores are: the labels in order, and whether several may be present.
        float_runtime: What runs the float model, for the record.
        max_drop: Allowed loss in points, for the record; nothing is decided here.
        step: Called after each photo.

    Raises:
        VerificationError: a runtime failed or crashed.
        PhotosError: no photo could be read.
    """
    tally = _Tally(output)
    for answered in _answered(answer_float, devices, sample.read(spec)):
        found = {family: answered.found[family] for family in devices}  # always in the same order
        tally.add(answered.photo, answered.wanted, found)
        step()
    photos = sample.photo_set()
    if not photos.images:
        msg = f"{sample.root}: none of the photos for verification could be read, the first: {sample.skipped[0]}"
        raise PhotosError(msg)
    families = tuple(_family_result(family, team[0], tally, photos.images) for family, team in devices.items())
    classes = tuple(
        ClassResult(
            label,
            tally.images[label],
            tally.float_correct[label],
            {family: counts[label] for family, counts in tally.correct.items()},
        )
        for label in output.labels
        if label in tally.images
    )
    verification = Verification(photos, sum(tally.float_correct.values()), families, classes, max_drop, float_runtime)
    flips = tuple(sorted(tally.flips, key=lambda flip: flip.file))
    return Comparison(verification, flips, tuple(sample.skipped), output.multi_label, tally.asked())


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

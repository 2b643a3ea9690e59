"""Photos -> what one or two models say to each, read once, in bounded memory."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit.card import InputSpec
from edgekit.console import describe_error
from edgekit.decision import PRESENT_FROM
from edgekit.errors import ImageError
from edgekit.preprocess import photo_pixels
from edgekit_export.assess.predictor import Predictor
from edgekit_export.data.dataset import DataPhoto
from edgekit_export.data.pixels import Unreadable, Views, in_order
from edgekit_export.errors import PhotosError
from edgekit_export.progress import Progress

_AT_ONCE = 64  # photos in memory: enough to keep all processes busy

AlsoShows = Mapping[Path, frozenset[str]]
"""The labels of photos that stand under several classes, where a model may name several."""


@dataclass(frozen=True)
class Answers:
    """What a model said to photos.

    Attributes:
        labels: Of the model, in the order of its scores.
        truth: bool (photos, classes): the label of the photo; of a multi-label model, all that it shows.
        scores: float32 (photos, classes): probabilities.
        multi_label: Whether several labels may be present.
    """

    labels: tuple[str, ...]
    truth: NDArray[np.bool_]
    scores: NDArray[np.float32]
    multi_label: bool = False

    @property
    def given(self) -> NDArray[np.bool_]:
        """The labels that the model gave: bool (photos, classes)."""
        if self.multi_label:
            return np.asarray(self.scores >= PRESENT_FROM)
        found = np.zeros(self.scores.shape, bool)
        found[np.arange(len(found)), self.scores.argmax(axis=1)] = True
        return found

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether exactly the true labels were given: bool (photos,)."""
        return np.asarray((self.given == self.truth).all(axis=1))

    @property
    def confidence(self) -> NDArray[np.float32]:
        """The score of the answer, float32 (photos,); of a multi-label model, that of the label nearest to doubt."""
        if not self.multi_label:
            return np.asarray(self.scores.max(axis=1))
        return np.asarray(np.maximum(self.scores, 1 - self.scores).min(axis=1))

    def named(self, which: NDArray[np.bool_]) -> tuple[str, ...]:
        """For each row of a bool array (photos, classes), the labels that it marks."""
        return tuple(" + ".join(self.labels[i] for i in np.flatnonzero(row)) or "none" for row in which)


@dataclass(frozen=True)
class Asked:
    """The photos that could be read, and what each model said to them.

    Attributes:
        photos: Those that could be read, in order.
        answers: One for each model.
        digests: SHA-256 of each photo's file.
        brightness: float32 (photos,), 0..255: the mean of the pixels that the first model got.
        sharpness: float32 (photos,): how much neighbouring pixels of them differ, mean of absolute differences.
        skipped: Those that could not be read.
    """

    photos: tuple[DataPhoto, ...]
    answers: tuple[Answers, ...]
    digests: tuple[str, ...]
    brightness: NDArray[np.float32]
    sharpness: NDArray[np.float32]
    skipped: tuple[Unreadable, ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over labels and contents, as in a model card: it depends on neither names nor order."""
        rows = sorted(f"{photo.label}\0{digest}" for photo, digest in zip(self.photos, self.digests, strict=True))
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()

    @property
    def copies(self) -> int:
        """How many photos are exact copies of others among them."""
        return sum(count - 1 for count in Counter(self.digests).values())


@dataclass
class _Gathered:
    photos: list[DataPhoto] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    looks: list[tuple[float, float]] = field(default_factory=list)
    skipped: list[Unreadable] = field(default_factory=list)
    scores: list[list[NDArray[np.float32]]] = field(default_factory=list)


@dataclass(frozen=True)
class _ReadPhoto:
    views: Views
    digest: str
    brightness: float
    sharpness: float


def ask(
    predictors: Sequence[Predictor], photos: Sequence[DataPhoto], progress: Progress, *, also: AlsoShows | None = None
) -> Asked:
    """What models say to photos; each photo is decoded once.

    Args:
        predictors: One or more, that know all classes of the photos.
        photos: To ask about.
        progress: Where to show it.
        also: All labels of photos that show more than that of their class; for multi-label models.

    Raises:
        PhotosError: none of the photos can be read.
        VerificationError: a model failed on a photo or crashed.
    """
    found = _Gathered(scores=[[] for _ in predictors])
    reading = zip(photos, _read(photos, [p.spec for p in predictors]), strict=True)
    with progress.stage("asking", len(photos)) as step:
        while block := list(islice(reading, _AT_ONCE)):
            readable = [(photo, one) for photo, one in block if isinstance(one, _ReadPhoto)]
            found.skipped += [one for _, one in block if isinstance(one, Unreadable)]
            found.photos += [photo for photo, _ in readable]
            found.digests += [one.digest for _, one in readable]
            found.looks += [(one.brightness, one.sharpness) for _, one in readable]
            for i, predictor in enumerate(predictors):
                found.scores[i] += predictor.predict_each([one.views[i] for _, one in readable])
            for _ in block:
                step()
    if not found.photos:
        first = found.skipped[0]
        msg = f"none of the {len(photos)} photos can be read, the first: {first.path}: {first.reason}"
        raise PhotosError(msg)
    looks = np.array(found.looks, np.float32)
    answers = tuple(
        _answers(predictor, found.photos, scores, also or {})
        for predictor, scores in zip(predictors, found.scores, strict=True)
    )
    return Asked(tuple(found.photos), answers, tuple(found.digests), looks[:, 0], looks[:, 1], tuple(found.skipped))


def _read(photos: Sequence[DataPhoto], specs: Sequence[InputSpec]) -> Iterator[_ReadPhoto | Unreadable]:
    def one(path: Path) -> _ReadPhoto | Unreadable:
        try:
            data = path.read_bytes()
            views = photo_pixels(data, specs)
        except (ImageError, OSError) as error:
            return Unreadable(path, describe_error(error).removeprefix("image: ").removeprefix(f"{path}: "))
        gray = views[0].mean(axis=2, dtype=np.float32)
        steps = (np.abs(np.diff(gray, axis=axis)).mean() if gray.shape[axis] > 1 else 0.0 for axis in (0, 1))
        return _ReadPhoto(views, hashlib.sha256(data).hexdigest(), float(gray.mean()), float(sum(steps)) / 2)

    yield from in_order([photo.path for photo in photos], one)


def _answers(
    predictor: Predictor, photos: Sequence[DataPhoto], scores: Sequence[NDArray[np.float32]], also: AlsoShows
) -> Answers:
    places = {label: i for i, label in enumerate(predictor.labels)}
    truth = np.zeros((len(photos), len(predictor.labels)), bool)
    for row, photo in zip(truth, photos, strict=True):
        for label in also.get(photo.path, frozenset()) | {photo.label}:
            row[places[label]] = True
    return Answers(predictor.labels, truth, np.stack(scores), predictor.multi_label)


def copies_among(asked: Asked, others: Sequence[DataPhoto]) -> tuple[Path, ...]:
    """Which of the photos asked about are exact copies of `others`; only files of equal size are read.

    Unreadable files equal nothing.
    """
    sizes = {_size(photo.path) for photo in asked.photos} - {None}
    suspects = [photo.path for photo in others if _size(photo.path) in sizes]
    digests = set(in_order(suspects, _digest)) - {None}
    return tuple(p.path for p, digest in zip(asked.photos, asked.digests, strict=True) if digest in digests)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None

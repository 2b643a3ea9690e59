"""How accuracy falls as photos get worse: one curve for each thing that happens in the field, on a sample of photos."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import InputSpec
from edgekit.photo import load_photo
from edgekit.preprocess import fit_pixels
from edgekit_export.assess.answers import Answers
from edgekit_export.assess.corrupt import CORRUPTIONS, Corruption, enough_for_copy, working_copy
from edgekit_export.assess.intervals import Share, paired_interval, pairs_of
from edgekit_export.assess.predictor import Predictor
from edgekit_export.data.pixels import in_order
from edgekit_export.progress import Progress

_HURTS_FROM = 0.03  # points of accuracy, as a fraction, below which a sure loss is not worth a word


@dataclass(frozen=True)
class Level:
    """One strength: how many answers are right, and how much that is less than on the same photos unchanged.

    `loss` is a fraction of all photos, below 0 for a gain; its 95 % interval is that of paired proportions.
    """

    strength: float
    text: str
    right: Share
    loss: float
    loss_low: float
    loss_high: float

    @property
    def hurts(self) -> bool:
        """Whether the loss is more than chance, and worth a word."""
        return self.loss_low > 0 and self.loss >= _HURTS_FROM


@dataclass(frozen=True)
class Curve:
    """What one kind of damage does, the mildest strength first."""

    name: str
    title: str
    levels: tuple[Level, ...]
    advice: str

    @property
    def mean_loss(self) -> float:
        """Over all strengths."""
        return float(np.mean([level.loss for level in self.levels]))

    @property
    def first_hurt(self) -> Level | None:
        """The mildest strength that hurts, as long as all greater ones do."""
        found = None
        for level in reversed(self.levels):
            if not level.hurts:
                break
            found = level
        return found


@dataclass(frozen=True)
class Robustness:
    """How a model bears worse photos.

    Attributes:
        unchanged: Right answers on the sample as it is.
        curves: The kind that costs most first.
        examples: One photo of the sample in the middle strength of each kind, in the order of `curves`.
        example: Its path.
    """

    unchanged: Share
    curves: tuple[Curve, ...]
    examples: tuple[Image.Image, ...]
    example: Path


@dataclass(frozen=True)
class _Variant:
    """What is asked: the photo unchanged, or a kind of damage in one strength."""

    kind: Corruption | None
    place: int = 0


_VARIANTS = (_Variant(None), *(_Variant(kind, i) for kind in CORRUPTIONS for i in range(len(kind.strengths))))


def measure_robustness(
    predictor: Predictor, paths: Sequence[Path], truth: NDArray[np.bool_], progress: Progress, *, seed: int
) -> Robustness:
    """Ask a model about photos as they are and in every kind and strength of damage.

    Args:
        predictor: The model.
        paths: One or more photos that can be read.
        truth: bool (photos, classes): their labels.
        progress: Where to show it.
        seed: Of directions and noise; each photo has its own, whatever stands beside it.

    Raises:
        VerificationError: the model failed on a photo or crashed.
    """
    scores = predictor.predict_each(_views(predictor, paths, seed))
    correct = np.zeros((len(paths), len(_VARIANTS)), bool)
    with progress.stage("worse photos", len(paths)) as step:
        for row, wanted in zip(correct, truth, strict=True):
            answers = np.stack([next(scores) for _ in _VARIANTS])
            row[:] = Answers(
                predictor.labels, np.broadcast_to(wanted, answers.shape), answers, predictor.multi_label
            ).correct
            step()
    curves = sorted((_curve(kind, correct) for kind in CORRUPTIONS), key=lambda curve: -curve.mean_loss)
    examples = _examples(paths[0], predictor.spec, seed)
    unchanged = Share(int(correct[:, 0].sum()), len(paths))
    return Robustness(unchanged, tuple(curves), tuple(examples[curve.name] for curve in curves), paths[0])


def _views(predictor: Predictor, paths: Sequence[Path], seed: int) -> Iterator[NDArray[np.uint8]]:
    """Each photo in every variant, at the model's size."""

    def all_of(path: Path) -> list[NDArray[np.uint8]]:
        copy = _copy(path, predictor.spec)
        return [fit_pixels(_changed(copy, one, path, seed), predictor.spec) for one in _VARIANTS]

    for views in in_order(paths, all_of):
        yield from views


def _copy(path: Path, spec: InputSpec) -> Image.Image:
    return working_copy(load_photo(path, at_least=enough_for_copy(spec)), spec)


def _changed(copy: Image.Image, variant: _Variant, path: Path, seed: int) -> Image.Image:
    if variant.kind is None:
        return copy
    # One chance for a photo and a kind: a greater strength shakes it farther in the same direction.
    about = f"{seed}\0{path.name}\0{variant.kind.name}".encode(errors="surrogateescape")
    rng = np.random.default_rng(list(hashlib.sha256(about).digest()))
    return variant.kind.apply(copy, variant.kind.strengths[variant.place], rng)


def _curve(kind: Corruption, correct: NDArray[np.bool_]) -> Curve:
    columns = [i for i, variant in enumerate(_VARIANTS) if variant.kind is kind]
    levels = (
        _level(strength, kind.text(strength), correct[:, 0], correct[:, column])
        for strength, column in zip(kind.strengths, columns, strict=True)
    )
    return Curve(kind.name, kind.title, tuple(levels), kind.advice)


def _level(strength: float, text: str, before: NDArray[np.bool_], after: NDArray[np.bool_]) -> Level:
    pairs = pairs_of(before, after)
    low, high = paired_interval(pairs)
    return Level(strength, text, Share(int(after.sum()), len(after)), pairs.difference, low, high)


def _examples(path: Path, spec: InputSpec, seed: int) -> dict[str, Image.Image]:
    """A photo in the middle strength of each kind."""
    copy = _copy(path, spec)
    return {kind.name: _changed(copy, _Variant(kind, len(kind.strengths) // 2), path, seed) for kind in CORRUPTIONS}

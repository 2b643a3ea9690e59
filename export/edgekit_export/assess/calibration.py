"""Whether a score means what it says: of answers with a score of 90 %, nine in ten should be right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit_export.assess.intervals import RESAMPLES, Measured, Share

_MOST_BINS = 15
_PHOTOS_A_BIN = 20  # fewer say little of a proportion
_BLOCK = 4_000_000  # numbers in memory at once while resampling
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Bin:
    """Answers of like scores: the least and the greatest, their mean, and how many are right."""

    least: float
    greatest: float
    mean: float
    right: Share


@dataclass(frozen=True)
class Trust:
    """What follows from believing only answers with at least so high a score: how many, and how many are right."""

    threshold: float
    answered: Share
    right: Share


@dataclass(frozen=True)
class Calibration:
    """How far scores are from the share of right answers.

    Attributes:
        bins: Answers in order of their scores, about as many in each.
        error: Expected calibration error: the mean distance between score and share of right answers.
        by_chance: What error a model whose scores are exactly right stays below in 95 of 100 such sets of photos.
        excess: Mean score minus accuracy: above 0 where the model is too sure.
        trust: What thresholds would do.
    """

    bins: tuple[Bin, ...]
    error: Measured
    by_chance: float
    excess: Measured
    trust: tuple[Trust, ...]

    @property
    def deviates(self) -> bool:
        """Whether scores are off by more than chance: too high or too low as a whole, or now this and now that."""
        return self.error.value > self.by_chance or self.excess.low > 0 or self.excess.high < 0


def calibrate(confidence: NDArray[np.float32], correct: NDArray[np.bool_], *, seed: int) -> Calibration:
    """How well the scores of answers are calibrated.

    The bins hold about as many photos each; equal scores, of which int8 has many, stay in one bin. The error is biased
    upwards on few photos: its interval is the basic bootstrap's, which moves the other way, and `by_chance` is what
    the bias alone amounts to (consistency resampling).

    Args:
        confidence: float32 (photos,): score of each answer, 0..1.
        correct: bool (photos,): whether it is right.
        seed: Of the resamples.

    Source: M. P. Naeini et al., Obtaining well calibrated probabilities using Bayesian binning, 2015; J. Broecker and
    L. A. Smith, Increasing the reliability of reliability diagrams, 2007.
    """
    scores = confidence.astype(np.float64)
    places = _places(scores)
    excess = scores - correct
    error = _error(excess, places)
    rng = np.random.default_rng(seed)
    again = np.concatenate([_resample(rng, excess, places, size) for size in _blocks(len(scores))])
    ideal = np.concatenate([_ideal(rng, scores, places, size) for size in _blocks(len(scores))])
    low, high = np.quantile(again[:, 0], (0.025, 0.975))
    low_excess, high_excess = np.quantile(again[:, 1], (0.025, 0.975))
    return Calibration(
        bins=tuple(_bin(scores[places == i], correct[places == i]) for i in range(int(places.max()) + 1)),
        error=Measured(error, min(error, max(0.0, 2 * error - float(high))), max(error, 2 * error - float(low))),
        by_chance=float(np.quantile(ideal, 0.95)),
        excess=Measured(float(excess.mean()), float(low_excess), float(high_excess)),
        trust=tuple(_trust(scores, correct)),
    )


def _places(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """The bin of each score, 0 to bins - 1, none of them empty."""
    count = min(_MOST_BINS, max(1, len(scores) // _PHOTOS_A_BIN))
    edges = np.quantile(scores, np.linspace(0, 1, count + 1)[1:-1], method="lower")
    found = np.searchsorted(np.unique(edges), scores, side="right")
    return np.unique(found, return_inverse=True)[1].reshape(-1)


def _error(excess: NDArray[np.float64], places: NDArray[np.int64]) -> float:
    return float(np.abs(np.bincount(places, excess)).sum() / len(excess))


def _bin(scores: NDArray[np.float64], correct: NDArray[np.bool_]) -> Bin:
    return Bin(float(scores.min()), float(scores.max()), float(scores.mean()), Share(int(correct.sum()), len(scores)))


def _trust(scores: NDArray[np.float64], correct: NDArray[np.bool_]) -> Iterator[Trust]:
    before = -1
    for threshold in THRESHOLDS:
        kept = scores >= threshold
        answered = int(kept.sum())
        if 0 < answered != before:
            yield Trust(threshold, Share(answered, len(scores)), Share(int(correct[kept].sum()), answered))
        before = answered


def _blocks(photos: int) -> Iterator[int]:
    block = max(1, _BLOCK // photos)
    for start in range(0, RESAMPLES, block):
        yield min(block, RESAMPLES - start)


def _resample(
    rng: np.random.Generator, excess: NDArray[np.float64], places: NDArray[np.int64], size: int
) -> NDArray[np.float64]:
    """Error and mean excess of photos drawn again, shape (size, 2)."""
    drawn = rng.integers(0, len(excess), (size, len(excess)))
    sums = _sums_of_bins(excess[drawn], places[drawn], int(places.max()) + 1)
    return np.asarray(np.stack([np.abs(sums).sum(axis=1), sums.sum(axis=1)], axis=1) / len(excess))


def _ideal(
    rng: np.random.Generator, scores: NDArray[np.float64], places: NDArray[np.int64], size: int
) -> NDArray[np.float64]:
    """The error where each answer is right with just the probability that it claims, shape (size,)."""
    excess = scores - (rng.random((size, len(scores))) < scores)
    sums = _sums_of_bins(excess, np.broadcast_to(places, excess.shape), int(places.max()) + 1)
    return np.asarray(np.abs(sums).sum(axis=1) / len(scores))


def _sums_of_bins(values: NDArray[np.float64], places: NDArray[np.int64], bins: int) -> NDArray[np.float64]:
    """Sums of each row by bin: (rows, photos) -> (rows, bins)."""
    rows = len(values)
    flat = places + bins * np.arange(rows)[:, None]
    return np.asarray(np.bincount(flat.reshape(-1), values.reshape(-1), rows * bins).reshape(rows, bins), np.float64)

"""How sure a figure is: 95 % intervals for what is measured on photos. Plain functions on counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgekit_export.statistics import wilson_interval

RESAMPLES = 2000
_BLOCK = 4_000_000  # numbers in memory at once while resampling


@dataclass(frozen=True)
class Measured:
    """A figure and the 95 % interval around it, as fractions."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Share:
    """So many of so many; the interval is Wilson's."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        """The proportion; NaN of nothing."""
        return self.part / self.whole if self.whole else math.nan

    @property
    def low(self) -> float:
        """Where the 95 % interval begins."""
        return wilson_interval(self.part, self.whole)[0]

    @property
    def high(self) -> float:
        """Where it ends."""
        return wilson_interval(self.part, self.whole)[1]


def f1_interval(hits: int, misses: int, false_alarms: int) -> tuple[float, float]:
    """The 95 % interval of an F1 score; (0, 1) where there is neither such a photo nor such an answer.

    Of the photos that are or were called the class, `hits` are both: a proportion p, and F1 is 2 p / (1 + p). Its
    interval is Wilson's for p, sent the same way: unlike resampling it is honest where five of five are right.

    Args:
        hits: Photos of the class that were called it.
        misses: Photos of the class that were not.
        false_alarms: Photos of others that were.
    """
    low, high = wilson_interval(hits, hits + misses + false_alarms)
    return 2 * low / (1 + low), 2 * high / (1 + high)


class Pairs(NamedTuple):
    """Two models on the same photos: how many both got right, only the first, only the second, neither."""

    both: int
    first: int
    second: int
    neither: int

    @property
    def photos(self) -> int:
        """How many there are."""
        return sum(self)

    @property
    def difference(self) -> float:
        """Accuracy of the first minus that of the second, as a fraction."""
        return (self.first - self.second) / self.photos


def pairs_of(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Pairs:
    """Counts from which answers of each are right, bool (photos,)."""
    return Pairs(
        int((first & second).sum()),
        int((first & ~second).sum()),
        int((~first & second).sum()),
        int((~first & ~second).sum()),
    )


def paired_interval(pairs: Pairs) -> tuple[float, float]:
    """The 95 % interval of the difference between two accuracies on the same photos, as fractions.

    Source: R. G. Newcombe, Improved confidence intervals for the difference between binomial proportions based on
    paired data, 1998, method 10.
    """
    both, first, second, _ = pairs
    n = pairs.photos
    p1, p2 = (both + first) / n, (both + second) / n
    (low1, high1), (low2, high2) = wilson_interval(both + first, n), wilson_interval(both + second, n)
    phi = _correlation(pairs)
    down, up = p1 - low1, high1 - p1
    down2, up2 = p2 - low2, high2 - p2
    delta = math.sqrt(max(0.0, down**2 - 2 * phi * down * up2 + up2**2))
    epsilon = math.sqrt(max(0.0, up**2 - 2 * phi * up * down2 + down2**2))
    return max(-1.0, p1 - p2 - delta), min(1.0, p1 - p2 + epsilon)


def _correlation(pairs: Pairs) -> float:
    """Between the answers of the two, corrected for continuity as method 10 asks; 0 where one never differs."""
    both, first, second, neither = pairs
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    if not margins:
        return 0.0
    product: float = both * neither - first * second
    if product > 0:
        product = max(product - pairs.photos / 2, 0)
    return product / math.sqrt(margins)


class ClassCounts(NamedTuple):
    """For each class, on the last axis: photos that are it and were called it, that are it, that were called it."""

    hits: NDArray[np.float64]
    photos: NDArray[np.float64]
    answers: NDArray[np.float64]


def f1_scores(counts: ClassCounts) -> NDArray[np.float64]:
    """The F1 score of each class; NaN where it has neither photos nor answers."""
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * counts.hits / (counts.photos + counts.answers))


def recalls(counts: ClassCounts) -> NDArray[np.float64]:
    """Of the photos of each class, the share that was called it; NaN where it has none."""
    with np.errstate(invalid="ignore"):
        return np.asarray(counts.hits / counts.photos)


def mean_over_classes(values: NDArray[np.float64], counts: ClassCounts) -> NDArray[np.float64]:
    """The mean of `values` over the classes that have photos, (..., classes) -> (...); NaN where none has."""
    there = counts.photos > 0
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(there, values, 0.0).sum(axis=-1) / there.sum(axis=-1))


def resampled(
    truth: NDArray[np.bool_],
    given: NDArray[np.bool_],
    measure: Callable[[ClassCounts], NDArray[np.float64]],
    *,
    seed: int,
) -> Measured:
    """A measure of classes with its bootstrap interval: photos drawn again with replacement.

    Args:
        truth: bool (photos, classes): what each photo is.
        given: bool (photos, classes): what it was called.
        measure: From counts (..., classes) to values (...).
        seed: Of the resamples.
    """
    value = float(measure(ClassCounts(*((one.sum(axis=0, dtype=float)) for one in (truth & given, truth, given)))))
    draws = np.concatenate([measure(counts) for counts in _resamples(truth, given, seed)])
    low, high = np.nanquantile(draws, (0.025, 0.975))  # photos without any label may be drawn alone
    return Measured(value, min(float(low), value), max(float(high), value))


def _resamples(truth: NDArray[np.bool_], given: NDArray[np.bool_], seed: int) -> Iterator[ClassCounts]:
    """Photos with the same truth and the same answer are alike: only how many of each are drawn matters."""
    rng = np.random.default_rng(seed)
    kinds, counts = np.unique(np.concatenate([truth, given], axis=1), axis=0, return_counts=True)
    is_, called = np.split(kinds.astype(np.float32), 2, axis=1)
    block = max(1, min(RESAMPLES, _BLOCK // max(kinds.shape)))
    for start in range(0, RESAMPLES, block):
        size = min(block, RESAMPLES - start)
        draws = rng.multinomial(counts.sum(), counts / counts.sum(), size=size).astype(np.float32)
        yield ClassCounts(*((draws @ one).astype(np.float64) for one in (is_ * called, is_, called)))

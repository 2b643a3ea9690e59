"""Calibrators: from what tensors hold on photos to the range that int8 covers.

A wide range wastes steps on values that hardly occur, a narrow one cuts values off. Each calibrator draws that line
elsewhere. All look at the same sample of values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgekit_export.recipes.observe import Spread

Range: TypeAlias = "tuple[float, float]"

_STEPS = 255  # of int8 from end to end
_TAIL = 1e-4  # of values that the percentile calibrator cuts off at each end
_FRACTIONS = np.linspace(0.2, 1.0, 41)
_AT_MOST = 65536  # values of a tensor that are looked at


def min_max(spread: Spread) -> Range:
    """All that was seen."""
    return float(spread.low.min()), float(spread.high.max())


def average(spread: Spread) -> Range:
    """The mean over photos of the extremes of each: where a moving average ends when photos come in any order."""
    return float(spread.low.mean()), float(spread.high.mean())


def percentile(spread: Spread) -> Range:
    """All but one value in ten thousand at each end."""
    low, high = np.quantile(spread.values, [_TAIL, 1 - _TAIL])
    return _within(spread, (float(low), float(high)))


def mean_squared_error(spread: Spread) -> Range:
    """The part of what was seen in which rounding and cutting off cost least, in the mean square."""
    values = _sampled(spread)
    return _best(spread, lambda low, high: float(np.square(_rounded(values, low, high) - values).mean()))


CALIBRATORS: Mapping[str, Callable[[Spread], Range]] = MappingProxyType(
    {"average": average, "percentile": percentile, "mse": mean_squared_error}
)
"""By name; the smallest and the largest value need no name."""


def convergence(spreads: Mapping[int, Spread]) -> NDArray[np.float64]:
    """How much of the final range the first n photos already cover, float64 (photos,): the mean over tensors."""
    low = np.stack([np.minimum.accumulate(one.low) for one in spreads.values()])
    high = np.stack([np.maximum.accumulate(one.high) for one in spreads.values()])
    width = np.maximum(high - low, 0)
    final = width[:, -1:]
    return np.asarray((width[final[:, 0] > 0] / final[final[:, 0] > 0]).mean(axis=0), np.float64)


def _best(spread: Spread, cost: Callable[[float, float], float]) -> Range:
    low, high = min_max(spread)
    candidates = [(low * f, high * f) for f in _FRACTIONS if high * f > low * f]
    return min(candidates, key=lambda pair: cost(*pair), default=(low, high))


def _rounded(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    low, high = min(low, 0.0), max(high, 0.0)
    step = (high - low) / _STEPS or 1.0
    return np.asarray(np.round((np.clip(values, low, high) - low) / step) * step + low, np.float32)


def _sampled(spread: Spread) -> NDArray[np.float32]:
    flat = spread.values.ravel()
    return flat[:: max(1, flat.size // _AT_MOST)]


def _within(spread: Spread, found: Range) -> Range:
    low, high = min_max(spread)
    return max(low, min(found[0], 0.0)), min(high, max(found[1], 0.0))

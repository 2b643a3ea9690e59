"""Features on a scale from 0 to 1 by their rank among those of the training photos, as RBMs want them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_STEPS = 101  # percentiles
_ROWS = 64  # at once: 64 x 101 x 1,280 comparisons are 8 MB

_Floats = NDArray[np.float32]


class RankScaler:
    """The share of training photos that have less of a feature; of equal ones, half of them."""

    def fit(self, features: _Floats) -> RankScaler:
        """Learn the percentiles of `features`, float32 (photos, numbers)."""
        self.percentiles = np.quantile(features, np.linspace(0, 1, _STEPS), axis=0).astype(np.float32)
        return self

    def transform(self, features: _Floats) -> _Floats:
        """float32 of the same shape, each 0..1."""
        blocks = (features[start : start + _ROWS, None] for start in range(0, len(features), _ROWS))
        ranks = [((block > self.percentiles).mean(1) + (block >= self.percentiles).mean(1)) / 2 for block in blocks]
        return np.asarray(np.concatenate(ranks), np.float32)

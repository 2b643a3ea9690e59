"""Photos of a batch that each get a part of another one, and of its label.

A leaf is then told by all of it, and by no single spot: on few photos a network otherwise learns them by heart.

Source: S. Yun et al., CutMix: regularization strategy to train strong classifiers with localizable features, 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Batch:
    """What a step learns from.

    Attributes:
        inputs: (photos, ...), as the network takes them.
        classes: int64 (photos,), of the larger part of each photo.
        others: int64 (photos,), of the rest.
        shares: float32 (photos,), how much of each photo is of `classes`: 0.5 to 1.
    """

    inputs: NDArray[np.generic]
    classes: NDArray[np.int64]
    others: NDArray[np.int64]
    shares: NDArray[np.float32]


def whole(inputs: NDArray[np.generic], classes: NDArray[np.int64]) -> Batch:
    """Photos of one class each."""
    return Batch(inputs, classes, classes, np.ones(len(classes), np.float32))


def mixed(pixels: NDArray[np.uint8], classes: NDArray[np.int64], chance: float, rng: np.random.Generator) -> Batch:
    """Photos of which, with `chance`, each has a rectangle of another: the first of the last, and so on.

    Args:
        pixels: uint8 (photos, height, width, channels); they stay as they are.
        classes: int64 (photos,).
        chance: Of the whole batch being mixed.
        rng: Of this step.
    """
    if rng.random() >= chance:
        return whole(pixels, classes)
    height, width = pixels.shape[1:3]
    side = float(np.sqrt(rng.uniform(0.0, 0.5)))
    cut_height, cut_width = round(height * side), round(width * side)
    top, left = int(rng.integers(height - cut_height + 1)), int(rng.integers(width - cut_width + 1))
    found = pixels.copy()
    place = np.s_[:, top : top + cut_height, left : left + cut_width]
    found[place] = pixels[::-1][place]
    share = 1 - cut_height * cut_width / (height * width)
    return Batch(found, classes, classes[::-1], np.full(len(classes), share, np.float32))

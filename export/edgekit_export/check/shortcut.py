"""The background-shortcut probe: does the border of a photo, where there should be nothing to learn, tell its class?

A model takes whatever tells the classes apart. Where each class was photographed on a table of its own, that is the
table, and in the field there is none. On PlantVillage, eight pixels of the background are enough to name one of 38
classes in half of the photos (M. A. Noyan, Uncovering bias in the PlantVillage dataset, 2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit_export.assess.wording import between, percent
from edgekit_export.check.finding import Finding, Severity
from edgekit_export.check.judged import Judged
from edgekit_export.check.look import MINIATURE, border_of
from edgekit_export.check.opinions import Opinions, opinions
from edgekit_export.check.survey import Survey

_TREES = 100
_SHORTCUT, _PLAIN_SHORTCUT = 0.5, 0.8  # of the way from chance to all right


@dataclass(frozen=True)
class Shortcut:
    """What the border tells.

    Attributes:
        border: What a simple model says that sees nothing but the border.
        labels: Its classes.
        means: uint8 (classes, side, side, 3): the mean of each class's photos.
    """

    border: Opinions
    labels: tuple[str, ...]
    means: NDArray[np.uint8]


def probe_border(survey: Survey, judged: Judged, *, seed: int) -> Shortcut:
    """Ask a simple model that sees nothing but the borders."""
    miniatures = survey.miniatures[judged.places]
    borders = border_of(miniatures).reshape(len(miniatures), -1).astype(np.float32)

    def forest() -> Any:
        from sklearn.ensemble import ExtraTreesClassifier

        return ExtraTreesClassifier(_TREES, min_samples_leaf=2, random_state=seed)

    found = opinions(borders, judged.targets, judged.groups, forest, seed=seed)
    means = [miniatures[judged.targets == i].mean(axis=0) for i in range(len(judged.labels))]
    return Shortcut(found, judged.labels, np.array(means).round().astype(np.uint8))


def shortcut_finding(shortcut: Shortcut) -> Finding | None:
    """What there is to tell of that; None where the border tells little."""
    border = shortcut.border
    low, high = border.interval
    if low <= border.chance or border.skill < _SHORTCUT:
        return None
    severity: Severity = "bad" if border.skill >= _PLAIN_SHORTCUT else "warn"
    return Finding(
        "border_shortcut",
        severity,
        f"the border alone tells the class of {percent(border.accuracy)} of the photos, where guessing is right on "
        f"{percent(border.chance)}",
        "A model may learn the background instead of the thing, look excellent in a test on photos of the same kind, "
        "and fail in the field.",
        f"Measured: a simple model that sees only the outermost {100 / MINIATURE:.0f} % of each photo, on photos that "
        f"it has not learned from: {between(low, high)} with 95 % certainty. It may be fair where the thing itself "
        "reaches the border.",
        "Photograph each class on several backgrounds and all classes on the same ones, and test on photos from "
        "elsewhere. Cutting closer to the thing helps as well.",
    )

"""Labels that are likely wrong: confident learning on what a ready-made network sees in the photos.

A linear model learns from four fifths of the photos and says what it thinks of the others. From how often it is as
sure of another class as it usually is of photos of that class follows how many labels are wrong; so many photos are
suspects, those whose own class it believes least. On leaf photos with swapped labels that found more of them than to
take the very photos that were counted: of 3 % swapped labels 67 to 85 % among as many first suspects, against 62 to 69.
How well it works depends on the photos, so it is tried on them: some labels are swapped on purpose, and how many of
these are found is told.

Source: C. Northcutt, L. Jiang and I. Chuang, Confident learning: estimating uncertainty in dataset labels, 2021, as
the package cleanlab does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit_export.assess.wording import count, joined, percent
from edgekit_export.check.finding import Finding, Suspect, alone
from edgekit_export.check.judged import Judged
from edgekit_export.check.opinions import Opinions, opinions
from edgekit_export.check.survey import Survey

_SWAPPED = 0.03  # of the labels, in the trial
_MANY = 0.02  # suspects, as a share of all photos, that are worth a warning
_PENALTY = 0.01  # the inverse of how much a large weight costs: found best of four on leaf photos with swapped labels
_ROUNDS, _TOLERANCE = 60, 1e-3  # of the solver: as accurate as the usual ones, in a quarter of the time


@dataclass(frozen=True)
class Doubt:
    """A photo whose label is likely wrong: its place, the other class, and how likely each is thought, 0..1."""

    place: int
    other: str
    own_chance: float
    other_chance: float


@dataclass(frozen=True)
class LabelCheck:
    """What was found about the labels.

    Attributes:
        doubts: The likeliest first.
        opinions: Of the model that looked at the photos.
        planted: How many labels the trial swapped.
        found: How many of these were among as many first suspects.
        left_out: Classes that have too few photos to be judged.
    """

    doubts: tuple[Doubt, ...]
    opinions: Opinions
    planted: int
    found: int
    left_out: tuple[str, ...] = ()


def check_labels(survey: Survey, judged: Judged, *, seed: int) -> LabelCheck:
    """Suspects among the labels, and how well such suspicion works here."""
    features = _standardised(survey.embeddings[judged.places])
    found = opinions(features, judged.targets, judged.groups, _linear, seed=seed)
    doubts = tuple(
        Doubt(
            int(judged.places[i]),
            judged.labels[other],
            float(found.probabilities[i, judged.targets[i]]),
            float(found.probabilities[i, other]),
        )
        for i, other in _suspects(found)
    )
    swapped, targets = _swap(judged.targets, seed)
    first = [i for i, _ in _suspects(opinions(features, targets, judged.groups, _linear, seed=seed))][: len(swapped)]
    left_out = tuple(label for label in survey.dataset.labels if label not in judged.labels)
    return LabelCheck(doubts, found, len(swapped), len(set(first) & set(swapped.tolist())), left_out)


def label_finding(survey: Survey, check: LabelCheck) -> Finding | None:
    """What there is to tell of that; None where no label is suspect."""
    if not check.doubts:
        return None
    number, whole = len(check.doubts), len(check.opinions.targets)
    power = check.found / check.planted
    return Finding(
        kind="wrong_label",
        severity="warn" if number >= max(3, _MANY * whole) else "note",
        headline=f"{count(number, 'label')} may be wrong, {percent(number / whole, digits=1)} of the photos",
        why="A model learns from a wrong label what is not so, and a test with wrong labels blames it for being right.",
        sure=(
            "Some of these are hard photos with the right label. To see how well this works on your photos, "
            f"{count(check.planted, 'label')} were swapped on purpose: {percent(power)} of them were among as many "
            f"first suspects. The model behind it is right on {percent(check.opinions.accuracy)} of photos that it has "
            f"not seen." + (f" Not judged, for want of photos: {joined(check.left_out)}." if check.left_out else "")
        ),
        advice="Look at them from the first on and move the wrong ones to their class. Stop when most are right.",
        sets=alone([_shown(survey, doubt) for doubt in check.doubts]),
    )


def _shown(survey: Survey, doubt: Doubt) -> Suspect:
    photo = survey.photos[doubt.place]
    text = f"rather {doubt.other}? {percent(doubt.other_chance)} against {percent(doubt.own_chance)}"
    return Suspect(photo.path, photo.label, text)


def _standardised(embeddings: NDArray[np.float16]) -> NDArray[np.float32]:
    features = embeddings.astype(np.float32)
    features -= features.mean(axis=0)
    features /= features.std(axis=0) + 1e-6
    return features


def _linear() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=_PENALTY, max_iter=_ROUNDS, tol=_TOLERANCE)


def _suspects(found: Opinions) -> list[tuple[int, int]]:
    """Places and other classes, the likeliest first."""
    from cleanlab.filter import find_label_issues

    judged = np.flatnonzero(found.judged)
    known, targets = np.unique(found.targets[judged], return_inverse=True)
    if len(known) < 2:
        return []
    chances = found.probabilities[np.ix_(judged, known)].clip(1e-6)
    chances = chances / chances.sum(axis=1, keepdims=True)
    places = find_label_issues(
        targets,
        chances,
        filter_by="low_self_confidence",
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    likeliest = chances.argmax(axis=1)
    return [(int(judged[i]), int(known[likeliest[i]])) for i in places if likeliest[i] != targets[i]]


def _swap(targets: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which labels were swapped for another class, and all labels after that."""
    rng = np.random.default_rng((seed, 1))
    classes = int(targets.max()) + 1
    places = rng.permutation(len(targets))[: max(1, round(_SWAPPED * len(targets)))]
    wrong = targets.copy()
    wrong[places] = (targets[places] + rng.integers(1, classes, len(places))) % classes
    return places, wrong

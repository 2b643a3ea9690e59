"""From a finished search to its record."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit.card import Family
from edgekit_export.assess.calibration import Calibration, calibrate
from edgekit_export.probability.thresholds import Thresholds
from edgekit_export.proof.layers import layer_errors
from edgekit_export.proof.record import (
    Allowed,
    Bin,
    Calibrated,
    Confusion,
    Decided,
    Decisions,
    ExportRecord,
    Flipped,
    Given,
    LayerError,
    Rung,
    Scored,
    Scores,
    TensorRange,
)
from edgekit_export.recipes.kitchen import Kitchen
from edgekit_export.recipes.network import readable_name
from edgekit_export.recipes.ranges import convergence, min_max
from edgekit_export.recipes.recipe import Recipe
from edgekit_export.search.budget import Budget
from edgekit_export.search.climb import Step
from edgekit_export.search.confirm import Confirmed
from edgekit_export.search.job import Job
from edgekit_export.search.targets import Target
from edgekit_export.verify import Answer, Asked, Comparison

_LAYER_PHOTOS = 12
_MOST_FLIPS = 60  # in the record
_MOST_CLASSES = 200  # of a confusion matrix


@dataclass(frozen=True)
class About:
    """What an export was asked: its effort, and what was typed."""

    effort: str
    command: str


def record_of(
    job: Job, chosen: Step | None, confirmed: Confirmed | None, about: About, thresholds: Thresholds | None = None
) -> ExportRecord:
    """The record of a search, whether it found a file or not."""
    wish, steps = job.wish, job.search.steps
    root = job.samples.verification.root
    record = ExportRecord(
        command=about.command,
        photos_root=str(root),
        allowed=allowed(wish.budget, about.effort, wish.targets, wish.recipe),
        rungs=rungs(steps, chosen),
        choice=job.choice.photo_set() if any(step.trial for step in steps) else None,
        confirmed_after=sum(step.turned_down for step in steps),
    )
    if chosen is None or confirmed is None or confirmed.comparison.asked is None or chosen.trial is None:
        return record
    asked, multi_label = confirmed.comparison.asked, job.output.multi_label
    return replace(
        record,
        flipped=flipped(confirmed.comparison, root),
        confusions=() if multi_label else confusions(asked),
        scores=None if multi_label else scores_of(confirmed, asked, "xnnpack"),
        decisions=decisions(thresholds, job.output.labels, asked, "xnnpack") if thresholds is not None else None,
        layers=_layers(job, chosen),
        calibrated=calibrated(job.kitchen, chosen.recipe),
    )


def _layers(job: Job, chosen: Step) -> tuple[LayerError, ...]:
    assert chosen.trial is not None  # noqa: S101 - it was chosen
    photos = job.kitchen.material.calibration[:_LAYER_PHOTOS]
    with job.progress.stage("comparing layers", len(photos)) as step:
        return layer_errors(job.kitchen.reference(chosen.recipe), chosen.trial.made.tflite, job.model, photos, step)


def allowed(budget: Budget, effort: str, targets: Sequence[Target], recipe: Recipe | None) -> Allowed:
    """What the user asked for."""
    return Allowed(
        max_drop_points=budget.max_drop,
        aim_agreement_percent=budget.aim,
        effort=effort,
        targets=tuple(targets),
        max_class_drop_points=budget.max_class_drop,
        min_agreement_percent=budget.min_agreement,
        recipe=None if recipe is None else recipe.name,
    )


def rungs(steps: Sequence[Step], chosen: Step | None) -> tuple[Rung, ...]:
    """Every recipe of the search."""
    return tuple(_rung(step, chosen) for step in steps)


def _rung(step: Step, chosen: Step | None) -> Rung:
    name = step.recipe.name
    if step.trial is None:
        return Rung(name, "failed" if step.tried else "not tried", step.reason)
    comparison = step.trial.comparison
    result = comparison.verification
    met = "turned down" if step.turned_down else "missed" if step.reason else "met"
    (family,) = result.families
    return Rung(
        recipe=name,
        outcome="chosen" if step is chosen else met,  # type: ignore[arg-type]
        reason=step.reason,
        told=step.trial.made.told,
        images=result.photos.images,
        correct=family.correct,
        float_correct=result.float_correct,
        agreeing=family.agreeing,
        size_bytes=len(step.trial.made.tflite),
        milliseconds=round(step.trial.milliseconds, 3),
    )


def flipped(comparison: Comparison, root: Path) -> tuple[Flipped, ...]:
    """The photos whose answer is another, the surest first."""
    order = sorted(comparison.flips, key=lambda flip: -flip.float_answer.score)[:_MOST_FLIPS]
    return tuple(
        Flipped(
            file=os.path.relpath(flip.file, root),
            sha256=hashlib.sha256(Path(flip.file).read_bytes()).hexdigest(),
            label=flip.label,
            float_answer=_given(flip.float_answer),
            answers={family: _given(answer) for family, answer in flip.answers.items()},
        )
        for flip in order
    )


def _given(answer: Answer) -> Given:
    return Given(answer.label, round(100 * answer.score, 2))


def confusions(asked: Asked) -> tuple[Confusion, ...]:
    """Of the float model and of each family; none where classes are too many to be read."""
    if asked.truth.shape[1] > _MOST_CLASSES:
        return ()
    everybody = {"float": asked.float_scores, **{str(family): scores for family, scores in asked.scores.items()}}
    return tuple(Confusion(who, _cells(asked.truth, scores)) for who, scores in everybody.items())


def _cells(truth: NDArray[np.bool_], scores: NDArray[np.float32]) -> tuple[tuple[int, int, int], ...]:
    pairs = np.stack([truth.argmax(axis=1), scores.argmax(axis=1)], axis=1)
    kinds, counts = np.unique(pairs, axis=0, return_counts=True)
    return tuple((int(a), int(b), int(n)) for (a, b), n in zip(kinds, counts, strict=True))


def scores_of(confirmed: Confirmed, asked: Asked, family: Family) -> Scores:
    """How well scores mean what they say, on photos for confirming: the float model's as it came, and the file's.

    Args:
        confirmed: The file.
        asked: What it said to the photos for confirming.
        family: In which kernels.
    """
    return Scores(
        temperature=round(confirmed.tempered.temperature, 4),
        fitted_on=confirmed.tempered.fitted_on,
        scored=(
            _scored("float model", asked.float_scores, asked.truth),
            _scored("file", asked.scores[family], asked.truth),
        ),
    )


def _scored(who: str, scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> Scored:
    best = scores.argmax(axis=1)
    found = calibrate(scores.max(axis=1), truth[np.arange(len(best)), best], seed=0)
    return Scored(who, round(100 * found.error.value, 3), _bins(found))


def _bins(found: Calibration) -> tuple[Bin, ...]:
    return tuple(Bin(one.right.whole, round(100 * one.mean, 2), one.right.part) for one in found.bins)


def decisions(thresholds: Thresholds, labels: Sequence[str], asked: Asked, family: Family) -> Decisions:
    """What thresholds do to photos for confirming."""
    scores = asked.scores[family]
    best = scores.argmax(axis=1)
    top, right = scores.max(axis=1), asked.truth[np.arange(len(best)), best]
    classes = []
    for index, label in enumerate(labels):
        threshold = max(thresholds.classes[index], thresholds.abstain_below)
        counts = (best == index) & (top >= threshold)
        told = None if thresholds.classes[index] >= 1 else round(100 * threshold, 2)
        classes.append(Decided(label, int(counts.sum()), int(right[counts].sum()), told))
    return Decisions(100 * thresholds.wanted, round(100 * thresholds.abstain_below, 2), len(best), tuple(classes))


def calibrated(kitchen: Kitchen, recipe: Recipe) -> Calibrated:
    """Is the calibration set big enough, and what was cut off."""
    spreads, ranges = kitchen.spreads(), kitchen.ranges(recipe)
    rows = []
    for tensor, spread in spreads.items():
        if tensor in ranges:
            low, high = ranges[tensor]
            seen_low, seen_high = min_max(spread)
            name = readable_name(kitchen.network.name(tensor))
            rows.append(TensorRange(name, *(float(f"{v:.5g}") for v in (low, high, seen_low, seen_high))))
    covered = tuple(round(100 * float(share), 2) for share in convergence(spreads))
    return Calibrated(covered, tuple(rows))

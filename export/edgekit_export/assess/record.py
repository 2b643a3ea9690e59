"""An evaluation as a record for JSON, and as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from edgekit_export.assess.against import Against
from edgekit_export.assess.answers import Answers
from edgekit_export.assess.choice import shown_name
from edgekit_export.assess.evaluate import Evaluation
from edgekit_export.assess.intervals import Measured, Share
from edgekit_export.assess.measures import Figures
from edgekit_export.assess.robustness import Robustness
from edgekit_export.assess.slices import Slice


def evaluation_record(evaluation: Evaluation) -> dict[str, Any]:
    """The record behind `evaluate --json`: all figures as fractions, and every answer."""
    asked, found = evaluation.asked, evaluation.calibration
    return {
        "model": str(evaluation.model),
        "sha256": evaluation.sha256,
        "runs_in": evaluation.runs_in,
        "photos": str(evaluation.dataset.root),
        "part": evaluation.part,
        "fingerprint_sha256": asked.fingerprint,
        "multi_label": evaluation.answers.multi_label,
        **_figures(evaluation.figures),
        "calibration": None
        if found is None
        else {
            "error": _measured(found.error),
            "error_by_chance": _number(found.by_chance),
            "excess": _measured(found.excess),
            "bins": [{"least": _number(b.least), "greatest": _number(b.greatest), "mean": _number(b.mean),
                      "right": _share(b.right)} for b in found.bins],
            "trust": [{"threshold": t.threshold, "answered": _share(t.answered), "right": _share(t.right)}
                      for t in found.trust],
        },
        "slices": [_slice(one) for one in evaluation.slices],
        "robustness": evaluation.robustness and _robustness(evaluation.robustness),
        "against": evaluation.against and _against(evaluation.against),
        "labels_without_photos": list(evaluation.unseen),
        "skipped": [{"file": str(one.path), "error": one.reason} for one in asked.skipped],
        "notes": list(evaluation.notes),
        "found": list(evaluation.found),
        "answers": list(answer_rows(evaluation)),
    }  # fmt: skip


def answers_csv(evaluation: Evaluation) -> str:
    """Every answer as a line of CSV, with a header."""
    rows = list(answer_rows(evaluation))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def answer_rows(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    """One record a photo: file, class, answer, score, whether it is right; and the other model's answer, if any."""
    asked, root = evaluation.asked, evaluation.dataset.root
    against = evaluation.against
    columns = [_answers(evaluation.answers, "")] + ([_answers(against.answers, "other_")] if against else [])
    classes = evaluation.answers.named(evaluation.answers.truth)
    for photo, label, *parts in zip(asked.photos, classes, *columns, strict=True):
        row: dict[str, Any] = {"file": shown_name(photo.path, root), "class": label}
        for part in parts:
            row |= part
        yield row


def _answers(answers: Answers, prefix: str) -> Iterator[dict[str, Any]]:
    given = answers.named(answers.given)
    for answer, score, right in zip(given, answers.confidence, answers.correct, strict=True):
        yield {f"{prefix}answer": answer, f"{prefix}score": _number(float(score)), f"{prefix}right": bool(right)}


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "accuracy": _share(figures.accuracy),
        "top_k": {str(k): _share(share) for k, share in figures.top_k.items()},
        "mean_recall": _measured(figures.mean_recall),
        "macro_f1": _measured(figures.macro_f1),
        "log_loss": _number(figures.log_loss),
        "brier": _number(figures.brier),
        "most_frequent_answer": _share(figures.guess),
        "classes": [
            {"label": one.label, "photos": one.photos, "recall": _share(one.recall),
             "precision": _share(one.precision), "f1": _measured(one.f1)}
            for one in figures.classes
        ],
        "confusion": None if figures.confusion is None else np.asarray(figures.confusion).tolist(),
    }  # fmt: skip


def _slice(one: Slice) -> dict[str, Any]:
    return {
        "column": one.name,
        "verdict": one.verdict,
        "p": _number(one.p),
        "corrected_p": _number(one.corrected_p),
        "corrected_p_without_classes": _number(one.raw_p),
        "photos_without_value": one.untold,
        "comparable_photos": one.comparable,
        "groups": [
            {"group": group.name, "right": _share(group.right), "others": _share(group.others),
             "expected": _number(group.expected), "p": _number(group.p)}
            for group in one.groups
        ],
    }  # fmt: skip


def _robustness(found: Robustness) -> dict[str, Any]:
    return {
        "unchanged": _share(found.unchanged),
        "curves": [
            {
                "kind": curve.name,
                "levels": [
                    {"strength": level.strength, "text": level.text, "right": _share(level.right),
                     "loss": _number(level.loss), "loss_low": _number(level.loss_low),
                     "loss_high": _number(level.loss_high)}
                    for level in curve.levels
                ],
            }
            for curve in found.curves
        ],
    }  # fmt: skip


def _against(found: Against) -> dict[str, Any]:
    return {
        "model": found.name,
        "runs_in": found.runs_in,
        **_figures(found.figures),
        "both_right": found.pairs.both,
        "only_model_right": found.pairs.first,
        "only_other_right": found.pairs.second,
        "neither_right": found.pairs.neither,
        "same_answer": found.same,
        "lead": _measured(Measured(found.pairs.difference, found.low, found.high)),
        "mcnemar_p": _number(found.p),
        "found": list(found.notes),
    }


def _share(share: Share) -> dict[str, Any]:
    return {"part": share.part, "whole": share.whole, **_measured(share)}


def _measured(figure: Share | Measured) -> dict[str, Any]:
    return {"value": _number(figure.value), "low": _number(figure.low), "high": _number(figure.high)}


def _number(value: float) -> float | None:
    """With the digits that can matter; None for what is not a number."""
    return None if math.isnan(value) else float(f"{value:.6g}")

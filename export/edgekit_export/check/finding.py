"""A finding: what is wrong, in which photos, how sure that is, what it does to a model, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgekit_export.data.dataset import DataPhoto

Severity = Literal["bad", "warn", "note"]
"""Mend it before training; look at it; good to know."""

Kind = Literal[
    "unreadable", "missing", "empty_class", "few_classes", "contradiction", "exact_leak", "near_leak", "small_class",
    "absent_class", "cut_off", "wrong_label", "border_shortcut", "near_across_classes", "exact_copies", "wrong_ending",
    "hidden_photo", "unlisted", "unbalanced", "dark", "overexposed", "blurred", "low_resolution", "odd_shape",
    "near_copies", "orientation", "place", "faces",
]  # fmt: skip


@dataclass(frozen=True)
class Suspect:
    """A photo of a finding, and what is to be said of it alone."""

    path: Path
    label: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        kind: What it is, for programs.
        severity: How much it matters.
        headline: What it is, with its number, without a full stop.
        why: What it does to a model or to people.
        sure: How sure it is.
        advice: What to do.
        sets: The photos: each set belongs together, such as two copies; the first sets matter most.
    """

    kind: Kind
    severity: Severity
    headline: str
    why: str
    sure: str
    advice: str
    sets: tuple[tuple[Suspect, ...], ...] = ()

    @property
    def suspects(self) -> tuple[Suspect, ...]:
        """All photos, in order."""
        return tuple(one for together in self.sets for one in together)


def alone(suspects: Sequence[Suspect]) -> tuple[tuple[Suspect, ...], ...]:
    """Photos that are each a set of their own."""
    return tuple((one,) for one in suspects)


def suspect(photo: DataPhoto, detail: str = "") -> Suspect:
    """A photo of the data set."""
    return Suspect(photo.path, photo.label, detail)

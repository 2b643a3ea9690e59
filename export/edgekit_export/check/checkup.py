"""A whole checkup: one look at every photo, and all that the checks make of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from edgekit_export.check.classes import class_findings
from edgekit_export.check.doubles import double_findings
from edgekit_export.check.files import file_findings
from edgekit_export.check.finding import Finding, Kind, Severity
from edgekit_export.check.judged import judged_photos
from edgekit_export.check.labels import LabelCheck, check_labels, label_finding
from edgekit_export.check.privacy import orientation_findings, privacy_findings
from edgekit_export.check.quality import quality_findings
from edgekit_export.check.shortcut import Shortcut, probe_border, shortcut_finding
from edgekit_export.check.survey import Embeds, Survey, survey
from edgekit_export.data.dataset import DataSet
from edgekit_export.progress import Progress

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Checkup:
    """What was found in a data set.

    Attributes:
        survey: What there is.
        findings: The gravest first.
        labels: How the labels were judged; None where there are too few photos.
        shortcut: What the borders tell; None likewise.
    """

    survey: Survey
    findings: tuple[Finding, ...]
    labels: LabelCheck | None
    shortcut: Shortcut | None

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of one severity."""
        return tuple(one for one in self.findings if one.severity == severity)


def check_photos(dataset: DataSet, embedder: Embeds, *, seed: int, progress: Progress) -> Checkup:
    """Look for all that spoils a training or its test.

    Args:
        dataset: Photos in any layout; whatever is odd about it is a finding.
        embedder: What a ready-made network sees.
        seed: Of samples and folds.
        progress: Where to show it.

    Raises:
        VerificationError: the embedder's process died.
    """
    seen = survey(dataset, embedder, progress)
    judged = judged_photos(seen)
    with progress.stage("judging labels", 2) as step:
        labels = check_labels(seen, judged, seed=seed) if judged else None
        step()
        shortcut = probe_border(seen, judged, seed=seed) if judged else None
        step()
    found = sorted(_findings(seen, labels, shortcut), key=_gravity)
    return Checkup(seen, tuple(found), labels, shortcut)


def _findings(seen: Survey, labels: LabelCheck | None, shortcut: Shortcut | None) -> Iterator[Finding]:
    yield from file_findings(seen)
    yield from double_findings(seen)
    yield from class_findings(seen)
    if labels and (found := label_finding(seen, labels)):
        yield found
    if shortcut and (found := shortcut_finding(shortcut)):
        yield found
    yield from quality_findings(seen)
    yield from orientation_findings(seen)
    yield from privacy_findings(seen)


def _gravity(finding: Finding) -> tuple[int, int]:
    return SEVERITIES.index(finding.severity), KINDS.index(finding.kind)

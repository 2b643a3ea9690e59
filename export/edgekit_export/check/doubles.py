"""The same photo twice: copies, contradictions between classes, and leaks between splits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from edgekit_export.assess.wording import count
from edgekit_export.check.finding import Finding, Kind, Suspect, suspect
from edgekit_export.check.survey import Survey
from edgekit_export.data.dataset import DataPhoto

_NEAR_IS = (
    "Near-duplicates look alike at 32 by 32 pixels, as they lie, mirrored, turned or cut. On leaf photos, pairs this "
    "close were shots of one leaf from one place."
)


def double_findings(survey: Survey) -> Iterator[Finding]:
    """Sets of equal files and pairs of near-duplicates, by what they spoil; each is told once, where it is worst."""
    equal = [tuple(survey.photos[i] for i in places) for places in survey.twins.exact]
    near = [
        (survey.photos[i], survey.photos[j], distance)
        for i, j, distance in sorted(survey.twins.near, key=lambda pair: pair[2])
    ]
    yield from _equal(equal)
    yield from _near(near)


def _labels(photos: Sequence[DataPhoto]) -> int:
    return len({photo.label for photo in photos})


def _splits(photos: Sequence[DataPhoto]) -> int:
    return len({photo.split for photo in photos if photo.split})


def _equal(equal: Sequence[tuple[DataPhoto, ...]]) -> Iterator[Finding]:
    torn = [photos for photos in equal if _labels(photos) > 1]
    leaks = [photos for photos in equal if _labels(photos) == 1 and _splits(photos) > 1]
    copies = [photos for photos in equal if _labels(photos) == 1 and _splits(photos) <= 1]
    if torn:
        yield _finding(
            "contradiction",
            torn,
            lambda n: f"{count(n, 'photo')} {'stands' if n == 1 else 'stand'} in several classes, byte for byte",
            "At least one of the labels is wrong, and a model learns both.",
            "Certain: the files are equal.",
            "Keep each in the class that it belongs to. --fix leaves all of its copies out, as nobody knows which.",
        )
    if leaks:
        yield _finding(
            "exact_leak",
            leaks,
            lambda n: f"{count(n, 'photo')} {'stands' if n == 1 else 'stand'} in several splits, byte for byte",
            "The test asks what the training has told: its figures are too good, and say nothing about new photos.",
            "Certain: the files are equal.",
            "Make a split that cannot leak: edgekit-export split --again. --fix keeps the one in test, or else in val.",
        )
    if copies:
        extra = sum(len(photos) - 1 for photos in copies)
        yield _finding(
            "exact_copies",
            copies,
            lambda _: (
                f"{count(extra, 'photo')} {'is an exact copy' if extra == 1 else 'are exact copies'} of another "
                "in the same class"
            ),
            "Copies teach nothing, and count twice.",
            "Certain: the files are equal.",
            "Remove all but one of each; --fix does it in the copy.",
        )


def _near(near: Sequence[tuple[DataPhoto, DataPhoto, int]]) -> Iterator[Finding]:
    pairs = [(one, other) for one, other, _ in near]
    leaks = [pair for pair in pairs if _splits(pair) > 1]
    torn = [pair for pair in pairs if _splits(pair) <= 1 and _labels(pair) > 1]
    copies = [pair for pair in pairs if _splits(pair) <= 1 and _labels(pair) == 1]
    if leaks:
        yield _finding(
            "near_leak",
            leaks,
            lambda n: f"{count(n, 'pair')} of near-duplicates {'stands' if n == 1 else 'stand'} in different splits",
            "The test asks what the training has nearly told: its figures are too good.",
            _NEAR_IS + " Look at the first and the last of them.",
            "Make a split that keeps them together: edgekit-export split --again. --fix keeps the one in test, or else "
            "in val.",
        )
    if torn:
        yield _finding(
            "near_across_classes",
            torn,
            lambda n: f"{count(n, 'pair')} of near-duplicates {'has' if n == 1 else 'have'} different classes",
            "If it is the same thing twice, one of the labels is wrong.",
            _NEAR_IS,
            "Look at each pair, and move the one whose class is wrong.",
        )
    if copies:
        yield _finding(
            "near_copies",
            copies,
            lambda n: f"{count(n, 'pair')} of near-duplicates inside a class",
            "They add little. What matters is that they stay together when photos are split; edgekit-export split and "
            "train see to that.",
            _NEAR_IS,
            "Nothing, unless there are so many that the class is smaller than it looks.",
        )


def _finding(  # noqa: PLR0913, PLR0917 - what is to be said of each kind
    kind: Kind,
    sets: Sequence[Sequence[DataPhoto]],
    headline: Callable[[int], str],
    why: str,
    sure: str,
    advice: str,
) -> Finding:
    bad = kind in ("contradiction", "exact_leak", "near_leak")
    warn = kind in ("near_across_classes", "exact_copies")
    shown = tuple(tuple(_shown(photo) for photo in photos) for photos in sets)
    return Finding(kind, "bad" if bad else "warn" if warn else "note", headline(len(sets)), why, sure, advice, shown)


def _shown(photo: DataPhoto) -> Suspect:
    return suspect(photo, photo.split or "")

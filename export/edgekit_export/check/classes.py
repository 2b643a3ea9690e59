"""Classes that have too few photos to be learned or tested, or far fewer than others."""

from __future__ import annotations

from collections.abc import Iterator

from edgekit_export.assess.wording import count, joined
from edgekit_export.check.finding import Finding
from edgekit_export.check.survey import Survey

_HOPELESS, _FEW = 10, 50  # photos of a class
_FEW_TO_TEST = 10
_UNBALANCED, _VERY_UNBALANCED = 4, 10  # times as many photos in the largest class


def class_findings(survey: Survey) -> Iterator[Finding]:
    """What is wrong with the numbers of photos."""
    yield from _structure(survey)
    yield from _small(survey)
    yield from _balance(survey)
    yield from _splits(survey)


def _structure(survey: Survey) -> Iterator[Finding]:
    if survey.whole.empty:
        names = [folder.relative_to(survey.whole.root).as_posix() for folder in survey.whole.empty]
        yield Finding(
            "empty_class",
            "bad",
            f"{count(len(names), 'folder')} without photos: {joined([repr(name) for name in names])}",
            "A class without photos cannot be learned, and commands refuse it.",
            "Certain.",
            "Add photos, or remove the folder; --fix leaves it out of the copy.",
        )
    if len(survey.whole.labels) < 2:
        yield Finding(
            "few_classes",
            "bad",
            f"there is only one class, {survey.whole.labels[0]!r}",
            "A classifier decides between at least two.",
            "Certain, if folders are classes: is this the folder above them?",
            "Add a folder with photos of what it is not, such as healthy leaves or other things.",
        )


def _small(survey: Survey) -> Iterator[Finding]:
    counts = survey.dataset.counts()
    hopeless = {label: number for label, number in counts.items() if number < _HOPELESS}
    few = {label: number for label, number in counts.items() if _HOPELESS <= number < _FEW}
    for found, severity, what in ((hopeless, "bad", "far too few"), (few, "warn", "few")):
        if found:
            rows = sorted(found.items(), key=lambda row: (row[1], row[0]))
            yield Finding(
                "small_class",
                "bad" if severity == "bad" else "warn",
                f"{count(len(rows), 'class has', 'classes have')} {what} photos: "
                + joined([f"{label} ({number})" for label, number in rows]),
                "A model learns little from few photos, and a test on a handful of them can say nothing.",
                f"Certain. From about {_FEW} photos on a class can be learned from a trained backbone; a few hundred "
                "are good.",
                "Take more photos, of other plants, on other days; or join the class with one like it.",
            )


def _balance(survey: Survey) -> Iterator[Finding]:
    counts = {label: number for label, number in survey.dataset.counts().items() if number}
    if len(counts) < 2:
        return
    most, least = max(counts, key=lambda label: counts[label]), min(counts, key=lambda label: counts[label])
    times = counts[most] / counts[least]
    if times >= _UNBALANCED:
        yield Finding(
            "unbalanced",
            "warn" if times >= _VERY_UNBALANCED else "note",
            f"{times:.0f} times as many photos of {most} as of {least} ({counts[most]:,} and {counts[least]:,})",
            "A model that always says the frequent class looks good in accuracy and is of no use.",
            "Certain.",
            "Take more photos of the rare ones. edgekit-export train weighs rare classes up, and evaluate tells the "
            "recall of each class; look at that, not at accuracy alone.",
        )


def _splits(survey: Survey) -> Iterator[Finding]:
    absent = []
    few = []
    for split in survey.dataset.splits:
        counts = survey.dataset.counts(survey.dataset.part(split))
        absent += [f"{label} in {split}" for label, number in counts.items() if not number]
        few += [f"{label} ({n} in {split})" for label, n in counts.items() if split == "test" and 0 < n < _FEW_TO_TEST]
    if absent:
        yield Finding(
            "absent_class",
            "bad",
            f"a split lacks classes: {joined(absent)}",
            "What is not in train is not learned, and what is not in test is not tested.",
            "Certain.",
            "Make the split again: edgekit-export split --again.",
        )
    elif few:
        yield Finding(
            "absent_class",
            "note",
            f"too few test photos to say much of: {joined(few)}",
            "The accuracy of such a class is not known better than to tens of points.",
            "Certain.",
            "Give test a larger share: edgekit-export split --again --test 0.3; or take more photos.",
        )

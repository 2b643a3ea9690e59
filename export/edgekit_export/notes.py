"""What a user should read before trusting the figures of an export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgekit_export.images import Duplicates
from edgekit_export.verify import Comparison


def notes_on(
    comparison: Comparison, refused_by: Mapping[str, str], duplicates: Duplicates, labels: Sequence[str]
) -> tuple[str, ...]:
    """Sentences that a user should read before trusting the figures.

    Args:
        comparison: What verification found.
        refused_by: Runtimes that do not run the file, with their reasons.
        duplicates: What was left out of the photos.
        labels: Of the outputs.
    """
    result = comparison.verification
    notes = [f"not for every runtime: {reason}" for reason in refused_by.values()]
    if not refused_by and all(family.runtime != "tflite-runtime" for family in result.families):
        notes.append(
            "tflite-runtime is not installed here (it needs Python 3.10 or 3.11 on Linux): ai-edge-litert's reference "
            "kernels stood in for it, and edgekit selftest will not be able to prove boards that use tflite-runtime"
        )
    if duplicates.copies:
        notes.append(f"left out exact copies of photos: {len(duplicates.copies)}, such as {duplicates.copies[0]}")
    if duplicates.contradictions:
        notes.append(
            f"left out photos that stand under more than one class: {len(duplicates.contradictions)}, such as "
            f"{duplicates.contradictions[0]}"
        )
    unseen = [label for label in labels if label not in result.photos.images_per_class]
    if unseen:
        notes.append(f"nothing was verified for labels without photos: {len(unseen)}, such as {unseen[0]!r}")
    chance = 1 / len(labels)
    if result.float_correct / result.photos.images <= 1.5 * chance:
        notes.append(
            f"the float model itself is right on only {result.float_correct} of {result.photos.images} photos: check "
            "the input range, and that the order of the labels is the order of the outputs"
        )
    return tuple(notes)

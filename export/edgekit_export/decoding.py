"""What fast decoding changes: the answers to photos decoded fast, beside those to the same photos as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgekit.card import DecodeCheck, Family, InputSpec
from edgekit.decision import PRESENT_FROM
from edgekit_export.data.pixels import Unreadable, read_views
from edgekit_export.device import DeviceRuntime
from edgekit_export.progress import Step
from edgekit_export.verify import Asked


@dataclass
class _Counts:
    images: int = 0
    reduced: int = 0
    agreeing: int = 0
    fast_correct: int = 0
    exact_correct: int = 0


def check_decode(  # noqa: PLR0913 - who is asked about what, and who watches
    device: DeviceRuntime, family: Family, asked: Asked, spec: InputSpec, *, multi_label: bool, step: Step
) -> DecodeCheck:
    """How often photos decoded exactly get the answers that they got decoded fast.

    Args:
        device: Runs the file; it is asked about photos whose pixels differ, the others need no second answer.
        family: Its kernel family.
        asked: What the file said to photos that were read as `spec` says.
        spec: How a photo becomes the input, decoded fast. A photo too large to be decoded exactly is left out.
        multi_label: Whether several labels may be present.
        step: Called after each photo.

    Raises:
        VerificationError: the runtime failed or crashed.
    """
    counts = _Counts()
    views = read_views(asked.files, (spec, replace(spec, decode="exact")))
    for path, truth, scores, found in zip(asked.files, asked.truth, asked.scores[family], views, strict=True):
        step()
        if isinstance(found, Unreadable):
            continue
        fast = exact = _given(scores, multi_label=multi_label)
        differs = not np.array_equal(found[0], found[1])
        if differs:
            device.send(found[1], str(path))
            exact = _given(device.receive_scores(str(path)), multi_label=multi_label)
        counts.images += 1
        counts.reduced += differs
        counts.agreeing += np.array_equal(fast, exact)
        counts.fast_correct += np.array_equal(fast, truth)
        counts.exact_correct += np.array_equal(exact, truth)
    return DecodeCheck(family, **vars(counts))


def _given(scores: NDArray[np.float32], *, multi_label: bool) -> NDArray[np.bool_]:
    """The labels that an answer names, bool (classes,)."""
    if multi_label:
        return np.asarray(scores >= PRESENT_FROM)
    return np.asarray(np.arange(len(scores)) == scores.argmax())

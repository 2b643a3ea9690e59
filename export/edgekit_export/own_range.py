"""What a model's own preprocessing tells about the pixels it was trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgekit_export.frontend import ImageInput
from edgekit_export.sources.entry import Entry

_LARGEST_SANE_INPUT = 16.0  # no sensible preprocessing feeds a network values beyond this
_SMALLEST_SANE_SPREAD = 0.5  # ... nor less than this between black and white


def own_input_range(entry: Entry | None, image: ImageInput) -> str | None:
    """The range that the model's own preprocessing expects, found by what reaches its first weights.

    Rescaling and Normalization layers, and arithmetic such as `preprocess_input` in the model, are recognised alike:
    black and white are sent through everything before the first operator with weights.

    Args:
        entry: From the model's input to the tensor that enters its first weights; None where it has no such place.
        image: Its input.

    Returns:
        ``0..255`` or ``0..1``; None where the pixels arrive there unchanged, or nothing is plausible.
    """
    if entry is None:
        return None
    black, one, white = (_middle(entry, image, value) for value in (0.0, 1.0, 255.0))
    if np.array_equal(black, np.zeros_like(black)) and np.array_equal(white, np.full_like(white, 255.0)):
        return None
    plausible = [name for name, end in (("0..255", white), ("0..1", one)) if _plausible(black, end)]
    return plausible[0] if len(plausible) == 1 else None


def _middle(entry: Entry, image: ImageInput, value: float) -> NDArray[np.float32]:
    """What a plain image of one value is in its middle, away from padding, when it arrives."""
    plain = np.full((1, image.height, image.width, image.channels), value, np.float32)
    arrived = entry(image.as_original(plain))
    if arrived.ndim == 4:
        return np.asarray(arrived[0, arrived.shape[1] // 2, arrived.shape[2] // 2])
    return np.asarray(arrived.reshape(-1)[arrived.size // 2 :][:1])


def _plausible(black: NDArray[np.float32], white: NDArray[np.float32]) -> bool:
    largest = max(np.abs(black).max(), np.abs(white).max())
    return bool(largest <= _LARGEST_SANE_INPUT and np.abs(white - black).min() >= _SMALLEST_SANE_SPREAD)

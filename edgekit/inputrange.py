"""`--input-range`: what pixel values a model was trained on, as people write it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

CHOICES = "0..255, 0..1, -1..1, or mean=R,G,B/std=R,G,B in pixel units (0..255)"

_NAMED = {"0..255": (0.0, 1.0), "0..1": (0.0, 255.0), "-1..1": (127.5, 127.5)}
_MEAN_STD = re.compile(r"mean=(?P<mean>[^/]+)/std=(?P<std>[^/]+)")


@dataclass(frozen=True)
class InputRange:
    """The model's own input value of a pixel 0..255 is ``(pixel - mean) / std``, per channel or for all."""

    text: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def low(self) -> float:
        """The least value that any channel takes."""
        return min((0 - m) / s for m, s in self._channels())

    @property
    def high(self) -> float:
        """The greatest value that any channel takes."""
        return max((255 - m) / s for m, s in self._channels())

    def _channels(self) -> list[tuple[float, float]]:
        count = max(len(self.mean), len(self.std))
        means = self.mean * (count if len(self.mean) == 1 else 1)
        stds = self.std * (count if len(self.std) == 1 else 1)
        return list(zip(means, stds, strict=True))


def parse_input_range(text: str) -> InputRange:
    """The range that `text` names: ``0..255``, ``0..1``, ``-1..1`` or ``mean=.../std=...`` in pixel units.

    Raises:
        ValueError: `text` is none of them; the message shows the choices.

    >>> parse_input_range("-1..1").mean
    (127.5,)
    """
    named = _NAMED.get(text.strip())
    if named:
        return InputRange(text.strip(), (named[0],), (named[1],))
    match = _MEAN_STD.fullmatch(text.strip())
    if not match:
        msg = f"{text!r}; expected {CHOICES}"
        raise ValueError(msg)
    mean, std = _numbers(match["mean"]), _numbers(match["std"])
    if len(mean) not in (1, 3) or len(std) not in (1, 3) or min(std) <= 0:
        msg = f"{text!r}; mean and std take one or three numbers each, std above 0"
        raise ValueError(msg)
    if max(std) < 1:
        scaled = "/".join(
            f"{name}={','.join(f'{255 * v:.6g}' for v in values)}" for name, values in (("mean", mean), ("std", std))
        )
        msg = f"{text!r} is on the scale 0..1; in pixel units (0..255) it is {scaled}"
        raise ValueError(msg)
    return InputRange(text.strip(), mean, std)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = (math.nan,)
    if not all(map(math.isfinite, numbers)):
        msg = f"{text!r} is not a list of numbers; expected {CHOICES}"
        raise ValueError(msg)
    return numbers

"""How a pixel becomes the value that a network was trained on: the range, and the order of the colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from edgekit.inputrange import InputRange, parse_input_range
from edgekit_export.errors import InputRangeError

ChannelOrder = Literal["RGB", "BGR"]
CHANNEL_ORDERS: tuple[ChannelOrder, ...] = get_args(ChannelOrder)

# What training code does, from Keras' preprocess_input (modes none, "tf", "torch" and "caffe") to tutorials.
_PLAUSIBLE: tuple[tuple[str, ChannelOrder], ...] = (
    ("0..255", "RGB"),
    ("0..1", "RGB"),
    ("-1..1", "RGB"),
    ("mean=123.675,116.28,103.53/std=58.395,57.12,57.375", "RGB"),
    ("mean=127.5/std=255", "RGB"),
    ("mean=128/std=1", "RGB"),
    ("0..255", "BGR"),
    ("0..1", "BGR"),
    ("-1..1", "BGR"),
    ("mean=103.939,116.779,123.68/std=1", "BGR"),
)
_PLAUSIBLE_GRAY = ("0..255", "0..1", "-1..1", "mean=127.5/std=255", "mean=128/std=1")
_ONE_SCALE = ("0..255", "0..1", "-1..1")  # ranges that a tensor's scale and zero point can express


@dataclass(frozen=True)
class Mapping:
    """A network's input is ``(pixel - mean) / std`` for pixels 0..255, the channels in `order`."""

    range: InputRange
    order: ChannelOrder = "RGB"

    @property
    def text(self) -> str:
        """For people: the range, and the order where it is not RGB."""
        return self.range.text if self.order == "RGB" else f"{self.range.text} {self.order}"

    @property
    def is_one_scale(self) -> bool:
        """Whether the scale and zero point of the input tensor alone can express it."""
        return self.order == "RGB" and self.range.text in _ONE_SCALE

    def matrix(self, channels: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weights (channels, channels) and bias (channels,), float32: the input is ``pixel @ weights + bias``."""
        std = np.broadcast_to(np.array(self.range.std), channels)
        mean = np.broadcast_to(np.array(self.range.mean), channels)
        weights = np.diag(1 / std)
        return (weights[::-1] if self.order == "BGR" else weights).astype(np.float32), (-mean / std).astype(np.float32)

    def tensor(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The input, float32 (1, height, width, channels), for uint8 RGB or gray pixels (height, width, channels)."""
        ordered = pixels[..., ::-1] if self.order == "BGR" else pixels
        mean, std = np.array(self.range.mean, np.float32), np.array(self.range.std, np.float32)
        return np.asarray((ordered.astype(np.float32) - mean) / std, np.float32)[None]


def plausible_mappings(channels: int, order: ChannelOrder | None) -> tuple[Mapping, ...]:
    """What a network may have been trained on, the most usual first; only one order where it is known."""
    if channels == 1:
        return tuple(Mapping(parse_input_range(text)) for text in _PLAUSIBLE_GRAY)
    found = tuple(Mapping(parse_input_range(text), known) for text, known in _PLAUSIBLE)
    if order is None:
        return found
    texts = dict.fromkeys(mapping.range.text for mapping in found)
    return tuple(Mapping(parse_input_range(text), order) for text in texts)


def given_range(text: str, channels: int) -> InputRange:
    """The range that a user names with ``--input-range``.

    Raises:
        InputRangeError: it is not one, or not for so many channels.
    """
    try:
        parsed = parse_input_range(text)
    except ValueError as error:
        msg = f"--input-range: {error}"
        raise InputRangeError(msg) from error
    if max(len(parsed.mean), len(parsed.std)) not in (1, channels):
        msg = f"--input-range: {text!r} has values for 3 channels, the model takes {channels}."
        raise InputRangeError(msg)
    return parsed

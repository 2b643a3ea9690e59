"""What a JPEG file says before its pixels: how much of the photo a decoder has to hold at once.

A photo in one scan is decoded row by row, whatever its size. One in several scans, as a progressive JPEG, is held
whole while it is decoded, as coefficients; a smaller scale does not change that.

Source: ITU-T T.81, annex B, for the segments; libjpeg's jdcoefct.c for what is held.
"""

from __future__ import annotations

import struct
from typing import IO, NamedTuple

_COEFFICIENT_BYTES = 2
MOST_HELD_PER_PIXEL = 4 * _COEFFICIENT_BYTES
"""Bytes that one pixel of a photo takes at most while it is held, four components without subsampling, but for what
fills up the last blocks."""
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15, less DHT, JPG and DAC
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
_WITHOUT_CONTENT = frozenset((0x00, 0x01, 0xD8, *range(0xD0, 0xD8)))  # a stuffed byte, TEM, SOI and RST0 to RST7


class _Frame(NamedTuple):
    progressive: bool
    components: int
    samples: int  # of all components together


def held_bytes(stream: IO[bytes]) -> int:
    """Bytes of coefficients that decoding a JPEG file holds at once; 0 where it comes row by row, or is damaged.

    Args:
        stream: The file, at its beginning. It is read up to the first scan.
    """
    frame = None
    while (marker := _next_marker(stream)) is not None:
        if marker in _WITHOUT_CONTENT:
            continue
        size = int.from_bytes(stream.read(2), "big") - 2
        if marker == _END_OF_IMAGE or size < 0:
            return 0
        if marker == _START_OF_SCAN:
            in_scan = int.from_bytes(stream.read(1), "big")
            return _COEFFICIENT_BYTES * frame.samples if frame and _is_whole(frame, in_scan) else 0
        content = stream.read(size)  # at most 64 KiB
        if marker in _FRAMES:
            frame = _frame(marker, content)
    return 0


def _is_whole(frame: _Frame, in_scan: int) -> bool:
    return frame.progressive or in_scan < frame.components


def _next_marker(stream: IO[bytes]) -> int | None:
    """The marker that comes next; whatever lies before it is skipped, as decoders do."""
    while byte := stream.read(1):
        if byte == b"\xff":
            while byte == b"\xff":
                byte = stream.read(1)
            return byte[0] if byte else None
    return None


def _frame(marker: int, content: bytes) -> _Frame | None:
    try:
        _, height, width, components = struct.unpack_from(">BHHB", content)
        factors = [content[7 + 3 * i] for i in range(components)]
    except (struct.error, IndexError):
        return None
    across, down = ([factor >> 4 for factor in factors], [factor & 15 for factor in factors])
    if not all((*across, *down)):
        return None
    parts = zip(across, down, strict=True)
    samples = sum(_share(width, h, max(across)) * _share(height, v, max(down)) for h, v in parts)
    return _Frame(marker in _PROGRESSIVE, components, samples)


def _share(side: int, factor: int, most: int) -> int:
    """Samples along a side of a component, in whole blocks of 8."""
    return -(-side * factor // (8 * most)) * 8

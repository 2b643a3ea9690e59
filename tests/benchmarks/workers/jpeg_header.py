"""The size of a JPEG before it is decoded. Needs the standard library only."""

from __future__ import annotations

# Source: ITU-T T.81, table B.1: the frame headers, which hold the size.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def shorter_side(data: bytes) -> int:
    """Pixels of the shorter side of a JPEG, from its frame header; 0 where there is none."""
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        if data[place + 1] in _FRAMES:
            height, width = (int.from_bytes(data[place + n : place + n + 2], "big") for n in (5, 7))
            return min(height, width)
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return 0

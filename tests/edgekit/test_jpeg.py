"""How much a JPEG makes a decoder hold, read from its header; and that odd headers are no way round it."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edgekit.jpeg import held_bytes

SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def held(data: bytes) -> int:
    return held_bytes(io.BytesIO(data))


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def frame(marker: int, width: int, height: int, factors: tuple[int, ...] = (0x22, 0x11, 0x11)) -> bytes:
    components = b"".join(bytes((i + 1, factor, 0)) for i, factor in enumerate(factors))
    return segment(marker, struct.pack(">BHHB", 8, height, width, len(factors)) + components)


def scan(components: int) -> bytes:
    return segment(0xDA, bytes((components, *range(2 * components), 0, 63, 0)))


def encode(**options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.zeros((100, 200, 3), np.uint8)).save(file, "JPEG", **options)
    return file.getvalue()


def test_a_photo_in_one_scan_comes_row_by_row() -> None:
    assert held(encode()) == 0
    assert held(SOI + frame(0xC0, 60000, 60000) + scan(3)) == 0
    assert held(SOI + frame(0xC1, 60000, 60000, (0x11,)) + scan(1)) == 0


@pytest.mark.parametrize(("subsampling", "samples"), [(0, 3 * 104 * 200), (2, 104 * 200 + 2 * 56 * 104)])
def test_a_progressive_photo_is_held_whole_in_blocks_of_8(subsampling: int, samples: int) -> None:
    assert held(encode(progressive=True, subsampling=subsampling)) == 2 * samples


def test_a_photo_with_a_scan_for_each_colour_is_held_whole() -> None:
    assert held(SOI + frame(0xC0, 1600, 800) + scan(1)) == 2 * (1600 * 800 + 2 * 800 * 400)


@pytest.mark.parametrize("marker", [0xC2, 0xC6, 0xCA, 0xCE])
@pytest.mark.parametrize(
    "before", [b"", segment(0xE1, b"Exif" + bytes(900)), b"\xff\xff\xff", b"junk\xff\0", b"\xff\xd0"]
)
def test_what_stands_before_the_frame_hides_nothing(marker: int, before: bytes) -> None:
    assert held(SOI + before + frame(marker, 80, 80, (0x11,)) + before + scan(1)) == 2 * 80 * 80


@pytest.mark.parametrize(
    "data",
    [
        b"",
        SOI,
        SOI + EOI,
        SOI + frame(0xC2, 80, 80),
        SOI + frame(0xC2, 80, 80) + EOI + scan(1),
        SOI + scan(1),
        SOI + frame(0xC2, 80, 80)[:-4] + scan(1),
        SOI + frame(0xC2, 80, 80, (0x00, 0x11)) + scan(1),
        SOI + segment(0xC2, b"") + scan(1),
        SOI + b"\xff\xe1\0\1" + frame(0xC2, 80, 80) + scan(1),
    ],
)
def test_a_damaged_header_is_left_to_the_decoder(data: bytes) -> None:
    assert held(data) == 0


@given(st.binary(max_size=200))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    assert held(data) >= 0
    assert held(SOI + data + frame(0xC2, 8, 8) + scan(1)) >= 0

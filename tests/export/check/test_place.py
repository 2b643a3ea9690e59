"""The place where a photo was taken is cut out of it, and nothing else changes."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edgekit_export.check.header import Header, read_header
from edgekit_export.check.place import without_place

SECRET = (47.0, 22.0, 19.25)


def photo(*, endian: str = "<", xmp: bytes = b"", place: bool = True) -> bytes:
    exif = Image.Exif()
    exif.endian = endian
    exif[0x010F], exif[0x0112], exif[0x0131] = "Maker of cameras", 6, "Software 1.0"
    exif.get_ifd(0x8769)[0x9003] = "2026:11:25 10:00:00"
    if place:
        exif.get_ifd(0x8825).update({1: "N", 2: SECRET, 3: "E", 4: SECRET, 29: "2026:11:25"})
    out = io.BytesIO()
    noise = np.random.default_rng(0).bytes(40 * 30 * 3)
    Image.frombytes("RGB", (40, 30), noise).save(out, "JPEG", exif=exif, xmp=xmp)
    return out.getvalue()


def pixels(data: bytes) -> bytes:
    return Image.open(io.BytesIO(data)).tobytes()


@pytest.mark.parametrize("endian", ["<", ">"])
def test_the_place_goes_and_all_else_stays(endian: str) -> None:
    before = photo(endian=endian)
    after = without_place(before)
    assert read_header(before) == Header(30, 40, 6, has_place=True)
    assert read_header(after) == Header(30, 40, 6)
    assert len(after) == len(before)
    assert pixels(after) == pixels(before)
    exif = Image.open(io.BytesIO(after)).getexif()
    assert (exif[0x010F], exif[0x0131]) == ("Maker of cameras", "Software 1.0")
    assert exif.get_ifd(0x8769)[0x9003] == "2026:11:25 10:00:00"
    assert 0x8825 not in exif


def test_no_trace_of_the_numbers_is_left() -> None:
    trace = struct.pack("<II", 77, 4)  # 19.25 seconds
    assert trace in photo()
    assert trace not in without_place(photo())
    assert photo().count(b"2026:11:25\0") == without_place(photo()).count(b"2026:11:25\0") + 1


def test_a_place_in_xmp_goes_too() -> None:
    packet = b"<x:xmpmeta><exif:GPSLatitude>47,22N</exif:GPSLatitude></x:xmpmeta>"
    before = photo(xmp=packet)
    after = without_place(before)
    assert packet in before
    assert b"GPSLatitude" not in after
    assert pixels(after) == pixels(before)
    harmless = photo(xmp=b"<x:xmpmeta><dc:title>A leaf</dc:title></x:xmpmeta>", place=False)
    assert without_place(harmless) == harmless


def test_each_picture_of_a_file_with_several_loses_its_place() -> None:
    both = without_place(photo() + photo())
    assert both == without_place(photo()) * 2


def test_a_photo_without_a_place_stays_as_it_is() -> None:
    assert without_place(photo(place=False)) == photo(place=False)
    assert without_place(b"no photo") == b"no photo"


@given(st.integers(0, len(photo()) - 1), st.integers(0, 255), st.integers(0, 400))
def test_damaged_exif_is_no_trouble(at: int, value: int, cut: int) -> None:
    data = bytearray(photo())
    data[min(at, 300)] = value
    data = data[: max(20, len(data) - cut)] if cut % 2 else data
    assert isinstance(without_place(bytes(data)), bytes)

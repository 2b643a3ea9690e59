"""What a photo's file says of itself, whatever cameras and programs wrote into it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from edgekit_export.check.header import Header, read_header

PLACE = {1: "N", 2: (0.5, 32.0, 11.0), 3: "E", 4: (32.0, 34.0, 2.0)}


def photo(form: str = "JPEG", *, orientation: int | None = None, place: Any = None) -> bytes:
    exif = Image.Exif()
    exif[0x0131] = "Camera 1.0"  # without it, Pillow writes no place into a PNG
    if orientation is not None:
        exif[0x0112] = orientation
    if place is not None:
        exif.get_ifd(0x8825).update(place)
    out = io.BytesIO()
    Image.new("RGB", (30, 20), (90, 120, 60)).save(out, form, exif=exif)
    return out.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_size_and_place_are_read_from_every_format(form: str) -> None:
    assert read_header(photo(form)) == Header(30, 20)
    assert read_header(photo(form, place=PLACE)) == Header(30, 20, has_place=True)


@pytest.mark.parametrize(("orientation", "size"), [(1, (30, 20)), (3, (30, 20)), (6, (20, 30)), (8, (20, 30))])
def test_the_size_is_that_of_the_upright_photo(orientation: int, size: tuple[int, int]) -> None:
    assert read_header(photo(orientation=orientation)) == Header(*size, orientation)


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_orientations_that_do_not_exist_are_none(orientation: int) -> None:
    assert read_header(photo(orientation=orientation)) == Header(30, 20)


def test_a_place_without_a_latitude_is_none() -> None:
    assert read_header(photo(place={29: "2026:11:25"})) == Header(30, 20)


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF"])
def test_formats_without_exif_have_a_size(form: str) -> None:
    assert read_header(photo(form)) == Header(30, 20)


@pytest.mark.parametrize("data", [b"", b"no photo", photo()[:40]])
def test_what_is_no_photo_has_no_header(data: bytes) -> None:
    assert read_header(data) is None

"""What bytes look like, told in words."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edgekit.sniff import describe_bytes, kind_of_bytes

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 4\n"
KINDS = {
    "empty file": [b""],
    "JPEG image": [b"\xff\xd8\xff\xe0\0\x10JFIF", b"\xff\xd8\xff\xdb"],
    "PNG image": [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"],
    "WebP image": [b"RIFF\x24\0\0\0WEBPVP8 "],
    "GIF image": [b"GIF87a", b"GIF89a"],
    "BMP image": [b"BM\x46\0\0\0"],
    "TIFF image": [b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0"],
    "HEIC image": [b"\0\0\0\x18ftypheic\0\0\0\0", b"\0\0\0\x18ftypheix", b"\0\0\0\x18ftypmif1", b"\0\0\0\x18ftypmsf1"],
    "AVIF image": [b"\0\0\0\x1cftypavif\0\0\0\0"],
    "TFLite model": [b"\x1c\0\0\0TFL3\0\0\0\0"],
    "ZIP archive": [b"PK\x03\x04\x14\0", b"PK\x05\x06" + bytes(18)],
    "HDF5 file": [b"\x89HDF\r\n\x1a\n\0"],
    "PDF document": [b"%PDF-1.7\n"],
    "gzip archive": [b"\x1f\x8b\x08\0"],
    "Git LFS pointer": [LFS],
    "HTML page": [b"<!DOCTYPE html>", b"<html><body>", b"\xef\xbb\xbf \r\n\t<!doctype HTML>"],
    "file of zeros": [b"\0", bytes(1000)],
    "text file": [b"cat\ndog\r\n\tbird", "größe".encode(), b"\n\n \n", b"RIFF is a word"],
    "unknown data": [b"\x01\x02\x03\x04", b"text\0with a zero", bytes(600) + b"data", b"....WEBP\0"],
}


@pytest.mark.parametrize(("kind", "data"), [(kind, data) for kind, group in KINDS.items() for data in group])
def test_contents_are_told_by_their_first_bytes(kind: str, data: bytes) -> None:
    assert kind_of_bytes(data) == kind


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF"])
def test_what_pillow_writes_is_recognized(name: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (3, 2)).save(file, name)
    assert kind_of_bytes(file.getvalue()) == f"{name} image"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "an empty file"),
        (b"\xff\xd8\xff\xe0", "a JPEG image of 4 bytes"),
        (b"\0\0\0\x1cftypavif", "an AVIF image of 12 bytes"),
        (b"\0\0\0\x18ftypheic", "a HEIC image of 12 bytes"),
        (b"<html>", "an HTML page of 6 bytes"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file of 8 bytes"),
        (b"cat\n", "a text file of 4 bytes"),
        (b"\x01\x02\x03", "3 bytes of unknown kind"),
        (LFS, "a Git LFS pointer (fetch the real file with: git lfs pull)"),
    ],
)
def test_contents_are_described_as_part_of_a_sentence(data: bytes, words: str) -> None:
    assert describe_bytes(data) == words


@settings(derandomize=True, deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_have_a_kind_and_a_description(data: bytes) -> None:
    assert kind_of_bytes(data) in KINDS
    assert describe_bytes(data).isprintable()

"""What bytes look like, told in words: for error messages and for choosing an image decoder."""

from __future__ import annotations

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "JPEG image"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG image"),
    (8, b"WEBP", "WebP image"),
    (0, b"GIF87a", "GIF image"),
    (0, b"GIF89a", "GIF image"),
    (0, b"BM", "BMP image"),
    (0, b"II*\0", "TIFF image"),
    (0, b"MM\0*", "TIFF image"),
    (0, b"II+\0", "TIFF image"),
    (0, b"MM\0+", "TIFF image"),
    (4, b"ftypheic", "HEIC image"),
    (4, b"ftypheix", "HEIC image"),
    (4, b"ftypmif1", "HEIC image"),
    (4, b"ftypmsf1", "HEIC image"),
    (4, b"ftypavif", "AVIF image"),
    (4, b"TFL3", "TFLite model"),
    (0, b"PK\x03\x04", "ZIP archive"),
    (0, b"PK\x05\x06", "ZIP archive"),
    (0, b"\x89HDF\r\n\x1a\n", "HDF5 file"),
    (0, b"%PDF", "PDF document"),
    (0, b"\x1f\x8b", "gzip archive"),
    (0, b"version https://git-lfs.github.com/spec/", "Git LFS pointer"),
)


def kind_of_bytes(data: bytes) -> str:
    """A name for the content, such as ``JPEG image``, ``Git LFS pointer`` or ``unknown data``."""
    if not data:
        return "empty file"
    for offset, magic, kind in _MAGIC:
        if data[offset : offset + len(magic)] == magic and (kind != "WebP image" or data[:4] == b"RIFF"):
            return kind
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "HTML page"
    if not data.strip(b"\0"):
        return "file of zeros"
    printable = sum(byte >= 32 or byte in b"\t\r\n" for byte in data[:512])
    if b"\0" not in data[:512] and printable == len(data[:512]):
        return "text file"
    return "unknown data"


def describe_bytes(data: bytes, size_bytes: int | None = None) -> str:
    """`kind_of_bytes` as part of a sentence, with the size and, where it helps, the way forward.

    `size_bytes` is that of the whole, where `data` is only its beginning.
    """
    size_bytes = len(data) if size_bytes is None else size_bytes
    kind = kind_of_bytes(data)
    if kind == "empty file":
        return "an empty file"
    article = "an" if kind[0] in "AH" and kind != "HEIC image" else "a"
    if kind == "unknown data":
        return f"{size_bytes} bytes of unknown kind"
    if kind == "Git LFS pointer":
        return "a Git LFS pointer (fetch the real file with: git lfs pull)"
    return f"{article} {kind} of {size_bytes} bytes"

"""Every way a photo is stored or passed -> upright RGB pixels, compared pixel by pixel."""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import edgekit.photo
from edgekit.photo import AtLeast, load_photo

Pixels = NDArray[np.uint8]

# Random and taller than wide: no turn or flip of it looks like another, and no two pixels are alike.
BASE: Pixels = np.random.default_rng(5).integers(0, 256, (7, 5, 3), np.uint8)
RAMP: Pixels = np.arange(256, dtype=np.uint8).reshape(1, 256)
WHITE = (255, 255, 255)

# EXIF orientation -> the upright picture of stored pixels. Source: EXIF 2.32, tag 274.
TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}


def encode(image: Image.Image, name: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def pixels_of(photo: Any) -> Pixels:
    image = load_photo(photo)
    assert image.mode == "RGB"
    return np.asarray(image)


def base_image() -> Image.Image:
    return Image.fromarray(BASE)


def palette_image() -> Image.Image:
    """`BASE` with one palette entry a pixel."""
    image = Image.new("P", (5, 7))
    image.putdata(list(range(35)))
    image.putpalette(BASE.tobytes())
    return image


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def over_white(colours: NDArray[Any], alpha: NDArray[Any]) -> Pixels:
    """The exact result, rounded to the nearest; 255 is odd, so there is no half."""
    exact = colours.astype(np.int64) * alpha + 255 * (255 - alpha.astype(np.int64))
    return np.asarray((2 * exact + 255) // 510, np.uint8)


LOSSLESS = [
    ("PNG", {}),
    ("BMP", {}),
    ("WEBP", {"lossless": True}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "tiff_adobe_deflate"}),
]


@pytest.mark.parametrize(("name", "options"), LOSSLESS)
def test_lossless_formats_give_the_pixels_that_were_stored(name: str, options: dict[str, Any]) -> None:
    np.testing.assert_array_equal(pixels_of(encode(base_image(), name, **options)), BASE)


@pytest.mark.parametrize("name", ["PNG", "GIF", "BMP", "TIFF"])
def test_palette_images_give_the_colours_of_their_palette(name: str) -> None:
    np.testing.assert_array_equal(pixels_of(encode(palette_image(), name)), BASE)


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_colours_are_close_to_what_was_stored(mode: str, progressive: bool) -> None:
    flat = np.zeros((16, 32, 3), np.uint8)
    flat[:, :16], flat[:, 16:] = (200, 30, 60), (250, 250, 240)
    data = encode(Image.fromarray(flat).convert(mode), "JPEG", quality=100, subsampling=0, progressive=progressive)
    assert np.abs(pixels_of(data).astype(int) - flat).max() <= 4


@pytest.mark.parametrize("name", ["PNG", "TIFF", "BMP", "GIF"])
@pytest.mark.parametrize("mode", ["L", "1"])
def test_gray_images_give_equal_channels(name: str, mode: str) -> None:
    gray = base_image().convert(mode)
    expected = np.asarray(gray.convert("L"))[..., None].repeat(3, axis=2)
    np.testing.assert_array_equal(pixels_of(encode(gray, name)), expected)


@pytest.mark.parametrize(("name", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("PNG", {})])
def test_the_first_frame_of_several_is_taken(name: str, options: dict[str, Any]) -> None:
    frames = [palette_image() if name == "GIF" else base_image(), Image.new("RGB", (5, 7), "red")]
    data = encode(frames[0], name, save_all=True, append_images=frames[1:], **options)
    assert getattr(Image.open(io.BytesIO(data)), "n_frames", 1) == 2
    np.testing.assert_array_equal(pixels_of(data), BASE)


def test_the_first_picture_of_a_multi_picture_jpeg_is_taken_and_turned() -> None:
    second = Image.new("RGB", (8, 16), "red")
    data = encode(
        Image.new("RGB", (8, 16), "blue"), "MPO", save_all=True, append_images=[second], exif=exif(6), quality=100
    )
    found = pixels_of(data)
    assert found.shape == (8, 16, 3)
    assert np.abs(found.astype(int) - (0, 0, 255)).max() <= 4


def test_transparency_is_laid_over_white_exactly() -> None:
    colours, alpha = np.meshgrid(RAMP[0], RAMP[0])
    expected = over_white(colours, alpha)
    rgba = Image.fromarray(np.dstack([colours, colours, colours, alpha]))
    la = rgba.convert("LA")
    for photo in (rgba, la, encode(rgba, "PNG"), encode(la, "PNG"), encode(rgba, "TIFF")):
        for channel in range(3):
            np.testing.assert_array_equal(pixels_of(photo)[..., channel], expected)


def test_transparent_webp_is_laid_over_white() -> None:
    rgba = base_image().convert("RGBA")
    rgba.putalpha(77)
    found = pixels_of(encode(rgba, "WEBP", lossless=True, exact=True))
    np.testing.assert_array_equal(found, over_white(BASE, np.array(77)))


def test_one_transparent_colour_of_rgb_and_gray_becomes_white() -> None:
    expected = BASE.copy()
    expected[2, 3] = WHITE
    data = encode(base_image(), "PNG", transparency=tuple(int(v) for v in BASE[2, 3]))
    np.testing.assert_array_equal(pixels_of(data), expected)
    ramp = pixels_of(encode(Image.fromarray(RAMP), "PNG", transparency=7))
    assert ramp[0, 7].tolist() == [255] * 3
    np.testing.assert_array_equal(np.delete(ramp[0, :, 0], 7), np.delete(RAMP[0], 7))


@pytest.mark.parametrize("name", ["PNG", "GIF"])
def test_transparent_palette_entry_becomes_white(name: str) -> None:
    expected = BASE.copy()
    expected[0, 3] = WHITE
    np.testing.assert_array_equal(pixels_of(encode(palette_image(), name, transparency=3)), expected)


def test_palette_with_an_alpha_of_each_entry_is_laid_over_white() -> None:
    alpha = np.arange(0, 245, 7, dtype=np.uint8)
    found = pixels_of(encode(palette_image(), "PNG", transparency=alpha.tobytes()))
    np.testing.assert_array_equal(found, over_white(BASE, alpha.reshape(7, 5, 1)))


GRAY_16 = np.random.default_rng(16).integers(0, 65536, (7, 5), np.uint16)
GRAY_16[0, :3] = 0, 256, 65535


@pytest.mark.parametrize(("name", "mode"), [("PNG", "I;16"), ("TIFF", "I;16"), ("TIFF", "I;16B")])
def test_16_bit_gray_is_scaled_by_dropping_the_low_byte(name: str, mode: str) -> None:
    stored = GRAY_16.astype(">u2" if mode.endswith("B") else "<u2").tobytes()
    data = encode(Image.frombytes(mode, (5, 7), stored), name)
    if name == "TIFF":
        assert data[:2] == (b"MM" if mode.endswith("B") else b"II")
    np.testing.assert_array_equal(pixels_of(data), (GRAY_16 >> 8)[..., None].repeat(3, axis=2))


def test_16_bit_colour_is_scaled_by_dropping_the_low_byte() -> None:
    stored = np.random.default_rng(16).integers(0, 65536, (7, 5, 3), np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in stored)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 5, 7, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    packed = [struct.pack(">I", len(b)) + t + b + struct.pack(">I", zlib.crc32(t + b)) for t, b in chunks]
    np.testing.assert_array_equal(pixels_of(b"\x89PNG\r\n\x1a\n" + b"".join(packed)), stored >> 8)


EXIF_FORMATS = [("JPEG", {"quality": 100, "subsampling": 0}), *(pair for pair in LOSSLESS if pair[0] != "BMP")]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("name", "options"), EXIF_FORMATS)
def test_exif_orientation_turns_the_photo_upright(name: str, options: dict[str, Any], orientation: int) -> None:
    data = encode(base_image(), name, exif=exif(orientation), **options)
    expected = TURNS[orientation](BASE).astype(int)
    for photo in (data, Image.open(io.BytesIO(data))):
        found = pixels_of(photo)
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= (12 if name == "JPEG" else 0)


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_an_upright_photo_is_not_turned_again(name: str) -> None:
    upright = load_photo(encode(base_image(), name, exif=exif(6)))
    np.testing.assert_array_equal(pixels_of(upright), TURNS[6](BASE))


@pytest.mark.parametrize(
    "value",
    [
        b"\0\x03\0\0\0\x01\0\0\0\0",
        b"\0\x03\0\0\0\x01\0\x09\0\0",
        b"\0\x03\0\0\0\x01\xff\xff\0\0",
        b"\0\x02\0\0\0\x026\0\0\0",
    ],
    ids=["0", "9", "65535", "text"],
)
def test_orientations_that_exif_does_not_define_are_ignored(value: bytes) -> None:
    one_tag = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12" + value + b"\0\0\0\0"
    np.testing.assert_array_equal(pixels_of(encode(base_image(), "PNG", exif=one_tag)), BASE)


DAMAGED_EXIF = [
    b"",
    b"II",
    b"II*\0\0\0\0\0",
    b"no TIFF header at all",
    b"II*\0\xff\xff\xff\xff",
    b"MM\0*\0\0\0\x08\xff\xff",
    b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03",
    b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x09\xff\xff\xff\0\0\0\0\x08",
    b"MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x08\0\0\0\x08",
]


@pytest.mark.parametrize("damage", DAMAGED_EXIF)
@pytest.mark.parametrize(("name", "options"), [p for p in EXIF_FORMATS if p[0] != "TIFF"])
def test_damaged_exif_leaves_the_photo_as_stored(name: str, options: dict[str, Any], damage: bytes) -> None:
    found = pixels_of(encode(base_image(), name, exif=b"Exif\0\0" + damage, **options))
    assert np.abs(found.astype(int) - BASE).max() <= (12 if name == "JPEG" else 0)


def test_orientation_in_xmp_is_ignored_as_browsers_do() -> None:
    image = base_image()
    image.info["xmp"] = b'<x tiff:Orientation="6"/>'
    image.info["XML:com.adobe.xmp"] = '<x tiff:Orientation="6"/>'
    np.testing.assert_array_equal(pixels_of(image), BASE)


def odd_photo() -> bytes:
    """A photo that Pillow warns of: a TIFF tag whose value is cut off."""
    data = bytearray(encode(base_image(), "TIFF"))
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    last = start + 2 + 12 * (count - 1)
    struct.pack_into("<HHII", data, last, 305, 2, 1000, len(data) + 99)  # Software
    return bytes(data)


def test_decoding_in_several_threads_leaves_the_filters_of_warnings_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three at a time are inside before one of them leaves."""
    data, before = odd_photo(), list(warnings.filters)
    inside = threading.Barrier(3, timeout=60)
    find = edgekit.photo._orientation

    def meeting(image: Image.Image) -> int:
        inside.wait()
        return find(image)

    monkeypatch.setattr(edgekit.photo, "_orientation", meeting)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(load_photo, [data] * 12))
    assert all(image.size == BASE.shape[1::-1] for image in found)
    assert list(warnings.filters) == before
    assert edgekit.photo.no_warnings._inside == 0


def test_a_photo_that_is_warned_of_is_read_in_silence(recwarn: pytest.WarningsRecorder) -> None:
    warnings.simplefilter("always")
    load_photo(odd_photo())
    assert recwarn.list == []


@pytest.mark.parametrize(
    ("size", "expected"), [((801, 603), (100, 75)), ((805, 607), (101, 76)), ((804, 604), (101, 76))]
)
def test_less_than_half_of_a_last_pixel_does_not_count(size: tuple[int, int], expected: tuple[int, int]) -> None:
    data = encode(base_image().resize(size), "JPEG")
    assert load_photo(data, at_least=AtLeast(64, 64)).size == expected


@pytest.mark.parametrize(
    ("side", "expected"), [(0, 640), (1, 80), (80, 80), (81, 160), (200, 320), (480, 640), (9999, 640)]
)
def test_a_jpeg_may_be_decoded_at_a_part_of_its_size(side: int, expected: int) -> None:
    at_least = AtLeast(side, side) if side else None
    smooth = base_image().resize((640, 640), Image.Resampling.BICUBIC)
    data = encode(smooth, "JPEG", quality=95, exif=exif(6))
    image = load_photo(data, at_least=at_least)
    assert image.size == (expected, expected)
    whole = np.asarray(load_photo(data).resize(image.size, Image.Resampling.BOX)).astype(int)
    assert np.abs(np.asarray(image) - whole).mean() < 3
    assert load_photo(encode(smooth, "PNG"), at_least=at_least).size == (640, 640)

"""What is no photo, or a damaged one: an `ImageError` that helps, and nothing else.

Run as a program, this file decodes mutated photos, so that a crash of native code ends that process and not pytest.
"""

from __future__ import annotations

import io
import random
import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edgekit import photo as photo_module
from edgekit.errors import EdgekitError, ImageError
from edgekit.photo import AtLeast, load_photo

FUZZ_CASES = 3000


def encode(image: Image.Image, name: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def samples() -> dict[str, bytes]:
    """A small valid file of every format, with the features that make decoders work."""
    rgb = Image.fromarray(np.random.default_rng(1).integers(0, 256, (12, 9, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    animation: dict[str, Any] = {"save_all": True, "append_images": [rgb.rotate(90), rgb.rotate(180)]}
    made = {
        "jpeg": encode(rgb, "JPEG", exif=exif),
        "progressive jpeg": encode(rgb, "JPEG", progressive=True),
        "cmyk jpeg": encode(rgb.convert("CMYK"), "JPEG"),
        "mpo": encode(rgb, "MPO", save_all=True, append_images=[rgb], exif=exif),
        "png": encode(rgb, "PNG", exif=exif, transparency=(1, 2, 3)),
        "palette png": encode(rgb.convert("P"), "PNG", transparency=bytes(range(200))),
        "16-bit png": encode(Image.fromarray(np.arange(108, dtype=np.uint16).reshape(12, 9) * 600), "PNG"),
        "apng": encode(rgb, "PNG", **animation),
        "webp": encode(rgb, "WEBP", exif=exif),
        "lossless webp": encode(rgb.convert("RGBA"), "WEBP", lossless=True),
        "animated webp": encode(rgb, "WEBP", **animation),
        "gif": encode(rgb, "GIF", **animation),
        "bmp": encode(rgb, "BMP"),
        "palette bmp": encode(rgb.convert("P"), "BMP"),
        "tiff": encode(rgb, "TIFF", exif=exif),
        "lzw tiff": encode(rgb, "TIFF", compression="tiff_lzw"),
        "jpeg tiff": encode(rgb, "TIFF", compression="jpeg"),
        "16-bit tiff": encode(Image.frombytes("I;16B", (9, 12), bytes(range(216))), "TIFF"),
    }
    if "AVIF" in Image.SAVE:
        made["avif"] = encode(rgb, "AVIF", exif=exif)
    return made


def png_claiming(width: int, height: int) -> bytes:
    data = bytearray(encode(Image.new("RGB", (1, 1)), "PNG"))
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


NOT_PHOTOS = {
    "zero bytes": (b"", "found an empty file, expected a photo (JPEG, PNG, WebP, TIFF, BMP or GIF)"),
    "text": (b"This is not a photo.\n", "found a text file of 21 bytes, expected a photo"),
    "html": (b"\r\n<!DOCTYPE html><title>404</title>", "found an HTML page of 35 bytes, expected a photo"),
    "zeros": (bytes(5000), "found a file of zeros of 5000 bytes, expected a photo"),
    "git lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        "fetch the real file with: git lfs",
    ),
    "heic": (b"\0\0\0\x18ftypheic" + bytes(40), "found a HEIC image of 52 bytes, expected a photo"),
    "pdf": (b"%PDF-1.7\n", "found a PDF document of 9 bytes, expected a photo"),
    "model": (b"\x1c\0\0\0TFL3" + bytes(40), "found a TFLite model of 48 bytes, expected a photo"),
    "no pixels": (b"\x89PNG\r\n\x1a\n", "damaged PNG image of 8 bytes"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "found a text file of 47 bytes, expected a photo"),
}


def refusal(photo: Any) -> str:
    """The text of the `ImageError`; it must be one line, and a ValueError for those who do not know edgekit."""
    with pytest.raises(ImageError) as caught:
        load_photo(photo)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, EdgekitError)
    text = str(caught.value)
    assert text.isprintable()
    return text


@pytest.mark.parametrize(("data", "says"), NOT_PHOTOS.values(), ids=NOT_PHOTOS)
def test_what_is_no_photo_is_named_with_what_was_found(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "leaf.jpg"
    path.write_bytes(data)
    assert refusal(path).startswith(f"{path}: ")
    assert says in refusal(path)
    assert refusal(data).startswith("image: ")


def test_heic_is_told_to_be_converted() -> None:
    assert refusal(NOT_PHOTOS["heic"][0]).endswith("Convert it to JPEG.")


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_truncated_photos_are_damaged_and_say_what_to_do(tmp_path: Path, name: str, part: float) -> None:
    path = tmp_path / "leaf.jpg"
    data = encode(Image.effect_noise((64, 64), 90).convert("RGB"), name)
    path.write_bytes(data[: int(len(data) * part)])
    text = refusal(path)
    assert text.startswith(f"{path}: damaged ")
    assert text.endswith("Take or copy the photo again.")


def test_a_truncated_photo_that_pillow_opened_is_an_image_error() -> None:
    data = encode(Image.effect_noise((64, 64), 90), "JPEG")
    assert refusal(Image.open(io.BytesIO(data[: len(data) // 2]))).startswith("image: damaged image")


def bombs() -> dict[str, bytes]:
    """Tiny files whose headers claim gigapixels."""
    found = samples()
    gif, bmp, jpeg, tiff = (bytearray(found[name]) for name in ("gif", "bmp", "jpeg", "tiff"))
    gif[6:10] = struct.pack("<HH", 65535, 65535)
    bmp[18:26] = struct.pack("<ii", 60000, 60000)
    frame = jpeg.index(b"\xff\xc0") + 5
    jpeg[frame : frame + 4] = struct.pack(">HH", 65000, 65000)
    for tag in (256, 257):
        field = tiff.index(struct.pack("<HH", tag, 4))
        tiff[field : field + 12] = struct.pack("<HHII", tag, 4, 1, 60000)
    return {
        "png": png_claiming(50000, 50000),
        "gif": bytes(gif),
        "bmp": bytes(bmp),
        "jpeg": bytes(jpeg),
        "tiff": bytes(tiff),
    }


@pytest.mark.parametrize("name", ["png", "gif", "bmp", "jpeg", "tiff"])
def test_decompression_bombs_are_refused_by_their_header(name: str) -> None:
    assert refusal(bombs()[name]).endswith("is too large, at most 134217728 pixels are decoded. Scale the photo down.")


@pytest.mark.parametrize("name", samples())
def test_the_limit_on_pixels_holds_for_every_format(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = samples()[name]
    monkeypatch.setattr(photo_module, "MAX_PIXELS", 9 * 12)
    assert load_photo(data).size in ((9, 12), (12, 9))
    monkeypatch.setattr(photo_module, "MAX_PIXELS", 9 * 12 - 1)
    for photo in (data, Image.open(io.BytesIO(data))):
        assert "is too large, at most 107 pixels" in refusal(photo)


def test_photos_between_pillows_limit_and_ours_do_not_warn(monkeypatch: pytest.MonkeyPatch) -> None:
    photos = samples().values()
    assert Image.MAX_IMAGE_PIXELS is not None
    assert Image.MAX_IMAGE_PIXELS < 10_000 * 9_500 < photo_module.MAX_PIXELS
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 9 * 12 - 1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for data in photos:
            load_photo(data)
        assert "damaged PNG image" in refusal(png_claiming(10_000, 9_500))
    assert not caught


def test_one_pixel_is_a_photo() -> None:
    for name in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"):
        image = load_photo(encode(Image.new("RGB", (1, 1), "white"), name))
        assert (image.mode, image.size, image.getpixel((0, 0))) == ("RGB", (1, 1), (255, 255, 255))


def test_an_image_without_pixels_is_refused() -> None:
    assert refusal(Image.new("RGB", (0, 3))) == "image: an image of 0x3 pixels, expected at least 1x1."


@pytest.mark.parametrize(("kind", "plugin"), [("webp", "WebPImagePlugin"), ("avif", "AvifImagePlugin")])
def test_a_pillow_without_a_decoder_says_so(kind: str, plugin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {"webp": samples()["webp"], "avif": b"\0\0\0\x1cftypavif" + bytes(40)}[kind]
    if plugin == "WebPImagePlugin" or "AVIF" in Image.SAVE:
        monkeypatch.setattr(f"PIL.{plugin}.SUPPORTED", False)
    assert "expected a photo" in refusal(data)
    monkeypatch.setitem(sys.modules, f"PIL.{plugin}", None)
    assert "expected a photo" in refusal(data)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.binary(max_size=600))
def test_random_bytes_are_an_image_error(data: bytes) -> None:
    assert refusal(data).startswith("image: ")


def test_mutated_photos_give_pixels_or_an_image_error() -> None:
    worker = [sys.executable, "-X", "faulthandler", "-W", "error", __file__, "0", str(FUZZ_CASES)]
    done = subprocess.run(worker, capture_output=True, text=True, timeout=300, check=False)
    last = done.stdout.splitlines()[-1:]
    assert (done.returncode, last) == (0, ["done"]), f"{last}\n{done.stderr[-3000:]}"


def mutated(data: bytes, chance: random.Random) -> bytes:
    def at() -> int:
        """Half of the time in the header, where formats keep what decoders trust."""
        return chance.randrange(min(len(data), 64) if chance.random() < 0.5 else len(data))

    def cut() -> bytes:
        return data[: at()]

    def flip() -> bytes:
        changed = bytearray(data)
        for _ in range(chance.choice((1, 2, 8, 32))):
            changed[at()] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
        return bytes(changed)

    def drop() -> bytes:
        start = at()
        return data[:start] + data[start + chance.randrange(1, 20) :]

    def repeat() -> bytes:
        start, stop = sorted((at(), at()))
        return data[:stop] + data[start:]

    def scramble() -> bytes:
        start = at()
        return data[:start] + chance.randbytes(len(data) - start)

    choices: list[Callable[[], bytes]] = [cut, flip, flip, flip, drop, repeat, scramble]
    return chance.choice(choices)()


def fuzz(first: int, last: int) -> None:
    """Decode mutated photos; the last line printed names the case that ended the process."""
    photo_module.MAX_PIXELS = 2**18  # a forged header must not cost seconds each
    valid = samples()
    names = sorted(valid)
    for seed in range(first, last):
        chance = random.Random(seed)  # noqa: S311
        name = names[seed % len(names)]
        print(f"seed {seed}: mutated {name}", flush=True)
        data = mutated(valid[name], chance)
        try:
            image = load_photo(data, at_least=chance.choice((None, AtLeast(2, 2), AtLeast(3, 9, inside=True))))
        except ImageError:
            continue
        assert image.mode == "RGB"
        assert image.tobytes()
    print("done")


if __name__ == "__main__":
    fuzz(int(sys.argv[1]), int(sys.argv[2]))

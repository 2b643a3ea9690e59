"""What may be passed as a photo, where photos are found, and that nothing passed is changed."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import edgekit.photo
from edgekit.errors import EdgekitError, ImageError
from edgekit.photo import load_photo

BASE = np.random.default_rng(5).integers(0, 256, (7, 5, 3), np.uint8)


def test_paths_bytes_and_images_give_the_same_pixels(tmp_path: Path) -> None:
    path = tmp_path / "photo without a telling name"
    Image.fromarray(BASE).save(path, "PNG")
    data = path.read_bytes()
    image = Image.fromarray(BASE)
    photos: tuple[Any, ...] = (path, str(path), data, bytearray(data), memoryview(data), image, Image.open(path))
    for photo in photos:
        np.testing.assert_array_equal(np.asarray(load_photo(photo)), BASE)


def test_arrays_are_pixels_in_rgb_order_or_gray() -> None:
    gray = BASE[..., 0]
    for photo, expected in [
        (BASE, BASE),
        (BASE[::-1, ::2], BASE[::-1, ::2]),
        (gray, gray[..., None].repeat(3, axis=2)),
        (gray[..., None], gray[..., None].repeat(3, axis=2)),
    ]:
        np.testing.assert_array_equal(np.asarray(load_photo(photo)), expected)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "RGBa", "LA", "P", "PA", "1", "L", "CMYK", "YCbCr", "I;16"])
def test_a_pil_image_is_not_modified(mode: str) -> None:
    colours = Image.fromarray(BASE).convert({"RGBa": "RGBA", "I;16": "I"}.get(mode, "RGB"))
    image = colours.convert(mode)
    tags = Image.Exif()
    tags[0x0112] = 6
    image.info["exif"] = tags.tobytes()
    before = (image.mode, image.size, image.tobytes(), dict(image.info))
    upright = load_photo(image)
    assert (upright.mode, upright.size) == ("RGB", (7, 5))
    assert (image.mode, image.size, image.tobytes(), dict(image.info)) == before


@pytest.mark.parametrize(
    "array",
    [
        BASE.astype(np.float32) / 255,
        BASE.astype(np.int8),
        BASE.astype(np.uint16),
        BASE.astype(bool),
        BASE[0, 0],
        np.array(3, np.uint8),
        BASE[None],
        BASE[..., :2],
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 0), np.uint8),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_arrays_that_are_no_pixels_are_refused(array: Any) -> None:
    with pytest.raises(ImageError, match=r"array: .*shape"):
        load_photo(array)


@pytest.mark.parametrize("photo", [None, 3, ["photo.jpg"], io.BytesIO(b"")])
def test_other_types_are_a_type_error(photo: Any) -> None:
    with pytest.raises(TypeError, match=f"not {type(photo).__name__}"):
        load_photo(photo)


@pytest.mark.parametrize("mode", ["I", "F", "LAB", "HSV"])
def test_pixels_without_a_defined_white_are_refused(mode: str) -> None:
    with pytest.raises(ImageError, match=f"{mode} have no defined white. Save the photo as 8-bit RGB"):
        load_photo(Image.new(mode, (5, 7)))


@pytest.mark.parametrize("name", ["missing.jpg", "."])
def test_a_missing_file_or_a_folder_is_a_system_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(OSError, match=r"missing|directory|denied") as caught:
        load_photo(tmp_path / name)
    assert not isinstance(caught.value, EdgekitError)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_is_a_permission_error(tmp_path: Path) -> None:
    path = tmp_path / "leaf.jpg"
    path.touch(mode=0o000)
    with pytest.raises(PermissionError):
        load_photo(path)


def test_an_error_of_the_system_while_reading_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, mode: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(edgekit.photo, "open", refuse, raising=False)
    with pytest.raises(PermissionError, match=r"leaf\.jpg"):
        load_photo("leaf.jpg")


@pytest.mark.parametrize("whole_bytes", [0, edgekit.photo._WHOLE_BYTES])
@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_a_disk_that_fails_half_way_is_no_damaged_photo(
    monkeypatch: pytest.MonkeyPatch, name: str, whole_bytes: int
) -> None:
    monkeypatch.setattr(edgekit.photo, "_WHOLE_BYTES", whole_bytes)
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, name)

    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if size is None or size < 0 or self.tell() > 50_000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    class Opened(io.BufferedIOBase):
        """Like a file: seekable, and no BytesIO."""

        def __init__(self, data: bytes) -> None:
            self._inner = Failing(data)

        def seekable(self) -> bool:
            return True

        def read(self, size: int | None = -1, /) -> bytes:
            return self._inner.read(size)

        def seek(self, place: int, whence: int = 0, /) -> int:
            return self._inner.seek(place, whence)

        def tell(self) -> int:
            return self._inner.tell()

    monkeypatch.setattr(edgekit.photo, "open", lambda _path, _mode: Opened(file.getvalue()), raising=False)
    with pytest.raises(OSError, match="Input/output error") as caught:
        load_photo("leaf.jpg")
    assert not isinstance(caught.value, EdgekitError)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_large_jpeg_is_read_piece_by_piece_into_the_same_pixels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, progressive: bool
) -> None:
    path = tmp_path / "leaf.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (700, 500, 3), np.uint8)
    Image.fromarray(noise).save(path, quality=95, progressive=progressive)
    assert path.stat().st_size > 4 * 65536
    whole = np.asarray(load_photo(path))
    monkeypatch.setattr(edgekit.photo, "_WHOLE_BYTES", 0)
    np.testing.assert_array_equal(np.asarray(load_photo(path)), whole)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_a_photo_may_come_through_a_pipe(tmp_path: Path, name: str) -> None:
    file = io.BytesIO()
    Image.fromarray(BASE).save(file, name)
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(file.getvalue(),))
    writer.start()
    found = load_photo(tmp_path / "pipe")
    writer.join()
    np.testing.assert_array_equal(np.asarray(found), np.asarray(load_photo(file.getvalue())))

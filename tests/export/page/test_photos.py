"""Photos in a page: small, upright, and with nothing in them that would tell where or by whom."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.JpegImagePlugin import JpegImageFile

from edgekit_export.page.photos import THUMBNAIL, photo_url


def opened(url: str | None) -> JpegImageFile:
    assert url is not None
    kind, _, data = url.partition(",")
    assert kind == "data:image/jpeg;base64"
    image = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
    assert isinstance(image, JpegImageFile)
    image.load()
    return image


def two_halves(height: int = 300, width: int = 600) -> Image.Image:
    """Red on the left, blue on the right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0] = pixels[:, width // 2 :, 2] = 250
    return Image.fromarray(pixels)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((600, 300), (160, 80)), ((100, 1000), (16, 160)), ((40, 30), (40, 30)), ((5000, 2), (160, 1))],
)
def test_the_longer_side_has_at_most_so_many_pixels(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert THUMBNAIL == 160
    assert opened(photo_url(two_halves(size[1], size[0]))).size == expected
    assert max(opened(photo_url(two_halves(), longest=64)).size) == 64


def test_photos_are_upright_and_carry_nothing_along(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "Kabale, field of A. B."
    exif.get_ifd(0x8825)[2] = (1.0, 15.0, 0.0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = tmp_path / "photo.jpg"
    two_halves().save(path, exif=exif, comment=b"secret comment", icc_profile=profile, dpi=(300, 300))
    image = opened(photo_url(path))
    assert image.size == (80, 160)
    (red, _, no_blue), (no_red, _, blue) = np.asarray(image)[[20, 140], [40, 40]]
    assert min(red, blue) > 200
    assert max(no_red, no_blue) < 60
    assert not image.getexif()
    assert image.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    written = base64.b64decode(str(photo_url(path)).partition(",")[2])
    assert b"secret" not in written
    assert b"Kabale" not in written


def test_files_pixels_and_images_are_taken_and_left_as_they_are(tmp_path: Path) -> None:
    image = two_halves()
    pixels = np.asarray(image)
    image.save(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    assert photo_url(image) == photo_url(pixels) == photo_url(tmp_path / "a.png") == photo_url(image)
    assert image.size == (600, 300)
    assert (tmp_path / "a.png").read_bytes() == before
    gray = opened(photo_url(pixels[:, :, 0]))
    assert gray.size == (160, 80)


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("<svg onload=alert(1)>")
    assert photo_url(tmp_path / "text.jpg") is None
    assert photo_url(tmp_path / "gone.jpg") is None
    assert photo_url(tmp_path) is None
    assert photo_url(np.zeros((0, 4, 3), np.uint8)) is None


def test_a_photo_may_come_as_the_bytes_of_its_file() -> None:
    out = io.BytesIO()
    two_halves().save(out, "PNG")
    assert photo_url(out.getvalue()) == photo_url(two_halves())
    assert photo_url(b"no photo") is None

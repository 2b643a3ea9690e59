"""One look at a photo: what it measures, on photos of which that is known."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from edgekit.errors import ImageError
from edgekit_export.check.look import MINIATURE, Look, border_alone, border_of, look_at

if TYPE_CHECKING:
    from tests.export.conftest import FieldPhoto

pytest.importorskip("skimage")


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def look(image: Image.Image) -> Look:
    return look_at(encoded(image))[0]


def plain(gray: int, width: int = 64, height: int = 48) -> Image.Image:
    return Image.new("RGB", (width, height), (gray, gray, gray))


def test_light_is_measured_in_gray_levels() -> None:
    image = plain(40)
    image.paste((255, 255, 255), (0, 0, 64, 12))  # a quarter
    image.paste((0, 0, 0), (0, 12, 32, 24))  # an eighth
    seen = look(image)
    assert seen.brightness == pytest.approx(255 / 4 + 40 * 5 / 8, abs=0.01)
    assert (seen.light, seen.white, seen.black) == (255, 0.25, 0.125)


def test_blur_grows_with_blur_and_says_nothing_of_a_plain_photo(field_photo: FieldPhoto) -> None:
    sharp = field_photo(3, 200, 240)
    found = [look(sharp.filter(ImageFilter.GaussianBlur(sigma))).blur for sigma in (0, 1, 2, 4)]
    assert found == sorted(found)
    assert found[0] < 0.4
    assert found[3] > 0.6
    assert look(plain(90)).blur == 0
    assert look(Image.new("RGB", (1, 1))).blur == 0


@pytest.mark.parametrize("colour", [(128, 128, 128), (0, 0, 0), (10, 200, 40)])
def test_a_part_that_is_gone_is_seen_by_its_plain_colour(field_photo: FieldPhoto, colour: tuple[int, int, int]) -> None:
    image = field_photo(1, 200, 240)
    assert look(image).cut_off == 0
    image.paste(colour, (0, 150, 240, 200))
    assert look(image).cut_off == 0.25
    assert look_at(encoded(image, "JPEG", quality=95))[0].cut_off == pytest.approx(0.25, abs=0.05)
    assert look(plain(90)).cut_off == 0  # all of it: a plain photo


def test_a_jpeg_that_lost_its_end_is_not_read() -> None:
    data = encoded(plain(90), "JPEG")
    with pytest.raises(ImageError):
        look_at(data[:-30])


def test_the_photo_comes_upright_and_the_file_is_described() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(plain(90, 640, 480), "JPEG", exif=exif)
    seen, image = look_at(data)
    assert image.size == (480, 640)
    assert (seen.header.width, seen.header.height, seen.header.orientation) == (480, 640, 6)
    assert (seen.kind, seen.size_bytes) == ("JPEG image", len(data))


def test_large_jpegs_are_looked_at_small(field_photo: FieldPhoto) -> None:
    seen, image = look_at(encoded(field_photo(5, 1200, 1600), "JPEG", quality=95))
    assert image.size == (400, 300)
    assert (seen.header.width, seen.header.height) == (1600, 1200)


def test_the_border_is_the_ring_around_a_miniature() -> None:
    image = plain(50, 240, 240)
    image.paste((200, 10, 10), (10, 10, 230, 230))
    miniature = look(image).miniature
    assert miniature.shape == (MINIATURE, MINIATURE, 3)
    ring = border_of(miniature[None])
    assert ring.shape == (1, 4 * MINIATURE - 4, 3)
    np.testing.assert_array_equal(ring, 50)
    alone = border_alone(miniature, 128)
    np.testing.assert_array_equal(border_of(alone[None]), 50)
    np.testing.assert_array_equal(alone[1:-1, 1:-1], 128)

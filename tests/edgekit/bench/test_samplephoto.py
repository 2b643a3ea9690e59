import io

import pytest
from PIL import Image

from edgekit.bench.samplephoto import HEIGHT, WIDTH, sample_photo


@pytest.mark.parametrize(("width", "height"), [(400, 300), (401, 223), (8, 600), (1, 1)])
def test_it_is_a_jpeg_of_the_size_asked_for(width: int, height: int) -> None:
    with Image.open(io.BytesIO(sample_photo(width, height))) as image:
        image.load()
        assert (image.format, image.size, image.mode) == ("JPEG", (width, height), "RGB")


def test_it_is_the_same_at_every_run() -> None:
    assert sample_photo(200, 150) == sample_photo(200, 150)


def test_it_weighs_what_a_cameras_photo_weighs() -> None:
    data = sample_photo()
    assert WIDTH * HEIGHT == 12_000_000
    assert 0.2 < len(data) / (WIDTH * HEIGHT) < 0.4, "bytes a pixel; the decoder works on these"

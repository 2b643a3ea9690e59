"""Memory stays bounded: large JPEGs in a process that may take little more than it holds already, and refusals."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from edgekit import photo as photo_module
from edgekit.card import ModelCard
from edgekit.errors import ImageError
from edgekit.modelfile import pack_model_file
from edgekit.photo import AtLeast, load_photo

MOST_ABOVE_IDLE = 60 * 10**6
LARGE = (12288, 8192)  # 100.7 megapixels

# Address space is what a limit holds; memory in use is never more than that.
CLASSIFY = """
import resource, sys
from edgekit import Classifier

def address_space():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()

classifier = Classifier(sys.argv[1])
classifier.predict(sys.argv[2])
limit = address_space() + int(sys.argv[4])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
print(classifier.predict(sys.argv[3])[0].label)
"""
# qemu takes a limit for its guest and does not hold it.
_TAKES_TOO_MUCH = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
bytearray(2**31)
"""


def _limits_hold() -> bool:
    if not Path("/proc/self/statm").exists():
        return False
    return subprocess.run([sys.executable, "-c", _TAKES_TOO_MUCH], capture_output=True, check=False).returncode == 1


needs_limits = pytest.mark.skipif(not _limits_hold(), reason="this system holds no process to a limit of its memory")


@pytest.fixture(scope="module")
def large_jpegs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """100 megapixels, noisy enough that the file itself is larger than what may be used."""
    folder = tmp_path_factory.mktemp("large")
    noise = Image.merge("RGB", [Image.effect_noise((1024, 1024), sigma) for sigma in (60, 70, 80)])
    image = Image.new("RGB", LARGE)
    for left in range(0, LARGE[0], 1024):
        for top in range(0, LARGE[1], 1024):
            image.paste(noise, (left, top))
    image.save(folder / "baseline.jpg", quality=80)
    image.resize((1024, 683)).save(folder / "small.jpg")
    return {path.stem: path for path in folder.glob("*.jpg")}


def classify(folder: Path, graph: bytes, card: ModelCard, photos: dict[str, Path], name: str) -> Any:
    model = folder / "model.tflite"
    model.write_bytes(pack_model_file(graph, card))
    words = [sys.executable, "-c", CLASSIFY, *map(str, (model, photos["small"], photos[name], MOST_ABOVE_IDLE))]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@needs_limits
def test_100_megapixels_are_classified_within_60_mb_above_idle(
    tmp_path: Path, tiny_graph: bytes, tiny_card: ModelCard, large_jpegs: dict[str, Path]
) -> None:
    assert large_jpegs["baseline"].stat().st_size > MOST_ABOVE_IDLE / 2
    fast = replace(tiny_card, input=replace(tiny_card.input, decode="fast"))
    done = classify(tmp_path, tiny_graph, fast, large_jpegs, "baseline")
    assert (done.stdout.strip() in tiny_card.output.labels, done.returncode) == (True, 0), done.stderr


@needs_limits
def test_the_limit_of_that_test_is_one(
    tmp_path: Path, tiny_graph: bytes, tiny_card: ModelCard, large_jpegs: dict[str, Path]
) -> None:
    """Decoded exactly, the same photo does not fit; and that ends in words."""
    done = classify(tmp_path, tiny_graph, tiny_card, large_jpegs, "baseline")
    assert done.returncode == 1
    assert "ImageError" in done.stderr.splitlines()[-1]
    assert "not enough memory to decode" in done.stderr.splitlines()[-1]


def claiming(data: bytes, marker: int, width: int, height: int) -> bytes:
    """The JPEG with another size in its frame header."""
    place = data.index(bytes((0xFF, marker))) + 5
    return data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]


def encode(**options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "green").save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("at_least", [None, AtLeast(238, 238)])
def test_a_progressive_jpeg_that_would_be_held_whole_is_refused(at_least: AtLeast | None) -> None:
    data = claiming(encode(progressive=True), 0xC2, *LARGE)
    with pytest.raises(ImageError, match=r"progressive.*takes 288 MiB to decode, at most 256 are used") as caught:
        load_photo(data, at_least=at_least)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("size", "at_least", "limit"),
    [
        ((16385, 16384), AtLeast(238, 238), 2**28),
        ((65500, 65500), AtLeast(238, 238), 2**28),
        ((16320, 12240), None, 2**27),
        ((16320, 12240), AtLeast(9000, 9000), 2**27),
    ],
)
def test_a_bomb_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], at_least: AtLeast | None, limit: int
) -> None:
    def load(_image: Image.Image) -> None:
        pytest.fail("it was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(ImageError, match=f"{size[0]}x{size[1]} is too large, at most {limit} pixels are decoded"):
        load_photo(claiming(encode(), 0xC0, *size), at_least=at_least)


def test_200_megapixels_of_a_phone_pass_where_a_part_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo_module, "MAX_PIXELS", 64 * 64)
    monkeypatch.setattr(photo_module, "MAX_JPEG_PIXELS", 128 * 128)
    file = io.BytesIO()
    Image.new("RGB", (128, 128), "green").save(file, "JPEG")
    assert load_photo(file.getvalue(), at_least=AtLeast(60, 60)).size == (64, 64)
    with pytest.raises(ImageError, match="too large, at most 4096 pixels"):
        load_photo(file.getvalue())

"""What photos' files tell about how they were taken."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit_export.assess.exif import how_taken


def save(
    path: Path, *, size: tuple[int, int] = (60, 40), make: str = "", model: str = "", taken: str = "", turned: int = 1
) -> Path:
    exif = Image.Exif()
    for tag, value in ((0x010F, make), (0x0110, model)):
        if value:
            exif[tag] = value
    exif[0x0112] = turned
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    Image.new("RGB", size).save(path, exif=exif)
    return path


def test_camera_month_and_hour_come_from_exif(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", make="Tecno", model="KG5  ", taken="2026:03:09 07:45:00")
    assert how_taken([path]) == [
        {
            "camera": "Tecno KG5",
            "month": "March",
            "hour": "6 to 9 h",
            "shape": "lying",
            "size": "below 0.25 megapixels",
        }
    ]


@pytest.mark.parametrize(
    ("hour", "text"),
    [("00", "night, before 6 h"), ("05", "night, before 6 h"), ("06", "6 to 9 h"), ("12", "12 to 15 h"),
     ("17", "15 to 18 h"), ("18", "evening, from 18 h"), ("23", "evening, from 18 h")],
)  # fmt: skip
def test_hours_are_parts_of_the_day(hour: str, text: str, tmp_path: Path) -> None:
    assert how_taken([save(tmp_path / "a.jpg", taken=f"2026:12:31 {hour}:59:59")])[0]["hour"] == text


def test_a_turned_photo_has_the_shape_that_people_see(tmp_path: Path) -> None:
    lying = save(tmp_path / "a.jpg", size=(60, 40))
    turned = save(tmp_path / "b.jpg", size=(60, 40), turned=6)
    upside_down = save(tmp_path / "c.jpg", size=(60, 40), turned=3)
    square = save(tmp_path / "d.jpg", size=(40, 40), turned=6)
    found = [one["shape"] for one in how_taken([lying, turned, upside_down, square])]
    assert found == ["lying", "upright", "lying", "square"]


def test_sizes_are_in_megapixels(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{n}.png", size=(n, 1000)) for n in (249, 250, 3999, 4000)]
    assert [one["size"] for one in how_taken(paths)] == [
        "below 0.25 megapixels", "0.25 to 1 megapixels", "1 to 4 megapixels", "4 to 10 megapixels",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "taken", ["0000:00:00 00:00:00", "2026:13:01 10:00:00", "2026:05:01 25:00:00", "yesterday", "    "]
)
def test_a_date_that_is_none_is_left_out(taken: str, tmp_path: Path) -> None:
    found = how_taken([save(tmp_path / "a.jpg", make="Canon", taken=taken)])[0]
    assert set(found) == {"camera", "shape", "size"}


def test_a_photo_without_exif_has_shape_and_size(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((30, 20, 3), np.uint8)).save(tmp_path / "a.png")
    assert how_taken([tmp_path / "a.png"]) == [{"shape": "upright", "size": "below 0.25 megapixels"}]


def test_what_cannot_be_read_tells_nothing_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"not a photo")
    good = save(tmp_path / "b.jpg", make="Canon")
    found = how_taken([tmp_path / "a.jpg", tmp_path / "missing.jpg", good])
    assert found[:2] == [{}, {}]
    assert found[2]["camera"] == "Canon"


def test_a_photo_that_claims_to_be_huge_tells_nothing(tmp_path: Path) -> None:
    header = b"IHDR" + (60000).to_bytes(4, "big") * 2 + bytes((8, 2, 0, 0, 0))
    chunk = (13).to_bytes(4, "big") + header + zlib.crc32(header).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT")
    assert how_taken([tmp_path / "bomb.png"]) == [{}]


@pytest.mark.parametrize("seed", range(60))
def test_damaged_exif_never_raises(seed: int, tmp_path: Path, mutate: Callable[[bytes, int], bytes]) -> None:
    path = save(tmp_path / "a.jpg", make="Canon", model="EOS", taken="2026:03:09 07:45:00")
    path.write_bytes(mutate(path.read_bytes(), seed))
    found = how_taken([path])
    assert all(isinstance(value, str) for value in found[0].values())

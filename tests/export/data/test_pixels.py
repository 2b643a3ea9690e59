"""Many photos at once: in order, as the model sees them, a few ahead, and every bad one told."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit.card import InputSpec
from edgekit.photo import load_photo
from edgekit.preprocess import fit_pixels
from edgekit_export.data.pixels import Unreadable, in_order, read_views

SPECS = (
    InputSpec(16, 12, 3, (0.0,), (1.0,)),
    InputSpec(8, 8, 1, (0.0,), (1.0,), fit="crop", color_order="L"),
)


def save(path: Path, seed: int) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (30 + seed, 40, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(path, exif=exif)
    return path


def test_photos_come_in_order_exactly_as_a_model_sees_them(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{i}.jpg", i) for i in range(12)]
    found = list(read_views(paths, SPECS, workers=3))
    assert len(found) == 12
    for path, views in zip(paths, found, strict=True):
        assert not isinstance(views, Unreadable)
        for view, spec in zip(views, SPECS, strict=True):
            np.testing.assert_array_equal(view, fit_pixels(load_photo(path), spec))


def test_what_cannot_be_read_is_told_in_its_place(tmp_path: Path) -> None:
    good = save(tmp_path / "good.png", 0)
    short = tmp_path / "short.png"
    short.write_bytes(good.read_bytes()[:200])
    text = tmp_path / "text.jpg"
    text.write_text("<html>")
    paths = [short, good, tmp_path / "gone.jpg", text, tmp_path]
    found = list(read_views(paths, SPECS, workers=2))
    assert not isinstance(found[1], Unreadable)
    bad = [one for one in found if isinstance(one, Unreadable)]
    assert [one.path for one in bad] == [short, tmp_path / "gone.jpg", text, tmp_path]
    assert all(one.reason and str(one.path) not in one.reason and "\n" not in one.reason for one in bad)
    assert "damaged PNG image" in bad[0].reason
    assert "No such file" in bad[1].reason


def test_an_error_of_the_work_itself_is_not_the_photos() -> None:
    def work(path: Path) -> int:
        msg = "a bug"
        raise ZeroDivisionError(msg)

    with pytest.raises(ZeroDivisionError):
        list(in_order([Path("a.png")], work))


def test_only_a_few_are_read_ahead() -> None:
    started = 0
    lock = threading.Lock()

    def work(_path: Path) -> int:
        nonlocal started
        with lock:
            started += 1
        return started

    results = in_order([Path(str(i)) for i in range(500)], work, workers=3)
    next(results)
    assert started <= 8
    del results
    assert started <= 8


def test_several_are_worked_on_at_once() -> None:
    meeting = threading.Barrier(3, timeout=60)

    def work(path: Path) -> Path:
        meeting.wait()
        return path

    paths = [Path(str(i)) for i in range(6)]
    assert list(in_order(paths, work, workers=3)) == paths


def test_nothing_to_read_is_nothing() -> None:
    assert list(read_views([], SPECS)) == []


def test_decoding_in_threads_leaves_the_filters_of_warnings_alone(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{i}.jpg", i) for i in range(40)]
    before = list(warnings.filters)
    assert len(list(read_views(paths, SPECS, workers=8))) == 40
    assert list(warnings.filters) == before

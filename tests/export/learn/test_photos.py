"""Pixels of training photos: the device's own, decoded once, in an order that the seed alone decides."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit.card import InputSpec
from edgekit.photo import load_photo
from edgekit.preprocess import fit_pixels
from edgekit_export.data.dataset import DataPhoto
from edgekit_export.errors import TrainingError
from edgekit_export.learn.augment import VARIATIONS, augment, canvas_spec
from edgekit_export.learn.photos import PhotoPixels, batches, epoch_order, fingerprint, pixel_folder, read_pixels

SPEC = InputSpec(16, 14, 3, (0.0,), (1.0,), fit="crop")


def photos_in(folder: Path, count: int = 5) -> list[DataPhoto]:
    rng = np.random.default_rng(0)
    found = []
    for i in range(count):
        path = folder / f"{i}.png"
        Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(path)
        found.append(DataPhoto(path, "ab"[i % 2], "train"))
    return found


def read(photos: list[DataPhoto], folder: Path, *, vary: bool = True) -> PhotoPixels:
    folder.mkdir(exist_ok=True)
    return read_pixels(photos, ("a", "b"), SPEC, folder, vary=vary, step=lambda: None)


def test_training_sees_what_the_device_sees(tmp_path: Path) -> None:
    photos = photos_in(tmp_path)
    found = read(photos, tmp_path / "pixels")
    assert found.canvases is not None
    assert found.classes.tolist() == [0, 1, 0, 1, 0]
    for i, photo in enumerate(photos):
        np.testing.assert_array_equal(found.plain[i], fit_pixels(load_photo(photo.path), SPEC))
        np.testing.assert_array_equal(found.canvases[i], fit_pixels(load_photo(photo.path), canvas_spec(SPEC)))


def test_photos_that_are_not_varied_need_no_canvas(tmp_path: Path) -> None:
    assert read(photos_in(tmp_path), tmp_path / "pixels", vary=False).canvases is None
    assert len(list((tmp_path / "pixels").iterdir())) == 1


def test_unreadable_photos_are_left_out_and_named(tmp_path: Path) -> None:
    photos = photos_in(tmp_path)
    photos[1].path.write_bytes(b"no photo")
    found = read(photos, tmp_path / "pixels")
    assert [photo.path.name for photo in found.photos] == ["0.png", "2.png", "3.png", "4.png"]
    assert found.classes.tolist() == [0, 0, 1, 0]
    assert len(found) == len(found.plain) == 4
    assert [line.startswith(f"{photos[1].path}: found") for line in found.skipped] == [True]
    np.testing.assert_array_equal(found.plain[1], fit_pixels(load_photo(photos[2].path), SPEC))


def test_no_readable_photo_is_an_error(tmp_path: Path) -> None:
    photos = photos_in(tmp_path, 2)
    for photo in photos:
        photo.path.write_bytes(b"")
    with pytest.raises(TrainingError, match=r"none of the 2 photos can be read, the first: .*0\.png"):
        read(photos, tmp_path / "pixels")


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 2**28 + 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(TrainingError, match=r"the pixels of 5 photos need 0\.0 GB .* free are 0\.3 GB. Make room"):
        read(photos_in(tmp_path), tmp_path / "pixels")
    assert list((tmp_path / "pixels").iterdir()) == []


def test_every_epoch_has_an_order_of_its_own() -> None:
    orders = [epoch_order(50, epoch, seed).tolist() for epoch, seed in ((0, 0), (1, 0), (0, 1), (0, 0))]
    assert orders[0] == orders[3]
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert all(sorted(order) == list(range(50)) for order in orders)


def test_batches_hold_each_photo_varied_by_its_own_seed(tmp_path: Path) -> None:
    pixels = read(photos_in(tmp_path), tmp_path / "pixels")
    assert pixels.canvases is not None
    order = [np.array([3, 1]), np.array([0, 2]), np.array([4, 3])]
    found = list(batches(pixels, SPEC, order, 7, how="field", seed=5))
    assert [batch.shape for batch in found] == [(2, 16, 14, 3)] * 3
    for batch, indices in zip(found, order, strict=True):
        for photo, index in zip(batch, indices.tolist(), strict=True):
            rng = np.random.default_rng((5, 7, index, 2))
            np.testing.assert_array_equal(photo, augment(pixels.canvases[index], SPEC, VARIATIONS["field"], rng))
    later = list(batches(pixels, SPEC, order[2:], 7, how="field", seed=5))
    np.testing.assert_array_equal(later[0], found[2])  # where training goes on does not matter


def test_unvaried_batches_are_the_plain_photos(tmp_path: Path) -> None:
    pixels = read(photos_in(tmp_path), tmp_path / "pixels")
    (found,) = batches(pixels, SPEC, [np.array([4, 0])], 0, how="none", seed=0)
    np.testing.assert_array_equal(found, pixels.plain[[4, 0]])


def test_the_fingerprint_sees_names_labels_splits_and_sizes(tmp_path: Path) -> None:
    photos = photos_in(tmp_path, 3)
    known = fingerprint(photos, tmp_path)
    assert fingerprint(photos[::-1], tmp_path) == known
    others = [replace(photos[0], label="b"), replace(photos[0], split="val"), photos[1]]
    assert len({known, *(fingerprint([other, *photos[1:]], tmp_path) for other in others)}) == 4
    os.truncate(photos[0].path, 10)
    assert fingerprint(photos, tmp_path) != known


def test_pixels_go_when_training_ends_however_it_ends(tmp_path: Path) -> None:
    (tmp_path / "pixels").mkdir()
    (tmp_path / "pixels" / "left.npy").write_bytes(b"of one that was killed")

    def interrupted() -> None:
        with pixel_folder(tmp_path) as place:
            assert list(place.iterdir()) == []
            (place / "0.npy").write_bytes(b"x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []

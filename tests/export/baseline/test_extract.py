"""Photos -> features, several at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import InputSpec
from edgekit.photo import load_photo
from edgekit.preprocess import fit_pixels
from edgekit_export.baseline.crew import Crew
from edgekit_export.baseline.extract import extract
from edgekit_export.baseline.features import PIXELS, hand_made
from edgekit_export.data.dataset import DataPhoto
from edgekit_export.progress import Step


class Means:
    """Stands for a network: the mean of each channel."""

    spec = InputSpec(30, 20, 3, (0.0,), (1.0,))
    network = b""

    def embed(self, photos: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.float32]]:
        for pixels in photos:
            assert pixels.shape == (30, 20, 3)
            yield pixels.mean(axis=(0, 1)).astype(np.float32)


class Counted:
    def __init__(self) -> None:
        self.steps = 0

    @contextlib.contextmanager
    def stage(self, label: str, length: int) -> Iterator[Step]:
        assert (label, length) == ("features", 71)

        def step() -> None:
            self.steps += 1

        yield step


def test_each_photo_gets_its_own_and_unreadable_ones_are_left_out(tmp_path: Path, crew: Crew) -> None:
    """Gray, tiny and transparent photos too; and more than are read at once."""
    rng = np.random.default_rng(0)
    photos = []
    for i in range(71):
        path = tmp_path / f"{i:02}.png"
        shape: Any = {3: (9, 7), 4: (1, 1, 3), 5: (9, 7, 4)}.get(i, (12, 10, 3))
        Image.fromarray(rng.integers(0, 255, shape, np.uint8)).save(path)
        photos.append(DataPhoto(path, "x", "train"))
    photos[1].path.write_bytes(b"not a photo")
    photos[70].path.unlink()
    counted = Counted()
    found = extract(photos, ("colour", "lbp"), crew, Means(), counted)  # type: ignore[arg-type]
    kept = [photo for i, photo in enumerate(photos) if i not in (1, 70)]
    assert found.photos == tuple(kept)
    assert [one.path for one in found.skipped] == [photos[1].path, photos[70].path]
    assert counted.steps == 71
    assert {name: values.shape for name, values in found.features.items()} == {
        "colour": (69, 448), "lbp": (69, 28), "cnn": (69, 3),
    }  # fmt: skip
    for row, photo in enumerate(kept):
        image = load_photo(photo.path)
        for name in ("colour", "lbp"):
            assert np.array_equal(found.features[name][row], hand_made(name, fit_pixels(image, PIXELS)))
        assert np.array_equal(
            found.features["cnn"][row], fit_pixels(image, Means.spec).mean(axis=(0, 1), dtype=float).astype(np.float32)
        )


def test_a_networks_features_alone_need_no_others(tmp_path: Path, crew: Crew) -> None:
    Image.new("RGB", (5, 5), (1, 2, 3)).save(tmp_path / "a.png")
    photos = [DataPhoto(tmp_path / "a.png", "x", "train")] * 71
    found = extract(photos, (), crew, Means(), Counted())  # type: ignore[arg-type]
    assert {name: values.tolist()[0] for name, values in found.features.items()} == {"cnn": [1, 2, 3]}

"""A survey: each photo is read once, in order, and one that cannot be read leaves no gap."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from edgekit.photo import load_photo
from edgekit.preprocess import fit_pixels
from edgekit_export.check.survey import survey
from edgekit_export.check.text import checkup_record, describe_checkup
from edgekit_export.data.dataset import read_dataset
from edgekit_export.progress import Silent
from tests.export.check.conftest import ColourEmbedder

if TYPE_CHECKING:
    from edgekit_export.check.survey import Survey
    from tests.export.check.conftest import Examine, Garden

LookOver = Callable[[Path], "Survey"]


def test_looks_and_embeddings_stand_in_the_order_of_the_photos(garden: Garden) -> None:
    root, embedder = garden(4), ColourEmbedder()
    (root / "green/green01.jpg").write_bytes(b"no photo")
    seen = survey(read_dataset(root), embedder, Silent())
    assert len(seen.photos) == len(seen.looks) == len(seen.embeddings) == 11
    for photo, look, embedding in zip(seen.photos, seen.looks, seen.embeddings, strict=True):
        image = load_photo(photo.path)
        expected = next(embedder.embed([fit_pixels(image, embedder.spec)]))
        np.testing.assert_array_equal(embedding, expected.astype(np.float16))
        assert look.size_bytes == photo.path.stat().st_size
    assert [bad.path.name for bad in seen.unreadable] == ["green01.jpg"]
    assert seen.miniatures.shape == (11, 24, 24, 3)


def test_a_folder_without_one_readable_photo_is_described_all_the_same(tmp_path: Path, examine: Examine) -> None:
    for name in ("a/x.jpg", "b/y.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"no photo")
    checkup = examine(tmp_path)
    assert "2 files cannot be read as a photo" in describe_checkup(checkup, report=None)
    assert checkup_record(checkup)["readable"] == 0


def test_one_photo_of_one_pixel_is_described_all_the_same(tmp_path: Path, examine: Examine) -> None:
    (tmp_path / "a").mkdir()
    Image.new("RGB", (1, 1)).save(tmp_path / "a/x.png")
    assert "there is only one class, 'a'" in describe_checkup(examine(tmp_path), report=None)

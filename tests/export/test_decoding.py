"""Fast decode beside exact decode: who is asked again, and what is counted. Answers are scripted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import DecodeCheck, InputSpec
from edgekit.photo import load_photo
from edgekit.preprocess import fit_pixels
from edgekit_export.decoding import check_decode
from edgekit_export.verify import Asked

SPEC = InputSpec(16, 12, 3, (0.0,), (1.0,), decode="fast")
EXACT = replace(SPEC, decode="exact")
ANT, BEE, CAT = (0.75, 0.25, 0.0), (0.0, 0.5, 0.25), (0.0, 0.0, 1.0)


@dataclass
class ScriptedDevice:
    """Says to the n-th photo that it is asked about the n-th of `answers`."""

    answers: Sequence[tuple[float, ...]]
    asked: list[NDArray[np.uint8]] = field(default_factory=list)

    def send(self, pixels: NDArray[np.uint8], about: str) -> None:
        assert about
        self.asked.append(pixels)

    def receive_scores(self, about: str) -> NDArray[np.float32]:
        assert about
        return np.array(self.answers[len(self.asked) - 1], np.float32)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, ...]:
    """Two large JPEGs between two photos that are the same either way."""
    noise = np.random.default_rng(3).integers(0, 256, (200, 160, 3), np.uint8)
    names = ("small.jpg", "large.jpg", "larger.jpg", "large.png")
    for name, factor in zip(names, (0.1, 1, 2, 1), strict=True):
        image = Image.fromarray(noise)
        image.resize((int(160 * factor), int(200 * factor))).save(tmp_path / name)
    return tuple(tmp_path / name for name in names)


def check(files: Sequence[Path], fast: Any, truth: Any, device: ScriptedDevice, **options: Any) -> DecodeCheck:
    steps: list[int] = []
    scores = np.array(fast, np.float32)
    asked = Asked(tuple(files), np.array(truth, bool), scores, {"xnnpack": scores})
    options.setdefault("multi_label", False)
    found = check_decode(device, "xnnpack", asked, SPEC, step=lambda: steps.append(1), **options)  # type: ignore[arg-type]
    assert len(steps) == len(files)
    return found


def one_hot(*places: int) -> NDArray[np.bool_]:
    return np.eye(3, dtype=bool)[list(places)]


def test_photos_whose_pixels_differ_are_asked_about_again_exactly_decoded(files: tuple[Path, ...]) -> None:
    device = ScriptedDevice([BEE, CAT])
    found = check(files, [ANT, ANT, CAT, BEE], one_hot(0, 0, 2, 2), device)
    assert found == DecodeCheck("xnnpack", images=4, reduced=2, agreeing=3, fast_correct=3, exact_correct=2)
    for path, pixels in zip(files[1:3], device.asked, strict=True):
        np.testing.assert_array_equal(pixels, fit_pixels(load_photo(path), EXACT))


def test_where_all_are_small_nobody_is_asked(files: tuple[Path, ...]) -> None:
    found = check((files[0], files[3]), [ANT, BEE], one_hot(0, 0), ScriptedDevice([]))
    assert found == DecodeCheck("xnnpack", images=2, reduced=0, agreeing=2, fast_correct=1, exact_correct=1)


def test_a_photo_that_can_only_be_decoded_fast_is_left_out(
    files: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgekit.photo.MAX_PIXELS", 100 * 200)
    found = check(files, [ANT] * 4, one_hot(0, 0, 0, 0), ScriptedDevice([ANT]))
    assert (found.images, found.reduced, found.agreeing) == (1, 0, 1)


def test_of_several_labels_all_have_to_be_the_same(files: tuple[Path, ...]) -> None:
    both, one = (0.9, 0.6, 0.1), (0.9, 0.4, 0.1)
    truth = [[True, True, False]] * 4
    found = check(files, [both] * 4, truth, ScriptedDevice([one, both]), multi_label=True)
    assert found == DecodeCheck("xnnpack", images=4, reduced=2, agreeing=3, fast_correct=4, exact_correct=3)

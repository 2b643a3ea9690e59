"""Curves: which photos are asked about, in which state, and what is made of the answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import InputSpec
from edgekit_export.assess.corrupt import CORRUPTIONS
from edgekit_export.assess.intervals import Share
from edgekit_export.assess.robustness import Curve, Level, Robustness, measure_robustness
from edgekit_export.progress import Silent

if TYPE_CHECKING:
    from tests.export.assess.conftest import ColourPredictor
    from tests.export.conftest import MakePhotos


def run(predictor: ColourPredictor, folder: Path, seed: int = 0) -> Robustness:
    paths = sorted(folder.glob("*/*"))
    truth = np.array([[label == path.parent.name for label in predictor.labels] for path in paths])
    return measure_robustness(predictor, paths, truth, Silent(), seed=seed)


@pytest.fixture
def folder(make_photos: MakePhotos, tmp_path: Path) -> Path:
    return make_photos(tmp_path / "photos", count=6)


def test_a_model_that_goes_blind_in_the_dark_is_hurt_by_darkness_first(
    folder: Path, colours: type[ColourPredictor]
) -> None:
    found = run(colours(blind_below=72), folder)
    assert found.unchanged == Share(18, 18)
    assert found.curves[0].name == "darker"
    first = found.curves[0].first_hurt
    assert first is not None
    assert first.loss == pytest.approx((18 - first.right.part) / 18)
    assert 0 < first.loss_low < first.loss < first.loss_high < 1
    assert found.curves[0].levels[-1].right == Share(6, 18)  # all it says is blue
    names = {curve.name: curve for curve in found.curves}
    assert names["brighter"].first_hurt is None
    assert names["blur"].first_hurt is None
    assert names["blur"].mean_loss == 0


def test_every_kind_is_there_and_the_costliest_stands_first(folder: Path, colours: type[ColourPredictor]) -> None:
    found = run(colours(blind_below=72), folder)
    assert {curve.name for curve in found.curves} == {kind.name for kind in CORRUPTIONS}
    losses = [curve.mean_loss for curve in found.curves]
    assert losses == sorted(losses, reverse=True)
    for curve in found.curves:
        assert [level.strength for level in curve.levels] == list(
            next(kind.strengths for kind in CORRUPTIONS if kind.name == curve.name)
        )


def test_each_photo_is_asked_about_as_it_is_and_in_every_strength(folder: Path, colours: type[ColourPredictor]) -> None:
    predictor = colours()
    run(predictor, folder)
    assert len(predictor.asked) == 18 * (1 + 5 * len(CORRUPTIONS))


def test_the_same_seed_gives_the_same_pixels_and_another_one_others(
    folder: Path, colours: type[ColourPredictor]
) -> None:
    seen = []
    for seed in (3, 3, 4):
        predictor = colours()
        run(predictor, folder, seed)
        seen.append(np.stack(predictor.asked))
    np.testing.assert_array_equal(seen[0], seen[1])
    assert (seen[0] != seen[2]).any()


def test_a_photo_is_changed_alike_whatever_stands_beside_it(folder: Path, colours: type[ColourPredictor]) -> None:
    together, alone = colours(), colours()
    run(together, folder)
    paths = [sorted(folder.glob("*/*"))[3]]
    measure_robustness(alone, paths, np.array([[True, False, False]]), Silent(), seed=0)
    count = len(alone.asked)
    np.testing.assert_array_equal(np.stack(alone.asked), np.stack(together.asked[3 * count : 4 * count]))


def test_a_greater_strength_shakes_in_the_same_direction(tmp_path: Path, colours: type[ColourPredictor]) -> None:
    """So that a curve is about the strength alone."""
    point = np.zeros((96, 96, 3), np.uint8)
    point[44:52, 44:52] = 255
    (tmp_path / "blue").mkdir()
    Image.fromarray(point).save(tmp_path / "blue" / "point.png")
    predictor = colours(spec=InputSpec(96, 96, 3, (0.0,), (1.0,)))
    run(predictor, tmp_path)
    start = 1 + 5 * [kind.name for kind in CORRUPTIONS].index("shake")
    angles = []
    for pixels in predictor.asked[start + 2 : start + 5]:
        rows, columns = np.nonzero(pixels[..., 0] > 5)
        main = np.linalg.svd(np.stack([rows - rows.mean(), columns - columns.mean()]), full_matrices=False)[0][:, 0]
        angles.append(float(np.arctan2(*main)) % np.pi)
    assert max(angles) - min(angles) < 0.4


def test_examples_show_one_photo_in_every_kind(folder: Path, colours: type[ColourPredictor]) -> None:
    found = run(colours(), folder)
    assert found.example == min(folder.glob("*/*"))
    assert len(found.examples) == len(found.curves)
    dark = found.examples[[curve.name for curve in found.curves].index("darker")]
    light = found.examples[[curve.name for curve in found.curves].index("brighter")]
    assert np.asarray(dark).mean() < np.asarray(Image.open(found.example)).mean() < np.asarray(light).mean()


def test_several_labels_are_right_together(folder: Path, colours: type[ColourPredictor]) -> None:
    found = run(colours(multi_label=True), folder)
    assert found.unchanged == Share(18, 18)
    assert found.curves[0].levels[-1].right.part < 18


def level(loss: float, low: float, right: int = 50) -> Level:
    return Level(1.0, "", Share(right, 100), loss, low, loss + 0.1)


@pytest.mark.parametrize(
    ("levels", "place"),
    [
        ([(0.0, -0.1), (0.1, 0.02), (0.2, 0.1)], 1),
        ([(0.1, 0.02), (0.1, 0.02), (0.2, 0.1)], 0),
        ([(0.1, 0.02), (0.0, -0.1), (0.2, 0.1)], 2),  # what hurts only a little damage is chance
        ([(0.02, 0.01), (0.02, 0.01), (0.02, 0.01)], None),  # sure, and too little to speak of
        ([(0.1, -0.01), (0.1, -0.01), (0.1, -0.01)], None),
    ],
)
def test_it_begins_to_hurt_where_all_greater_strengths_do(levels: list[tuple[float, float]], place: int | None) -> None:
    curve = Curve("blur", "out of focus", tuple(level(*one) for one in levels), "")
    assert curve.first_hurt is (None if place is None else curve.levels[place])


def test_curves_hold_no_pixels(folder: Path, colours: type[ColourPredictor]) -> None:
    """What is kept of thousands of pictures is who was right."""
    found = run(colours(), folder)
    kept: list[NDArray[np.uint8]] = [np.asarray(image) for image in found.examples]
    assert sum(pixels.nbytes for pixels in kept) < 200_000

"""Whole evaluations with models that need no file: what is found, what is said about it, and on which photos."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from edgekit_export.assess.evaluate import Evaluation
from edgekit_export.assess.intervals import Pairs, Share
from edgekit_export.errors import ModelLoadError, PhotosError

if TYPE_CHECKING:
    from tests.export.assess.conftest import ColourPredictor
    from tests.export.conftest import MakePhotos

pytest.importorskip("scipy", reason="scipy is not installed")
Evaluate = Callable[..., Evaluation]


@pytest.fixture
def photos(make_photos: MakePhotos, tmp_path: Path) -> Path:
    return make_photos(tmp_path / "photos", count=6)


def darken(path: Path) -> None:
    pixels = np.asarray(Image.open(path).convert("RGB")) // 6
    Image.fromarray(pixels).save(path)


def test_a_model_that_is_always_right(photos: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]) -> None:
    found = evaluate_colours(photos, colours(), robustness_photos=0)
    assert found.figures.accuracy == Share(18, 18)
    assert (found.part, found.asked.skipped, found.unseen) == ("all", (), ())
    assert (found.robustness, found.against) == (None, None)
    assert found.notes == ("the photos are not split: what the model was trained on must not be among them",)
    assert found.calibration is not None


def test_dark_photos_that_the_model_cannot_see_are_found_as_a_group(
    make_photos: MakePhotos, tmp_path: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]
) -> None:
    """Nobody said which photos are dark: their pixels do."""
    folder = make_photos(tmp_path / "photos", count=24)
    for path in sorted(folder.glob("*/*"))[::4]:
        darken(path)
    found = evaluate_colours(folder, colours(blind_below=40), robustness_photos=0)
    brightness = next(one for one in found.slices if one.name == "brightness")
    assert brightness.verdict == "gap"
    assert brightness.farthest.name == "darkest quarter"
    assert brightness.farthest.right.value < 0.5
    assert brightness.farthest.others.value > 0.9


def test_the_columns_of_a_manifest_are_groups(
    photos: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]
) -> None:
    rows = ["file,site", *(f"{p.relative_to(photos)},{'AB'[i % 2]}" for i, p in enumerate(sorted(photos.glob("*/*"))))]
    (photos / "manifest.csv").write_text("\n".join(rows))
    found = evaluate_colours(photos, colours(), slices=("site",), robustness_photos=0)
    assert [(one.name, len(one.groups)) for one in found.slices] == [("site", 2)]
    with pytest.raises(PhotosError, match="no column 'farm'"):
        evaluate_colours(photos, colours(), slices=("farm",), robustness_photos=0)


def test_robustness_is_measured_on_a_sample_of_the_photos_asked_about(
    photos: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]
) -> None:
    found = evaluate_colours(photos, colours(), robustness_photos=6)
    assert found.robustness is not None
    assert found.robustness.unchanged == Share(6, 6)


def test_the_sample_for_robustness_goes_with_its_own_labels(
    photos: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]
) -> None:
    """Unreadable photos before it must not shift the labels."""
    for path in sorted((photos / "blue").iterdir())[:3]:
        path.write_bytes(b"no photo")
    found = evaluate_colours(photos, colours(), robustness_photos=9)
    assert len(found.asked.skipped) == 3
    assert found.robustness is not None
    assert found.robustness.unchanged == Share(9, 9)


def test_another_model_is_asked_about_the_same_photos(
    photos: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]
) -> None:
    for path in sorted(photos.glob("*/*"))[::3]:
        darken(path)
    other = colours(labels=("blue", "green", "red"), blind_below=40, name="night.tflite")
    found = evaluate_colours(photos, colours(), other, robustness_photos=0)
    assert found.against is not None
    assert found.against.name == "night.tflite"
    assert found.against.pairs == Pairs(both=14, first=4, second=0, neither=0)
    assert len(other.asked) == 18


def test_photos_must_be_of_classes_that_both_models_know(
    photos: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]
) -> None:
    other = colours(labels=("blue", "green", "violet"), name="other")
    with pytest.raises(PhotosError, match=r"6 photos are of class 'red', which other\.tflite does not know"):
        evaluate_colours(photos, colours(), other, robustness_photos=0)
    other = colours(labels=("blue", "green", "violet"), name="other")
    found = evaluate_colours(photos, colours(), other, robustness_photos=0, ignore_unknown_classes=True)
    assert len(found.asked.photos) == 12
    assert "left out 6 photos of class 'red': other.tflite does not know them" in found.notes
    assert found.unseen == ("red",)


def test_one_label_and_several_cannot_be_compared(
    photos: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]
) -> None:
    with pytest.raises(ModelLoadError, match="one model names one label a photo, the other several"):
        evaluate_colours(photos, colours(), colours(multi_label=True), robustness_photos=0)


def test_exact_copies_are_told(photos: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]) -> None:
    shutil.copy(photos / "blue" / "000.png", photos / "blue" / "copy.png")
    found = evaluate_colours(photos, colours(), robustness_photos=0)
    assert "1 of the photos are exact copies of others among them: they count twice" in found.notes


def test_photos_of_test_that_stand_in_train_too_are_told(
    make_photos: MakePhotos, tmp_path: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]
) -> None:
    make_photos(tmp_path / "photos" / "train", count=3)
    make_photos(tmp_path / "photos" / "test", count=3, seed=1)
    shutil.copy(tmp_path / "photos/train/red/001.jpg", tmp_path / "photos/test/red/leaked.jpg")
    found = evaluate_colours(tmp_path / "photos", colours(), robustness_photos=0)
    assert found.part == "test"
    assert [note for note in found.notes if "leaked.jpg" in note and "exact copies of photos of train" in note]
    whole = evaluate_colours(tmp_path / "photos", colours(), part="all", robustness_photos=0)
    assert not any("copies of photos of train" in note for note in whole.notes)  # each is its own copy


def test_photos_that_the_manifest_misses_or_only_names_are_told(
    photos: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]
) -> None:
    listed = sorted(photos.glob("*/*"))[:-2]
    rows = ["file", *(str(path.relative_to(photos)) for path in listed), "red/gone.jpg"]
    (photos / "manifest.csv").write_text("\n".join(rows))
    found = evaluate_colours(photos, colours(), robustness_photos=0)
    assert any(note.startswith("1 photos of the manifest do not exist") for note in found.notes)
    assert "2 photos are not in the manifest and were left out" in found.notes


def test_copies_under_several_classes_are_one_photo_for_a_model_of_several_labels(
    photos: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]
) -> None:
    """As `convert` takes them."""
    both = np.zeros((20, 15, 3), np.uint8)
    both[..., 0], both[..., 2] = 200, 200
    for label in ("blue", "red"):
        Image.fromarray(both).save(photos / label / "both.png")
    found = evaluate_colours(photos, colours(multi_label=True), robustness_photos=0)
    assert len(found.asked.photos) == 19
    assert found.figures.accuracy == Share(19, 19)
    assert "blue + red" in found.answers.named(found.answers.truth)
    assert (found.calibration, found.figures.confusion) == (None, None)


def test_the_same_seed_gives_the_same_evaluation(
    photos: Path, evaluate_colours: Evaluate, colours: type[ColourPredictor]
) -> None:
    for path in sorted(photos.glob("*/*"))[::3]:
        darken(path)
    first, again, other = (
        evaluate_colours(photos, colours(blind_below=40), robustness_photos=3, seed=seed) for seed in (1, 1, 2)
    )
    assert first.figures.macro_f1 == again.figures.macro_f1
    assert first.slices == again.slices
    assert first.robustness is not None
    assert again.robustness is not None
    assert first.robustness.curves == again.robustness.curves
    assert first.figures.macro_f1 != other.figures.macro_f1

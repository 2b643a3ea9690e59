"""Which photos are asked about: splits, samples, and classes that a model does not know."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from edgekit_export.assess.choice import (
    choose_photos,
    keep_known,
    others_to_ask,
    shown_name,
    shuffled_by_class,
    stratified_sample,
)
from edgekit_export.data.dataset import DataPhoto, DataSet, Split
from edgekit_export.errors import PhotosError

ROOT = Path("photos")


def dataset(*parts: tuple[Split | None, str, int]) -> DataSet:
    """So many photos of each split and class."""
    photos = [
        DataPhoto(ROOT / (split or "") / label / f"{i:03}.jpg", label, split)
        for split, label, count in parts
        for i in range(count)
    ]
    return DataSet(ROOT, tuple(photos), tuple(sorted({photo.label for photo in photos})))


WHOLE = dataset(("train", "ash", 6), ("train", "oak", 4), ("val", "ash", 2), ("test", "ash", 2), ("test", "oak", 1))


def test_photos_of_test_are_taken_where_there_are_any() -> None:
    choice = choose_photos(WHOLE, None)
    assert (choice.part, len(choice.photos), choice.notes) == ("test", 3, ())
    assert {photo.split for photo in choice.photos} == {"test"}


def test_then_those_of_val_and_then_all() -> None:
    assert choose_photos(dataset(("train", "ash", 3), ("val", "ash", 2)), None).part == "val"
    whole = choose_photos(dataset((None, "ash", 3), (None, "oak", 2)), None)
    assert (whole.part, len(whole.photos)) == ("all", 5)
    assert "not split" in whole.notes[0]


def test_a_wish_goes_before_that_and_photos_of_training_are_told() -> None:
    train = choose_photos(WHOLE, "train")
    assert len(train.photos) == 10
    assert train.notes == ("these are photos of train: if the model was trained on them, new photos will fare worse",)
    everything = choose_photos(WHOLE, "all")
    assert len(everything.photos) == 15
    assert everything.notes[0].startswith("10 of the 15 photos are of train")
    assert choose_photos(WHOLE, "val").notes == ()


def test_a_part_that_is_not_there_is_refused_with_what_there_is() -> None:
    with pytest.raises(PhotosError, match=r"photos: no photos of val; it has train\. Leave --split out"):
        choose_photos(dataset(("train", "ash", 3)), "val")
    with pytest.raises(PhotosError, match=r"no photos of test; it has no splits"):
        choose_photos(dataset((None, "ash", 3)), "test")


def test_photos_of_classes_that_the_model_knows_all_stay() -> None:
    assert keep_known(WHOLE.photos, ("oak", "ash", "elm"), ignore_others=False, about="m") == (WHOLE.photos, ())


def test_other_classes_are_refused_all_by_name() -> None:
    whole = dataset((None, "ash", 3), (None, "fir", 2), (None, "elm", 1))
    with pytest.raises(PhotosError) as caught:
        keep_known(whole.photos, ("ash", "oak"), ignore_others=False, about="leaf.tflite")
    assert str(caught.value) == (
        "3 photos are of classes 'elm', 'fir', which leaf.tflite does not know; it knows 'ash', 'oak'. "
        "Rename the classes, pass --labels FILE, or --ignore-unknown-classes."
    )


def test_or_left_out_where_the_user_says_so() -> None:
    whole = dataset((None, "ash", 3), (None, "fir", 2))
    kept, notes = keep_known(whole.photos, ("ash", "oak"), ignore_others=True, about="leaf.tflite")
    assert {photo.label for photo in kept} == {"ash"}
    assert notes == ("left out 2 photos of class 'fir': leaf.tflite does not know them",)


def test_photos_that_are_all_unknown_are_refused_in_any_case() -> None:
    with pytest.raises(PhotosError, match="Check the names"):
        keep_known(dataset((None, "Ash", 3)).photos, ("ash", "oak"), ignore_others=True, about="m")


def test_many_unknown_classes_are_counted() -> None:
    many = dataset(*((None, f"c{i:02}", 1) for i in range(20)))
    with pytest.raises(PhotosError, match="'c07' and 12 more, which"):
        keep_known(many.photos, ("ash",), ignore_others=False, about="m")


def test_a_label_that_stands_twice_in_the_model_is_refused_where_there_are_photos_of_it() -> None:
    """ImageNet has two classes crane: which one would the photos be of?"""
    with pytest.raises(PhotosError, match="m has the label 'ash' twice"):
        keep_known(WHOLE.photos, ("ash", "oak", "ash"), ignore_others=True, about="m")
    keep_known(WHOLE.photos, ("ash", "oak", "elm", "elm"), ignore_others=False, about="m")


def test_names_are_shown_below_the_folder_of_the_data_set() -> None:
    assert shown_name(ROOT / "ash" / "1.jpg", ROOT) == "ash/1.jpg"
    assert shown_name(Path("/elsewhere/1.jpg"), ROOT) == "/elsewhere/1.jpg"


def labels(photos: Sequence[DataPhoto]) -> list[str]:
    return [photo.label for photo in photos]


def test_a_sample_has_every_class_in_proportion() -> None:
    whole = dataset((None, "ash", 80), (None, "elm", 19), (None, "oak", 1))
    sample = stratified_sample(whole, whole.photos, 20, 0)
    assert {label: labels(sample).count(label) for label in whole.labels} == {"ash": 16, "elm": 3, "oak": 1}
    assert [photo.path for photo in sample] == [p.path for p in whole.photos if p in sample]  # their order stays


def test_a_sample_depends_on_the_seed_and_not_on_other_photos() -> None:
    whole = dataset((None, "ash", 40))
    first, again, other = (stratified_sample(whole, whole.photos, 10, seed) for seed in (1, 1, 2))
    assert first == again != other
    without = tuple(photo for photo in whole.photos if photo != first[0])
    kept = stratified_sample(whole, without, 10, 1)
    assert all(photo in kept for photo in first[1:])


def test_a_sample_of_more_than_there_are_is_all() -> None:
    assert stratified_sample(WHOLE, WHOLE.photos, 1000, 0) == WHOLE.photos


def test_photos_outside_the_folder_can_be_sampled() -> None:
    """A manifest may name photos beside it."""
    photos = (DataPhoto(Path("/elsewhere/1.jpg"), "ash"), DataPhoto(ROOT / "2.jpg", "ash"))
    assert len(shuffled_by_class(DataSet(ROOT, photos, ("ash",)), photos, 0)["ash"]) == 2


def test_how_a_model_was_trained_is_asked_of_photos_that_it_is_not_judged_on() -> None:
    assert others_to_ask(WHOLE, WHOLE.part("test")) == (WHOLE.part("train"), "train")
    assert others_to_ask(WHOLE, WHOLE.part("train")) == (WHOLE.part("val"), "val")


def test_and_never_of_photos_of_test_unless_they_are_all_there_is() -> None:
    only = dataset(("train", "ash", 3), ("test", "ash", 2))
    assert others_to_ask(only, only.part("train")) == (only.part("train"), "the photos evaluated")
    assert others_to_ask(WHOLE, WHOLE.photos) == (WHOLE.photos, "the photos evaluated")
    assert others_to_ask(WHOLE, ()) == (WHOLE.part("train"), "train")
    unsplit = dataset((None, "ash", 3))
    assert others_to_ask(unsplit, unsplit.photos) == (unsplit.photos, "the photos evaluated")
    assert others_to_ask(unsplit, ()) == (unsplit.photos, "the data set")

"""Which photos teach, choose and test, and which networks may compete."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgekit.card import ModelCard, Provenance
from edgekit.modelfile import pack_model_file
from edgekit_export.baseline.cast import choose_cast, require_enough, require_rival, training_seconds
from edgekit_export.data.dataset import DataPhoto, DataSet, read_dataset
from edgekit_export.errors import ModelLoadError, PhotosError
from edgekit_export.learn.parts import Grouping, with_parts

if TYPE_CHECKING:
    from tests.export.conftest import MakePhotos


def dataset(**splits: int) -> DataSet:
    """So many photos of each of two classes in each split; `none` for no split."""
    photos = [
        DataPhoto(Path(f"d/{split}/{label}/{i}.jpg"), label, None if split == "none" else split)  # type: ignore[arg-type]
        for split, count in splits.items()
        for label in ("ant", "bee")
        for i in range(count)
    ]
    return DataSet(Path("d"), tuple(sorted(photos, key=lambda photo: photo.path)), ("ant", "bee"))


def sizes(found: DataSet) -> tuple[int, int, int]:
    return len(found.part("train")), len(found.part("val")), len(found.part("test"))


def test_a_split_that_is_there_stays() -> None:
    whole = dataset(train=9, val=3, test=4)
    cast = choose_cast(whole, Grouping(), most=1000, seed=0)
    assert (cast.dataset, cast.notes) == (whole, ())


def test_without_a_split_it_is_the_one_that_train_makes() -> None:
    whole = dataset(none=40)
    cast = choose_cast(whole, Grouping(), most=1000, seed=3)
    assert cast.dataset == with_parts(whole, Grouping(), 3)[0]
    assert sizes(cast.dataset) == (56, 12, 12)
    assert "must have been trained on the same split" in cast.notes[-1]
    assert choose_cast(whole, Grouping(), most=1000, seed=4).dataset != cast.dataset


def test_groups_stay_together() -> None:
    cast = choose_cast(dataset(none=40), Grouping(pattern=r"(\d)\.jpg"), most=1000, seed=0)
    homes: dict[str, set[str | None]] = {}
    for photo in cast.dataset.photos:
        homes.setdefault(photo.path.stem[-1], set()).add(photo.split)
    assert all(len(splits) == 1 for splits in homes.values())


def test_without_val_a_part_of_train_chooses() -> None:
    cast = choose_cast(dataset(train=20, test=5), Grouping(), most=1000, seed=0)
    assert sizes(cast.dataset) == (34, 6, 10)
    assert len(cast.notes) == 1


def test_without_test_val_tests_and_a_part_of_train_chooses() -> None:
    whole = dataset(train=20, val=5)
    cast = choose_cast(whole, Grouping(), most=1000, seed=0)
    assert sizes(cast.dataset) == (34, 6, 10)
    assert {photo.path for photo in cast.dataset.part("test")} == {photo.path for photo in whole.part("val")}
    assert "those of val test here" in cast.notes[0]


def test_train_alone_is_refused() -> None:
    with pytest.raises(PhotosError, match="expected some of test"):
        choose_cast(dataset(train=20), Grouping(), most=1000, seed=0)


def test_of_too_many_photos_each_split_and_class_sends_its_share() -> None:
    whole = dataset(train=60, val=20, test=20)
    cast = choose_cast(whole, Grouping(), most=50, seed=0)
    assert sizes(cast.dataset) == (30, 10, 10)
    assert set(cast.dataset.counts(cast.dataset.part("val")).values()) == {5}
    assert "50 of 200 photos take part" in cast.notes[0]
    assert {photo.path for photo in cast.dataset.photos} < {photo.path for photo in whole.photos}
    assert choose_cast(whole, Grouping(), most=50, seed=0).dataset == cast.dataset
    assert choose_cast(whole, Grouping(), most=50, seed=1).dataset != cast.dataset
    assert choose_cast(whole, Grouping(), most=200, seed=0).dataset == whole


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_photos_that_cannot_be_read_may_leave_too_few(split: str) -> None:
    whole = dataset(train=2, val=2, test=2)
    require_enough(whole, whole.photos)
    none = [photo for photo in whole.photos if photo.split != split]
    with pytest.raises(PhotosError, match=f"of the photos of {split} found none"):
        require_enough(whole, none)
    one = [photo for photo in whole.photos if photo.split != split or photo.label == "bee"]
    if split != "train":
        require_enough(whole, one)
        return
    with pytest.raises(PhotosError, match="found only those of class 'bee', expected photos of two classes"):
        require_enough(whole, one)


@dataclasses.dataclass
class Named:
    """What is asked of a predictor before it is asked about photos."""

    labels: tuple[str, ...]
    multi_label: bool = False


def test_a_network_has_to_know_the_classes_and_to_name_one() -> None:
    whole = dataset(train=2, test=2)
    require_rival(Path("m.tflite"), Named(("cow", "bee", "ant")), whole)  # type: ignore[arg-type]
    with pytest.raises(PhotosError, match=r"m\.tflite does not know class 'bee' of d; it knows 'ant', 'Bee'"):
        require_rival(Path("m.tflite"), Named(("ant", "Bee")), whole)  # type: ignore[arg-type]
    with pytest.raises(ModelLoadError, match="may find several labels"):
        require_rival(Path("m.tflite"), Named(("ant", "bee"), multi_label=True), whole)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("log", "seconds"),
    [
        ("epoch,seconds,val_loss\n0,12.5,1\n1,30,1\n", 42.5),
        (None, None),
        ("epoch,val_loss\n0,1\n", None),
        ("epoch,seconds\n0,soon\n", None),
        ("epoch,seconds\n0,nan\n", None),
        ("epoch,seconds\n", None),
        ("epoch,seconds\n0\n", None),
    ],
)
def test_the_log_of_a_training_beside_the_file_tells_how_long_it_took(
    tmp_path: Path, tiny_graph: bytes, tiny_card: ModelCard, log: str | None, seconds: float | None
) -> None:
    provenance = Provenance("C:\\models\\leaf.keras", "0" * 64, "0..255", "given", {})
    model = tmp_path / "other.tflite"
    model.write_bytes(pack_model_file(tiny_graph, dataclasses.replace(tiny_card, provenance=provenance)))
    if log is not None:
        (tmp_path / "leaf.training").mkdir()
        (tmp_path / "leaf.training" / "log.csv").write_text(log)
    assert training_seconds(model) == seconds


def test_a_file_that_does_not_say_where_it_comes_from_has_no_training_time(tmp_path: Path, tiny_path: Path) -> None:
    assert training_seconds(tiny_path) is None


def test_the_folder_is_read_as_by_every_other_command(make_photos: MakePhotos, tmp_path: Path) -> None:
    make_photos(tmp_path / "p", count=20)
    cast = choose_cast(read_dataset(tmp_path / "p"), Grouping(), most=1000, seed=0)
    assert sizes(cast.dataset) == (42, 9, 9)

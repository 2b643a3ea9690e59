"""What photos are grouped by: values, quarters of numbers, and columns that group nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from edgekit_export.assess import columns
from edgekit_export.assess.answers import Asked
from edgekit_export.assess.columns import Column, find_columns
from edgekit_export.data.dataset import DataPhoto, DataSet, Split
from edgekit_export.errors import PhotosError


@pytest.fixture(autouse=True)
def files_tell(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What files tell of each photo: nothing, unless a test fills it."""
    told: list[dict[str, str]] = []
    monkeypatch.setattr(
        columns, "how_taken", lambda paths: [told[i] if i < len(told) else {} for i in range(len(paths))]
    )
    return told


def found(
    values: Mapping[str, Sequence[str]],
    *wanted: str,
    brightness: Sequence[float] = (),
    splits: Sequence[Split | None] = (),
) -> tuple[Column, ...]:
    count = len(brightness) or len(splits) or len(next(iter(values.values())))
    photos = tuple(
        DataPhoto(Path(f"{i}.jpg"), "ash", splits[i] if splits else None, {name: v[i] for name, v in values.items()})
        for i in range(count)
    )
    looks = np.array(brightness or [100.0] * count, np.float32)
    asked = Asked(photos, (), ("",) * count, looks, np.full(count, 3.0, np.float32), ())
    return find_columns(asked, DataSet(Path("photos"), photos, ("ash",), tuple(values)), wanted)


def test_a_column_of_few_values_groups_by_them_sorted() -> None:
    assert found({"site": ["B", "A"] * 5}) == (Column("site", ("A", "B"), (1, 0) * 5),)


def test_few_numbers_stand_in_their_order() -> None:
    assert found({"day": ["10", "9", "2"] * 5})[0].groups == ("2", "9", "10")


def test_photos_without_a_value_stand_in_no_group() -> None:
    column = found({"site": ["A", "", "B"] * 5})[0]
    assert (column.groups, column.of_photos[:3]) == (("A", "B"), (0, None, 1))


def test_one_value_for_all_is_no_column() -> None:
    assert found({"site": ["A"] * 10, "note": [""] * 9 + ["x"]}) == ()


def test_a_column_that_names_photos_rather_than_groups_them_is_left_out() -> None:
    many = [f"leaf {i}" for i in range(40)]
    few_each = [f"plant {i // 4}" for i in range(40)]
    assert found({"leaf": many, "plant": few_each}) == ()


def test_but_not_where_it_is_wanted() -> None:
    plants = [f"plant {i // 4}" for i in range(40)]
    assert len(found({"plant": plants}, "plant")[0].groups) == 10


def test_a_wanted_column_of_many_values_keeps_the_most_frequent_and_puts_the_rest_together() -> None:
    values = [f"plot {i:02}" for i in range(30) for _ in range(3 if i < 19 else 1)]
    column = found({"plot": values}, "plot")[0]
    assert column.groups == (*(f"plot {i:02}" for i in range(19)), "all others")
    assert column.of_photos.count(19) == 11


def test_many_numbers_are_cut_into_quarters_of_about_equal_size() -> None:
    column = found({"height_m": [f"{1200 + 5 * i}" for i in range(40)]})[0]
    assert column.groups == ("up to 1245", "above 1245 to 1295", "above 1295 to 1345", "above 1345")
    assert [column.of_photos.count(i) for i in range(4)] == [10, 10, 10, 10]
    assert column.of_photos == tuple(sorted(p for p in column.of_photos if p is not None))


def test_quarters_without_photos_between_equal_numbers_are_no_groups() -> None:
    values = ["0"] * 60 + [str(i) for i in range(1, 31)]
    column = found({"days": values})[0]
    assert column.groups == ("up to 0", "above 0 to 7", "above 7")
    assert [column.of_photos.count(i) for i in range(3)] == [60, 7, 23]


def test_infinity_and_nan_are_no_numbers() -> None:
    assert found({"x": [str(i) for i in range(40)] + ["nan", "inf"]}) == ()


def test_brightness_is_a_column_in_words() -> None:
    column = found({"a": ["x"] * 40}, brightness=[float(i) for i in range(40)])[0]
    assert (column.name, column.groups) == (
        "brightness",
        ("darkest quarter", "darker", "brighter", "brightest quarter"),
    )
    assert (column.of_photos[0], column.of_photos[-1]) == (0, 3)


def test_splits_are_a_column_where_there_are_several() -> None:
    column = found({"a": ["x"] * 12}, splits=[*("train",) * 6, *("test",) * 6])[0]
    assert (column.name, column.groups) == ("split", ("train", "test"))
    assert found({"a": ["x"] * 12}, splits=["test"] * 12) == ()


def test_what_files_tell_is_a_column_in_its_own_order(files_tell: list[dict[str, str]]) -> None:
    files_tell += [{"month": month} for month in ("March", "January", "December") * 5]
    column = found({"a": ["x"] * 15})[0]
    assert (column.name, column.groups) == ("month", ("January", "March", "December"))


def test_the_manifest_goes_before_the_file(files_tell: list[dict[str, str]]) -> None:
    files_tell += [{"camera": f"camera {i % 2}"} for i in range(10)]
    assert found({"camera": ["phone"] * 5 + ["drone"] * 5})[0].groups == ("drone", "phone")


def test_a_column_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(PhotosError, match=r"photos: no column 'farm' to slice by; there are site, camera, month, hour"):
        found({"site": ["A", "B"] * 5}, "farm")


def test_a_wanted_column_with_one_value_is_refused() -> None:
    with pytest.raises(PhotosError, match=r"nothing to compare in column 'site': all photos have 'A'"):
        found({"site": ["A"] * 9}, "site")
    with pytest.raises(PhotosError, match="no photo has a value"):
        found({"site": [""] * 9}, "site")


def test_only_wanted_columns_are_taken_each_once() -> None:
    values = {"site": ["A", "B"] * 5, "rain": ["no", "yes"] * 5, "day": ["1", "2"] * 5}
    assert [column.name for column in found(values, "rain", "site", "rain")] == ["rain", "site"]

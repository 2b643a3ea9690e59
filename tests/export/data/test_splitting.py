"""Splits: whole groups, each class its share, the same every time, and a clear word where it cannot be."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgekit_export.data.dataset import SPLITS, DataPhoto, DataSet, Split
from edgekit_export.data.splitting import groups_of, joined, name_in, plan_split, with_splits
from edgekit_export.errors import PhotosError

ROOT = Path("photos")


def dataset(*names: str, columns: Sequence[dict[str, str]] = (), manifest: Path | None = None) -> DataSet:
    told = columns or [{}] * len(names)
    photos = tuple(
        DataPhoto(ROOT / name, name.split("/")[0], None, more) for name, more in zip(names, told, strict=True)
    )
    labels = tuple(sorted({photo.label for photo in photos}))
    return DataSet(ROOT, photos, labels, tuple(told[0]) if told else (), manifest)


def counts(labels: Sequence[str], splits: Sequence[Split]) -> dict[str, list[int]]:
    found = Counter(zip(labels, splits, strict=True))
    return {label: [found[label, split] for split in SPLITS] for label in sorted(set(labels))}


def off(labels: Sequence[str], splits: Sequence[Split], shares: Sequence[float] = (0.6, 0.2, 0.2)) -> float:
    """The largest distance of a class's share of a split from what was wanted."""
    rows = [np.array(row) / sum(row) for row in counts(labels, splits).values()]
    return float(np.abs(np.array(rows) - shares).max())


def torn(groups: Sequence[str], splits: Sequence[Split]) -> list[str]:
    found = defaultdict(set)
    for group, split in zip(groups, splits, strict=True):
        found[group].add(split)
    return [group for group, where in found.items() if len(where) > 1]


def series(classes: int, groups: int, sizes: Sequence[int], seed: int = 0) -> tuple[list[str], list[str]]:
    """Groups of one class each."""
    chance = random.Random(seed)  # noqa: S311
    labels, names = [], []
    for group in range(groups):
        for _ in range(chance.choice(sizes)):
            labels.append(f"class {group % classes}")
            names.append(f"plant {group}")
    return labels, names


def single(label: str, count: int) -> tuple[list[str], list[str]]:
    return [label] * count, [f"{label}/{i:04}.jpg" for i in range(count)]


# ---- plan_split


@pytest.mark.parametrize(("val", "test"), [(0.2, 0.2), (0.1, 0.25), (0.3, 0), (0, 0.5)])
def test_without_groups_each_class_gets_its_share(val: float, test: float) -> None:
    labels, groups = (a + b + c for a, b, c in zip(single("a", 100), single("b", 237), single("c", 20), strict=True))
    splits = plan_split(labels, groups, val=val, test=test, seed=0)
    for label, row in counts(labels, splits).items():
        wanted = np.array([1 - val - test, val, test]) * labels.count(label)
        assert np.abs(row - wanted).max() < 1


def test_a_split_is_the_same_everywhere() -> None:
    """Recorded: another Python, numpy or machine must not deal anew what people have trained on."""
    labels, groups = single("a", 12)
    splits = plan_split(labels, groups, val=0.25, test=0.25, seed=7)
    assert "".join(split[1] for split in splits) == "rerraeararer"
    labels, groups = series(2, 12, (1, 2, 3))
    splits = plan_split(labels, groups, val=0.25, test=0.25, seed=7)
    dealt = dict(zip(groups, splits, strict=True))
    assert "".join(split[1] for split in dealt.values()) == "rerrerrarraa"


def test_another_seed_is_another_split_and_the_order_of_photos_does_not_count() -> None:
    labels, groups = series(3, 60, (1, 2, 5))
    first = dict(zip(groups, plan_split(labels, groups, val=0.2, test=0.2, seed=0), strict=True))
    other = dict(zip(groups, plan_split(labels, groups, val=0.2, test=0.2, seed=1), strict=True))
    assert first != other
    order = random.Random(0).sample(range(len(labels)), len(labels))  # noqa: S311
    mixed = plan_split([labels[i] for i in order], [groups[i] for i in order], val=0.2, test=0.2, seed=0)
    assert {groups[i]: split for i, split in zip(order, mixed, strict=True)} == first


def test_one_more_photo_moves_hardly_any_other() -> None:
    labels, groups = single("a", 200)
    before = dict(zip(groups, plan_split(labels, groups, val=0.2, test=0.2, seed=0), strict=True))
    for name in ("a/new.jpg", "a/0000b.jpg", "a/zzz.jpg"):
        more = plan_split([*labels, "a"], [*groups, name], val=0.2, test=0.2, seed=0)
        after = dict(zip([*groups, name], more, strict=True))
        assert sum(before[group] != after[group] for group in groups) <= 2


@pytest.mark.parametrize("seed", range(5))
def test_groups_stay_whole_and_classes_keep_their_shares(seed: int) -> None:
    labels, groups = series(3, 150, (1, 2, 3, 4, 9), seed)
    splits = plan_split(labels, groups, val=0.2, test=0.2, seed=seed)
    assert torn(groups, splits) == []
    assert off(labels, splits) < 0.02


@pytest.mark.parametrize("seed", range(5))
def test_groups_of_several_classes_stay_whole_and_every_class_is_everywhere(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    labels, groups = [], []
    for site in range(14):
        for _ in range(chance.randint(20, 90)):
            labels.append(chance.choices("abcd", weights=[chance.random() ** 3 + 0.01 for _ in "abcd"])[0])
            groups.append(f"site {site}")
    splits = plan_split(labels, groups, val=0.2, test=0.2, seed=seed)
    assert torn(groups, splits) == []
    assert all(min(row) > 0 for row in counts(labels, splits).values())
    assert off(labels, splits) < 0.15


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 25)), min_size=10, max_size=80),
    st.sampled_from([(0.2, 0.2), (0.15, 0.1), (0.3, 0.0)]),
    st.integers(0, 3),
)
def test_a_split_never_leaks_and_never_loses_a_class(
    photos: list[tuple[str, int]], shares: tuple[float, float], seed: int
) -> None:
    labels, groups = [label for label, _ in photos], [f"g{group}" for _, group in photos]
    val, test = shares
    try:
        splits = plan_split(labels, groups, val=val, test=test, seed=seed)
    except PhotosError as error:
        assert "\n" not in str(error)  # noqa: PT017 - refused in words
        return
    assert torn(groups, splits) == []
    wanted = [split for split, share in zip(SPLITS, (1, val, test), strict=True) if share]
    for row in counts(labels, splits).values():
        assert all(count > 0 for count, split in zip(row, SPLITS, strict=True) if split in wanted)
    assert set(splits) == set(wanted)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 25)), min_size=10, max_size=80))
def test_what_can_be_split_is_split(photos: list[tuple[str, int]]) -> None:
    """With groups of one class each, and three or more of each class, every class can be everywhere."""
    labels, groups = [label for label, _ in photos], [f"{label}{group}" for label, group in photos]
    assume(all(len({g for g in groups if g[0] == label}) >= 3 for label in set(labels)))
    try:
        plan_split(labels, groups, val=0.3, test=0.3, seed=0)
    except PhotosError as error:
        assert "groups are not torn apart" in str(error)  # noqa: PT017 - only for a group that is too large
        assert max(Counter(groups).values()) > 1


def test_the_smallest_class_is_in_every_split() -> None:
    labels, groups = (a + b for a, b in zip(single("a", 97), single("b", 3), strict=True))
    assert counts(labels, plan_split(labels, groups, val=0.1, test=0.1, seed=0))["b"] == [1, 1, 1]
    labels, groups = ["a"] * 12, [f"g{min(i, 3)}" for i in range(12)]  # groups of 1, 1, 1 and 9
    assert counts(labels, plan_split(labels, groups, val=0.1, test=0.1, seed=0))["a"] in (
        [10, 1, 1],
        [9, 1, 2],
        [9, 2, 1],
    )


@pytest.mark.parametrize(
    ("labels", "groups", "said"),
    [
        ("aaabb", "12345", "class 'b': found 2 photos, expected at least 3: one for each of 3 splits"),
        ("aaab", "1234", "class 'b': found 1 photo, expected at least 3"),
        ("aaabbbb", "1234455", r"class 'b': found 4 photos in 2 groups \('4'\), expected at least 3"),
        ("aaabbb", "123444", r"class 'b': found 3 photos in 1 group \('4'\)"),
        ("aabbcc", "123123", "found 2 photos"),
    ],
)
def test_a_class_with_too_few_groups_is_refused(labels: str, groups: str, said: str) -> None:
    with pytest.raises(PhotosError, match=said + ".*--val 0 or --test 0"):
        plan_split(list(labels), list(groups), val=0.2, test=0.2, seed=0)


def test_fewer_splits_need_fewer_groups() -> None:
    assert sorted(plan_split(["a"] * 2, ["1", "2"], val=0.5, test=0, seed=0)) == ["train", "val"]
    assert plan_split(["a"] * 2, ["1", "1"], val=0, test=0, seed=0) == ("train", "train")


def test_a_group_that_is_too_large_is_named() -> None:
    labels, groups = single("a", 10)
    labels, groups = labels + ["a"] * 90, groups + ["site 'A'"] * 90
    with pytest.raises(
        PhotosError, match=r"""would get 5 photos, expected about 20: group "site 'A'" holds 90 of 100"""
    ):
        plan_split(labels, groups, val=0.2, test=0.2, seed=0)


def test_classes_that_cannot_be_everywhere_are_refused() -> None:
    """Each class has three groups, but no way to deal the four puts each of a, b and c everywhere."""
    labels, groups = list("acabcbcab"), list("112223344")
    with pytest.raises(PhotosError, match=r"class '[abc]' cannot be in each split: .*group '2' holds 3 of 9 photos"):
        plan_split(labels, groups, val=0.3, test=0.3, seed=0)
    splits = plan_split([*labels, "a"], [*groups, "5"], val=0.3, test=0.3, seed=0)
    assert all(min(row) > 0 for row in counts([*labels, "a"], splits).values())


@pytest.mark.parametrize(("val", "test"), [(-0.1, 0.2), (0.5, 0.5), (0, 1), (0.8, 0.4)])
def test_shares_that_leave_nothing_are_a_callers_mistake(val: float, test: float) -> None:
    with pytest.raises(ValueError, match="that leave something for train"):
        plan_split(["a"] * 9, list("123456789"), val=val, test=test, seed=0)


def test_many_photos_are_no_trouble() -> None:
    labels = [f"c{i % 20}" for i in range(50_000)]
    groups = [f"p{i // 20}" if i % 2 else f"photo {i}" for i in range(50_000)]
    splits = plan_split(labels, groups, val=0.2, test=0.2, seed=0)
    assert torn(groups, splits) == []
    assert off(labels, splits) < 0.01


# ---- groups_of, joined, with_splits


def test_without_a_word_about_groups_each_photo_is_its_own() -> None:
    assert groups_of(dataset("a/1.jpg", "b/x/2.jpg")) == ("a/1.jpg", "b/x/2.jpg")
    assert name_in(ROOT, Path("/elsewhere/1.jpg")) == "/elsewhere/1.jpg"


def test_a_column_names_groups() -> None:
    found = dataset("a/1.jpg", "a/2.jpg", columns=[{"plant": "p1"}, {"plant": "p2"}])
    assert groups_of(found, column="plant") == ("p1", "p2")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("plant[0-9]+", ("plant07", "plant08")),
        ("(plant[0-9]+)_", ("plant07", "plant08")),
        ("^([^/]+)/(plant[0-9]+)", ("a/plant07", "b/plant08")),
        ("(plant07)|(plant08)", ("plant07", "plant08")),
        ("(?i)PLANT(?:[0-9]+)", ("plant07", "plant08")),
    ],
)
def test_a_pattern_finds_groups(pattern: str, expected: tuple[str, str]) -> None:
    assert groups_of(dataset("a/plant07_1.jpg", "b/plant08_2.jpg"), pattern=pattern) == expected


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"column": "plnt"}, r"m.csv: no column 'plnt'; its columns are plant, site\."),
        ({"column": "site"}, "m.csv: no site for a/2.jpg"),
        ({"pattern": "a/1"}, r"the pattern 'a/1' finds nothing in a/2.jpg. Change it so that it finds the group"),
        ({"pattern": "a/(x*)"}, "finds nothing in|a/"),
        ({"pattern": "("}, r"'\(' is not a regular expression: missing \)"),
    ],
)
def test_groups_that_cannot_be_told_are_refused(asked: dict[str, str], said: str) -> None:
    columns = [{"plant": "p1", "site": "A"}, {"plant": "p2", "site": ""}]
    found = dataset("a/1.jpg", "a/2.jpg", columns=columns, manifest=Path("m.csv"))
    if asked == {"pattern": "a/(x*)"}:
        assert groups_of(found, **asked) == ("a/", "a/")  # an empty group counts as none: all that was found
        return
    with pytest.raises(PhotosError, match=said):
        groups_of(found, **asked)


def test_a_data_set_without_columns_says_so() -> None:
    with pytest.raises(PhotosError, match=r"photos \(no manifest\): no column 'plant'; it has no further columns"):
        groups_of(dataset("a/1.jpg"), column="plant")


def test_twins_join_groups() -> None:
    groups = ("p3", "p1", "p2", "p3", "alone", "p1")
    assert joined(groups, []) == groups
    assert joined(groups, [(0, 2)]) == ("p2", "p1", "p2", "p2", "alone", "p1")
    assert joined(groups, [(0, 2), (3, 5)]) == ("p1", "p1", "p1", "p1", "alone", "p1")


def test_splits_are_put_into_a_data_set() -> None:
    found = with_splits(dataset("a/1.jpg", "b/2.jpg"), ["val", "train"])
    assert [(photo.path.name, photo.split) for photo in found.photos] == [("1.jpg", "val"), ("2.jpg", "train")]
    assert found.splits == ("train", "val")

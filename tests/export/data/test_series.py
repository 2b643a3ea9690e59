"""Hints on groups: given where names are telling, and not where they are just names."""

from __future__ import annotations

import re

import pytest

from edgekit_export.data.series import series_hint


def hint(*names: str) -> str | None:
    found = series_hint(names, [name.split("/")[-2 if name.startswith("train") else 0] for name in names])
    return None if found is None else found.pattern or found.why


SERIES = r"([^/]*[0-9])[ _-]+[0-9]+[.][^./]+$"
DAY = r"(?<![0-9])(20[0-9]{2}-?[01][0-9]-?[0-3][0-9])[^/]*$"
FOLDER = r"^(.+)/[^/]+$"


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("rust/plant{group:02}_{shot}.jpg", SERIES),
        ("rust/plant {group} - {shot:03}.JPG", SERIES),
        ("rust/{group}/{shot}.jpg", FOLDER),
        ("rust/site{group}/IMG_{shot:04}.jpg", FOLDER),
        ("rust/IMG_202106{group:02}_10{shot:04}.jpg", DAY),
        ("rust/2021-06-{group:02} {shot}.png", DAY),
    ],
)
def test_names_with_groups_in_them_are_seen(name: str, pattern: str) -> None:
    names = [name.format(group=10 + group, shot=shot) for group in range(8) for shot in range(4)]
    found = series_hint(names, ["rust"] * 32)
    assert found is not None
    assert found.pattern == pattern
    assert "8 " in found.why
    assert "about 4 photos" in found.why
    finds = {re.search(pattern, one)[1] for one in names}  # type: ignore[index]
    assert len(finds) == 8


@pytest.mark.parametrize(
    "names",
    [
        [f"rust/{i}.jpg" for i in range(40)],
        [f"rust/rust_train_{i}.jpg" for i in range(40)],
        [f"{label}/{label}_2_{i}.jpg" for label in "abc" for i in range(20)],  # says no more than the class
        [f"rust/JR-B-Spot_{3000 + 3 * i:05}_{hash(('x', i)) & 0xFFFFFFFF:08x}a.jpg" for i in range(40)],
        [f"rust/plant{i:02}_1.jpg" for i in range(40)],  # one photo each
        [*(f"rust/plant{i:02}_{j}.jpg" for i in range(9) for j in range(3)), *(f"rust/x{j}.jpg" for j in range(6))],
        [f"train/{label}/{i}.jpg" for label in "abc" for i in range(20)],
        [f"rust/{i:030}.jpg" for i in range(20201231, 20201271)],
    ],
)
def test_names_that_tell_nothing_are_left_alone(names: list[str]) -> None:
    assert hint(*names) is None


def test_a_few_photos_may_be_named_otherwise() -> None:
    names = ["rust/from_web.jpg", *(f"rust/plant{i:02}_{j}.jpg" for i in range(9) for j in range(3))]
    found = series_hint(names, ["rust"] * 28)
    assert found is not None
    assert found.pattern == SERIES
    assert found.why.endswith(
        "9 series of about 3 photos, such as 'plant00' (1 named otherwise, such as 'rust/from_web.jpg')"
    )


@pytest.mark.parametrize("name", ["IMG_{:04}.jpg", "DSC{:05}.JPG", "DSCN{:04}.jpg", "dsc_{:04}.jpg", "GOPR{:04}.jpg"])
def test_a_cameras_running_number_is_weak_evidence(name: str) -> None:
    names = [f"rust/{name.format(i)}" for i in range(40)]
    found = series_hint(names, ["rust"] * 40)
    assert found is not None
    assert found.pattern is None
    assert "running number of a camera" in found.why


def test_no_photos_are_no_trouble() -> None:
    assert series_hint([], []) is None

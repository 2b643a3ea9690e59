"""Photos in which little can be seen: told where they are unlike the others, and only there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageFilter

from edgekit_export.check.finding import Finding
from edgekit_export.check.quality import quality_findings

if TYPE_CHECKING:
    from edgekit_export.check.survey import Survey
    from tests.export.check.conftest import Garden

LookOver = Callable[[Path], "Survey"]
ByKind = Callable[[Any], dict[str, Finding]]
Names = Callable[[Finding], list[str]]


def dark(image: Image.Image) -> Image.Image:
    return Image.eval(image, lambda value: value // 12)


def bright(image: Image.Image) -> Image.Image:
    return Image.eval(image, lambda value: min(255, 2 * value + 90))


def blurred(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(5))


def small(image: Image.Image) -> Image.Image:
    return image.resize((20, 24))


def long(image: Image.Image) -> Image.Image:
    return image.resize((300, 96))


def cut_off(image: Image.Image) -> Image.Image:
    image.paste((128, 128, 128), (0, 60, 96, 96))
    return image


CHANGES = {
    "dark": dark, "overexposed": bright, "blurred": blurred, "low_resolution": small, "odd_shape": long,
    "cut_off": cut_off,
}  # fmt: skip


def test_photos_that_are_alike_are_no_finding(garden: Garden, look_over: LookOver) -> None:
    assert list(quality_findings(look_over(garden(8)))) == []


@pytest.mark.parametrize("kind", CHANGES)
def test_the_one_photo_that_is_unlike_the_others_is_told(
    garden: Garden, look_over: LookOver, by_kind: ByKind, names: Names, kind: str
) -> None:
    root = garden(8)
    path = root / "green/green03.jpg"
    CHANGES[kind](Image.open(path)).save(path.with_suffix(".png"))
    path.unlink()
    found = by_kind(quality_findings(look_over(root)))
    assert names(found[kind]) == ["green03.png"]
    assert set(found) == {kind}
    assert found[kind].headline.startswith("1 photo")


@pytest.mark.parametrize("kind", ["dark", "overexposed", "blurred", "low_resolution", "odd_shape"])
def test_where_all_photos_are_so_it_is_no_fault(garden: Garden, look_over: LookOver, kind: str) -> None:
    root = garden(6)
    for path in list(root.rglob("*.jpg")):
        CHANGES[kind](Image.open(path)).save(path.with_suffix(".png"))
        path.unlink()
    assert list(quality_findings(look_over(root))) == []


def test_many_are_worth_a_warning_and_the_worst_stands_first(
    garden: Garden, look_over: LookOver, by_kind: ByKind, names: Names
) -> None:
    root = garden(8)
    for i, sigma in enumerate((4, 8, 6)):
        path = root / f"green/green{i:02}.jpg"
        Image.open(path).filter(ImageFilter.GaussianBlur(sigma)).save(path.with_suffix(".png"))
        path.unlink()
    finding = by_kind(quality_findings(look_over(root)))["blurred"]
    assert names(finding) == ["green01.png", "green02.png", "green00.png"]
    assert (finding.severity, finding.headline) == ("warn", "3 photos are blurred")

"""`--input-range` as people write it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.inputrange import CHOICES, parse_input_range

IMAGENET_SCALED = "mean=0.485,0.456,0.406/std=0.229,0.224,0.225"
IMAGENET = "mean=123.675,116.28,103.53/std=58.395,57.12,57.375"


@pytest.mark.parametrize(
    ("text", "mean", "std", "low", "high"),
    [
        ("0..255", (0.0,), (1.0,), 0.0, 255.0),
        ("0..1", (0.0,), (255.0,), 0.0, 1.0),
        ("-1..1", (127.5,), (127.5,), -1.0, 1.0),
        (" 0..1 ", (0.0,), (255.0,), 0.0, 1.0),
        ("mean=0/std=1", (0.0,), (1.0,), 0.0, 255.0),
        ("mean=127.5/std=127.5", (127.5,), (127.5,), -1.0, 1.0),
        ("mean=10,20,30/std=2", (10.0, 20.0, 30.0), (2.0,), -15.0, 122.5),
        ("mean=10/std=1,2,5", (10.0,), (1.0, 2.0, 5.0), -10.0, 245.0),
        ("mean=-5/std=1", (-5.0,), (1.0,), 5.0, 260.0),
        (IMAGENET, (123.675, 116.28, 103.53), (58.395, 57.12, 57.375), -2.117904, 2.64),
    ],
)
def test_a_range_is_a_mean_and_std_of_pixels(
    text: str, mean: tuple[float, ...], std: tuple[float, ...], low: float, high: float
) -> None:
    found = parse_input_range(text)
    assert (found.text, found.mean, found.std) == (text.strip(), mean, std)
    assert found.low == pytest.approx(low)
    assert found.high == pytest.approx(high)


@pytest.mark.parametrize(
    "text", ["", "0-1", "[0,1]", "0..2", "imagenet", "mean=1", "std=1", "std=1/mean=1", "mean=1/std=", "mean=a/std=1"]
)
def test_other_texts_are_refused_with_the_choices(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"expected {CHOICES}")):
        parse_input_range(text)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999", "1,,2", "1 2 3"])
@pytest.mark.parametrize("text", ["mean={}/std=1", "mean=1/std={}", "mean=1,{},3/std=1"])
def test_mean_and_std_are_finite_numbers(text: str, number: str) -> None:
    with pytest.raises(ValueError, match="is not a list of numbers"):
        parse_input_range(text.format(number))


@pytest.mark.parametrize(
    "text", ["mean=1,2/std=1", "mean=1/std=1,2", "mean=1,2,3,4/std=1", "mean=1/std=0", "mean=1/std=-9"]
)
def test_mean_and_std_are_one_or_three_and_std_is_positive(text: str) -> None:
    with pytest.raises(
        ValueError, match=re.escape(f"{text!r}; mean and std take one or three numbers each, std above 0")
    ):
        parse_input_range(text)


def test_mean_and_std_of_the_scale_0_to_1_are_answered_in_pixel_units() -> None:
    with pytest.raises(ValueError, match=re.escape(f"{IMAGENET_SCALED!r} is on the scale 0..1")) as caught:
        parse_input_range(IMAGENET_SCALED)
    assert str(caught.value).endswith(f"in pixel units (0..255) it is {IMAGENET}")


@settings(derandomize=True, deadline=None)
@given(st.integers(0, 1000).map(lambda n: n / 1000), st.integers(4, 999).map(lambda n: n / 1000))
def test_the_answer_in_pixel_units_can_be_pasted(mean: float, std: float) -> None:
    with pytest.raises(ValueError, match="pixel units") as caught:
        parse_input_range(f"mean={mean}/std={std}")
    pasted = parse_input_range(str(caught.value).rsplit(" ", 1)[-1])
    assert pasted.mean == pytest.approx((255 * mean,))
    assert pasted.std == pytest.approx((255 * std,))

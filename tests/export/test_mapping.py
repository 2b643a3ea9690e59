"""From pixels to a network's input: as arithmetic, as a matrix, and as training code does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.inputrange import parse_input_range
from edgekit_export.errors import InputRangeError
from edgekit_export.mapping import CHANNEL_ORDERS, ChannelOrder, Mapping, given_range, plausible_mappings

if TYPE_CHECKING:
    from tests.export.conftest import Nets

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)


def mapping(text: str, order: ChannelOrder = "RGB") -> Mapping:
    return Mapping(parse_input_range(text), order)


@st.composite
def mappings(draw: st.DrawFn) -> Mapping:
    numbers = [
        draw(st.lists(st.floats(low, 255), min_size=count, max_size=count))
        for low, count in ((0, draw(st.sampled_from((1, 3)))), (1, draw(st.sampled_from((1, 3)))))
    ]
    mean, std = (",".join(map(str, values)) for values in numbers)
    return mapping(f"mean={mean}/std={std}", draw(st.sampled_from(CHANNEL_ORDERS)))


@given(mappings())
def test_each_channel_is_its_pixel_less_the_mean_over_the_std(found: Mapping) -> None:
    mean, std = np.broadcast_to(found.range.mean, 3), np.broadcast_to(found.range.std, 3)
    tensor = found.tensor(PIXELS)
    assert (tensor.dtype.name, tensor.shape) == ("float32", (1, 4, 5, 3))
    for channel in range(3):
        pixel = PIXELS[:, :, channel if found.order == "RGB" else 2 - channel].astype(float)
        assert np.allclose(tensor[0, :, :, channel], (pixel - mean[channel]) / std[channel], rtol=1e-5, atol=1e-4)


@given(mappings())
def test_the_matrix_gives_the_tensor(found: Mapping) -> None:
    weights, bias = found.matrix(3)
    assert (weights.dtype.name, weights.shape, bias.dtype.name, bias.shape) == ("float32", (3, 3), "float32", (3,))
    assert np.allclose((PIXELS.astype(np.float32) @ weights + bias)[None], found.tensor(PIXELS), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("found", plausible_mappings(1, None), ids=lambda found: found.text)
def test_gray_pixels_are_mapped_too(found: Mapping) -> None:
    gray = PIXELS[:, :, :1]
    weights, bias = found.matrix(1)
    assert (weights.shape, bias.shape) == ((1, 1), (1,))
    assert np.allclose((gray * weights[0, 0] + bias)[None], found.tensor(gray), atol=1e-5)


@pytest.mark.parametrize(("text", "low", "high"), [("0..255", 0.0, 255.0), ("0..1", 0.0, 1.0), ("-1..1", -1.0, 1.0)])
def test_black_and_white_are_the_ends_of_a_named_range(text: str, low: float, high: float) -> None:
    ends = mapping(text).tensor(np.array([[[0] * 3, [255] * 3]], np.uint8))
    assert np.array_equal(ends[0, 0], [[low] * 3, [high] * 3])


@pytest.mark.parametrize(
    ("found", "text", "one_scale"),
    [
        (mapping("0..255"), "0..255", True),
        (mapping("0..1"), "0..1", True),
        (mapping("-1..1"), "-1..1", True),
        (mapping("0..1", "BGR"), "0..1 BGR", False),
        (mapping("mean=128/std=1"), "mean=128/std=1", False),
        (mapping("mean=1,2,3/std=4", "BGR"), "mean=1,2,3/std=4 BGR", False),
    ],
)
def test_it_says_what_it_is_and_whether_a_scale_alone_can_express_it(
    found: Mapping, text: str, one_scale: bool
) -> None:
    assert (found.text, found.is_one_scale) == (text, one_scale)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("order", [None, *CHANNEL_ORDERS])
def test_what_is_plausible_differs_and_begins_with_the_usual(channels: int, order: ChannelOrder | None) -> None:
    found = plausible_mappings(channels, order)
    assert len(set(found)) == len(found)
    assert [choice.range.text for choice in found[:3]] == ["0..255", "0..1", "-1..1"]
    orders = {choice.order for choice in found}
    assert orders == ({"RGB"} if channels == 1 else {order} if order else {"RGB", "BGR"})
    tensors = [choice.tensor(PIXELS[:, :, :channels]).tobytes() for choice in found]
    assert len(set(tensors)) == len(tensors)


def test_a_known_order_has_every_range_that_any_order_has() -> None:
    texts = {choice.range.text for choice in plausible_mappings(3, None)}
    for order in CHANNEL_ORDERS:
        assert {choice.range.text for choice in plausible_mappings(3, order)} == texts


@pytest.mark.host
@pytest.mark.parametrize("mode", ["tf", "torch", "caffe", "none"])
def test_what_keras_applications_do_is_plausible(nets: Nets, mode: str) -> None:
    pixels = PIXELS[None].astype(np.float32)
    wanted: Any = pixels
    if mode != "none":
        wanted = nets.keras.applications.imagenet_utils.preprocess_input(pixels.copy(), mode=mode)
    near = [found.text for found in plausible_mappings(3, None) if np.allclose(found.tensor(PIXELS), wanted, atol=1e-3)]
    assert len(near) == 1


@pytest.mark.parametrize(
    ("text", "channels", "reason"),
    [
        ("0-255", 3, "--input-range: '0-255'; expected 0..255, 0..1, -1..1, or mean="),
        ("mean=0.5/std=0.5", 3, "in pixel units"),
        ("mean=1,2,3/std=4", 1, "--input-range: 'mean=1,2,3/std=4' has values for 3 channels, the model takes 1."),
        ("mean=1/std=2,3,4", 1, "has values for 3 channels, the model takes 1."),
    ],
)
def test_a_range_that_cannot_be_is_refused(text: str, channels: int, reason: str) -> None:
    with pytest.raises(InputRangeError) as caught:
        given_range(text, channels)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("text", "channels"), [("0..1", 3), ("0..1", 1), ("mean=1,2,3/std=4", 3), ("mean=1/std=2", 1), (" -1..1 ", 3)]
)
def test_a_range_that_can_be_is_taken(text: str, channels: int) -> None:
    assert given_range(text, channels) == parse_input_range(text)

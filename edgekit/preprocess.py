"""Pixels -> input tensor, as the card says. The only code that does this, on the host and on the device.

Photos are 8-bit and stay 8-bit: fitting and resizing is Pillow's fixed-point arithmetic, and the mapping to the input
tensor is a table of 256 entries a channel, so integer models see integer arithmetic only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import InputSpec
from edgekit.photo import check_pixels

_KERNELS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
_PAD_VALUE = 0  # black bars, as tf.image.resize_with_pad


def fit_pixels(image: Image.Image | NDArray[np.uint8], spec: InputSpec) -> NDArray[np.uint8]:
    """The pixels of a photo, brought to the model's size and colours.

    Args:
        image: An RGB image of any size, or a uint8 array of shape (height, width, 3) or (height, width). An array
            that already has the model's shape is returned as it is.
        spec: `fit` stretch ignores the aspect; crop cuts the centre to the model's aspect first; pad scales the
            whole photo into the middle and leaves black bars.

    Returns:
        uint8 array of shape (height, width, channels), 0..255.

    Raises:
        ImageError: an array of another shape or dtype.
    """
    shape = (spec.height, spec.width, spec.channels)
    if isinstance(image, np.ndarray):
        if image.shape == shape and image.dtype == np.uint8:
            return image
        image = Image.fromarray(check_pixels(image))
    mode = spec.color_order
    if image.mode != mode:
        image = image.convert(mode)
    return np.asarray(_fit(image, spec)).reshape(shape)


def _fit(image: Image.Image, spec: InputSpec) -> Image.Image:
    size = (spec.width, spec.height)
    kernel = _KERNELS[spec.resize_kernel]
    if spec.fit == "stretch" or image.width * spec.height == image.height * spec.width:
        return image if image.size == size else image.resize(size, kernel)
    if spec.fit == "crop":
        return image.crop(centre_box(image.width, image.height, spec)).resize(size, kernel)
    left, top, right, bottom = letterbox(image.width, image.height, spec)
    canvas = Image.new(image.mode, size, _PAD_VALUE)
    canvas.paste(image.resize((right - left, bottom - top), kernel), (left, top))
    return canvas


def centre_box(width: int, height: int, spec: InputSpec) -> tuple[int, int, int, int]:
    """The largest centred box (left, top, right, bottom) of a photo that has the model's aspect."""
    cut_width = min(width, max(1, _rounded(height * spec.width, spec.height)))
    cut_height = min(height, max(1, _rounded(width * spec.height, spec.width)))
    left, top = (width - cut_width) // 2, (height - cut_height) // 2
    return left, top, left + cut_width, top + cut_height


def letterbox(width: int, height: int, spec: InputSpec) -> tuple[int, int, int, int]:
    """The largest centred box (left, top, right, bottom) of the model's input that has the photo's aspect."""
    scaled_width = min(spec.width, max(1, _rounded(width * spec.height, height)))
    scaled_height = min(spec.height, max(1, _rounded(height * spec.width, width)))
    left, top = (spec.width - scaled_width) // 2, (spec.height - scaled_height) // 2
    return left, top, left + scaled_width, top + scaled_height


def _rounded(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


class PixelTable:
    """The mapping from pixels 0..255 to the input tensor, worked out once for all 256 values.

    Args:
        spec: The real value of a pixel is ``(pixel - mean) / std``.
        dtype: Of the input tensor: uint8, int8 or float32.
        scale: Of a quantized input tensor; unused for float32.
        zero_point: Of a quantized input tensor; unused for float32.

    Values outside the tensor's range saturate. Source of the formula ``round(real / scale) + zero_point``:
    TensorFlow Lite 8-bit quantization specification.
    """

    def __init__(self, spec: InputSpec, dtype: np.dtype[Any], scale: float, zero_point: int) -> None:
        pixels = np.arange(256, dtype=np.float64)[:, None]
        real = (pixels - np.array(spec.mean)) / np.array(spec.std)
        if dtype == np.float32:
            table = real.astype(np.float32)
        else:
            limits = np.iinfo(dtype)
            # A float32 scale is not exactly 1/255; without this, a value meant as n+0.5 falls to either side.
            steps = np.round(real / scale, 4)
            table = np.clip(np.floor(steps + 0.5) + zero_point, limits.min, limits.max).astype(dtype)
        self.table = table
        identity = np.arange(256).reshape(256, 1)
        self.is_identity = dtype == np.uint8 and bool(np.array_equal(table, np.broadcast_to(identity, table.shape)))

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """The input tensor for `pixels`, uint8 (height, width, channels); shape (1, height, width, channels)."""
        if self.is_identity:
            return pixels[None]
        if self.table.shape[1] == 1:
            return np.asarray(self.table[:, 0].take(pixels))[None]
        channels = (self.table[:, c].take(pixels[..., c]) for c in range(pixels.shape[-1]))
        return np.asarray(np.stack(list(channels), axis=-1))[None]

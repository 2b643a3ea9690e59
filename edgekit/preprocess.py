"""Pixels -> input tensor, as the card says. The only code that does this, on the host and on the device.

Photos are 8-bit and stay 8-bit: fitting and resizing is Pillow's fixed-point arithmetic, first across and then down,
and the mapping to the input tensor is a table of 256 entries a channel, so integer models see integer arithmetic only.

The kernel ``tf-bilinear`` is the exception: it is `tf.image.resize` without antialiasing, in float32 as there and
rounded to 8 bits at the end, for models that were trained on such photos. Keras' `image_dataset_from_directory` makes
them, whatever the size of the photo. `keras.utils.load_img` and `flow_from_directory` use Pillow's NEAREST unless they
are told otherwise; for those, the kernel is ``nearest``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import InputSpec, ResizeKernel
from edgekit.photo import AtLeast, Photo, check_pixels, load_photo

_KERNELS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
_SEES_EVERY_PIXEL = frozenset(("bilinear", "bicubic"))
_PAD_VALUE = 0  # black bars, as tf.image.resize_with_pad
_HALF = np.float32(0.5)

_Box: TypeAlias = tuple[int, int, int, int]


def enough_for(spec: InputSpec) -> AtLeast | None:
    """How large a photo has to come for a model, where it may be decoded at a part of its size; None for as it is.

    The part of it that the fit takes stays at least a sixteenth larger than the model's input. Scaling while decoding
    is another filter than the resize kernel, and the less is left for the kernel, the more it shows. Measured with
    MobileNetV2-0.35 and EfficientNet-Lite0 at 224 on 261 and 1,160 photos of beans and PlantVillage, enlarged so that
    they can be decoded at 1/2, 2,842 answers each: decoded to 1.0 times the input 2.6 % of the answers change and 0.3 %
    fewer are right; to 1.07 times 1.8 % change and 0.4 % more are right; to 1.25 times 1.2 %, and as many are right.
    Saving a photo again as JPEG of quality 95 changes 0.8 %. At 1.07 photos of 640x480 are decoded at 1/2 for 224.

    Kernels that look at few pixels of a large photo see something else in one that was scaled: they get all of it.
    """
    if spec.decode == "exact" or spec.resize_kernel not in _SEES_EVERY_PIXEL:
        return None
    return AtLeast(_with_spare(spec.width), _with_spare(spec.height), inside=spec.fit == "pad")


def _with_spare(side: int) -> int:
    """A sixteenth more, rounded up."""
    return side + (side + 15) // 16


def photo_pixels(photo: Photo, specs: Sequence[InputSpec]) -> tuple[NDArray[np.uint8], ...]:
    """The pixels of one photo as each of some models sees it, decoded once for all who want it in the same size.

    Returns:
        For each of `specs` a uint8 array of shape (height, width, channels), 0..255.

    Raises:
        ImageError: it cannot be read, or is an array of another shape or dtype.
        OSError: the file is missing or may not be read.
    """
    decoded = {wanted: load_photo(photo, at_least=wanted) for wanted in dict.fromkeys(map(enough_for, specs))}
    return tuple(fit_pixels(decoded[enough_for(spec)], spec) for spec in specs)


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
    size, kernel = (spec.width, spec.height), spec.resize_kernel
    whole = (0, 0, image.width, image.height)
    if spec.fit == "stretch" or image.width * spec.height == image.height * spec.width:
        return image if image.size == size else _resize(image, whole, size, kernel)
    if spec.fit == "crop":
        return _resize(image, centre_box(image.width, image.height, spec), size, kernel)
    left, top, right, bottom = letterbox(image.width, image.height, spec)
    canvas = Image.new(image.mode, size, _PAD_VALUE)
    canvas.paste(_resize(image, whole, (right - left, bottom - top), kernel), (left, top))
    return canvas


def _resize(image: Image.Image, box: _Box, size: tuple[int, int], kernel: ResizeKernel) -> Image.Image:
    """The box (left, top, right, bottom) of a photo, brought to a size (width, height)."""
    if kernel == "tf-bilinear":
        return _resize_as_tensorflow(image, box, size)
    # Not Pillow's own `box`: its kernels weigh pixels at the edges of a cut photo in another way.
    part = image if box == (0, 0, image.width, image.height) else image.crop(box)
    if kernel == "nearest":
        return part.resize(size, _KERNELS[kernel])
    # Both passes round to 8 bits, so their order shows. Pillow 13 makes the vertical one first where that is less work,
    # older ones never do: up to 24 of 255 apart, on upright photos. One pass at a time gives the same pixels in all.
    return part.resize((size[0], part.height), _KERNELS[kernel]).resize(size, _KERNELS[kernel])


def _resize_as_tensorflow(image: Image.Image, box: _Box, size: tuple[int, int]) -> Image.Image:
    """As `tf.image.resize(photo, antialias=False)` on a CPU, bit for bit, and then rounded half up.

    Source: TensorFlow, core/kernels/image/resize_bilinear_op.cc, with half-pixel centres.
    """
    left, top, right, bottom = box
    x, y = _taps(right - left, size[0]), _taps(bottom - top, size[1])
    rows = np.union1d(y.lower, y.upper)
    pixels = _pixel_rows(image, box, rows)
    across = _between(pixels.take(x.lower, axis=1), pixels.take(x.upper, axis=1), x.far[:, None])
    above, below = np.searchsorted(rows, y.lower), np.searchsorted(rows, y.upper)
    values = _between(across.take(above, axis=0), across.take(below, axis=0), y.far[:, None, None])
    # Between two pixels nothing is below 0 or above 255 by half a step: no need to clip, and truncating is flooring.
    rounded = (values + _HALF).astype(np.uint8)
    return Image.fromarray(rounded[..., 0] if rounded.shape[2] == 1 else rounded)


class _Taps(NamedTuple):
    """Along one side, for each pixel of the result: its two neighbours in the photo, and how far it is from the lower.

    Shapes (n,); `far` is float32, 0..1.
    """

    lower: NDArray[np.intp]
    upper: NDArray[np.intp]
    far: NDArray[np.float32]


def _taps(found: int, wanted: int) -> _Taps:
    """Neighbours for `wanted` pixels of a side that has `found`. Every step is float32: the indices depend on it."""
    scale = np.float32(found) / np.float32(wanted)
    places = (np.arange(wanted, dtype=np.float32) + _HALF) * scale - _HALF
    floor = np.floor(places)
    lower = np.maximum(floor.astype(np.intp), 0)
    upper = np.minimum(np.ceil(places).astype(np.intp), found - 1)
    return _Taps(lower, upper, places - floor)


def _between(lower: NDArray[Any], upper: NDArray[Any], far: NDArray[np.float32]) -> NDArray[np.float32]:
    start = lower.astype(np.float32)
    return np.asarray(start + (upper.astype(np.float32) - start) * far)


def _pixel_rows(image: Image.Image, box: _Box, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Some rows of a box, ascending, as an array (rows, width, channels).

    The model looks at few rows of a large photo, and to make an array of all of it takes longer than all the rest.
    """
    left, top, right, _ = box
    few = Image.new(image.mode, (right - left, len(rows)))
    filled = 0
    for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
        band = image.crop((left, top + int(run[0]), right, top + int(run[-1]) + 1))
        few.paste(band, (0, filled))
        filled += band.height
    return np.asarray(few).reshape(len(rows), right - left, -1)


def centre_box(width: int, height: int, spec: InputSpec) -> _Box:
    """The largest centred box (left, top, right, bottom) of a photo that has the model's aspect."""
    cut_width = min(width, max(1, _rounded(height * spec.width, spec.height)))
    cut_height = min(height, max(1, _rounded(width * spec.height, spec.width)))
    left, top = (width - cut_width) // 2, (height - cut_height) // 2
    return left, top, left + cut_width, top + cut_height


def letterbox(width: int, height: int, spec: InputSpec) -> _Box:
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

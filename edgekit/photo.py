"""Anything people call a photo -> upright RGB pixels.

Every image that cannot be read ends in `ImageError`, whatever is wrong with it. Colours are taken as stored: ICC
profiles are ignored, as training pipelines ignore them.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.errors import ImageError, one_line
from edgekit.jpeg import MOST_HELD_PER_PIXEL, held_bytes
from edgekit.sniff import describe_bytes, kind_of_bytes

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

Photo: TypeAlias = "str | os.PathLike[str] | bytes | Image.Image | NDArray[np.uint8]"

MAX_PIXELS = 2**27
"""134 megapixels, 512 MiB in memory: above every phone's default, below what an attacker's 1 kB PNG can ask for."""

MAX_JPEG_PIXELS = 2**28
"""268 megapixels of a JPEG that is decoded at a part of its size, so that few of them are ever in memory."""

MAX_HELD_BYTES = 2**28
"""Of a JPEG in several scans, which is held whole while it is decoded: 89 megapixels with colours at half the size."""

# Only these decoders are ever tried: others start programs (EPS) or are not for photos. Each is loaded when it is
# needed; Image.open would load five for every photo that comes as bytes.
_DECODERS = {
    "JPEG image": ("JPEG", "PIL.JpegImagePlugin"),
    "PNG image": ("PNG", "PIL.PngImagePlugin"),
    "WebP image": ("WEBP", "PIL.WebPImagePlugin"),
    "GIF image": ("GIF", "PIL.GifImagePlugin"),
    "BMP image": ("BMP", "PIL.BmpImagePlugin"),
    "TIFF image": ("TIFF", "PIL.TiffImagePlugin"),
    "AVIF image": ("AVIF", "PIL.AvifImagePlugin"),
}
# What Pillow's decoders were seen to raise on damaged files.
DECODER_ERRORS = (
    OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, AttributeError, AssertionError,
    struct.error, OverflowError, ZeroDivisionError, EOFError, MemoryError, RuntimeError, NotImplementedError,
)  # fmt: skip
_ORIENTATION_TAG = 0x0112
# EXIF orientation -> what makes the picture upright. Source: EXIF 2.32, tag 274.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = frozenset((5, 6, 7, 8))  # orientations whose turn swaps width and height
_JPEG_FORMATS = ("JPEG", "MPO")  # MPO: a JPEG with more pictures behind the first, as many phones write
_WHOLE_BYTES = 2**23  # a JPEG of 8 MiB, some 20 megapixels, is read at once; a larger one while it is decoded
_TELLING_BYTES = 4096  # of a file's beginning, to say what it is


class AtLeast(NamedTuple):
    """How large an upright photo has to come: in pixels, both sides, or where `inside` is set, one of them.

    `inside` is for a photo that will be fitted into a box of that size, the others are for one that will cover it.
    """

    width: int
    height: int
    inside: bool = False

    def reduction(self, width: int, height: int) -> int:
        """How many times smaller a photo of this size may come: 1, 2, 4 or 8.

        >>> AtLeast(448, 448).reduction(5184, 3456), AtLeast(448, 448, inside=True).reduction(5184, 3456)
        (4, 8)
        """
        most = (max if self.inside else min)(width // self.width, height // self.height)
        return next((times for times in (8, 4, 2) if times <= min(most, width, height)), 1)


def load_photo(photo: Photo, *, at_least: AtLeast | None = None) -> Image.Image:
    """Upright RGB pixels of a photo.

    EXIF orientation is applied. Transparency is laid over white. Of an animation the first frame is taken. 16-bit
    gray is scaled to 8 bits by dropping the low byte, as Pillow does for 16-bit colour. CMYK is converted without
    a profile.

    Args:
        photo: A path, the bytes of an image file, a PIL image, or a uint8 array of shape (height, width, 3) in RGB
            order, (height, width) or (height, width, 1) in gray.
        at_least: A size that suffices: a JPEG file, or the bytes of one, is decoded at 1/2, 1/4 or 1/8 of its size
            where that leaves so much, several times faster and with slightly other pixels. None for the whole photo.
            For what a model sees, its card decides; see `edgekit.preprocess.enough_for`.

    Returns:
        A PIL image of mode RGB.

    Raises:
        ImageError: it cannot be read; the text names the file and says what was found.
        OSError: the file is missing or may not be read.
        TypeError: `photo` is none of the kinds above.
    """
    if isinstance(photo, np.ndarray):
        return Image.fromarray(check_pixels(photo)).convert("RGB")
    if isinstance(photo, Image.Image):
        with _damage_as_image_error("image", "image"):
            return _decoded(photo, "image")
    if isinstance(photo, (bytes, bytearray, memoryview)):
        return _decode(io.BytesIO(bytes(photo)), "image", at_least)
    if isinstance(photo, (str, os.PathLike)):
        with open(photo, "rb") as file:  # noqa: PTH123 - Path.open takes twice as long
            return _decode(file if _is_large(file) else io.BytesIO(file.read()), os.fspath(photo), at_least)
    msg = f"a photo is a path, bytes, a PIL image or a uint8 array, not {type(photo).__name__}"  # type: ignore[unreachable]
    raise TypeError(msg)


def check_pixels(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An array as pixels: uint8 of shape (height, width, 3) or, for gray, (height, width).

    Raises:
        ImageError: any other shape or dtype, or no pixels.
    """
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)):
        msg = (
            f"array: found {pixels.dtype} of shape {pixels.shape}, expected uint8 of shape (height, width, 3) "
            "in RGB order or (height, width) in gray."
        )
        raise ImageError(msg)
    if 0 in pixels.shape:
        msg = f"array: shape {pixels.shape} has no pixels."
        raise ImageError(msg)
    return pixels


def _is_large(file: IO[bytes]) -> bool:
    """Whether a file is too large to be in memory as a whole. A pipe is read whole: decoders go back and forth."""
    if not file.seekable():
        return False
    size_bytes = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size_bytes > _WHOLE_BYTES


def _decode(stream: IO[bytes], where: str, at_least: AtLeast | None) -> Image.Image:
    start = stream.read(_TELLING_BYTES)
    size_bytes = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    kind = kind_of_bytes(start)
    decoder = _decoder(kind)
    if decoder is None:
        hint = " Convert it to JPEG." if kind in ("HEIC image", "AVIF image") else ""
        found = describe_bytes(start, size_bytes)
        msg = f"{where}: found {found}, expected a photo (JPEG, PNG, WebP, TIFF, BMP or GIF).{hint}"
        raise ImageError(msg)
    if kind != "JPEG image" and not isinstance(stream, io.BytesIO):
        stream = io.BytesIO(stream.read())
    with _damage_as_image_error(where, f"{kind} of {size_bytes} bytes"):
        image = decoder(stream, "")
        if kind == "JPEG image":
            _refuse_held(image, stream, where)
            if isinstance(stream, io.BytesIO):
                image.decodermaxblock = size_bytes  # in one piece: a hundredth faster than in pieces of 64 KiB
        return _decoded(image, where, at_least)


def _refuse_held(image: ImageFile, stream: IO[bytes], where: str) -> None:
    if image.width * image.height * MOST_HELD_PER_PIXEL <= MAX_HELD_BYTES:
        return
    place = stream.tell()
    stream.seek(0)
    size_bytes = held_bytes(stream)
    stream.seek(place)
    if size_bytes > MAX_HELD_BYTES:
        msg = (
            f"{where}: a JPEG in several scans (progressive), which takes {size_bytes >> 20} MiB to decode, at most "
            f"{MAX_HELD_BYTES >> 20} are used. Save it as a baseline JPEG, or scale the photo down."
        )
        raise ImageError(msg)


class _NoWarnings:
    """Keeps Pillow's own warnings on odd files quiet; the limit on pixels that matters here is MAX_PIXELS.

    `warnings.catch_warnings` changes the whole process. Threads that decode at the same time share one scope: the
    first opens it and the last one closes it, so that none brings back filters that another has set.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._scope = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._scope = warnings.catch_warnings()
                self._scope.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *_exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._scope.__exit__(None, None, None)


no_warnings = _NoWarnings()


@contextlib.contextmanager
def _damage_as_image_error(where: str, what: str) -> Iterator[None]:
    """Tell whatever a decoder raises as an `ImageError`."""
    try:
        with no_warnings:
            yield
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(where, str(error).removeprefix("Image size "), MAX_PIXELS) from error
    except MemoryError as error:
        msg = f"{where}: not enough memory to decode a {what}: it is too large, or damaged. Scale the photo down."
        raise ImageError(msg) from error
    except DECODER_ERRORS as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's, while it read the file; a decoder's has no number
        msg = f"{where}: damaged {what} ({one_line(error)}). Take or copy the photo again."
        raise ImageError(msg) from error


def _decoder(kind: str) -> Callable[[IO[bytes], str | bytes], ImageFile] | None:
    if kind not in _DECODERS:
        return None
    name, plugin = _DECODERS[kind]
    try:
        module = importlib.import_module(plugin)
    except ImportError:
        return None
    # Some systems build Pillow without libwebp or libavif; the plugin can be imported all the same.
    return Image.OPEN[name][0] if getattr(module, "SUPPORTED", True) else None


def _decoded(image: Image.Image | ImageFile, where: str, at_least: AtLeast | None = None) -> Image.Image:
    width, height = image.size
    if not width or not height:
        msg = f"{where}: an image of {width}x{height} pixels, expected at least 1x1."
        raise ImageError(msg)
    times, orientation = 1, None
    if at_least and image.format in _JPEG_FORMATS:
        if width * height > MAX_JPEG_PIXELS:
            raise _too_large(where, f"{width}x{height}", MAX_JPEG_PIXELS)
        orientation = _orientation(image)
        times = _reduce(image, at_least, on_its_side=orientation in _ON_ITS_SIDE)
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(where, f"{width}x{height}", MAX_PIXELS)
    image.load()
    if times > 1:
        image = _without_surplus(image, width, height, times)
    upright = _UPRIGHT.get(orientation or _orientation(image))  # a PNG may say it behind its pixels
    rgb = _to_rgb(image, where)
    if upright is None:
        return rgb
    turned = rgb.transpose(upright)
    turned.info.pop("exif", None)  # it still asks for the turn that was made
    return turned


def _reduce(image: Image.Image, at_least: AtLeast, *, on_its_side: bool) -> int:
    """Have a JPEG decoded so many times smaller, at `load`, that the upright photo is still large enough."""
    width, height = image.size
    across, down = (height, width) if on_its_side else (width, height)
    times = at_least.reduction(across, down)
    image.draft(image.mode, (width // times, height // times))
    return times


def _without_surplus(image: Image.Image, width: int, height: int, times: int) -> Image.Image:
    """A photo of `width` x `height` that was decoded so many times smaller, without what stretches it.

    The decoder rounds both sides up: up to 7 of 8 parts of the last pixels lie outside of the photo.
    """
    most = ((2 * width + times) // (2 * times), (2 * height + times) // (2 * times))
    return image if image.size == most else image.crop((0, 0, *most))


def _orientation(image: Image.Image) -> int:
    """EXIF orientation; 1 where damaged EXIF hides it, as every viewer shows such a photo.

    Not `Image.getexif`, which differs between versions of Pillow: newer ones fall back to XMP, which no browser reads,
    and older ones keep the tag of a TIFF file after `load` has turned it upright.
    """
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif", b""))
        value = exif.get(_ORIENTATION_TAG, 1)
    except DECODER_ERRORS:
        return 1
    return value if isinstance(value, int) else 1


def _to_rgb(image: Image.Image, where: str) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        high_byte = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        return Image.fromarray(high_byte).convert("RGB")
    if image.mode in ("I", "F", "LAB", "HSV"):
        msg = f"{where}: pixels of kind {image.mode} have no defined white. Save the photo as 8-bit RGB."
        raise ImageError(msg)
    if image.mode in ("RGBA", "LA", "PA", "RGBa") or "transparency" in image.info:
        straight = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, straight).convert("RGB")
    return image.convert("RGB")


def _too_large(where: str, found: str, most: int) -> ImageError:
    return ImageError(f"{where}: {found} is too large, at most {most} pixels are decoded. Scale the photo down.")

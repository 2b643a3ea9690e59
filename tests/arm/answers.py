"""All scores of photos in both runtimes, as one line of JSON: run on two machines, to be compared.

    python -m tests.arm.answers MODEL.tflite PHOTO...

tflite-runtime computes with its reference kernels, which on Arm are its default.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgekit import Classifier
from edgekit.photo import load_photo
from edgekit.runtime import Engine, RuntimeName, installed_runtimes


def main() -> None:
    model, *photos = sys.argv[1:]
    pixels = {Path(photo).name: hashlib.sha256(np.asarray(load_photo(photo)).tobytes()).hexdigest() for photo in photos}
    scores = {runtime: _scores(model, runtime, photos) for runtime in installed_runtimes()}
    print(json.dumps({"machine": platform.machine(), "pixels": pixels, "scores": scores}))


def _scores(model: str, runtime: RuntimeName, photos: Sequence[str]) -> dict[str, list[tuple[int, float]]]:
    """By a photo's name, class and score of all classes, best first."""
    classifier = Classifier(model, runtime=runtime)
    if runtime == "tflite" and classifier.engine.expected_family is None:
        classifier.engine = Engine(Path(model).read_bytes(), runtime=runtime, kernels="reference")
    every = len(classifier.card.output.labels)
    return {
        Path(photo).name: [(p.class_id, p.score) for p in classifier.predict(photo, top_k=every)] for photo in photos
    }


if __name__ == "__main__":
    main()

"""edgekit as people use it, and the floor that it stands on.

Variants: `whole`, a photo at a time; `many`, a folder by `predict_many`; `decode`, nothing but Pillow's decoding at
the smallest of its scales that suffices; `interpreter`, nothing but the inference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from edgekit import Classifier, __version__
from tests.benchmarks.workers.protocol import Classify, one_at_a_time, serve, versions


def load(model: str, threads: int, variant: str) -> tuple[str, Classify]:
    classifier = Classifier(model, num_threads=threads)
    name = f"edgekit {__version__}, {classifier.engine.description}, {versions('pillow')}"
    spec = classifier.card.input
    if variant == "many":
        return name, _many(classifier)
    if variant == "decode":
        return name, one_at_a_time(lambda photo: _decode(photo, (spec.width, spec.height)))
    if variant == "interpreter":
        return name, _interpreter(classifier)
    return name, one_at_a_time(lambda photo: classifier.predict(photo, top_k=1)[0].class_id)


def _many(classifier: Classifier) -> Classify:
    predict_many: Callable[[Sequence[str]], Any] | None = getattr(classifier, "predict_many", None)
    if predict_many is None:
        msg = "this edgekit has no predict_many"
        raise NotImplementedError(msg)
    return lambda photos: [_first(answer) for answer in predict_many(photos)]


def _first(answer: Any) -> int:
    if answer.error is not None:
        raise answer.error
    return int(answer.predictions[0].class_id)


def _decode(photo: str, size: tuple[int, int]) -> None:
    with Image.open(photo) as image:
        image.draft("RGB", size)
        image.load()


def _interpreter(classifier: Classifier) -> Classify:
    """The inference on one photo that never changes: integer kernels take as long for any."""
    source = classifier.engine.input
    tensor = np.random.default_rng(0).integers(0, 256, source.shape).astype(source.dtype)

    def infer(photos: Sequence[str]) -> list[None]:
        for _ in photos:
            classifier.engine.run(tensor)
        return [None] * len(photos)

    return infer


if __name__ == "__main__":
    serve(load)

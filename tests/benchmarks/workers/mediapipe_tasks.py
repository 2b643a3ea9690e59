"""MediaPipe Tasks' ImageClassifier, as its documentation uses it. It has no option for threads."""

from __future__ import annotations

import mediapipe
from mediapipe.tasks.python.core.base_options import BaseOptions
from mediapipe.tasks.python.vision import ImageClassifier, ImageClassifierOptions

from tests.benchmarks.workers.protocol import Classify, one_at_a_time, serve, versions


def load(model: str, threads: int, variant: str) -> tuple[str, Classify]:
    options = ImageClassifierOptions(base_options=BaseOptions(model_asset_path=model), max_results=1)
    classifier = ImageClassifier.create_from_options(options)

    def classify(photo: str) -> int:
        found = classifier.classify(mediapipe.Image.create_from_file(photo))
        return int(found.classifications[0].categories[0].index)

    return versions("mediapipe"), one_at_a_time(classify)


if __name__ == "__main__":
    serve(load)

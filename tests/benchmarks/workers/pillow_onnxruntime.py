"""onnxruntime on the converted model; Pillow decodes the whole photo. The model is the `.onnx`."""

from __future__ import annotations

import numpy as np
import onnxruntime
from PIL import Image

from tests.benchmarks.workers.protocol import Classify, one_at_a_time, serve, versions


def load(model: str, threads: int, variant: str) -> tuple[str, Classify]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0]
    _, height, width, _ = source.shape

    def classify(photo: str) -> int:
        image = Image.open(photo).convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
        (scores,) = session.run(None, {source.name: np.asarray(image)[None]})
        return int(scores.argmax())

    return versions("onnxruntime", "pillow"), one_at_a_time(classify)


if __name__ == "__main__":
    serve(load)

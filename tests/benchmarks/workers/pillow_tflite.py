"""A photo as the official TensorFlow Lite examples classify it: Pillow decodes all of it and makes it small.

Variants: `tflite`, with tflite-runtime, and `litert`, with ai-edge-litert.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from tests.benchmarks.workers.protocol import Classify, one_at_a_time, serve, versions


def load(model: str, threads: int, variant: str) -> tuple[str, Classify]:
    if variant == "litert":
        from ai_edge_litert.interpreter import Interpreter
    else:
        from tflite_runtime.interpreter import Interpreter
    interpreter = Interpreter(model_path=model, num_threads=threads)
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    _, height, width, _ = source["shape"]

    def classify(photo: str) -> int:
        image = Image.open(photo).convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
        interpreter.set_tensor(source["index"], np.expand_dims(np.asarray(image), 0))
        interpreter.invoke()
        scores = np.squeeze(interpreter.get_tensor(result["index"]))
        return int(scores.argmax())

    runtime = "ai-edge-litert" if variant == "litert" else "tflite-runtime"
    return versions(runtime, "pillow"), one_at_a_time(classify)


if __name__ == "__main__":
    serve(load)

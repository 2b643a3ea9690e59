"""OpenVINO reads the `.tflite` as it is, and OpenCV the photo.

Variants: `full`, as most people write it, and `reduced`, as an expert does: the JPEG is decoded at 1/2, 1/4 or 1/8 of
its size where that leaves enough for the model, and made small by averaging.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import openvino
from numpy.typing import NDArray

from tests.benchmarks.workers.jpeg_header import shorter_side
from tests.benchmarks.workers.protocol import Classify, one_at_a_time, serve, versions

_REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}


def load(model: str, threads: int, variant: str) -> tuple[str, Classify]:
    cv2.setNumThreads(threads)
    options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(model, "CPU", options)
    request = compiled.create_infer_request()
    _, height, width, _ = compiled.input(0).shape

    def full(photo: str) -> int:
        pixels = cv2.imread(photo, cv2.IMREAD_COLOR)
        return best(cv2.cvtColor(cv2.resize(pixels, (width, height)), cv2.COLOR_BGR2RGB))

    def reduced(photo: str) -> int:
        data = Path(photo).read_bytes()
        flag = _flag(data, min(height, width))
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
        small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        return best(cv2.cvtColor(small, cv2.COLOR_BGR2RGB))

    def best(pixels: NDArray[np.uint8]) -> int:
        request.infer({0: pixels[None]}, share_inputs=True)
        return int(request.get_output_tensor(0).data.argmax())

    name = versions("openvino", "opencv-python-headless")
    return name, one_at_a_time(reduced if variant == "reduced" else full)


def _flag(data: bytes, at_least: int) -> int:
    """How OpenCV is asked to decode a photo whose shorter side need not be longer than `at_least`."""
    side = shorter_side(data)
    return int(next((_REDUCED[n] for n in (8, 4, 2) if side // n >= at_least), cv2.IMREAD_COLOR))


if __name__ == "__main__":
    serve(load)

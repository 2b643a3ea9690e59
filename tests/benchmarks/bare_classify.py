"""What people write without edgekit: one photo, one model, numpy, Pillow and a TFLite runtime. The runner's yardstick.

Run as `python bare_classify.py litert|tflite MODEL.tflite PHOTO [LABELS]`.
"""

import sys
import zipfile

import numpy as np
from PIL import Image

TOP_K = 3


def main() -> None:
    runtime, model, photo, *labels_file = sys.argv[1:]
    if runtime == "litert":
        from ai_edge_litert.interpreter import Interpreter
    else:
        from tflite_runtime.interpreter import Interpreter
    interpreter = Interpreter(model_path=model, num_threads=1)
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    labels = read_labels(model, labels_file)
    _, height, width, channels = source["shape"]
    mode = "RGB" if channels == 3 else "L"
    image = Image.open(photo).convert(mode).resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(image).reshape(source["shape"])
    if source["dtype"] == np.int8:
        pixels = (pixels ^ 0x80).view(np.int8)
    interpreter.set_tensor(source["index"], pixels.astype(source["dtype"], copy=False))
    interpreter.invoke()
    output = interpreter.get_tensor(result["index"]).reshape(-1)
    scale, zero_point = result["quantization"]
    for i in np.argsort(output)[: -TOP_K - 1 : -1]:
        print(f"{labels[i]} {(scale or 1.0) * (float(output[i]) - zero_point):.1%}")


def read_labels(model: str, labels_file: list[str]) -> list[str]:
    if labels_file:
        with open(labels_file[0], encoding="utf-8") as file:  # noqa: PTH123 - as people write it
            return file.read().splitlines()
    with zipfile.ZipFile(model) as archive:
        name = next(name for name in archive.namelist() if name.endswith("labels.txt"))
        return archive.read(name).decode().splitlines()


if __name__ == "__main__":
    main()

"""The whole way, from a trained Keras CNN to labels on photos: what `make demo` runs.

On a workstation, after `pip install 'edgekit-tflite[export]' mlxtend`:

    python examples/demo.py [FOLDER]

Shows each command as it runs it, and ends with a table of float against int8.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edgekit import read_model_file
from edgekit.console import quiet_native_code

ROUNDS = 300


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    keras_file, model_file, photos = folder / "digits.keras", folder / "digits.tflite", folder / "photos"

    run("python", os.path.relpath(Path(__file__).with_name("train_digits.py")), str(folder))
    run("edgekit-export", "convert", str(keras_file), "--images", str(photos), "-o", str(model_file))
    run("edgekit", "selftest", str(model_file))
    some = [str(next(iter(sorted((photos / digit).iterdir())))) for digit in "3579"]
    run("edgekit", "classify", str(model_file), *some, "--top-k", "2")
    print_table(folder / "digits_float.tflite", model_file)


def run(*command: str) -> None:
    """Show a command, and run it from the folder that holds this Python."""
    print(f"\n$ {' '.join(command)}", flush=True)
    program = Path(sys.executable).with_name(command[0])
    subprocess.run([str(program), *command[1:]], check=True)


def print_table(float_file: Path, int8_file: Path) -> None:
    card = read_model_file(int8_file).card
    if card is None or card.verification is None:
        sys.exit(f"{int8_file} carries no proof")
    result = card.verification
    images = result.photos.images
    xnnpack = next(family for family in result.families if family.family == "xnnpack")
    with quiet_native_code():  # LiteRT greets on stderr
        float_ms, int8_ms = latencies_ms(float_file, int8_file)
    rows = [
        ("", "float", "int8"),
        ("size", f"{float_file.stat().st_size / 1000:.0f} kB", f"{int8_file.stat().st_size / 1000:.0f} kB"),
        (f"accuracy, {images} photos", f"{result.float_correct / images:.1%}", f"{xnnpack.correct / images:.1%}"),
        ("same answer as float", "", f"{xnnpack.agreeing / images:.1%}"),
        ("latency here, 1 thread", f"{float_ms:.3f} ms", f"{int8_ms:.3f} ms"),
    ]
    print()
    for name, *cells in rows:
        print(f"{name:<24}" + "".join(f"{cell:>12}" for cell in cells))


def latencies_ms(*files: Path) -> list[float]:
    """Median inference times in ai-edge-litert, the files taking turns so that a busy machine slows all alike."""
    interpreters = []
    for file in files:
        interpreter = Interpreter(model_path=str(file), num_threads=1)
        interpreter.allocate_tensors()
        details = interpreter.get_input_details()[0]
        interpreter.set_tensor(details["index"], np.zeros(details["shape"], details["dtype"]))
        interpreters.append(interpreter)
    times: list[list[float]] = [[] for _ in files]
    for _ in range(ROUNDS):
        for interpreter, measured in zip(interpreters, times, strict=True):
            start = time.perf_counter()
            interpreter.invoke()
            measured.append(1000 * (time.perf_counter() - start))
    return [statistics.median(measured) for measured in times]


if __name__ == "__main__":
    main()

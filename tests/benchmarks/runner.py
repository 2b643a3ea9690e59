"""What edgekit costs on top of the bare runtime: a prediction, a cold start, memory, installed size.

    python tests/benchmarks/runner.py [--model FILE.tflite] [--photo FILE] [--json] [--install-size]

Every figure of edgekit stands beside that of the least program that does the same. The two run in turns, so that
whatever else the machine does meets both, and each pair is compared. Needs a POSIX system.

- predict: `Classifier.predict` on an array of the model's size, beside a loop over the same kind of interpreter that
  is given the finished input tensor.
- cold start, peak memory: the process `edgekit classify`, beside the process `bare_classify.py`.
- install: what `pip install` of this repository puts into an empty environment.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the edgekit and the tests of this tree

import numpy as np
from PIL import Image

from edgekit import Classifier, __version__, read_model_file
from edgekit.errors import RuntimeUnavailableError
from edgekit.preprocess import PixelTable
from edgekit.runtime import DISTRIBUTIONS, Interpreter, RuntimeName, installed_runtimes
from tests.benchmarks.beside.turns import in_turns, milliseconds

REPOSITORY = Path(__file__).parents[2]
DEFAULT_MODEL = REPOSITORY / "tests" / "data" / "digits.tflite"
BARE_SCRIPT = Path(__file__).with_name("bare_classify.py")
TOP_K = 3
SEED = 20240229

# Measures one process. It is a small process itself, because a child begins with its parent's peak memory.
_MEASURE = """
import os, sys, time
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
start = time.perf_counter()
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, usage = os.wait4(child, 0)
print(time.perf_counter() - start, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
sys.exit(os.waitstatus_to_exitcode(status))
"""


@dataclass(frozen=True)
class Target:
    """The most that edgekit may need: ``bare * factor + allowance``."""

    unit: str
    factor: float
    allowance: float

    def __str__(self) -> str:
        return f"{self.factor:g} x" + (f" + {self.allowance:g} {self.unit}" if self.allowance else "")


PREDICT = Target("ms", 1.05, 0.1)
COLD_START = Target("ms", 1.15, 0.0)
PEAK_MEMORY = Target("MB", 1.0, 15.0)


@dataclass(frozen=True)
class Subject:
    """What is measured. `labels` are names for the classes of a model that has none."""

    model: Path
    photo: Path
    labels: list[str] | None
    folder: Path


@dataclass(frozen=True)
class Comparison:
    """One line of the table: medians and minima; `ratio` is the median over pairs.

    `target` is met where at least half of the pairs met it.
    """

    section: str
    runtime: str
    unit: str
    edgekit: float
    edgekit_min: float
    bare: float
    bare_min: float
    ratio: float
    target: str
    met: bool


@dataclass(frozen=True)
class Distribution:
    """An installed distribution and the size of its files."""

    name: str
    version: str
    megabytes: float


def main() -> None:
    options = _options()
    if not options.model.exists():
        sys.exit(f"Error: {options.model} is missing. Pass --model FILE.tflite.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo = options.photo or _make_photo(folder / "photo.jpg")
        subject = Subject(options.model, photo, _missing_labels(options.model), folder)
        rows = []
        for runtime in _usable_runtimes(subject):
            rows.append(_compare_predict(subject, runtime, options.predictions))
            rows += _compare_processes(subject, runtime, options.starts)
        installed = _installed_distributions(folder / "device") if options.install_size else []
    if options.json:
        print(json.dumps({"machine": _machine(), "rows": _records(rows), "install": _records(installed)}))
    else:
        print(f"{_machine()}; {options.model.name}, {photo.name}", _table(rows), sep="\n")
        if installed:
            print(_size_table(installed))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare edgekit with the bare runtime.")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="default: tests/data/digits.tflite")
    parser.add_argument("--photo", type=Path, help="default: a generated JPEG of 1600x1200 pixels")
    parser.add_argument("--predictions", type=int, default=300, help="pairs of predictions (default: %(default)s)")
    parser.add_argument("--starts", type=int, default=15, help="pairs of cold starts (default: %(default)s)")
    parser.add_argument("--install-size", action="store_true", help="also install; needs pip and the package index")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def _machine() -> str:
    system = f"{platform.system()} {platform.machine()}"
    return f"edgekit {__version__}, Python {platform.python_version()}, numpy {np.__version__}, {system}"


def _make_photo(path: Path) -> Path:
    """A JPEG of the size of a photo: coarse random colours, enlarged."""
    coarse = np.random.default_rng(SEED).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((1600, 1200), Image.Resampling.BICUBIC).save(path, quality=90)
    return path


def _missing_labels(model: Path) -> list[str] | None:
    file = read_model_file(model)
    return None if file.labels else [f"class {i}" for i in range(file.graph.outputs[0].shape[-1])]


def _usable_runtimes(subject: Subject) -> list[RuntimeName]:
    usable = []
    for runtime in installed_runtimes():
        try:
            Classifier(subject.model, runtime=runtime, labels=subject.labels)
            usable.append(runtime)
        except RuntimeUnavailableError as error:
            print(f"note: {error}", file=sys.stderr)
    return usable


def _compare_predict(subject: Subject, runtime: RuntimeName, pairs: int) -> Comparison:
    classifier = Classifier(subject.model, runtime=runtime, labels=subject.labels)
    spec, source, result = classifier.card.input, classifier.engine.input, classifier.engine.output
    names, scale = classifier.card.output.labels, result.scale or 1.0
    pixels = np.random.default_rng(SEED).integers(0, 256, (spec.height, spec.width, spec.channels), dtype=np.uint8)
    tensor = PixelTable(spec, source.dtype, source.scale, source.zero_point).apply(pixels)
    interpreter = _bare_interpreter(subject.model, runtime)

    def predict() -> None:
        classifier.predict(pixels, top_k=TOP_K)

    def bare() -> None:
        interpreter.set_tensor(source.index, tensor)
        interpreter.invoke()
        output = interpreter.get_tensor(result.index).reshape(-1)
        _ = [(names[i], scale * (float(output[i]) - result.zero_point)) for i in np.argsort(output)[: -TOP_K - 1 : -1]]

    edgekit_ms, bare_ms = in_turns([lambda: milliseconds(predict), lambda: milliseconds(bare)], pairs)
    return _comparison("predict", runtime, (edgekit_ms, bare_ms), PREDICT)


def _bare_interpreter(model: Path, runtime: RuntimeName) -> Interpreter:
    if runtime == "litert":
        from ai_edge_litert import interpreter as module
    else:
        from tflite_runtime import interpreter as module
    interpreter: Interpreter = module.Interpreter(model_path=str(model), num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def _compare_processes(subject: Subject, runtime: RuntimeName, pairs: int) -> list[Comparison]:
    model, photo = str(subject.model), str(subject.photo)
    edgekit = [*_edgekit_command(), "classify", model, photo, "--runtime", runtime, "--top-k", str(TOP_K)]
    bare = [sys.executable, str(BARE_SCRIPT), runtime, model, photo]
    if subject.labels:
        labels_file = subject.folder / "labels.txt"
        labels_file.write_text("\n".join(subject.labels), encoding="utf-8")
        edgekit += ["--labels", str(labels_file)]
        bare += [str(labels_file)]
    # As after an installation, modules are there in compiled form; the repository stays clean of it.
    compiled = {"PYTHONPYCACHEPREFIX": str(subject.folder / "compiled"), "PYTHONDONTWRITEBYTECODE": ""}
    environment = os.environ | compiled
    ours, theirs = in_turns([lambda: _measure(edgekit, environment), lambda: _measure(bare, environment)], pairs)
    return [
        _comparison("cold start", runtime, ([run[0] for run in ours], [run[0] for run in theirs]), COLD_START),
        _comparison("peak memory", runtime, ([run[1] for run in ours], [run[1] for run in theirs]), PEAK_MEMORY),
    ]


def _edgekit_command() -> list[str]:
    """The console script of this Python, or, where edgekit is not installed, what stands in it."""
    script = Path(sys.executable).with_name("edgekit")
    return [str(script)] if script.exists() else [sys.executable, "-c", "from edgekit.cli import main; main()"]


def _measure(command: Sequence[str], environment: dict[str, str]) -> tuple[float, float]:
    """Milliseconds and peak megabytes of a process."""
    measure = [sys.executable, "-I", "-S", "-c", _MEASURE, *command]
    done = subprocess.run(measure, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"Error: {' '.join(command)} failed:\n{done.stderr}")
    seconds, peak_bytes = done.stdout.split()
    return 1000 * float(seconds), int(peak_bytes) / 1e6


def _comparison(
    section: str, runtime: RuntimeName, columns: tuple[Sequence[float], Sequence[float]], target: Target
) -> Comparison:
    edgekit, bare = columns
    excess = [a - (b * target.factor + target.allowance) for a, b in zip(edgekit, bare, strict=True)]
    return Comparison(
        section=section,
        runtime=f"{DISTRIBUTIONS[runtime]} {metadata.version(DISTRIBUTIONS[runtime])}",
        unit=target.unit,
        edgekit=statistics.median(edgekit),
        edgekit_min=min(edgekit),
        bare=statistics.median(bare),
        bare_min=min(bare),
        ratio=statistics.median(a / b for a, b in zip(edgekit, bare, strict=True)),
        target=str(target),
        met=statistics.median(excess) <= 0,
    )


def _installed_distributions(environment: Path) -> list[Distribution]:
    """What the device install of this repository consists of, by size."""
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, str(REPOSITORY)], check=True)
    found = []
    for site in environment.glob("lib*/python*/site-packages"):
        for distribution in metadata.distributions(path=[str(site)]):
            paths = [Path(str(distribution.locate_file(file))) for file in distribution.files or ()]
            size_bytes = sum(path.stat().st_size for path in paths if path.exists())
            found.append(Distribution(distribution.metadata["Name"], distribution.version, size_bytes / 1e6))
    return sorted(set(found), key=lambda item: -item.megabytes)


def _records(items: Sequence[Comparison] | Sequence[Distribution]) -> list[dict[str, object]]:
    return [asdict(item) for item in items]


def _table(rows: Sequence[Comparison]) -> str:
    heads = ("section", "runtime", "edgekit (min)", "bare (min)", "ratio", "target")
    lines = ["{:<12} {:<22} {:>19} {:>19} {:>6}  {}".format(*heads)]
    for row in rows:
        edgekit = f"{row.edgekit:.2f} ({row.edgekit_min:.2f}) {row.unit}"
        bare = f"{row.bare:.2f} ({row.bare_min:.2f}) {row.unit}"
        target = f"{row.target:<15} {'met' if row.met else 'MISSED'}"
        lines.append(f"{row.section:<12} {row.runtime:<22} {edgekit:>19} {bare:>19} {row.ratio:>6.2f}  {target}")
    return "\n".join(lines)


def _size_table(installed: Sequence[Distribution]) -> str:
    lines = [f"install      {item.name + ' ' + item.version:<33} {item.megabytes:8.2f} MB" for item in installed]
    total = sum(item.megabytes for item in installed)
    return "\n".join([*lines, f"install      {'total':<33} {total:8.2f} MB"])


if __name__ == "__main__":
    main()

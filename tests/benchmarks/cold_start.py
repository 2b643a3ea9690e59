"""What a cold start costs: `edgekit classify` beside a bare script, and LiteRT's weight cache beside no cache.

    python tests/benchmarks/cold_start.py MODEL.tflite PHOTO [--labels FILE] [--pairs N] [--imports]

Every figure is a ratio of two fresh processes that were started one after the other, in changing order, and the median
of these ratios counts. Wall time is what people wait for; processor time is steadier on a busy machine. All files are
in the disk cache. Needs a POSIX system.

- edgekit: the process `edgekit classify`, beside the process `bare_classify.py`, for each runtime.
- weight cache: a process that loads the model and runs it once with LiteRT's `CompiledModel` and the weight cache that
  an earlier process has written, beside one with LiteRT's `Interpreter`, which has no such cache. The times that they
  print are their own: from the import of the runtime to the first answer.
- imports: processor time that the import of each module of edgekit takes by itself, from `python -X importtime`.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the edgekit and the tests of this tree

from edgekit.runtime import DISTRIBUTIONS, RuntimeName, installed_runtimes
from tests.benchmarks.beside.turns import in_turns

BARE_SCRIPT = Path(__file__).with_name("bare_classify.py")
COMMAND = "from edgekit.cli import main; main()"
TARGET = 1.15  # of the bare script's time

# Prints milliseconds of wall and of processor time, from the import of the runtime to the first answer.
_TIMED = """
import sys, time
import numpy as np
data = open(sys.argv[1], "rb").read()
start = time.perf_counter(), time.process_time()
{body}
print(1000 * (time.perf_counter() - start[0]), 1000 * (time.process_time() - start[1]))
"""
_INTERPRETER = """
from ai_edge_litert.interpreter import Interpreter
model = Interpreter(model_content=data, num_threads=1)
model.allocate_tensors()
source = model.get_input_details()[0]
model.set_tensor(source["index"], np.zeros(source["shape"], source["dtype"]))
model.invoke()
model.get_tensor(model.get_output_details()[0]["index"])
"""
_WEIGHT_CACHE = """
from ai_edge_litert.compiled_model import CompiledModel, CpuOptions, Options
options = Options(cpu_options=CpuOptions(num_threads=1, xnnpack_weight_cache_path=sys.argv[2]))
model = CompiledModel.from_buffer(data, options=options)
name = next(iter(model.get_signature_list()))
source = next(iter(model.get_input_tensor_details(name).values()))
result = next(iter(model.get_output_tensor_details(name).values()))
inputs, outputs = model.create_input_buffers(0), model.create_output_buffers(0)
inputs[0].write(np.zeros(source["shape"], source["dtype"]))
model.run_by_index(0, inputs, outputs)
outputs[0].read(int(np.prod(result["shape"])), np.dtype(result["dtype"]).type)
"""


def main() -> None:
    options = _options()
    try:
        _compare(options)
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or "").strip().rpartition("\n")[2] or f"exit code {error.returncode}"
        sys.exit(f"Error: {' '.join(error.cmd[3:])}: {reason}")


def _compare(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # As after an installation, modules are there in compiled form; the repository stays clean of it.
        os.environ.update({"PYTHONPYCACHEPREFIX": str(folder / "compiled"), "PYTHONDONTWRITEBYTECODE": ""})
        print(f"{'':<34} {'wall':>22} {'processor':>22}")
        for runtime in installed_runtimes():
            _compare_commands(options, runtime)
        if "litert" in installed_runtimes():
            _compare_weight_cache(options, folder / "weights")
        if options.imports:
            _print_imports()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare cold starts.")
    parser.add_argument("model", type=Path)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--labels", type=Path, help="labels for a model that has none, one a line")
    parser.add_argument("--pairs", type=int, default=15, help="pairs of processes (default: %(default)s)")
    parser.add_argument("--imports", action="store_true", help="also what each import costs")
    options = parser.parse_args()
    for path in (options.model, options.photo):
        if not path.is_file():
            parser.error(f"{path} is missing")
    return options


def _compare_commands(options: argparse.Namespace, runtime: RuntimeName) -> None:
    labels = [str(options.labels)] if options.labels else []
    bare = [sys.executable, str(BARE_SCRIPT), runtime, str(options.model), str(options.photo), *labels]
    edgekit = [sys.executable, "-c", COMMAND, "classify", str(options.model), str(options.photo), "--runtime", runtime]
    edgekit += ["--labels", *labels] if labels else []
    ours, theirs = in_turns([lambda: _process_ms(edgekit), lambda: _process_ms(bare)], options.pairs)
    _print_row(f"edgekit / bare, {DISTRIBUTIONS[runtime]}", ours, theirs, TARGET)


def _compare_weight_cache(options: argparse.Namespace, cache: Path) -> None:
    plain = _timed(_INTERPRETER, options.model)
    cached = _timed(_WEIGHT_CACHE, options.model, cache)
    try:
        _own_ms(cached)
    except subprocess.CalledProcessError:
        print("weight cache: this ai-edge-litert does not have it")
        return
    ours, theirs = in_turns([lambda: _own_ms(cached), lambda: _own_ms(plain)], options.pairs)
    _print_row("with weight cache / without", ours, theirs, None)
    print(f"the weight cache has {cache.stat().st_size if cache.exists() else 0:,} bytes")


def _timed(body: str, *arguments: Path) -> list[str]:
    return [sys.executable, "-c", _TIMED.format(body=body), *map(str, arguments)]


def _process_ms(command: Sequence[str]) -> tuple[float, float]:
    """Milliseconds of wall and of processor time of a whole process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    elapsed, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return 1000 * elapsed, 1000 * used


def _own_ms(command: Sequence[str]) -> tuple[float, float]:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    wall, processor = done.stdout.split()
    return float(wall), float(processor)


def _print_row(
    name: str, ours: Sequence[tuple[float, float]], theirs: Sequence[tuple[float, float]], target: float | None
) -> None:
    cells, ratios = [], []
    for mine, other in zip(zip(*ours, strict=True), zip(*theirs, strict=True), strict=True):
        ratios.append(statistics.median(a / b for a, b in zip(mine, other, strict=True)))
        cells.append(f"{statistics.median(mine):.0f} / {statistics.median(other):.0f} ms = {ratios[-1]:.2f}")
    verdict = "" if target is None else f"  target {target:.2f}: {'met' if ratios[0] <= target else 'MISSED'}"
    print(f"{name:<34} {cells[0]:>22} {cells[1]:>22}{verdict}")


def _print_imports() -> None:
    """The least of five runs for each module of edgekit, and of click."""
    command = [sys.executable, "-X", "importtime", "-c", "import edgekit.cli, edgekit.classifier"]
    found: dict[str, int] = {}
    for _ in range(5):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        for line in done.stderr.splitlines():
            cells = line.removeprefix("import time:").split("|")
            if len(cells) == 3 and cells[0].strip().isdigit() and cells[2].strip().startswith(("edgekit", "click")):
                found[cells[2].strip()] = min(int(cells[0]), found.get(cells[2].strip(), 10**9))
    for name, microseconds in sorted(found.items(), key=lambda item: -item[1])[:12]:
        print(f"{microseconds / 1000:8.2f} ms  import {name}")
    print(f"{sum(found.values()) / 1000:8.2f} ms  all {len(found)} of edgekit and click")


if __name__ == "__main__":
    main()

"""The runner on emulated 64-bit Arm, beside the same runner here: `make arm`.

    python tests/arm/run.py [MODEL.tflite ...] [--folder DIR] [--no-tests]

Makes an Arm system from Debian packages and PyPI wheels in the folder (`.arm` in this repository, 0.5 GB), then

- runs `edgekit selftest` there in both runtimes;
- compares, bit for bit, the pixels of generated photos, what `edgekit classify --json` prints, all scores of LiteRT
  there and here, and those of tflite-runtime there with its reference kernels here; models with uint8 weights, which
  edgekit does not write, may differ by 4/256;
- counts the instructions of `edgekit classify` and of a bare script;
- runs the runner's tests there: all of them with LiteRT alone, as on Debian 13, and those that load models with both.

Emulated times say nothing about a board's speed: they are those of the emulator. Instructions are those of the Arm
processor, but not how long each takes. Exit code 1 where anything differs or fails.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the edgekit and the tests of this tree

from edgekit import EdgekitError, read_model_file
from edgekit.card import InputSpec, ModelCard, OutputSpec
from edgekit.modelfile import pack_model_file
from edgekit.tflite import Graph
from tests.arm.photos import make_photos
from tests.arm.root import ArmError, ArmSystem, build
from tests.benchmarks.beside.lineup import with_fast_decode

REPOSITORY = Path(__file__).resolve().parents[2]
DIGITS = REPOSITORY / "tests" / "data" / "digits.tflite"
MOBILENET = "models/tflite/coral_mobilenet_v2_1.0_224_quant.tflite"
BARE_SCRIPT = REPOSITORY / "tests" / "benchmarks" / "bare_classify.py"
# With tflite-runtime in the process: those that load models.
TESTS_OF_BOTH = (
    "test_classifier.py", "test_classifier_decision.py", "test_cli.py", "test_cli_decision.py", "test_golden.py",
    "test_runtime.py", "test_selftest.py",
)  # fmt: skip
# As edgekit exports them, graphs give the same bits everywhere. Both runtimes compute those with uint8 weights in
# another way on Arm; 2/256 was seen.
UINT8_STEPS = 4
Scores: TypeAlias = "Mapping[str, Mapping[str, Sequence[tuple[int, float]]]]"
"""By runtime and photo, class and score."""
_TOLD = 5
_EDGEKIT = ["-c", "from edgekit.cli import main; main()"]


@dataclass(frozen=True)
class Machine:
    """A Python to run things in; `path` is its PYTHONPATH."""

    python: tuple[str, ...]
    path: tuple[Path, ...]

    def run(self, *arguments: str | Path) -> str:
        """What a command prints.

        Raises:
            ArmError: it failed.
        """
        words = [*self.python, *map(str, arguments)]
        done = subprocess.run(words, env=self.environment, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
            msg = f"{' '.join(words[-4:])} ended with {done.returncode}: {last}"
            raise ArmError(msg)
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        # One thread, and the same order of everything in each run: instructions are counted.
        fixed = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(map(str, self.path))}
        return os.environ | fixed


def main() -> None:
    """Print what was compared; exit with 1 where something differs."""
    options = _options()
    begun = time.monotonic()
    try:
        system = build(options.folder.absolute())
        faults = _run_all(system, options.models or _models(), options.tests)
    except (ArmError, EdgekitError, OSError) as error:
        sys.exit(f"Error: {' '.join(str(error).split())}")
    except KeyboardInterrupt:
        sys.exit(130)
    print(f"{time.monotonic() - begun:.0f} s in all, which says nothing about a board")
    if faults:
        more = f"; and {len(faults) - _TOLD} more" if len(faults) > _TOLD else ""
        sys.exit(f"Error: {'; '.join(faults[:_TOLD])}{more}")


def differences(there: Any, here: Any, where: str = "") -> list[str]:
    """Where two answers differ, one phrase each; numbers must be the same to the last bit."""
    if isinstance(there, dict) and isinstance(here, dict):
        keys = [*there, *(key for key in here if key not in there)]
        inside = (differences(there.get(key), here.get(key), f"{where} {key}".strip()) for key in keys)
        return [phrase for phrases in inside for phrase in phrases]
    return [] if there == here else [f"{where} differs"]


def steps_apart(there: Scores, here: Scores) -> float:
    """The most that any class of any photo differs in any runtime, in steps of 1/256; infinite where one is missing."""
    if there.keys() != here.keys() or any(there[runtime].keys() != here[runtime].keys() for runtime in there):
        return math.inf
    pairs = [(dict(there[runtime][photo]), dict(here[runtime][photo])) for runtime in there for photo in there[runtime]]
    return max((256 * abs(a.get(i, math.inf) - b.get(i, math.inf)) for a, b in pairs for i in a | b), default=math.inf)


def has_uint8_weights(model: Path) -> bool:
    """Whether a graph is of the kind that converters wrote before 2020; those of today have int8 inside."""
    graph = read_model_file(model).graph
    return any(tensor.dtype == "uint8" and len(graph.buffer(tensor.buffer)) for tensor in graph.tensors)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "models", nargs="*", type=Path, help="to compare, beside those of the tests; default: a MobileNetV2"
    )
    parser.add_argument("--folder", type=Path, default=REPOSITORY / ".arm", help="default: .arm in this repository")
    parser.add_argument("--no-tests", dest="tests", action="store_false", help="leave the runner's tests out")
    return parser.parse_args()


def _models() -> list[Path]:
    """A model of a size that people use, where it is at hand."""
    mobilenet = Path(os.environ.get("EDGEKIT_DATA", REPOSITORY.parent / "shared")) / MOBILENET
    if not mobilenet.exists():
        print(f"left out: {mobilenet} is missing", file=sys.stderr)
        return []
    return [mobilenet]


def _colour_model(folder: Path) -> Path:
    """The tests' tiny int8 network, which looks at colours; see tests/data/make_tiny.py."""
    graph = (REPOSITORY / "tests" / "data" / "tiny_graph.tflite").read_bytes()
    spec = InputSpec(16, 12, 3, mean=(0.0,), std=(1 / Graph(graph).inputs[0].scale,))
    output = OutputSpec(kind="probabilities", activation="softmax", labels=("ant", "bee", "cat"))
    path = folder / "tiny.tflite"
    path.write_bytes(pack_model_file(graph, ModelCard(name="tiny", input=spec, output=output)))
    return path


def _run_all(system: ArmSystem, models: Sequence[Path], tests: bool) -> list[str]:
    here = Machine((sys.executable,), (REPOSITORY,))
    both = Machine((str(system.python),), (REPOSITORY, system.tflite))
    faults = _selftests(both)
    with tempfile.TemporaryDirectory() as name:
        photos = make_photos(Path(name))
        own = (_colour_model(Path(name)), DIGITS)
        fast = [_fast_copy(model, Path(name)) for model in (*own, *models)]
        for model in (*own, *fast):
            faults += _compared(both, here, model, photos)
        if system.counting:
            _count(Machine(system.counting, (REPOSITORY, system.tflite)), DIGITS, fast[1], photos[0])
        else:
            print("instructions not counted: there is no C compiler")
    if tests:
        faults += _tests(Machine(both.python, (REPOSITORY,)), [REPOSITORY / "tests" / "edgekit"], "LiteRT alone")
        chosen = [REPOSITORY / "tests" / "edgekit" / test for test in TESTS_OF_BOTH]
        faults += _tests(both, chosen, "both runtimes")
    return faults


def _fast_copy(model: Path, folder: Path) -> Path:
    path = folder / f"fast-{model.name}"
    path.write_bytes(with_fast_decode(model))
    return path


def _selftests(machine: Machine) -> list[str]:
    faults = []
    for runtime in ("litert", "tflite"):
        found = json.loads(machine.run(*_EDGEKIT, "selftest", DIGITS, "--json", "--runtime", runtime))
        print(f"selftest, {found['runtime']}: {found['message']}")
        if not found["passed"] or found["family"] != found["expected_family"]:
            faults.append(f"selftest in {runtime} failed")
    return faults


def _compared(there: Machine, here: Machine, model: Path, photos: Sequence[Path]) -> list[str]:
    """Everything that both machines answer."""
    found, expected = (_answers(machine, model, photos) for machine in (there, here))
    if found.pop("machine") != "aarch64" or expected.pop("machine") != "x86_64":
        msg = "the two machines that were asked are not an Arm and an x86 one"
        raise ArmError(msg)
    what = f"{model.name}, {len(photos)} photos, {' and '.join(found['scores'])}"
    if has_uint8_weights(model):
        apart = steps_apart(found["scores"], expected["scores"])
        faults = differences(found["pixels"], expected["pixels"], "pixels")
        print(
            f"{what}: pixels {'DIFFERENT' if faults else 'the same'}; uint8 weights: scores {apart:g}/256 apart at most"
        )
        faults += [f"scores are {apart:g}/256 apart, more than {UINT8_STEPS}"] if apart > UINT8_STEPS else []
    else:
        faults = differences(found, expected)
        print(f"{what}: pixels, scores, what classify prints: {'DIFFERENT' if faults else 'the same, bit for bit'}")
    return [f"{model.name}: {phrase}" for phrase in faults]


def _answers(machine: Machine, model: Path, photos: Sequence[Path]) -> dict[str, Any]:
    """What `answers.py` found, and the predictions that `classify` printed."""
    found = json.loads(machine.run("-m", "tests.arm.answers", model, *photos))
    printed = machine.run(*_EDGEKIT, "classify", model, *photos, "--json", "--runtime", "litert").splitlines()
    lines = [json.loads(line) for line in printed]
    return {**found, "classify": {Path(line["file"]).name: line["predictions"] for line in lines}}


def _count(machine: Machine, model: Path, fast: Path, photo: Path) -> None:
    """Instructions of whole processes, start-up included; a Python that does nothing beside them."""
    commands: dict[str, list[str | Path]] = {
        "a Python that does nothing": ["-c", "pass"],
        "a bare script": [BARE_SCRIPT, "tflite", model, photo],
        "edgekit classify": [*_EDGEKIT, "classify", model, photo, "--runtime", "tflite"],
        "edgekit classify, fast decoding": [*_EDGEKIT, "classify", fast, photo, "--runtime", "tflite"],
    }
    counts = {}
    for name, arguments in commands.items():
        machine.run(*arguments)  # once to compile Python's modules
        with tempfile.NamedTemporaryFile("r") as log:
            *emulator, python = machine.python
            Machine((*emulator, "-D", log.name, python), machine.path).run(*arguments)
            counts[name] = int(log.read().rpartition("instructions: ")[2])
    print(f"instructions for {photo.name} in {model.name}, tflite-runtime, one thread, start-up included:")
    for name, count in counts.items():
        times = f", {count / counts['a bare script']:.3f} x a bare script" if "edgekit" in name else ""
        print(f"  {name}: {count / 1e6:,.0f} million{times}")


def _tests(machine: Machine, tests: Sequence[Path], what: str) -> list[str]:
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", str(os.cpu_count() or 1), *map(str, tests)]
    done = subprocess.run(
        [*machine.python, *words],
        env=machine.environment,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines() or ["nothing was printed"]
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    print(*failed, f"tests, {what}: {lines[-1]}", sep="\n")
    return [f"tests with {what} failed"] if done.returncode else []


if __name__ == "__main__":
    main()

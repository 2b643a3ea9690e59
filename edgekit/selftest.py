"""The proof, repeated: does this device see and compute what was verified at export, bit for bit?"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import PIL
from numpy.typing import NDArray

from edgekit.card import Family, Golden, InputSpec
from edgekit.errors import EdgekitError, ModelFileError, UnsupportedModelError
from edgekit.golden import GENERATOR, golden_input
from edgekit.modelfile import ModelFile, read_model_file
from edgekit.pixelcheck import resizes_as_verified
from edgekit.runtime import Engine, Kernels, RuntimeName

_PIXELS = (
    f"Pillow {PIL.__version__}, as it is installed here, resizes photos to other pixels than those that were verified, "
    "as Pillow-SIMD does. Remove it, then run: pip install --force-reinstall pillow."
)


@dataclass(frozen=True)
class SelfTest:
    """What the self-test found.

    `family` is the kernel family whose proven outputs this device gives bit for bit, None where it gives neither's.
    `reference_exact` says whether the reference kernels of the same runtime do, where they were asked;
    `max_difference_steps` is the greatest distance to the nearest family, in steps of the output tensor. `pixels_exact`
    says whether photos are resized to the verified pixels here; see `edgekit.pixelcheck`.
    """

    passed: bool
    runtime: str
    vectors: int
    family: Family | None
    expected_family: Family | None
    reference_exact: bool | None
    max_difference_steps: int
    same_top1: int
    pixels_exact: bool
    message: str


def run_selftest(
    path: str | os.PathLike[str], *, runtime: RuntimeName | Literal["auto"] = "auto", num_threads: int = 1
) -> SelfTest:
    """Run the golden inputs of a model file and compare every output byte, and the pixels of a resized picture.

    Raises:
        ModelFileError: not a model file, damaged, or its golden part is malformed.
        UnsupportedModelError: the file carries no golden vectors.
        RuntimeUnavailableError, InferenceError: the runtime is missing, or refuses the model.
        OSError: the file cannot be read.
    """
    file = read_model_file(path)
    try:
        return _run(file, runtime, num_threads)
    except EdgekitError as error:
        raise type(error)(f"{os.fspath(path)}: {error}") from error


def _run(file: ModelFile, runtime: RuntimeName | Literal["auto"], num_threads: int) -> SelfTest:
    if file.card is None or file.card.golden is None:
        msg = "it carries no golden vectors; only files that edgekit-export wrote have them. Export the model again."
        raise UnsupportedModelError(msg)
    golden, spec = file.card.golden, file.card.input
    expected = _expected_outputs(golden, len(file.card.output.labels))
    engine = Engine(file.data, runtime=runtime, num_threads=num_threads)
    if (engine.expected_family or "reference") not in expected:
        msg = (
            f"it carries no proven outputs for {engine.description}: it was exported without tflite-runtime. "
            "Export it with Python 3.10 or 3.11, or install ai-edge-litert here."
        )
        raise UnsupportedModelError(msg)
    found = _outputs(engine, golden, spec)
    family = _matching_family(found, expected, engine.expected_family)
    reference_exact: bool | None = None
    if family is None and engine.expected_family is None:
        kernels: Kernels = "reference"
        reference = Engine(file.data, runtime=engine.runtime, kernels=kernels, num_threads=num_threads)
        reference_exact = np.array_equal(_outputs(reference, golden, spec), expected["reference"])
    nearest = min(expected.values(), key=lambda outputs: _distance(found, outputs))
    distance = _distance(found, nearest)
    same_top1 = int((found.argmax(axis=1) == nearest.argmax(axis=1)).sum())
    pixels_exact = resizes_as_verified(spec.resize_kernel)
    message = _message(family, reference_exact, distance, same_top1, len(golden.seeds))
    return SelfTest(
        passed=pixels_exact and (family is not None or bool(reference_exact)),
        runtime=engine.description,
        vectors=len(golden.seeds),
        family=family,
        expected_family=engine.expected_family,
        reference_exact=reference_exact,
        max_difference_steps=distance,
        same_top1=same_top1,
        pixels_exact=pixels_exact,
        message=message if pixels_exact else f"{_PIXELS} Of the model itself, {message}",
    )


def _expected_outputs(golden: Golden, classes: int) -> dict[Family, NDArray[np.uint8]]:
    """Proven output bytes of each family that was recorded, shape (vectors, classes)."""
    if golden.generator != GENERATOR:
        msg = f"golden generator {golden.generator!r} is unknown here. Run: pip install --upgrade edgekit-tflite"
        raise UnsupportedModelError(msg)
    outputs: dict[Family, NDArray[np.uint8]] = {}
    for family in get_args(Family):
        if family not in golden.outputs_base64:
            continue
        try:
            rows = [base64.b64decode(text, validate=True) for text in golden.outputs_base64[family]]
        except ValueError as error:
            msg = f"model_card.json: golden: {family}: {error}. Export the model again."
            raise ModelFileError(msg) from error
        if not rows or len(rows) != len(golden.seeds) or any(len(row) != classes for row in rows):
            msg = (
                f"model_card.json: golden: {family}: expected {len(golden.seeds)} rows of {classes} bytes. "
                "Export the model again."
            )
            raise ModelFileError(msg)
        outputs[family] = np.stack([np.frombuffer(row, np.uint8) for row in rows])
    return outputs


def _outputs(engine: Engine, golden: Golden, spec: InputSpec) -> NDArray[np.uint8]:
    inputs = (golden_input(seed, spec.height, spec.width, spec.channels) for seed in golden.seeds)
    return np.stack([engine.run(tensor).reshape(-1) for tensor in inputs])


def _matching_family(
    found: NDArray[np.uint8], expected: dict[Family, NDArray[np.uint8]], preferred: Family | None
) -> Family | None:
    """The family that was met; on a model where both agree, the one that this runtime should compute in."""
    met = [family for family, outputs in expected.items() if np.array_equal(found, outputs)]
    return preferred if preferred in met else next(iter(met), None)


def _distance(found: NDArray[np.uint8], expected: NDArray[np.uint8]) -> int:
    return int(np.abs(found.astype(np.int16) - expected.astype(np.int16)).max())


def _message(family: Family | None, reference_exact: bool | None, distance: int, same_top1: int, vectors: int) -> str:
    if family:
        return f"every output byte equals the proven ones: {family} kernels"
    apart = f"up to {distance} of 256 steps away, {same_top1} of {vectors} with the same first answer"
    if reference_exact:
        return (
            "the reference kernels of this runtime give the proven outputs bit for bit. Its default kernels on this "
            f"x86 machine, which classify uses, are neither of the two proven families: {apart}. "
            "Arm boards do not have this difference; ai-edge-litert does not have it anywhere."
        )
    return f"the outputs are not the proven ones: {apart}. Do not trust this runtime with this model."

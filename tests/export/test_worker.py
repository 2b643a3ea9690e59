"""The worker process: its protocol, byte by byte, and that native code cannot garble it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.errors import InferenceError
from edgekit.runtime import DISTRIBUTIONS, Engine, Kernels, RuntimeName, TensorInfo, installed_runtimes
from edgekit_export import worker

pytestmark = pytest.mark.skipif(not installed_runtimes(), reason="no TFLite runtime is installed")

ANY: RuntimeName = next(iter(installed_runtimes()), "litert")
COMMAND = [sys.executable, "-c", "from edgekit_export.worker import main; main()"]


def converse(
    model: bytes, *inputs: bytes, runtime: str = ANY, kernels: str = "default", code: str = COMMAND[2]
) -> bytes:
    """Everything a worker answers before its input ends; it leaves without an error."""
    header = json.dumps({"model_bytes": len(model), "runtime": runtime, "kernels": kernels}).encode()
    done = subprocess.run(
        [*COMMAND[:2], code],
        input=b"\n".join([header, model + b"".join(inputs)]),
        capture_output=True,
        timeout=60,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("kernels", ["default", "reference"])
def test_it_answers_as_an_engine_in_this_process(
    tiny_graph: bytes, photo: NDArray[np.uint8], runtime_name: RuntimeName, kernels: Kernels
) -> None:
    engine = Engine(tiny_graph, runtime=runtime_name, kernels=kernels)
    inputs = [photo, 255 - photo, photo // 2]
    line, _, answers = converse(
        tiny_graph, *(pixels.tobytes() for pixels in inputs), runtime=runtime_name, kernels=kernels
    ).partition(b"\n")
    assert json.loads(line) == {
        "version": engine.version,
        "input_bytes": 16 * 12 * 3,
        "output_shape": [1, 3],
        "output_dtype": "uint8",
        "output_scale": 1 / 256,
        "output_zero_point": 0,
    }
    assert answers == b"".join(b"\0" + engine.run(pixels[None]).tobytes() for pixels in inputs)


def test_a_float_model_takes_and_gives_floats(
    tiny_float: bytes, photo: NDArray[np.uint8], runtime_name: RuntimeName
) -> None:
    engine, tensor = Engine(tiny_float, runtime=runtime_name), photo[None].astype(np.float32) / 255
    line, _, answers = converse(tiny_float, tensor.tobytes(), tensor.tobytes()[:-4], runtime=runtime_name).partition(
        b"\n"
    )
    told = json.loads(line)
    assert (told["input_bytes"], told["output_shape"], told["output_dtype"]) == (4 * 16 * 12 * 3, [1, 3], "float32")
    assert (told["output_scale"], told["output_zero_point"]) == (0.0, 0)
    assert answers == b"\0" + engine.run(tensor).tobytes()


def test_a_model_that_is_refused_is_one_line(tiny_graph: bytes) -> None:
    line, _, rest = converse(b"not a model at all", b"photo").partition(b"\n")
    assert rest == b""
    assert json.loads(line)["error"].startswith(f"{DISTRIBUTIONS[ANY]} ")
    assert b"refuses the model" in line


def test_half_a_photo_is_not_answered(tiny_graph: bytes, photo: NDArray[np.uint8]) -> None:
    _, _, answers = converse(tiny_graph, photo.tobytes(), photo.tobytes()[:-1]).partition(b"\n")
    assert len(answers) == 1 + 3


def test_what_native_code_prints_does_not_reach_the_answers(tiny_graph: bytes) -> None:
    noise = "import os; from edgekit_export import worker; real = worker.Engine"
    noise += "; worker.Engine = lambda *a, **k: (os.write(1, b'INFO: hello'), print('hello'), real(*a, **k))[2]"
    line, _, rest = converse(tiny_graph, code=f"{noise}; worker.main()").partition(b"\n")
    assert json.loads(line)["output_shape"] == [1, 3]
    assert rest == b""


def test_a_photo_that_fails_is_answered_and_the_next_one_works() -> None:
    def run(tensor: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if tensor[0, 0] == 7:
            raise InferenceError("node 3 failed")
        return tensor[:, :1]

    info = TensorInfo(0, (1, 2), np.dtype(np.uint8), 1.0, 0)
    answers = io.BytesIO()
    engine: Any = SimpleNamespace(input=info, run=run)
    worker._serve(cast("Engine", engine), io.BytesIO(bytes([7, 7, 8, 8])), answers)
    assert answers.getvalue() == b'\1{"error": "node 3 failed"}\n\0\x08'


def test_no_tensorflow_is_near() -> None:
    code = "import sys, edgekit_export.worker; print(*sys.modules)"
    done = subprocess.run([*COMMAND[:2], code], capture_output=True, text=True, timeout=60, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "edgekit_export" in loaded
    assert not loaded & {"tensorflow", "keras", "PIL", "click"}

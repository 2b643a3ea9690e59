"""A process that runs one model in one runtime: native code may crash it, and no TensorFlow is near.

Protocol on stdin and stdout, all binary: a JSON line with `model_bytes`, `runtime` and `kernels`, then the model; the
answer is a JSON line with `error`, or with the runtime's version and what the tensors are. After that each input
tensor's raw bytes are answered by the status byte 0 and the output's raw bytes, or 1 and a JSON line with `error`.
"""

from __future__ import annotations

import json
import math
import os
import sys
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from edgekit.errors import EdgekitError
from edgekit.runtime import Engine, TensorInfo

OK, FAILED = b"\0", b"\1"


class Request(NamedTuple):
    """What a worker is asked to run: the channels, what the first line says, and the model."""

    requests: BinaryIO
    answers: BinaryIO
    header: dict[str, Any]
    model: bytes


def receive() -> Request:
    """The beginning of every worker's protocol: a JSON line with `model_bytes` and more, then the model."""
    requests = sys.stdin.buffer
    # Native code may print; the answers' channel must stay clean.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    header = json.loads(requests.readline())
    return Request(requests, answers, header, requests.read(header["model_bytes"]))


def send_record(answers: BinaryIO, record: dict[str, Any]) -> None:
    """A JSON line."""
    answers.write(json.dumps(record).encode() + b"\n")
    answers.flush()


def main() -> None:
    """Serve until stdin ends."""
    requests, answers, header, model = receive()
    try:
        engine = Engine(model, runtime=header["runtime"], kernels=header["kernels"])
    except EdgekitError as error:
        send_record(answers, {"error": str(error)})
        return
    output = engine.output
    send_record(
        answers,
        {
            "version": engine.version,
            "input_bytes": _size(engine.input),
            "output_shape": output.shape,
            "output_dtype": output.dtype.name,
            "output_scale": output.scale,
            "output_zero_point": output.zero_point,
        },
    )
    _serve(engine, requests, answers)


def _serve(engine: Engine, requests: BinaryIO, answers: BinaryIO) -> None:
    size = _size(engine.input)
    while len(data := requests.read(size)) == size:
        try:
            output = engine.run(np.frombuffer(data, engine.input.dtype).reshape(engine.input.shape))
        except EdgekitError as error:
            answers.write(FAILED)
            send_record(answers, {"error": str(error)})
            continue
        answers.write(OK + output.tobytes())
        answers.flush()


def _size(tensor: TensorInfo) -> int:
    return math.prod(tensor.shape) * tensor.dtype.itemsize


if __name__ == "__main__":
    main()

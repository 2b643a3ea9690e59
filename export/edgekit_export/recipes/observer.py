"""A process that runs one model and gives away what every tensor in it holds: no TensorFlow is near.

Protocol on stdin and stdout, all binary: a JSON line with `model_bytes`, `tensors` and `values`, then the model; the
answer is a JSON line, with `error` where the runtime refuses it. After that each input tensor's raw bytes are answered
by what each of `tensors` holds: with `values` 0 all its raw bytes; else its minimum, its maximum and that many values
spread over it, float32.
"""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit_export.worker import receive, send_record


def main() -> None:
    """Serve until stdin ends."""
    requests, answers, header, model = receive()
    try:
        interpreter = _load(model)
    except (ValueError, RuntimeError) as error:
        send_record(answers, {"error": str(error).strip().partition("\n")[0]})
        return
    send_record(answers, {})
    image = interpreter.get_input_details()[0]
    size = math.prod(int(n) for n in image["shape"]) * np.dtype(image["dtype"]).itemsize
    count = 0
    while len(data := requests.read(size)) == size:
        interpreter.set_tensor(image["index"], np.frombuffer(data, image["dtype"]).reshape(image["shape"]))
        interpreter.invoke()
        for tensor in header["tensors"]:
            found = interpreter.get_tensor(tensor)
            answers.write((spread(found, header["values"], count) if header["values"] else found).tobytes())
        answers.flush()
        count += 1


def spread(found: NDArray[Any], values: int, photo: int) -> NDArray[np.float32]:
    """Minimum, maximum and `values` values of a tensor, at even distances that begin elsewhere for each photo."""
    flat = np.asarray(found, np.float32).ravel()
    stride = max(1, flat.size // values)
    taken = flat[(np.arange(values) * stride + photo % stride) % flat.size]
    return np.concatenate([np.array([flat.min(), flat.max()], np.float32), taken])


def _load(model: bytes) -> Any:
    from ai_edge_litert import interpreter as module

    # A delegate would keep what lies between its operators to itself.
    resolver = module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = module.Interpreter(
        model_content=model,
        num_threads=os.cpu_count() or 1,
        experimental_op_resolver_type=resolver,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    return interpreter


if __name__ == "__main__":
    main()

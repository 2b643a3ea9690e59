"""What the tensors of a network hold on photos, seen in a process of its own."""

from __future__ import annotations

import contextlib
import json
import math
import subprocess
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.tflite import Graph, Tensor
from edgekit_export.device import end_process, start_code
from edgekit_export.errors import VerificationError

SAMPLED = 1024  # values of a tensor that are kept of each photo


@dataclass(frozen=True)
class Spread:
    """What one tensor held on photos.

    Attributes:
        low: float32 (photos,), the smallest value on each.
        high: float32 (photos,), the largest.
        values: float32 (photos, n), values spread evenly over it.
    """

    low: NDArray[np.float32]
    high: NDArray[np.float32]
    values: NDArray[np.float32]


class Observed:
    """A `.tflite` in a process that gives away what its tensors hold. A context: leaving it ends the process.

    Args:
        data: The file.
        tensors: Which, by index.
        values: How many values of each; 0 for all of them.

    Raises:
        VerificationError: the runtime refuses the file.
    """

    def __init__(self, data: bytes, tensors: Sequence[int], *, values: int = 0) -> None:
        graph = Graph(data)
        self._tensors, self._values = [graph.tensor(i) for i in tensors], values
        self._process = subprocess.Popen(
            start_code("edgekit_export.recipes.observer"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        header = {"model_bytes": len(data), "tensors": list(tensors), "values": values}
        try:
            self._send(json.dumps(header).encode() + b"\n" + data)
            assert self._process.stdout  # noqa: S101 - a pipe by construction
            line = self._process.stdout.readline()
            answer = json.loads(line) if line.endswith(b"\n") else {"error": "it crashed on loading the model"}
            if "error" in answer:
                msg = f"ai-edge-litert refuses the model: {answer['error']}"
                raise VerificationError(msg)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Observed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        end_process(self._process)

    def look(self, tensor: NDArray[np.generic]) -> list[NDArray[np.float32]]:
        """What each tensor holds for an input: real values in its shape; or the extremes and a sample, in a row.

        Raises:
            VerificationError: the process crashed.
        """
        self._send(tensor.tobytes())
        return [self._receive(one) for one in self._tensors]

    def _receive(self, tensor: Tensor) -> NDArray[np.float32]:
        if self._values:
            return np.frombuffer(self._read(4 * (self._values + 2)), np.float32)
        dtype = np.dtype(tensor.dtype)
        raw = np.frombuffer(self._read(math.prod(tensor.shape) * dtype.itemsize), dtype)
        return _real(raw.reshape(tensor.shape), tensor)

    def _send(self, data: bytes) -> None:
        assert self._process.stdin  # noqa: S101 - a pipe by construction
        with contextlib.suppress(BrokenPipeError):  # reading tells
            self._process.stdin.write(data)
            self._process.stdin.flush()

    def _read(self, size: int) -> bytes:
        assert self._process.stdout  # noqa: S101 - a pipe by construction
        data = self._process.stdout.read(size)
        if len(data) < size:
            msg = "ai-edge-litert crashed while it ran the model on a photo for calibration."
            raise VerificationError(msg)
        return data


def _real(raw: NDArray[np.generic], tensor: Tensor) -> NDArray[np.float32]:
    if not tensor.scales:
        return raw.astype(np.float32)
    return (raw.astype(np.float32) - np.float32(tensor.zero_point)) * np.float32(tensor.scale)


def spreads(
    data: bytes, tensors: Sequence[int], inputs: Iterator[NDArray[np.float32]], step: Callable[[], None]
) -> dict[int, Spread]:
    """How the values of float tensors spread over photos, by tensor.

    Args:
        data: A float `.tflite`.
        tensors: Which.
        inputs: Its input, for each photo.
        step: Called after each photo.

    Raises:
        VerificationError: the runtime refuses the file, or crashed.
    """
    rows = []
    with Observed(data, tensors, values=SAMPLED) as observed:
        for tensor in inputs:
            rows.append(observed.look(tensor))
            step()
    columns = [np.stack(column) for column in zip(*rows, strict=True)]
    return {
        tensor: Spread(column[:, 0], column[:, 1], column[:, 2:])
        for tensor, column in zip(tensors, columns, strict=True)
    }

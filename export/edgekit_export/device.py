"""A device runtime in a process of its own, as the parent sees it.

`tflite_runtime` cannot be used in a process that imported TensorFlow, and native code can take its process down;
from here a crash is an error that says what crashed, and how.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import math
import signal
import subprocess
import sys
import types
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.card import Family
from edgekit.runtime import DISTRIBUTIONS, Kernels, RuntimeName, installed_runtimes
from edgekit.scores import dequantize
from edgekit_export.errors import VerificationError

FAMILY_KERNELS: dict[Family, Kernels] = {"xnnpack": "default", "reference": "reference"}


class DeviceRuntime:
    """One model in one runtime and one kernel family. A context: leaving it ends the process.

    Raises:
        VerificationError: the runtime refuses the model, or crashes on loading it.
    """

    def __init__(self, model: bytes, runtime: RuntimeName, kernels: Kernels) -> None:
        self.runtime: RuntimeName = runtime
        self.kernels = kernels
        self.version = "of unknown version"
        self._process = subprocess.Popen(
            start_code("edgekit_export.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._ender = weakref.finalize(self, end_process, self._process)  # also where nobody leaves a context
        try:
            header = {"model_bytes": len(model), "runtime": runtime, "kernels": kernels}
            self._write(json.dumps(header).encode() + b"\n" + model, "loading the model")
            answer = self._read_record("loading the model")
        except BaseException:
            self.close()
            raise
        if "error" in answer:
            self.close()
            raise VerificationError(answer["error"])
        self.version = str(answer["version"])
        self.input_size_bytes = int(answer["input_bytes"])
        self.output_scale = float(answer["output_scale"])
        self.output_zero_point = int(answer["output_zero_point"])
        self.output_shape = tuple(int(n) for n in answer["output_shape"])
        self.output_dtype = np.dtype(answer["output_dtype"])

    @property
    def distribution(self) -> str:
        """The package that the runtime comes from."""
        return DISTRIBUTIONS[self.runtime]

    @property
    def name(self) -> str:
        """Distribution and version, and the kernels where they are not the default."""
        suffix = " reference kernels" if self.kernels == "reference" else ""
        return f"{self.distribution} {self.version}{suffix}"

    @property
    def is_portable(self) -> bool:
        """Whether devices with this runtime give the same bits; ai-edge-litert's reference kernels run on none."""
        return (self.runtime, self.kernels) != ("litert", "reference")

    def again(self, model: bytes) -> DeviceRuntime:
        """Another process with the same runtime and kernels."""
        return DeviceRuntime(model, self.runtime, self.kernels)

    def send(self, tensor: NDArray[Any], about: str) -> None:
        """Start an inference; fetch the answer with `receive`.

        Args:
            tensor: Of the input's dtype, as many values as it has: raw pixels for an exported file.
            about: What they are, for the error if the process crashes.
        """
        self._write(tensor.tobytes(), about)

    def receive(self, about: str) -> NDArray[Any]:
        """The output of the inference that `send` started, of the output's dtype, shape (values,).

        Raises:
            VerificationError: the runtime failed or crashed.
        """
        if self._read(1, about) != b"\0":
            raise VerificationError(f"{about}: {self._read_record(about)['error']}")
        size = math.prod(self.output_shape) * self.output_dtype.itemsize
        return np.frombuffer(self._read(size, about), self.output_dtype)

    def receive_scores(self, about: str) -> NDArray[np.float32]:
        """As `receive`, dequantized."""
        return dequantize(self.receive(about), self.output_scale, self.output_zero_point)

    def run(self, tensor: NDArray[Any], about: str) -> NDArray[Any]:
        """`send` and `receive` in one."""
        self.send(tensor, about)
        return self.receive(about)

    def close(self) -> None:
        """End the process."""
        self._ender()

    def __del__(self) -> None:
        """A network that keeps one to answer with does not know when it is asked last."""
        with contextlib.suppress(AttributeError):  # it never started
            self.close()

    def __enter__(self) -> DeviceRuntime:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.close()

    def _write(self, data: bytes, about: str) -> None:
        assert self._process.stdin  # noqa: S101 - a pipe by construction
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._crash(about) from error

    def _read(self, size: int, about: str) -> bytes:
        assert self._process.stdout  # noqa: S101 - a pipe by construction
        data = self._process.stdout.read(size)
        if len(data) < size:
            raise self._crash(about)
        return data

    def _read_record(self, about: str) -> dict[str, Any]:
        assert self._process.stdout  # noqa: S101 - a pipe by construction
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise self._crash(about)
        record: dict[str, Any] = json.loads(line)
        return record

    def _crash(self, about: str) -> VerificationError:
        code = self._process.wait()
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return VerificationError(
            f"{self.name} crashed ({how}) on {about}. The file would crash devices with this runtime."
        )


def end_process(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker and wait for its end; its pipes are closed."""
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()
    process.kill()
    process.wait()


def start_code(module: str) -> list[str]:
    """The command of a worker with this process's own search path: the current folder must not shadow a module."""
    code = f"import sys; sys.path[:] = {sys.path!r}; from {module} import main; main()"
    return [sys.executable, "-c", code]


def try_runtimes(model: bytes) -> list[tuple[str, str | None]]:
    """Which installed runtimes run a model, on zeros: distribution and version, and the reason where one refuses."""
    found: list[tuple[str, str | None]] = []
    for runtime in installed_runtimes():
        name = f"{DISTRIBUTIONS[runtime]} {importlib.metadata.version(DISTRIBUTIONS[runtime])}"
        try:
            with DeviceRuntime(model, runtime, "default") as device:
                device.run(np.zeros(device.input_size_bytes, np.uint8), "an input of zeros")
        except VerificationError as error:
            found.append((name, str(error)))
        else:
            found.append((name, None))
    return found


def open_family(model: bytes, family: Family) -> tuple[DeviceRuntime, dict[str, str]]:
    """A process that computes in a portable kernel family, and the runtimes that refused the model, with reasons.

    XNNPACK runs in ai-edge-litert. The reference kernels run in tflite-runtime where it is installed and takes the
    model: the same bits as on a board. Else ai-edge-litert's stand in: they can be a step off in dense layers.

    Raises:
        VerificationError: no runtime takes the model.
    """
    order: tuple[RuntimeName, ...] = ("litert",) if family == "xnnpack" else ("tflite", "litert")
    refused: dict[str, str] = {}
    for runtime in order:
        if runtime not in installed_runtimes():
            continue
        try:
            return DeviceRuntime(model, runtime, FAMILY_KERNELS[family]), refused
        except VerificationError as error:
            refused[DISTRIBUTIONS[runtime]] = str(error)
    reasons = "; ".join(refused.values()) or "no TFLite runtime is installed. Run: pip install ai-edge-litert"
    raise VerificationError(reasons)

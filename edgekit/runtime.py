"""The only file that imports a TFLite runtime.

Two runtimes have the same interpreter: ai-edge-litert ("litert") and its predecessor tflite-runtime ("tflite"). Two
sets of kernels give the same bits on every machine: XNNPACK (LiteRT's default) and tflite-runtime's reference kernels
(what it computes on Arm, and with `kernels="reference"` anywhere). What tflite-runtime computes by default on x86 is
neither, and LiteRT's own reference kernels round dense layers once where tflite-runtime's round twice.
"""

from __future__ import annotations

import importlib.util
import platform
import sys
import threading
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edgekit.card import Family
from edgekit.errors import InferenceError, RuntimeUnavailableError, one_line

RuntimeName = Literal["litert", "tflite"]
Kernels = Literal["default", "reference"]

_MODULES = {"litert": "ai_edge_litert", "tflite": "tflite_runtime"}
DISTRIBUTIONS = {"litert": "ai-edge-litert", "tflite": "tflite-runtime"}
# What the runtimes were seen to raise on broken models; MemoryError also on boards that are too small for a good one.
_NATIVE_ERRORS = (RuntimeError, ValueError, MemoryError)


class Interpreter(Protocol):
    """The interpreter methods that edgekit uses; both runtimes have them."""

    def allocate_tensors(self) -> None: ...  # noqa: D102
    def get_input_details(self) -> list[dict[str, Any]]: ...  # noqa: D102
    def get_output_details(self) -> list[dict[str, Any]]: ...  # noqa: D102
    def set_tensor(self, tensor_index: int, value: NDArray[Any]) -> None: ...  # noqa: D102
    def get_tensor(self, tensor_index: int) -> NDArray[Any]: ...  # noqa: D102
    def invoke(self) -> None: ...  # noqa: D102


@dataclass(frozen=True)
class TensorInfo:
    """An input or output tensor. `scale` is 0.0 where it is not quantized."""

    index: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int


def installed_runtimes() -> tuple[RuntimeName, ...]:
    """The runtimes that are installed, preferred first; nothing is imported."""
    names: tuple[RuntimeName, ...] = ("litert", "tflite")
    return tuple(name for name in names if importlib.util.find_spec(_MODULES[name]))


class Engine:
    """One model, loaded in one runtime. Threads may share it: it runs one inference at a time, and others wait.

    Args:
        model: The bytes of a TFLite file.
        runtime: Which runtime; ``auto`` takes LiteRT where it is installed.
        kernels: ``reference`` for the runtime's slow kernels without any optimisation.
        num_threads: Threads of one inference.

    Raises:
        RuntimeUnavailableError: the runtime is not installed or cannot work in this environment.
        InferenceError: the runtime refused the model; the text carries its reason.
        ValueError: `num_threads` below 1.
    """

    def __init__(
        self,
        model: bytes,
        *,
        runtime: RuntimeName | Literal["auto"] = "auto",
        kernels: Kernels = "default",
        num_threads: int = 1,
    ) -> None:
        if num_threads < 1:
            msg = f"num_threads is {num_threads}, expected at least 1"
            raise ValueError(msg)
        self.runtime: RuntimeName = choose_runtime(runtime)
        self.kernels = kernels
        self._lock = threading.Lock()
        self.num_threads = num_threads
        self._interpreter, self.input, self.output = _load(self.runtime, model, kernels, num_threads)

    @property
    def version(self) -> str:
        """Of the runtime's distribution."""
        return runtime_version(self.runtime)

    @property
    def description(self) -> str:
        """Runtime and version, for people."""
        suffix = ", reference kernels" if self.kernels == "reference" else ""
        return f"{DISTRIBUTIONS[self.runtime]} {self.version}{suffix}"

    @property
    def expected_family(self) -> Family | None:
        """The portable kernel family that this engine should compute in; None where it is neither."""
        if self.runtime == "litert":
            return "xnnpack" if self.kernels == "default" else None
        if self.kernels == "reference":
            return "reference"
        return "reference" if platform.machine().lower().startswith(("arm", "aarch64")) else None

    def run(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """One inference.

        An interpreter has one input and one output tensor, so a lock holds others back from the writing of the one to
        the reading of the other; the runtime lets go of Python's own lock meanwhile. `get_tensor` copies the output,
        which outlives the lock, in less time than it takes to make a view of it.

        Args:
            tensor: Of the input's shape and dtype.

        Returns:
            A new array of the output's shape and dtype.

        Raises:
            InferenceError: the runtime refused or failed.
        """
        try:
            with self._lock:
                self._interpreter.set_tensor(self.input.index, tensor)
                self._interpreter.invoke()
                return self._interpreter.get_tensor(self.output.index)
        except _NATIVE_ERRORS as error:
            msg = f"{self.description} failed to run the model: {one_line(error)}"
            raise InferenceError(msg) from error


def choose_runtime(runtime: RuntimeName | Literal["auto"]) -> RuntimeName:
    """The runtime that an `Engine` takes when it is asked for `runtime`.

    Raises:
        RuntimeUnavailableError: it is not installed.
    """
    installed = installed_runtimes()
    if runtime == "auto":
        if not installed:
            msg = "no TFLite runtime is installed. Run: pip install ai-edge-litert"
            raise RuntimeUnavailableError(msg)
        return installed[0]
    if runtime not in installed:
        msg = f"{DISTRIBUTIONS[runtime]} is not installed. Run: pip install {DISTRIBUTIONS[runtime]}"
        raise RuntimeUnavailableError(msg)
    return runtime


def _load(
    runtime: RuntimeName, model: bytes, kernels: Kernels, num_threads: int
) -> tuple[Interpreter, TensorInfo, TensorInfo]:
    if runtime == "tflite" and "tensorflow" in sys.modules and "tflite_runtime" not in sys.modules:
        msg = (
            "tflite-runtime cannot work in a process that has imported TensorFlow. "
            "Use ai-edge-litert, or a process of its own."
        )
        raise RuntimeUnavailableError(msg)
    if runtime == "tflite" and int(np.__version__.partition(".")[0]) >= 2:
        msg = (
            f"tflite-runtime cannot work with numpy {np.__version__}. "
            "Run: pip install 'numpy<2', or: pip install ai-edge-litert"
        )
        raise RuntimeUnavailableError(msg)
    try:
        if runtime == "litert":
            from ai_edge_litert import interpreter as module
        else:
            from tflite_runtime import interpreter as module
    except (ImportError, AttributeError) as error:
        msg = f"{DISTRIBUTIONS[runtime]} is installed but cannot be imported: {one_line(error)}"
        raise RuntimeUnavailableError(msg) from error
    resolver = module.OpResolverType.BUILTIN_REF if kernels == "reference" else module.OpResolverType.AUTO
    try:
        interpreter: Interpreter = module.Interpreter(
            model_content=model, num_threads=num_threads, experimental_op_resolver_type=resolver
        )
        interpreter.allocate_tensors()
        image = _tensor_info(interpreter.get_input_details()[0])
        return interpreter, image, _tensor_info(interpreter.get_output_details()[0])
    except _NATIVE_ERRORS as error:
        msg = f"{DISTRIBUTIONS[runtime]} {runtime_version(runtime)} refuses the model: {one_line(error)}"
        raise InferenceError(msg) from error


def runtime_version(runtime: RuntimeName) -> str:
    """Of the runtime's distribution; it need not be loaded."""
    import importlib.metadata  # a tenth of a cold start, and only messages need it

    return importlib.metadata.version(DISTRIBUTIONS[runtime])


def _tensor_info(details: dict[str, Any]) -> TensorInfo:
    scale, zero_point = details["quantization"]
    shape = tuple(int(n) for n in details["shape"])
    return TensorInfo(details["index"], shape, np.dtype(details["dtype"]), float(scale), int(zero_point))

"""What a TFLite graph says about itself: tensors, operators, metadata entries. Pure Python, no runtime.

It reads only what is asked for, so that `edgekit info` and a cold start stay quick.

Source: TensorFlow Lite schema version 3 (`schema.fbs`): the slot numbers below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

from edgekit.errors import ModelFileError, UnsupportedModelError
from edgekit.flatbuffer import Buffer, Table

TENSOR_TYPES = (
    "float32", "float16", "int32", "uint8", "int64", "string", "bool", "int16", "complex64", "int8",
    "float64", "complex128", "uint64", "resource", "variant", "uint32", "uint16", "int4", "bfloat16",
)  # fmt: skip

CUSTOM = 32
AVERAGE_POOL_2D, CONV_2D, DEPTHWISE_CONV_2D, DEQUANTIZE, FULLY_CONNECTED, L2_NORMALIZATION = 1, 3, 4, 6, 9, 11
LOGISTIC, RESHAPE, SOFTMAX, MEAN, SQUEEZE, CAST, TRANSPOSE_CONV, QUANTIZE = 14, 22, 25, 40, 43, 53, 67, 114

_PASS_ON = (RESHAPE, SQUEEZE, QUANTIZE, DEQUANTIZE)


@dataclass(frozen=True)
class Tensor:
    """A tensor's declaration. `scales` and `zero_points` are empty where it is not quantized."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    buffer: int
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    quantized_dimension: int

    @property
    def scale(self) -> float:
        """The per-tensor scale, 0.0 where the tensor is not quantized."""
        return self.scales[0] if self.scales else 0.0

    @property
    def zero_point(self) -> int:
        """The per-tensor zero point, 0 where the tensor is not quantized."""
        return self.zero_points[0] if self.zero_points else 0


@dataclass(frozen=True)
class Operator:
    """A node of the graph.

    Its builtin code (or CUSTOM and a name), version, tensor indices (-1: left out), and the table of its options.
    """

    code: int
    custom_name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options_type: int = 0
    options: Table | None = field(default=None, repr=False, compare=False)


class Graph:
    """The first subgraph of a TFLite file. `model` is the root table, for those who know the schema.

    Raises:
        ModelFileError: the bytes are not a TFLite file or are damaged.
        UnsupportedModelError: no or several subgraphs.
    """

    def __init__(self, data: bytes | memoryview) -> None:
        if len(data) < 8 or bytes(data[4:8]) != b"TFL3":
            msg = "not a TFLite file: bytes 4 to 8 are not 'TFL3'. Pass a .tflite file."
            raise ModelFileError(msg)
        self.model = Buffer(data).root()
        subgraphs = self.model.tables(2)
        if len(subgraphs) != 1:
            msg = f"found {len(subgraphs)} subgraphs, expected one: control flow is not an image classifier."
            raise UnsupportedModelError(msg)
        self._subgraph = subgraphs[0]

    @cached_property
    def _tensor_tables(self) -> list[Table]:
        return self._subgraph.tables(0)

    def tensor(self, index: int) -> Tensor:
        """One tensor by its index."""
        if not 0 <= index < len(self._tensor_tables):
            msg = f"damaged file: it names tensor {index} of {len(self._tensor_tables)}. Copy the file again."
            raise ModelFileError(msg)
        return _tensor(index, self._tensor_tables[index])

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """Every tensor, in index order."""
        return tuple(_tensor(i, table) for i, table in enumerate(self._tensor_tables))

    @cached_property
    def inputs(self) -> tuple[Tensor, ...]:
        """The graph's inputs."""
        return tuple(self.tensor(i) for i in self._subgraph.integers(1, "i"))

    @cached_property
    def outputs(self) -> tuple[Tensor, ...]:
        """The graph's outputs."""
        return tuple(self.tensor(i) for i in self._subgraph.integers(2, "i"))

    @cached_property
    def custom_operators(self) -> tuple[str, ...]:
        """Names of the operators that only special runtimes or hardware have."""
        codes = (_operator_code(table) for table in self.model.tables(1))
        return tuple(sorted({name for code, name, _ in codes if code == CUSTOM}))

    @cached_property
    def operators(self) -> tuple[Operator, ...]:
        """Every node, in execution order."""
        codes = [_operator_code(table) for table in self.model.tables(1)]
        nodes = []
        for table in self._subgraph.tables(3):
            index = table.integer(0, "I")
            if index >= len(codes):
                msg = f"damaged file: it names operator {index} of {len(codes)}. Copy the model file again."
                raise ModelFileError(msg)
            tensors = table.integers(1, "i"), table.integers(2, "i")
            nodes.append(Operator(*codes[index], *tensors, table.integer(3, "B"), table.table(4)))
        return tuple(nodes)

    @cached_property
    def _buffer_tables(self) -> list[Table]:
        return self.model.tables(4)

    def buffer(self, index: int) -> memoryview:
        """The constant data behind a tensor; empty for tensors that are computed."""
        if not 0 <= index < len(self._buffer_tables):
            msg = f"damaged file: it names buffer {index} of {len(self._buffer_tables)}. Copy the file again."
            raise ModelFileError(msg)
        return self._buffer_tables[index].blob(0)

    @cached_property
    def metadata(self) -> dict[str, memoryview]:
        """Named metadata buffers, for instance `TFLITE_METADATA` and `min_runtime_version`."""
        return {table.string(0): self.buffer(table.integer(1, "I")) for table in self.model.tables(6)}

    @property
    def declared_min_runtime(self) -> str:
        """The oldest TensorFlow runtime that the converter says can run the file; empty if it does not say."""
        return bytes(self.metadata.get("min_runtime_version", b"")).rstrip(b"\0").decode("ascii", "replace")

    def producer(self, tensor_index: int) -> Operator | None:
        """The node that computes a tensor."""
        return next((node for node in self.operators if tensor_index in node.outputs), None)

    def tail(self, tensor_index: int) -> Operator | None:
        """The node that computes a tensor's values, looking through reshaping and requantizing."""
        for _ in range(8):
            node = self.producer(tensor_index)
            if node is None or node.code not in _PASS_ON or not node.inputs:
                return node
            tensor_index = node.inputs[0]
        return None


def _operator_code(table: Table) -> tuple[int, str, int]:
    code = max(table.integer(0, "b"), table.integer(3, "i"))
    return code, table.string(1) if code == CUSTOM else "", table.integer(2, "i", 1)


def _tensor(index: int, table: Table) -> Tensor:
    code = table.integer(1, "b")
    quantization = table.table(4)
    scales = tuple(float(s) for s in quantization.numbers(2, "f")) if quantization else ()
    zero_points = quantization.integers(3, "q") if quantization else ()
    if any(not (math.isfinite(s) and s > 0) for s in scales):
        msg = f"damaged file: tensor {index} has a scale that is not a positive number. Copy the file again."
        raise ModelFileError(msg)
    return Tensor(
        index=index,
        name=table.string(3),
        shape=table.integers(0, "i"),
        dtype=TENSOR_TYPES[code] if 0 <= code < len(TENSOR_TYPES) else f"type{code}",
        buffer=table.integer(2, "I"),
        scales=scales,
        zero_points=zero_points,
        quantized_dimension=quantization.integer(6, "i") if quantization else 0,
    )

"""Weights kept small while the computation stays in float, and bytes at both ends of such a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgekit_export.rewire import Rewiring
from edgekit_export.schema import (
    drop_unread_constants,
    operator_code,
    operator_index,
    operator_names,
    pack,
    schema,
    unpack,
)

_KERNEL = 1
_LEAST_VALUES = 256  # of a constant that is worth storing in another type
_CHANNEL_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3}
_HYBRID_VERSION = {"CONV_2D": 5, "DEPTHWISE_CONV_2D": 6, "FULLY_CONNECTED": 3}  # int8 weights, float values


def half_weights(data: bytes) -> bytes:
    """A float `.tflite` with its constants stored as float16; each is turned into float32 when the file is loaded."""
    model = unpack(data)
    graph, known = model.subgraphs[0], schema()
    expanded: list[Any] = []
    for index, tensor in enumerate(list(graph.tensors)):
        values = model.buffers[tensor.buffer].data
        if tensor.type != known.TensorType.FLOAT32 or values is None or len(values) < 4 * _LEAST_VALUES:
            continue
        small = _new_tensor(model, tensor, known.TensorType.FLOAT16)
        buffer = model.buffers[graph.tensors[small].buffer]
        buffer.data = np.frombuffer(_floats(values).astype(np.float16).tobytes(), np.uint8)
        tensor.buffer = 0
        node = known.OperatorT()
        node.opcodeIndex = operator_index(model, known.BuiltinOperator.DEQUANTIZE, 2)
        node.inputs, node.outputs = [small], [index]
        expanded.append(node)
    graph.operators = [*expanded, *graph.operators]
    drop_unread_constants(model)
    return pack(model)


def int8_weights(data: bytes) -> bytes:
    """A float `.tflite` whose layers keep int8 weights and quantize what comes in on the fly: dynamic range.

    Convolutions have a scale for each channel, dense layers one: runtimes of 2023 have no other dense kernel.
    """
    model = unpack(data)
    names, stored = operator_names(), {}
    for node in model.subgraphs[0].operators:
        kind = names.get(operator_code(model, node), "")
        if kind not in _HYBRID_VERSION:
            continue
        kernel = int(node.inputs[_KERNEL])
        if kernel not in stored:  # layers may share one
            stored[kernel] = _as_int8(model, kernel, _CHANNEL_AXIS.get(kind))
        if stored[kernel] is not None:
            node.inputs = [int(i) for i in node.inputs]
            node.inputs[_KERNEL] = stored[kernel]
            node.opcodeIndex = operator_index(model, operator_code(model, node), _HYBRID_VERSION[kind])
    for kernel in (tensor for tensor, small in stored.items() if small is not None):
        model.subgraphs[0].tensors[kernel].buffer = 0
    drop_unread_constants(model)
    return pack(model)


def _as_int8(model: Any, tensor: int, axis: int | None) -> int | None:
    """A tensor of int8 with the values of a float constant, scaled along `axis`; None where that is not worth it."""
    known, old = schema(), model.subgraphs[0].tensors[tensor]
    values = model.buffers[old.buffer].data
    if old.type != known.TensorType.FLOAT32 or values is None or len(values) < 4 * _LEAST_VALUES:
        return None
    kernel = _floats(values).reshape([int(n) for n in old.shape])
    others = tuple(i for i in range(kernel.ndim) if i != axis) if axis is not None else None
    scales = np.maximum(np.abs(kernel).max(axis=others, keepdims=True), 1e-9) / 127
    told = known.QuantizationParametersT()
    told.scale, told.zeroPoint = [float(s) for s in scales.ravel()], [0] * scales.size
    told.quantizedDimension = axis or 0
    new = _new_tensor(model, old, known.TensorType.INT8)
    small = model.subgraphs[0].tensors[new]
    small.quantization = told
    rounded = np.clip(np.round(kernel / scales), -127, 127).astype(np.int8)
    model.buffers[small.buffer].data = np.frombuffer(rounded.tobytes(), np.uint8)
    return new


def with_byte_ends(data: bytes, mean: float, std: float) -> bytes:
    """A file with float ends behind a uint8 input that takes raw pixels, and before a uint8 output of scores.

    Args:
        data: Its input is ``(pixel - mean) / std``, its output probabilities.
        mean: Of that; rounded to the whole pixel value that a zero point can be.
        std: Of that.
    """
    rewiring = Rewiring(data)
    rewiring.prepend_bytes(1 / std, round(mean))
    rewiring.append_bytes(1 / 256)
    return rewiring.finish()


def _floats(values: Any) -> Any:
    return np.frombuffer(bytes(values), np.float32)


def _new_tensor(model: Any, like: Any, dtype: int) -> int:
    known, graph = schema(), model.subgraphs[0]
    model.buffers.append(known.BufferT())
    tensor = known.TensorT()
    tensor.name, tensor.shape, tensor.type = like.name, like.shape, dtype
    tensor.buffer = len(model.buffers) - 1
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1

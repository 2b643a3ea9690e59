"""Weights kept small while the computation stays in float, and bytes at both ends of such a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgekit_export.rewire import Rewiring
from edgekit_export.schema import drop_unread_constants, operator_code, operator_names, pack, schema, unpack

_KERNEL = 1
_LEAST_VALUES = 256  # of a constant that is worth storing in another type
_CHANNEL_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3}


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
        node.opcodeIndex = _code_of(model, known.BuiltinOperator.DEQUANTIZE, 2)
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
    graph, known, names = model.subgraphs[0], schema(), operator_names()
    for node in graph.operators:
        kind = names.get(operator_code(model, node), "")
        if kind not in (*_CHANNEL_AXIS, "FULLY_CONNECTED"):
            continue
        tensor = graph.tensors[int(node.inputs[_KERNEL])]
        values = model.buffers[tensor.buffer].data
        if tensor.type != known.TensorType.FLOAT32 or values is None or len(values) < 4 * _LEAST_VALUES:
            continue
        small = _new_tensor(model, tensor, known.TensorType.INT8)
        kernel = _floats(values).reshape([int(n) for n in tensor.shape])
        axis = _CHANNEL_AXIS.get(kind)
        others = tuple(i for i in range(kernel.ndim) if i != axis) if axis is not None else None
        scales = np.maximum(np.abs(kernel).max(axis=others, keepdims=True), 1e-9) / 127
        told = known.QuantizationParametersT()
        told.scale = [float(s) for s in scales.ravel()]
        told.zeroPoint = [0] * scales.size
        told.quantizedDimension = axis or 0
        graph.tensors[small].quantization = told
        rounded = np.clip(np.round(kernel / scales), -127, 127).astype(np.int8)
        model.buffers[graph.tensors[small].buffer].data = np.frombuffer(rounded.tobytes(), np.uint8)
        node.inputs = [int(i) for i in node.inputs]
        node.inputs[_KERNEL] = small
        tensor.buffer = 0
        code = operator_code(model, node)
        node.opcodeIndex = _code_of(model, code, {"CONV_2D": 5, "DEPTHWISE_CONV_2D": 6, "FULLY_CONNECTED": 3}[kind])
    drop_unread_constants(model)
    return pack(model)


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


def _code_of(model: Any, code: int, version: int) -> int:
    for index, one in enumerate(model.operatorCodes):
        if max(one.builtinCode, one.deprecatedBuiltinCode) == code and one.version == version:
            return index
    new = schema().OperatorCodeT()
    new.builtinCode, new.deprecatedBuiltinCode, new.version = code, min(code, 127), version
    model.operatorCodes.append(new)
    return len(model.operatorCodes) - 1

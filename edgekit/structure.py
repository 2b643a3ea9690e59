"""Refuse damaged graphs that would take a native runtime, and with it the process, down.

tflite-runtime follows every position in a file unchecked, and both runtimes divide by strides of zero. Only files
without a card come here: the checksum in a card proves more, for less time.

Source: TensorFlow Lite schema version 3 (`schema.fbs`): the slot numbers below.
"""

from __future__ import annotations

import math
from typing import Any

from edgekit.errors import ModelFileError
from edgekit.flatbuffer import Table
from edgekit.tflite import Graph, Operator, Tensor

# What a runtime follows: slot -> a list of scalars of a struct type, a table (dict) or a list of tables ([dict]).
_QUANTIZATION: dict[int, Any] = {0: "f", 1: "f", 2: "f", 3: "q"}
_DIMENSION: dict[int, Any] = {3: {0: "B"}, 5: {0: "B"}}
_SPARSITY: dict[int, Any] = {0: "i", 1: "i", 2: [_DIMENSION]}
_TENSOR: dict[int, Any] = {0: "i", 3: "B", 4: _QUANTIZATION, 6: _SPARSITY, 7: "i"}
_OPERATOR: dict[int, Any] = {1: "i", 2: "i", 4: {}, 5: "B", 7: "B", 8: "i"}
_SUBGRAPH: dict[int, Any] = {0: [_TENSOR], 1: "i", 2: "i", 3: [_OPERATOR], 4: "B"}
_NAMED = {0: "B"}
_SIGNATURE: dict[int, Any] = {0: [_NAMED], 1: [_NAMED], 2: "B"}
_MODEL: dict[int, Any] = {1: [{1: "B"}], 2: [_SUBGRAPH], 3: "B", 4: [{0: "B"}], 5: "i", 6: [_NAMED], 7: [_SIGNATURE]}

_ITEM_BYTES = {"float32": 4, "float16": 2, "int32": 4, "uint8": 1, "int64": 8, "bool": 1, "int16": 2, "int8": 1}
_ZERO_POINTS = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-32768, 32767)}
_MAX_TENSOR_BYTES = 2**28
_MAX_SCALE, _MIN_COMPUTED_SCALE = 1e6, 1e-12
# AVERAGE_POOL_2D, CONV_2D, DEPTHWISE_CONV_2D, MAX_POOL_2D: the type of their options, and the slots of strides and
# windows, which kernels divide by.
_STEPS = {1: (5, (1, 2, 3, 4)), 3: (1, (1, 2)), 4: (2, (1, 2)), 17: (5, (1, 2, 3, 4))}
_MAX_STEP = 8192
_PADDINGS = (0, 1)
_LISTS_OF_SHAPES = (22, 43)  # RESHAPE, SQUEEZE: their options hold a list


def check_structure(graph: Graph) -> None:
    """Refuse damage that runtimes do not survive.

    Raises:
        ModelFileError: the graph is damaged.
    """
    _follow(graph.model, _MODEL)
    constants = [len(graph.buffer(tensor.buffer)) for tensor in graph.tensors]
    for tensor, stored_bytes in zip(graph.tensors, constants, strict=True):
        _check_tensor(tensor, stored_bytes)
    for number, node in enumerate(graph.operators):
        _check_operator(number, node, constants)


def _follow(table: Table, form: dict[int, Any]) -> None:
    for slot, kind in form.items():
        if kind == "B":
            table.blob(slot)
        elif isinstance(kind, str):
            table.numbers(slot, kind)
        elif isinstance(kind, list):
            for element in table.tables(slot):
                _follow(element, kind[0])
        elif inner := table.table(slot):
            _follow(inner, kind)


def _check_tensor(tensor: Tensor, stored_bytes: int) -> None:
    size = math.prod(tensor.shape) * _ITEM_BYTES.get(tensor.dtype, 1)
    lowest = 0 if stored_bytes else _MIN_COMPUTED_SCALE
    low, high = _ZERO_POINTS.get(tensor.dtype, (-(2**31), 2**31 - 1))
    if min(tensor.shape, default=1) < 0 or size > _MAX_TENSOR_BYTES:
        problem = f"shape {tensor.shape}"
    elif stored_bytes and tensor.dtype in _ITEM_BYTES and stored_bytes != size:
        problem = f"{stored_bytes} bytes, its shape asks for {size}"
    elif len(tensor.scales) > 1 and tensor.shape[tensor.quantized_dimension :][:1] != (len(tensor.scales),):
        problem = f"{len(tensor.scales)} scales for shape {tensor.shape}"
    elif len(tensor.zero_points) not in (len(tensor.scales), 0):
        problem = f"{len(tensor.zero_points)} zero points for {len(tensor.scales)} scales"
    elif any(not low <= zero_point <= high for zero_point in tensor.zero_points):
        problem = f"a zero point outside {low}..{high}"
    elif tensor.scales and not (lowest <= min(tensor.scales) and max(tensor.scales) <= _MAX_SCALE):
        problem = f"a scale outside {lowest:g}..{_MAX_SCALE:g}"
    elif tensor.dtype == "int8" and not tensor.scales:
        problem = "no scale, as int8 tensors must"
    else:
        return
    msg = f"damaged file: tensor {tensor.index} has {problem}. Copy the file again."
    raise ModelFileError(msg)


def _check_operator(number: int, node: Operator, constants: list[int]) -> None:
    count = len(constants)
    if not all(0 <= i < count for i in (*node.inputs[:2], *node.outputs)) or not all(i < count for i in node.inputs):
        problem = f"names a tensor outside 0..{count - 1}"
    elif any(constants[i] for i in node.outputs):
        problem = "writes to a constant"
    elif not _has_sane_options(node):
        problem = "has a stride, window or padding that no image has"
    else:
        return
    msg = f"damaged file: operator {number} {problem}. Copy the file again."
    raise ModelFileError(msg)


def _has_sane_options(node: Operator) -> bool:
    if node.code in _LISTS_OF_SHAPES and node.options:
        node.options.integers(0, "i")
    if node.code not in _STEPS:
        return True
    options_type, slots = _STEPS[node.code]
    if node.options is None or node.options_type != options_type or node.options.integer(0, "b") not in _PADDINGS:
        return False
    return all(1 <= node.options.integer(slot, "i") <= _MAX_STEP for slot in slots)

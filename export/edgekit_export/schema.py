"""TensorFlow Lite's schema as objects: a `.tflite` taken apart, and put together again.

Source: TensorFlow Lite schema version 3, through the classes that Google generates from it.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import flatbuffers

ModelT: TypeAlias = Any
"""The generated `ModelT`; its module has no types to give it."""


@functools.cache
def schema() -> Any:
    """The module of generated classes: plain Python, no runtime."""
    from ai_edge_litert import schema_py_generated

    return schema_py_generated


class _AlignedBuffer:
    """A constant whose bytes begin at a multiple of 16: the generated classes do not see to it, and kernels need it."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802 - the name that the generated classes call
        known, size = schema(), len(self.data)
        builder.StartVector(1, size, 16)
        builder.head -= size
        builder.Bytes[builder.head : builder.head + size] = self.data
        vector = builder.EndVector()
        known.BufferStart(builder)
        known.BufferAddData(builder, vector)
        return int(known.BufferEnd(builder))


def unpack(data: bytes) -> ModelT:
    """The objects of a `.tflite`, checked before: damage ends in errors of the flatbuffers package."""
    known = schema()
    return known.ModelT.InitFromObj(known.Model.GetRootAs(data))


def pack(model: ModelT) -> bytes:
    """The bytes of a `.tflite`; the objects stay as they are."""
    import flatbuffers

    plain = model.buffers
    model.buffers = [_aligned(buffer) for buffer in plain]
    try:
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())
    finally:
        model.buffers = plain


def drop_unread_constants(model: ModelT) -> None:
    """Empty the buffers that no tensor and no metadata name any more."""
    named = {int(tensor.buffer) for graph in model.subgraphs for tensor in graph.tensors}
    named.update(int(one.buffer) for one in model.metadata or ())
    for index, buffer in enumerate(model.buffers):
        if index not in named:
            buffer.data = None


def _aligned(buffer: Any) -> Any:
    filled = buffer.data is not None and len(buffer.data)
    return _AlignedBuffer(bytes(np.asarray(buffer.data, np.uint8))) if filled else buffer


def operator_code(model: ModelT, node: Any) -> int:
    """The builtin code of a node: old files keep it in another field."""
    code = model.operatorCodes[node.opcodeIndex]
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def operator_index(model: ModelT, code: int, version: int) -> int:
    """The place of an operator in a file's list of codes; it is added where it is missing."""
    for index, known in enumerate(model.operatorCodes):
        if max(known.builtinCode, known.deprecatedBuiltinCode) == code and known.version == version:
            return index
    new = schema().OperatorCodeT()
    new.builtinCode, new.deprecatedBuiltinCode, new.version = code, min(code, 127), version
    model.operatorCodes = [*model.operatorCodes, new]
    return len(model.operatorCodes) - 1


@functools.cache
def operator_names() -> dict[int, str]:
    """Names of operators by their builtin code, as the schema spells them."""
    return {code: name for name, code in vars(schema().BuiltinOperator).items() if isinstance(code, int)}

"""Add a named metadata buffer to a TFLite graph without touching a byte of it.

A new root table, and new lists of buffers and metadata entries, are put in front of the old file; everything else is
pointed to where it lies. FlatBuffers offsets are relative and point forward, so the old bytes stay valid as they
are, weights keep their alignment, and nothing is re-encoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgekit.flatbuffer import Buffer, Table

if TYPE_CHECKING:
    import flatbuffers

_ALIGNMENT = 16  # the schema forces it on buffer data
_POINTERS = (1, 2, 3, 5, 7)  # operator codes, subgraphs, description, metadata_buffer, signatures
_BUFFERS, _METADATA = 4, 6


def add_metadata_buffer(graph: bytes, name: str, data: bytes) -> bytes:
    """The same graph with one more metadata entry; an entry of the same name is replaced.

    Args:
        graph: A TFLite FlatBuffer, nothing appended.
        name: Name of the entry, for instance ``TFLITE_METADATA``.
        data: Its content.

    Raises:
        ModelFileError: `graph` is damaged.
    """
    import flatbuffers

    model = Buffer(graph).root()
    buffers = model.tables(_BUFFERS)
    kept = [entry for entry in model.tables(_METADATA) if entry.string(0) != name]

    builder = flatbuffers.Builder(1024 + len(data))
    content = _aligned_bytes(builder, data)
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, content, 0)
    buffer = builder.EndObject()
    text = builder.CreateString(name)
    builder.StartObject(2)
    builder.PrependUOffsetTRelativeSlot(0, text, 0)
    builder.PrependUint32Slot(1, len(buffers), 0)
    entry = builder.EndObject()
    all_buffers = _list(builder, buffers, buffer)
    all_metadata = _list(builder, kept, entry)

    builder.StartObject(8)
    builder.PrependUint32Slot(0, model.integer(0, "I"), 0)
    for slot in _POINTERS:
        target = model.target(slot)
        if target is not None:
            builder.PrependUOffsetTRelativeSlot(slot, _behind(target), 0)
    builder.PrependUOffsetTRelativeSlot(_BUFFERS, all_buffers, 0)
    builder.PrependUOffsetTRelativeSlot(_METADATA, all_metadata, 0)
    builder.Finish(builder.EndObject(), file_identifier=b"TFL3")
    return bytes(builder.Output()) + graph


def _behind(position: int) -> int:
    """The builder counts from its end backwards; the old file lies behind that end."""
    return -position


def _aligned_bytes(builder: flatbuffers.Builder, data: bytes) -> int:
    builder.StartVector(1, len(data), _ALIGNMENT)
    builder.head -= len(data)
    builder.Bytes[builder.head : builder.head + len(data)] = data
    return int(builder.EndVector())


def _list(builder: flatbuffers.Builder, old: Sequence[Table], new: int) -> int:
    builder.StartVector(4, len(old) + 1, 4)
    builder.PrependUOffsetTRelative(new)
    for table in reversed(old):
        builder.PrependUOffsetTRelative(_behind(table.position))
    return int(builder.EndVector())

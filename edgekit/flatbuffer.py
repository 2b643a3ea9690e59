"""A FlatBuffers reader that survives hostile bytes.

The `flatbuffers` package trusts its input and imports numpy; `edgekit info` may do neither. This one reads just
what a TFLite file needs, checks every position, and bounds the total work, so that a crafted file ends in
`ModelFileError` and never in a crash, an endless loop or a guess. Writing is left to the `flatbuffers` package.

Source: FlatBuffers internals (binary layout of tables, vtables and vectors).
"""

from __future__ import annotations

import struct
from typing import cast

from edgekit.errors import ModelFileError

_SCALARS = {code: struct.Struct("<" + code) for code in "bBhHiIfqQ"}


class Buffer:
    """Bytes with checked reads and a budget of vector elements.

    An honest file mentions each byte about once. A crafted one can let thousands of tables share one long vector;
    the budget stops it after a few times the file's own size.
    """

    def __init__(self, data: bytes | memoryview) -> None:
        self.data = memoryview(data)
        self._size = len(self.data)
        self._budget = 4 * self._size + 1024

    def integer(self, position: int, code: str) -> int:
        """The little-endian integer of struct type `code` at `position`."""
        scalar = _SCALARS[code]
        if not 0 <= position <= self._size - scalar.size:
            msg = f"damaged file: it points at byte {position} of {self._size}. Copy the model file again."
            raise ModelFileError(msg)
        value: int = scalar.unpack_from(self.data, position)[0]
        return value

    def follow(self, position: int) -> int:
        """Where the unsigned offset at `position` leads."""
        return position + self.integer(position, "I")

    def vector(self, position: int, element_size: int) -> tuple[int, int]:
        """Start and length of the vector at `position`, checked to lie within the file."""
        length = self.integer(position, "I")
        start = position + 4
        if start + length * element_size > self._size:
            msg = (
                f"damaged file: a list of {length} elements at byte {position} does not fit into "
                f"{self._size} bytes. Copy the model file again."
            )
            raise ModelFileError(msg)
        self._budget -= length if element_size > 1 else 1
        if self._budget < 0:
            msg = "damaged file: its lists overlap. Copy the model file again."
            raise ModelFileError(msg)
        return start, length

    def root(self) -> Table:
        """The root table."""
        return Table(self, self.follow(0))


class Table:
    """One FlatBuffers table: fields by slot number, as the schema counts them."""

    __slots__ = ("_buffer", "_fields", "position")

    def __init__(self, buffer: Buffer, position: int) -> None:
        vtable = position - buffer.integer(position, "i")
        size = buffer.integer(vtable, "H")
        buffer.integer(vtable + max(size - 2, 0), "H")
        self._buffer = buffer
        self._fields = struct.unpack_from(f"<{max(size - 4, 0) // 2}H", buffer.data, vtable + 4)
        if position + max(self._fields, default=0) > len(buffer.data) - 1:
            msg = f"damaged file: a table at byte {position} does not fit into it. Copy the model file again."
            raise ModelFileError(msg)
        self.position = position

    def where(self, slot: int) -> int | None:
        """The position of a field's data, or None where the table leaves it out."""
        offset = self._fields[slot] if slot < len(self._fields) else 0
        return self.position + offset if offset else None

    def integer(self, slot: int, code: str, default: int = 0) -> int:
        """An integer field of struct type `code`."""
        position = self.where(slot)
        return default if position is None else self._buffer.integer(position, code)

    def target(self, slot: int) -> int | None:
        """The position that an offset field leads to."""
        position = self.where(slot)
        return None if position is None else self._buffer.follow(position)

    def table(self, slot: int) -> Table | None:
        """A field that is a table."""
        position = self.target(slot)
        return None if position is None else Table(self._buffer, position)

    def tables(self, slot: int) -> list[Table]:
        """A field that is a vector of tables."""
        position = self.target(slot)
        if position is None:
            return []
        start, length = self._buffer.vector(position, 4)
        return [Table(self._buffer, self._buffer.follow(start + 4 * i)) for i in range(length)]

    def numbers(self, slot: int, code: str) -> tuple[int | float, ...]:
        """A field that is a vector of scalars of struct type `code`."""
        position = self.target(slot)
        if position is None:
            return ()
        start, length = self._buffer.vector(position, _SCALARS[code].size)
        return struct.unpack_from(f"<{length}{code}", self._buffer.data, start)

    def integers(self, slot: int, code: str) -> tuple[int, ...]:
        """As `numbers`, for integer types."""
        return cast("tuple[int, ...]", self.numbers(slot, code))

    def blob(self, slot: int) -> memoryview:
        """A field that is a vector of bytes; a view, not a copy."""
        position = self.target(slot)
        if position is None:
            return memoryview(b"")
        start, length = self._buffer.vector(position, 1)
        return self._buffer.data[start : start + length]

    def string(self, slot: int) -> str:
        """A field that is a string; bytes that are not UTF-8 are replaced, not refused."""
        return bytes(self.blob(slot)).decode("utf-8", errors="replace")

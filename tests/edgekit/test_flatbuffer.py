import struct
from collections.abc import Callable

import flatbuffers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.errors import ModelFileError
from edgekit.flatbuffer import Buffer, Table


def written() -> bytes:
    """One table: a string, an int32 vector, two sub-tables, a scalar; slot 3 left out."""
    builder = flatbuffers.Builder(64)
    text = builder.CreateString("leaf é")
    builder.StartVector(4, 3, 4)
    for value in (-3, 0, 70000):
        builder.PrependInt32(value)
    numbers = builder.EndVector()
    inner = []
    for value in (7, 8):
        builder.StartObject(1)
        builder.PrependInt8Slot(0, value, 0)
        inner.append(builder.EndObject())
    builder.StartVector(4, 2, 4)
    for offset in reversed(inner):
        builder.PrependUOffsetTRelative(offset)
    tables = builder.EndVector()
    builder.StartObject(6)
    builder.PrependUOffsetTRelativeSlot(0, text, 0)
    builder.PrependUOffsetTRelativeSlot(1, numbers, 0)
    builder.PrependUOffsetTRelativeSlot(2, tables, 0)
    builder.PrependInt16Slot(4, -5, 0)
    builder.PrependUOffsetTRelativeSlot(5, inner[0], 0)
    builder.Finish(builder.EndObject())
    return bytes(builder.Output())


def read_all(data: bytes) -> tuple[object, ...]:
    root = Buffer(data).root()
    inner = root.table(5)
    return (
        root.string(0),
        root.integers(1, "i"),
        [table.integer(0, "b") for table in root.tables(2)],
        root.integer(3, "i", default=42),
        root.integer(4, "h"),
        inner.integer(0, "b") if inner else None,
    )


def test_what_the_official_writer_wrote_is_read() -> None:
    assert read_all(written()) == ("leaf é", (70000, 0, -3), [7, 8], 42, -5, 7)


def test_fields_left_out_are_empty() -> None:
    root = Buffer(written()).root()
    assert (root.where(3), root.target(9), root.table(9), root.tables(9)) == (None, None, None, [])
    assert (root.numbers(9, "f"), bytes(root.blob(9)), root.string(9)) == ((), b"", "")


def test_text_that_is_not_utf8_is_replaced() -> None:
    data = written().replace("leaf é".encode(), b"leaf \xff\xfe")
    assert Buffer(data).root().string(0) == "leaf \ufffd\ufffd"


@pytest.mark.parametrize("position", [-1, 13, 16, 2**40])
def test_numbers_outside_the_bytes_are_refused(position: int) -> None:
    with pytest.raises(ModelFileError, match=f"points at byte {position} of 16"):
        Buffer(bytes(16)).integer(position, "I")


def test_the_last_number_is_read() -> None:
    assert Buffer(bytes(12) + b"\xff\xff\xff\xff").integer(12, "i") == -1


def test_lists_longer_than_the_bytes_are_refused() -> None:
    with pytest.raises(ModelFileError, match="a list of 4 elements at byte 0 does not fit into 19 bytes"):
        Buffer(struct.pack("<I", 4) + bytes(15)).vector(0, 4)
    assert Buffer(struct.pack("<I", 4) + bytes(16)).vector(0, 4) == (4, 4)


def test_lists_read_again_and_again_use_up_the_budget() -> None:
    buffer = Buffer(struct.pack("<I", 1000) + bytes(4000))
    for _ in range(16):  # 4 x 4004 bytes + 1024 elements
        buffer.vector(0, 4)
    buffer.vector(0, 4)
    with pytest.raises(ModelFileError, match="lists overlap"):
        buffer.vector(0, 4)


def test_many_tables_that_share_one_long_list_end_soon() -> None:
    count, length = 2000, 20_000
    table_at = 8 + 4 * count
    vector_at = table_at + 16
    offsets = [table_at - (8 + 4 * i) for i in range(count)]
    data = struct.pack("<II", 0, count) + struct.pack(f"<{count}I", *offsets)
    data += struct.pack("<iIHHHH", -8, vector_at - table_at - 4, 6, 8, 4, 0) + struct.pack("<I", length)
    buffer = Buffer(data + bytes(4 * length))
    start, found = buffer.vector(4, 4)
    tables = [Table(buffer, buffer.follow(start + 4 * i)) for i in range(found)]
    assert len(tables[0].integers(0, "i")) == length
    with pytest.raises(ModelFileError, match="lists overlap"):
        [table.integers(0, "i") for table in tables]


@pytest.mark.parametrize(
    ("distance", "vtable"),
    [
        (1000, (4, 4)),  # before the start
        (-1000, (4, 4)),  # behind the end
        (-4, (400, 4)),  # longer than the bytes
        (-4, (6, 8, 200)),  # a field behind the end
    ],
)
def test_vtables_and_fields_outside_the_bytes_are_refused(distance: int, vtable: tuple[int, ...]) -> None:
    data = struct.pack("<Ii", 4, distance) + struct.pack(f"<{len(vtable)}H", *vtable) + bytes(8)
    with pytest.raises(ModelFileError, match="damaged file"):
        Buffer(data).root()  # before any field is read: native code would read it unchecked


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5])
def test_vtables_too_short_for_fields_have_none(size: int) -> None:
    assert Buffer(struct.pack("<IiHHI", 4, -4, size, 4, 0)).root().where(0) is None


def only_model_file_errors(read: Callable[[], object]) -> None:
    text = ""
    try:
        read()
    except ModelFileError as error:
        text = str(error)
    assert "\n" not in text


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_are_read_or_refused(data: bytes) -> None:
    only_model_file_errors(lambda: read_all(data))


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(written()) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes_are_read_or_refused(changes: list[tuple[int, int]]) -> None:
    data = bytearray(written())
    for place, value in changes:
        data[place] = value
    only_model_file_errors(lambda: read_all(bytes(data)))


def test_every_cut_is_read_or_refused() -> None:
    data = written()
    for end in range(len(data)):
        only_model_file_errors(lambda end=end: read_all(data[:end]))  # type: ignore[misc]

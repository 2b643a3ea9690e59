from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgekit.errors import ModelFileError
from edgekit.graft import add_metadata_buffer
from edgekit.runtime import Engine, RuntimeName
from edgekit.tflite import Graph


@pytest.mark.parametrize("size", [0, 1, 7, 16, 1000, 4099])
def test_the_old_bytes_stand_unchanged_and_aligned_behind_the_new(size: int, tiny_graph: bytes) -> None:
    grafted = add_metadata_buffer(tiny_graph, "NOTE", bytes(size))
    assert grafted.endswith(tiny_graph)
    assert (len(grafted) - len(tiny_graph)) % 16 == 0


@pytest.mark.parametrize("graph", ["tiny_graph", "tiny_float"])
def test_the_generated_schema_sees_the_same_graph_and_the_entry(graph: str, request: pytest.FixtureRequest) -> None:
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    data: bytes = request.getfixturevalue(graph)
    before = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data))
    after = schema.ModelT.InitFromObj(schema.Model.GetRootAs(add_metadata_buffer(data, "NOTE", b"hello")))
    entry = after.metadata.pop()
    assert (entry.name, entry.buffer) == (b"NOTE", len(before.buffers))
    assert bytes(after.buffers.pop().data) == b"hello"
    assert plain(after) == plain(before)


def plain(value: Any) -> Any:
    """A schema object as nested dicts and lists, so that == compares contents."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list):
        return [plain(item) for item in value]
    return {key: plain(item) for key, item in vars(value).items()} if hasattr(value, "__dict__") else value


def test_the_buffer_data_is_aligned_to_16_bytes(tiny_graph: bytes) -> None:
    grafted = add_metadata_buffer(tiny_graph, "NOTE", b"find me")
    assert grafted.index(b"find me") % 16 == 0


def test_grafting_twice_replaces_the_entry(tiny_graph: bytes, agrees_with_schema: Callable[[bytes], None]) -> None:
    twice = add_metadata_buffer(add_metadata_buffer(tiny_graph, "NOTE", b"old"), "NOTE", b"new")
    kept = {name: bytes(blob) for name, blob in Graph(tiny_graph).metadata.items()}
    assert {name: bytes(blob) for name, blob in Graph(twice).metadata.items()} == {**kept, "NOTE": b"new"}
    assert [entry.string(0) for entry in Graph(twice).model.tables(6)].count("NOTE") == 1
    agrees_with_schema(twice)


def test_entries_of_other_names_stay(tiny_graph: bytes) -> None:
    two = add_metadata_buffer(add_metadata_buffer(tiny_graph, "ONE", b"1"), "TWO", b"2")
    found = Graph(two).metadata
    assert (bytes(found["ONE"]), bytes(found["TWO"])) == (b"1", b"2")
    assert Graph(two).declared_min_runtime == Graph(tiny_graph).declared_min_runtime != ""


@pytest.mark.parametrize("kernels", ["default", "reference"])
def test_runtimes_compute_the_same_before_and_after(
    kernels: Any, runtime_name: RuntimeName, tiny_graph: bytes, photo: NDArray[np.uint8]
) -> None:
    grafted = add_metadata_buffer(tiny_graph, "NOTE", bytes(999))
    before, after = (
        Engine(data, runtime=runtime_name, kernels=kernels).run(photo[None]) for data in (tiny_graph, grafted)
    )
    assert np.array_equal(before, after)


@settings(derandomize=True, max_examples=30, deadline=None)
@given(name=st.text(max_size=40), data=st.binary(max_size=100))
def test_any_name_and_content_come_back(name: str, data: bytes, tiny_graph: bytes) -> None:
    found = Graph(add_metadata_buffer(tiny_graph, name, data)).metadata[name]
    assert bytes(found) == data


@pytest.mark.parametrize("end", [0, 3, 9, 30])
def test_a_damaged_graph_is_refused(end: int, tiny_graph: bytes) -> None:
    with pytest.raises(ModelFileError, match="damaged file"):
        add_metadata_buffer(tiny_graph[:end], "NOTE", b"")

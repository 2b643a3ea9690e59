import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.card import InputSpec, ModelCard, OutputSpec
from edgekit.errors import ModelFileError
from edgekit.flatbuffer import Buffer
from edgekit.metadata import IDENTIFIER, Metadata, build_metadata, read_metadata

CARD = ModelCard(
    name="leaf é",
    input=InputSpec(16, 12, 3, mean=(127.5,), std=(127.5,)),
    output=OutputSpec(kind="probabilities", activation="softmax", labels=("a", "b")),
)
BUILT = build_metadata(CARD, "names.txt")


def test_what_was_built_is_read_back() -> None:
    assert read_metadata(memoryview(BUILT)) == Metadata("leaf é", (0.0,), (1.0,), ("names.txt",))


def test_building_twice_gives_the_same_bytes() -> None:
    assert build_metadata(CARD, "names.txt") == BUILT


@pytest.mark.parametrize(("color_order", "channels", "code"), [("RGB", 3, 1), ("L", 1, 2)])
def test_the_colour_space_stands_in_the_image_properties(color_order: str, channels: int, code: int) -> None:
    spec = InputSpec(16, 12, channels, (0.0,), (255.0,), color_order=color_order)  # type: ignore[arg-type]
    data = build_metadata(dataclasses.replace(CARD, input=spec), "labels.txt")
    content = Buffer(data).root().tables(3)[0].tables(2)[0].table(3)
    assert content is not None
    assert content.integer(0, "B") == 2  # ImageProperties
    properties = content.table(1)
    assert properties is not None
    assert properties.integer(0, "b") == code


def test_the_pixel_range_stands_in_the_stats() -> None:
    stats = Buffer(BUILT).root().tables(3)[0].tables(2)[0].table(5)
    assert stats is not None
    assert (stats.numbers(0, "f"), stats.numbers(1, "f")) == ((255.0,), (0.0,))


def test_files_that_are_not_axis_labels_are_no_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("edgekit.metadata._AXIS_LABELS", 3)  # TENSOR_VALUE_LABELS
        other = build_metadata(CARD, "names.txt")
    assert read_metadata(memoryview(other)).label_files == ()


@pytest.mark.parametrize("data", [b"", b"M001", BUILT.replace(IDENTIFIER, b"M002")])
def test_bytes_without_the_identifier_are_refused(data: bytes) -> None:
    with pytest.raises(ModelFileError, match="does not start with M001"):
        read_metadata(memoryview(data))


def read_or_refuse(data: bytes) -> None:
    text = ""
    try:
        read_metadata(memoryview(data))
    except ModelFileError as error:
        text = str(error)
    assert "\n" not in text


def test_every_cut_is_read_or_refused() -> None:
    for end in range(len(BUILT)):
        read_or_refuse(BUILT[:end])


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(8, len(BUILT) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_changed_bytes_are_read_or_refused(changes: list[tuple[int, int]]) -> None:
    data = bytearray(BUILT)
    for place, value in changes:
        data[place] = value
    read_or_refuse(bytes(data))

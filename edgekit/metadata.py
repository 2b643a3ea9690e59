"""TFLite Metadata: what Google's tools read from a model file, and how edgekit writes it.

Only the parts that image classifiers use. Read with our own checked reader, written with the `flatbuffers` package.

Source: TFLite Metadata schema (`metadata_schema.fbs`, file identifier M001): the slot numbers below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from edgekit.errors import ModelFileError
from edgekit.flatbuffer import Buffer, Table

if TYPE_CHECKING:
    import flatbuffers

    from edgekit.card import ModelCard

BUFFER_NAME = "TFLITE_METADATA"
IDENTIFIER = b"M001"
_IMAGE_PROPERTIES, _NORMALIZATION, _AXIS_LABELS = 2, 1, 2
_COLOR = {"RGB": 1, "L": 2}


class Metadata(NamedTuple):
    """What the metadata says. Empty where it says nothing."""

    name: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    label_files: tuple[str, ...]


def read_metadata(data: memoryview) -> Metadata:
    """The metadata in the buffer `TFLITE_METADATA`.

    Raises:
        ModelFileError: the bytes are not TFLite Metadata.
    """
    if bytes(data[4:8]) != IDENTIFIER:
        msg = "its TFLite Metadata does not start with M001. Export the model again."
        raise ModelFileError(msg)
    root = Buffer(data).root()
    subgraphs = root.tables(3)
    inputs = subgraphs[0].tables(2) if subgraphs else []
    outputs = subgraphs[0].tables(3) if subgraphs else []
    mean, std = _normalization(inputs[0]) if inputs else ((), ())
    files = outputs[0].tables(6) if outputs else []
    labels = tuple(file.string(0) for file in files if file.integer(2, "b") == _AXIS_LABELS)
    return Metadata(name=root.string(0), mean=mean, std=std, label_files=labels)


def _normalization(tensor: Table) -> tuple[tuple[float, ...], tuple[float, ...]]:
    for unit in tensor.tables(4):
        options = unit.table(1)
        if unit.integer(0, "B") == _NORMALIZATION and options:
            mean, std = options.numbers(0, "f"), options.numbers(1, "f")
            return tuple(map(float, mean)), tuple(map(float, std))
    return (), ()


def build_metadata(card: ModelCard, labels_name: str) -> bytes:
    """TFLite Metadata for a model whose input is raw bytes: mean 0, std 1, range 0..255.

    Args:
        card: The card of the model.
        labels_name: Name of the labels file in the appended ZIP.

    Returns:
        A FlatBuffer with identifier M001, for the metadata buffer `TFLITE_METADATA`.
    """
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    normalization = _table(builder, [(0, _floats(builder, [0.0])), (1, _floats(builder, [1.0]))])
    unit = _table(builder, [(1, normalization)], {0: ("Uint8", _NORMALIZATION)})
    properties = _table(builder, [], {0: ("Int8", _COLOR[card.input.color_order])})
    content = _table(builder, [(1, properties)], {0: ("Uint8", _IMAGE_PROPERTIES)})
    image = _table(
        builder,
        [
            (0, builder.CreateString("image")),
            (1, builder.CreateString("Pixels 0..255 of the photo, raw bytes")),
            (3, content),
            (4, _offsets(builder, [unit])),
            (5, _stats(builder, 0.0, 255.0)),
        ],
    )
    file = _table(
        builder,
        [(0, builder.CreateString(labels_name)), (1, builder.CreateString("One label a line"))],
        {2: ("Int8", _AXIS_LABELS)},
    )
    probability = _table(
        builder,
        [
            (0, builder.CreateString("probability")),
            (1, builder.CreateString("Probability of each label")),
            (5, _stats(builder, 0.0, 1.0)),
            (6, _offsets(builder, [file])),
        ],
    )
    subgraph = _table(builder, [(2, _offsets(builder, [image])), (3, _offsets(builder, [probability]))])
    model = _table(
        builder,
        [
            (0, builder.CreateString(card.name)),
            (1, builder.CreateString("Image classifier written by edgekit")),
            (3, _offsets(builder, [subgraph])),
            (7, builder.CreateString("1.0.0")),
        ],
    )
    builder.Finish(model, file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _stats(builder: flatbuffers.Builder, low: float, high: float) -> int:
    return _table(builder, [(0, _floats(builder, [high])), (1, _floats(builder, [low]))])


def _floats(builder: flatbuffers.Builder, values: Sequence[float]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return int(builder.EndVector())


def _offsets(builder: flatbuffers.Builder, values: Sequence[int]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependUOffsetTRelative(value)
    return int(builder.EndVector())


def _table(
    builder: flatbuffers.Builder,
    offsets: Sequence[tuple[int, int]],
    scalars: dict[int, tuple[str, int]] | None = None,
) -> int:
    scalars = scalars or {}
    builder.StartObject(1 + max([slot for slot, _ in offsets] + list(scalars)))
    for slot, offset in offsets:
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    for slot, (kind, value) in scalars.items():
        getattr(builder, f"Prepend{kind}Slot")(slot, value, 0)
    return int(builder.EndObject())

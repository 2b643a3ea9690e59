"""The model file: a TFLite graph with metadata, and an appended ZIP with labels, card and what else travels with it.

`read_model_file` and `parse_model_file` also read files that edgekit did not write; what those do not say is None.
Nothing here needs numpy or a TFLite runtime.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from edgekit.atomic import write_whole
from edgekit.card import GraphDigest, ModelCard
from edgekit.errors import EdgekitError, ModelFileError
from edgekit.graft import add_metadata_buffer
from edgekit.labels import format_labels, parse_labels
from edgekit.metadata import BUFFER_NAME, Metadata, build_metadata, read_metadata
from edgekit.sniff import describe_bytes
from edgekit.tflite import Graph

LABELS_NAME = "labels.txt"
CARD_NAME = "model_card.json"
_MAX_FILE_BYTES = 2**31  # FlatBuffers offsets end here
_MAX_ENTRY_BYTES = 2**24
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed date, so that the same export gives the same bytes
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, OSError)


@dataclass(frozen=True)
class ModelFile:
    """A model file, read and checked. `labels`, `card` and `metadata` are None where the file has none."""

    data: bytes
    graph: Graph
    card: ModelCard | None
    labels: tuple[str, ...] | None
    metadata: Metadata | None

    def entry(self, name: str) -> bytes | None:
        """Another file of the ZIP, None where it has none of that name. It is unpacked now and not before.

        Raises:
            ModelFileError: it is damaged.
        """
        entries, _ = _appended_entries(self.data, lambda found: found == name)
        return (entries or {}).get(name)


def read_model_file(path: str | os.PathLike[str]) -> ModelFile:
    """The model file at `path`.

    Raises:
        ModelFileError: not a model file, damaged, or its card contradicts its graph; the text names the file.
        UnsupportedModelError: a TFLite file that is no single graph.
        OSError: it cannot be read.
    """
    file = Path(path)
    if file.stat().st_size >= _MAX_FILE_BYTES:
        msg = f"{file}: {file.stat().st_size} bytes, a TFLite file has less than 2 GiB."
        raise ModelFileError(msg)
    try:
        return parse_model_file(file.read_bytes())
    except EdgekitError as error:
        raise type(error)(f"{file}: {error}") from error


def parse_model_file(data: bytes) -> ModelFile:
    """As `read_model_file`, from bytes; error texts do not name a file."""
    if data[4:8] != b"TFL3":
        msg = f"{describe_bytes(data)}, not a TFLite model. Pass a .tflite file."
        raise ModelFileError(msg)
    graph = Graph(data)
    blob = graph.metadata.get(BUFFER_NAME)
    metadata = read_metadata(blob) if blob is not None else None
    named = frozenset(metadata.label_files if metadata else ())
    # What else travels with it is not unpacked: on a small board that would be felt at every start.
    entries, graph_size = _appended_entries(
        data, lambda name: name == CARD_NAME or name.endswith(LABELS_NAME) or name in named
    )
    if metadata and metadata.label_files and entries is None:
        msg = "it ends too early: the labels and the card behind the graph are missing. Copy the file again."
        raise ModelFileError(msg)
    entries = entries or {}
    labels = _labels(entries, metadata)
    card = ModelCard.from_json(_text(entries[CARD_NAME])) if CARD_NAME in entries else None
    if card:
        _check_card(card, graph, labels, memoryview(data)[:graph_size])
    return ModelFile(data=data, graph=graph, card=card, labels=labels, metadata=metadata)


def pack_model_file(graph: bytes, card: ModelCard, extra: Mapping[str, bytes] = MappingProxyType({})) -> bytes:
    """The bytes of a model file.

    Args:
        graph: A TFLite FlatBuffer with one uint8 image input and one output; kept as it is.
        card: Its card; `graph` digest is filled in here.
        extra: What else is to travel in its ZIP, by name. It is compressed, which labels and card may not be: other
            readers of TFLite Metadata want them stored. The runner leaves it alone; see `ModelFile.entry`.

    Raises:
        ModelFileError: the card contradicts the graph, or something is too large.
        ValueError: a label cannot stand in a labels file, or `extra` has the name of something else.
    """
    for name in extra:
        if name == CARD_NAME or name.endswith(LABELS_NAME):
            msg = f"{name!r} would be taken for the card or the labels"
            raise ValueError(msg)
    with_metadata = add_metadata_buffer(graph, BUFFER_NAME, build_metadata(card, LABELS_NAME))
    digest = GraphDigest(len(with_metadata), hashlib.sha256(with_metadata).hexdigest())
    card = replace(card, graph=digest)
    file = io.BytesIO(with_metadata)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(LABELS_NAME, _ZIP_EPOCH), format_labels(card.output.labels))
        archive.writestr(zipfile.ZipInfo(CARD_NAME, _ZIP_EPOCH), card.to_json())
        for name, content in extra.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_EPOCH), content, zipfile.ZIP_DEFLATED)
    data = file.getvalue()
    parse_model_file(data)
    return data


def write_model_file(path: str | os.PathLike[str], data: bytes, *, overwrite: bool = False) -> None:
    """Check the bytes of a model file and write them whole: never a part, whatever interrupts.

    Raises:
        ModelFileError: `data` is not a model file.
        FileExistsError: `path` exists and `overwrite` is false.
        OSError: it cannot be written; nothing is left behind.
    """
    parse_model_file(data)
    write_whole(path, data, overwrite=overwrite)


def _appended_entries(data: bytes, wanted: Callable[[str], bool]) -> tuple[dict[str, bytes] | None, int]:
    """Name and content of the ZIP's wanted files, None without a ZIP; and where the graph ends."""
    stream = io.BytesIO(data)
    if not zipfile.is_zipfile(stream):
        return None, len(data)
    try:
        with zipfile.ZipFile(stream) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            large = [info for info in infos if info.file_size > _MAX_ENTRY_BYTES]
            if large:
                msg = (
                    f"its {large[0].filename} has {large[0].file_size} bytes, more than any label file or card. "
                    "Export the model again."
                )
                raise ModelFileError(msg)
            entries = {}
            for info in infos:
                # Opening alone finds a name that was changed in one of its two places: a hidden card is no missing one.
                with archive.open(info) as content:
                    if wanted(info.filename):
                        entries[info.filename] = content.read()
    except _ZIP_ERRORS as error:
        if isinstance(error, EdgekitError):
            raise
        msg = f"the ZIP behind its graph is damaged ({error}). Copy the model file again."
        raise ModelFileError(msg) from error
    return entries, min((info.header_offset for info in infos), default=archive.start_dir)


def _labels(entries: dict[str, bytes], metadata: Metadata | None) -> tuple[str, ...] | None:
    """The labels that metadata names, else `labels.txt`, else the only text file that sounds like labels."""
    named = [name for name in (metadata.label_files if metadata else ()) if name in entries]
    like = [name for name in sorted(entries) if name.endswith("labels.txt")]
    for name in named + [n for n in like if n == LABELS_NAME] + (like if len(like) == 1 else []):
        return parse_labels(entries[name], name)
    return None


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        msg = f"model_card.json is not UTF-8 (byte {error.start}). Copy the model file again."
        raise ModelFileError(msg) from error


def _check_card(card: ModelCard, graph: Graph, labels: tuple[str, ...] | None, graph_bytes: memoryview) -> None:
    """Refuse a card that does not belong to its graph, and a graph that is not the one that was proven."""
    if card.graph and (
        card.graph.size_bytes != len(graph_bytes) or card.graph.sha256 != hashlib.sha256(graph_bytes).hexdigest()
    ):
        msg = "damaged file: its graph is not the one that its card was written for. Copy the model file again."
        raise ModelFileError(msg)
    if labels != card.output.labels:
        found = "no labels.txt" if labels is None else f"labels.txt with {len(labels)} labels"
        msg = f"{found} contradicts model_card.json with {len(card.output.labels)}. Export the model again."
        raise ModelFileError(msg)
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        msg = (
            f"the graph has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs, its card describes one "
            "of each. Export the model again."
        )
        raise ModelFileError(msg)
    for role, tensor in (("input", graph.inputs[0]), ("output", graph.outputs[0])):
        if tensor.dtype != "uint8" or len(tensor.scales) != 1:
            msg = f"the graph's {role} is {tensor.dtype}, its card needs uint8 with one scale. Export it again."
            raise ModelFileError(msg)
    expected = (1, card.input.height, card.input.width, card.input.channels)
    if graph.inputs[0].shape != expected:
        msg = (
            f"model_card.json says input shape {expected}, the graph has {graph.inputs[0].shape}. "
            "Export the model again."
        )
        raise ModelFileError(msg)
    if graph.outputs[0].shape != (1, len(card.output.labels)):
        msg = (
            f"model_card.json has {len(card.output.labels)} labels, the graph's output has shape "
            f"{graph.outputs[0].shape}. Export the model again."
        )
        raise ModelFileError(msg)

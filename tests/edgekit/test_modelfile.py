import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgekit.card import InputSpec, ModelCard
from edgekit.errors import EdgekitError, ModelFileError
from edgekit.modelfile import (
    CARD_NAME,
    LABELS_NAME,
    pack_model_file,
    parse_model_file,
    read_model_file,
    write_model_file,
)
from edgekit.tflite import Graph

EditGraph = Callable[[bytes, Callable[[Any], None]], bytes]


def graph_size(model: bytes) -> int:
    """Where the appended ZIP begins."""
    with zipfile.ZipFile(io.BytesIO(model)) as archive:
        return min(info.header_offset for info in archive.infolist())


def with_entries(model: bytes, **entries: bytes) -> bytes:
    """The model file with other contents in its ZIP; the graph stays."""
    file = io.BytesIO(model[: graph_size(model)])
    file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file, "a") as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("_txt", ".txt").replace("_json", ".json"), content)
    return file.getvalue()


def card_json(model: bytes, **changes: Any) -> bytes:
    with zipfile.ZipFile(io.BytesIO(model)) as archive:
        return json.dumps({**json.loads(archive.read(CARD_NAME)), **changes}).encode()


def labels_txt(model: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(model)) as archive:
        return archive.read(LABELS_NAME)


def test_a_model_file_comes_back_as_it_was_written(tmp_path: Path, tiny_model: bytes, tiny_card: ModelCard) -> None:
    path = tmp_path / "tiny.tflite"
    write_model_file(path, tiny_model)
    file = read_model_file(path)
    assert (file.data, file.labels) == (tiny_model, tiny_card.output.labels)
    assert file.card is not None
    assert replace(file.card, graph=None) == tiny_card
    assert file.metadata is not None
    assert (file.metadata.name, file.metadata.label_files) == ("tiny", (LABELS_NAME,))


def test_the_card_holds_the_checksum_of_everything_before_the_zip(tiny_model: bytes) -> None:
    digest, size = parse_model_file(tiny_model).card.graph, graph_size(tiny_model)  # type: ignore[union-attr]
    assert digest is not None
    assert (digest.size_bytes, digest.sha256) == (size, hashlib.sha256(tiny_model[:size]).hexdigest())


def test_packing_twice_gives_the_same_bytes(tiny_graph: bytes, tiny_card: ModelCard, tiny_model: bytes) -> None:
    assert pack_model_file(tiny_graph, tiny_card) == tiny_model


def test_the_graph_stands_unchanged_in_the_file(tiny_graph: bytes, tiny_model: bytes) -> None:
    assert tiny_model[: graph_size(tiny_model)].endswith(tiny_graph)


def test_any_zip_reader_finds_labels_and_card_stored_not_deflated(tiny_model: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(tiny_model)) as archive:
        assert archive.testzip() is None
        assert [info.filename for info in archive.infolist()] == [LABELS_NAME, CARD_NAME]
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}  # never the time of day
        assert archive.read(LABELS_NAME) == b"ant\nbee\ncat, big\n"
        assert json.loads(archive.read(CARD_NAME))["name"] == "tiny"


def test_a_graph_without_anything_has_neither_card_nor_labels(tiny_float: bytes) -> None:
    file = parse_model_file(tiny_float)
    assert (file.card, file.labels, file.metadata) == (None, None, None)


def test_labels_are_found_in_a_zip_without_metadata(tiny_graph: bytes) -> None:
    def zipped(*names: str) -> bytes:
        file = io.BytesIO()
        file.write(tiny_graph)
        with zipfile.ZipFile(file, "a") as archive:
            for name in names:
                archive.writestr(name, f"{name}\n")
        return file.getvalue()

    assert parse_model_file(zipped("imagenet_labels.txt", "readme.txt")).labels == ("imagenet_labels.txt",)
    assert parse_model_file(zipped("a_labels.txt", "labels.txt")).labels == ("labels.txt",)
    assert parse_model_file(zipped("a_labels.txt", "b_labels.txt")).labels is None


NO_MODELS = {
    "empty": (b"", "an empty file, not a TFLite model"),
    "page": (b"<!DOCTYPE html><html><body>404</body></html>", "an HTML page of 44 bytes"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
    "zip": (b"PK\x03\x04" + bytes(50), "a ZIP archive of 54 bytes"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(50), "an HDF5 file of 58 bytes"),
    "random": (bytes(range(7, 250)), "243 bytes of unknown kind"),
    "identifier only": (b"\x08\0\0\0TFL3", "damaged file"),
    "identifier and noise": (b"\x08\0\0\0TFL3" + bytes(range(255)), "damaged file"),
}


@pytest.mark.parametrize("name", NO_MODELS)
def test_what_is_no_model_file_is_told_in_one_line(name: str, tmp_path: Path) -> None:
    data, words = NO_MODELS[name]
    path = tmp_path / "some.tflite"
    path.write_bytes(data)
    with pytest.raises(ModelFileError) as refused:
        read_model_file(path)
    text = str(refused.value)
    assert text.startswith(f"{path}: ")
    assert words in text
    assert ("Pass a .tflite file." in text) or ("Copy the" in text)
    assert "\n" not in text


def test_missing_and_huge_files_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_model_file(tmp_path / "none.tflite")
    huge = tmp_path / "huge.tflite"
    with huge.open("wb") as file:
        file.truncate(2**31)  # a sparse file
    with pytest.raises(ModelFileError, match="2147483648 bytes, a TFLite file has less than 2 GiB"):
        read_model_file(huge)


def test_every_cut_is_refused(tiny_model: bytes) -> None:
    for end in [*range(0, len(tiny_model), 61), *range(len(tiny_model) - 40, len(tiny_model))]:
        with pytest.raises(ModelFileError) as refused:
            parse_model_file(tiny_model[:end])
        assert "\n" not in str(refused.value)


def test_a_missing_tail_is_named_as_such(tiny_model: bytes) -> None:
    for end in (graph_size(tiny_model), len(tiny_model) - 1):
        with pytest.raises(ModelFileError, match=r"ends too early.*Copy the file again"):
            parse_model_file(tiny_model[:end])


def test_every_changed_graph_byte_is_found(tiny_model: bytes) -> None:
    for place in range(8, graph_size(tiny_model), 41):
        damaged = bytearray(tiny_model)
        damaged[place] ^= 1
        with pytest.raises(EdgekitError) as refused:
            parse_model_file(bytes(damaged))
        assert "\n" not in str(refused.value)


def test_a_changed_weight_is_found_by_the_checksum(tiny_model: bytes) -> None:
    graph = Graph(tiny_model)
    weights = bytes(max((graph.buffer(t.buffer) for t in graph.tensors), key=len))
    with pytest.raises(ModelFileError, match=r"not the one that its card was written for. Copy the model file again"):
        parse_model_file(tiny_model.replace(weights, bytes(len(weights))))


def test_bytes_put_between_graph_and_zip_are_found(tiny_model: bytes) -> None:
    size = graph_size(tiny_model)
    with pytest.raises(ModelFileError):
        parse_model_file(tiny_model[:size] + b"?" * 16 + tiny_model[size:])


def test_a_newer_card_is_refused_with_the_command_to_type(tiny_model: bytes) -> None:
    newer = with_entries(tiny_model, labels_txt=labels_txt(tiny_model), model_card_json=card_json(tiny_model, schema=2))
    with pytest.raises(ModelFileError, match=r"schema 2 is newer.*pip install --upgrade edgekit-tflite"):
        parse_model_file(newer)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (b"ant\nbee\n", "labels.txt with 2 labels contradicts model_card.json with 3"),
        (b"bee\nant\ncat, big\n", "labels.txt with 3 labels contradicts model_card.json with 3"),
        (b"", "labels.txt: found no label"),
        (b"ant\n\nbee\n", "labels.txt line 2: empty label"),
        (b"ant\n\xff\n", "labels.txt: byte 4 is not UTF-8 text"),
        (b"x" * (2**24 + 1), "its labels.txt has 16777217 bytes"),
    ],
    ids=["fewer", "order", "none", "gap", "latin-1", "large"],
)
def test_labels_that_contradict_the_card_are_refused(labels: bytes, words: str, tiny_model: bytes) -> None:
    with pytest.raises(ModelFileError, match=words):
        parse_model_file(with_entries(tiny_model, labels_txt=labels, model_card_json=card_json(tiny_model)))


def test_a_card_without_labels_file_is_refused(tiny_model: bytes) -> None:
    with pytest.raises(ModelFileError, match=r"no labels.txt contradicts model_card.json with 3"):
        parse_model_file(with_entries(tiny_model, model_card_json=card_json(tiny_model)))


@pytest.mark.parametrize("card", [b"", b"\xff{}", b"[]", b'{"schema": 1}'])
def test_a_broken_card_is_refused(card: bytes, tiny_model: bytes) -> None:
    with pytest.raises(ModelFileError, match=r"model_card\.json"):
        parse_model_file(with_entries(tiny_model, labels_txt=labels_txt(tiny_model), model_card_json=card))


def test_a_zip_that_lies_about_a_size_is_refused_before_it_is_unpacked(tiny_model: bytes) -> None:
    file = io.BytesIO(tiny_model[: graph_size(tiny_model)])
    file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(LABELS_NAME, bytes(2**25))
    with pytest.raises(ModelFileError, match="33554432 bytes, more than any label file or card"):
        parse_model_file(file.getvalue())


def test_a_damaged_zip_is_refused(tiny_model: bytes) -> None:
    place = tiny_model.index(b"cat, big", graph_size(tiny_model))
    with pytest.raises(ModelFileError, match=r"the ZIP behind its graph is damaged.*Copy the model file again"):
        parse_model_file(tiny_model[:place] + b"C" + tiny_model[place + 1 :])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"height": 12, "width": 16}, r"says input shape \(1, 12, 16, 3\), the graph has \(1, 16, 12, 3\)"),
        ({"channels": 1, "color_order": "L"}, r"says input shape \(1, 16, 12, 1\)"),
    ],
)
def test_a_card_for_another_input_is_not_packed(
    changes: dict[str, Any], words: str, tiny_graph: bytes, tiny_card: ModelCard
) -> None:
    spec: InputSpec = replace(tiny_card.input, **changes)
    with pytest.raises(ModelFileError, match=words):
        pack_model_file(tiny_graph, replace(tiny_card, input=spec))


def test_a_card_with_too_few_labels_is_not_packed(tiny_graph: bytes, tiny_card: ModelCard) -> None:
    card = replace(tiny_card, output=replace(tiny_card.output, labels=("a", "b")))
    with pytest.raises(ModelFileError, match=r"has 2 labels, the graph's output has shape \(1, 3\)"):
        pack_model_file(tiny_graph, card)


def test_a_label_that_cannot_stand_in_a_file_is_the_callers_error(tiny_graph: bytes, tiny_card: ModelCard) -> None:
    card = replace(tiny_card, output=replace(tiny_card.output, labels=("a", "b\nc", "d")))
    with pytest.raises(ValueError, match="line break"):
        pack_model_file(tiny_graph, card)


def test_a_graph_with_two_outputs_is_not_packed(tiny_graph: bytes, tiny_card: ModelCard, edit_graph: EditGraph) -> None:
    def change(model: Any) -> None:
        model.subgraphs[0].outputs = [*model.subgraphs[0].outputs, 3]

    with pytest.raises(ModelFileError, match="1 inputs and 2 outputs"):
        pack_model_file(edit_graph(tiny_graph, change), tiny_card)


def test_nothing_is_written_that_is_no_model_file(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError):
        write_model_file(tmp_path / "x.tflite", b"no model")
    assert list(tmp_path.iterdir()) == []

"""What travels in a model file beside labels and card: it is there for who asks, and nothing to the runner."""

import io
import zipfile
from typing import Any

import pytest

from edgekit.card import ModelCard
from edgekit.errors import ModelFileError
from edgekit.modelfile import CARD_NAME, LABELS_NAME, pack_model_file, parse_model_file

NAME = "export_record.json"
CONTENT = b'{"schema": 1}' * 500
EXTRA = {NAME: CONTENT, "notes.txt": b"x"}


@pytest.fixture
def full(tiny_graph: bytes, tiny_card: ModelCard) -> bytes:
    return pack_model_file(tiny_graph, tiny_card, EXTRA)


def test_a_further_entry_comes_back_and_changes_nothing_else(full: bytes, tiny_model: bytes) -> None:
    file, without = parse_model_file(full), parse_model_file(tiny_model)
    assert (file.entry(NAME), file.entry("notes.txt"), file.entry("else")) == (CONTENT, b"x", None)
    assert without.entry(NAME) is None
    assert (file.card, file.labels, file.metadata) == (without.card, without.labels, without.metadata)


def test_a_file_without_a_zip_has_no_entries(tiny_float: bytes) -> None:
    assert parse_model_file(tiny_float).entry(NAME) is None


def test_further_entries_are_deflated_behind_labels_and_card_that_are_stored(full: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(full)) as archive:
        infos = archive.infolist()
    assert [info.filename for info in infos] == [LABELS_NAME, CARD_NAME, NAME, "notes.txt"]
    assert [info.compress_type for info in infos] == [zipfile.ZIP_STORED] * 2 + [zipfile.ZIP_DEFLATED] * 2
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert infos[2].compress_size < len(CONTENT) / 10


def test_the_same_entries_give_the_same_bytes(full: bytes, tiny_graph: bytes, tiny_card: ModelCard) -> None:
    assert pack_model_file(tiny_graph, tiny_card, EXTRA) == full


def test_the_runner_does_not_unpack_them(full: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked: list[str] = []
    read = zipfile.ZipExtFile.read

    def watched(content: Any, *rest: Any) -> bytes:
        unpacked.append(content.name)
        return read(content, *rest)

    monkeypatch.setattr(zipfile.ZipExtFile, "read", watched)
    file = parse_model_file(full)
    assert unpacked == [LABELS_NAME, CARD_NAME]
    file.entry("notes.txt")
    assert unpacked[2:] == ["notes.txt"]


def test_a_damaged_entry_does_not_stop_the_runner_but_is_never_handed_out(full: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(full)) as archive:
        info = archive.getinfo(NAME)
    place = info.header_offset + 30 + len(NAME) + info.compress_size // 2
    damaged = bytearray(full)
    damaged[place] ^= 0xFF
    file = parse_model_file(bytes(damaged))
    with pytest.raises(ModelFileError, match=r"the ZIP behind its graph is damaged.*Copy the model file again") as told:
        file.entry(NAME)
    assert "\n" not in str(told.value)


def test_a_card_that_was_renamed_is_not_taken_for_a_file_without_one(full: bytes) -> None:
    place = full.rindex(CARD_NAME.encode())
    with pytest.raises(ModelFileError, match="damaged"):
        parse_model_file(full[:place] + b"n" + full[place + 1 :])


def test_a_changed_graph_is_found_with_entries_too(full: bytes, tiny_model: bytes) -> None:
    place = tiny_model.index(b"MIN_RUNTIME_VERSION") if b"MIN_RUNTIME_VERSION" in tiny_model else 200
    damaged = bytearray(full)
    damaged[place] ^= 1
    with pytest.raises(ModelFileError):
        parse_model_file(bytes(damaged))


def test_an_entry_that_would_fill_the_memory_is_refused_before_anything_is_unpacked(
    tiny_graph: bytes, tiny_card: ModelCard
) -> None:
    bomb = bytes(2**24 + 1)
    with pytest.raises(ModelFileError, match=rf"its {NAME} has 16777217 bytes, more than any"):
        pack_model_file(tiny_graph, tiny_card, {NAME: bomb})
    assert parse_model_file(pack_model_file(tiny_graph, tiny_card, {NAME: bomb[1:]})).entry(NAME) == bomb[1:]


def test_an_entry_that_is_larger_than_it_says_is_not_unpacked_further(full: bytes) -> None:
    """The directory claims 7 bytes: no more are unpacked, and their checksum is wrong."""
    place = full.rindex(b"PK\x01\x02", 0, full.rindex(NAME.encode()))
    lying = bytearray(full)
    lying[place + 24 : place + 28] = (7).to_bytes(4, "little")
    with pytest.raises(ModelFileError, match="damaged"):
        parse_model_file(bytes(lying)).entry(NAME)


@pytest.mark.parametrize("name", [LABELS_NAME, CARD_NAME, "other_labels.txt"])
def test_no_entry_may_be_taken_for_labels_or_card(name: str, tiny_graph: bytes, tiny_card: ModelCard) -> None:
    with pytest.raises(ValueError, match="would be taken for the card or the labels"):
        pack_model_file(tiny_graph, tiny_card, {name: b"x"})

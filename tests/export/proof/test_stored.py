"""The record in a model file, and what is refused of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from edgekit.card import ModelCard
from edgekit.errors import ModelFileError
from edgekit.modelfile import pack_model_file, parse_model_file
from edgekit_export.proof.record import Bin, Confusion, Decided, Decisions, ExportRecord, Scored, Scores
from edgekit_export.proof.sound import check_record
from edgekit_export.proof.stored import record_entries, report_path, stored_record

if TYPE_CHECKING:
    from tests.export.proof.conftest import Export


def test_a_record_comes_back_from_a_model_file(export: Export, tiny_graph: bytes, tiny_card: ModelCard) -> None:
    file = parse_model_file(pack_model_file(tiny_graph, tiny_card, record_entries(export.record)))
    assert stored_record(file) == export.record


def test_a_file_without_a_record_has_none(tiny_model: bytes) -> None:
    assert stored_record(parse_model_file(tiny_model)) is None


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b'{"schema": 2}', b'{"schema": 1}'])
def test_a_broken_record_is_told_in_one_line(data: bytes, tiny_graph: bytes, tiny_card: ModelCard) -> None:
    file = parse_model_file(pack_model_file(tiny_graph, tiny_card, {"export_record.json": data}))
    with pytest.raises(ModelFileError, match=r"export_record\.json") as refused:
        stored_record(file)
    assert "\n" not in str(refused.value)


def test_the_page_lies_beside_the_file() -> None:
    assert report_path("a/leaf.TFLITE").as_posix() == "a/leaf.report.html"
    assert report_path("leaf.bin").name == "leaf.bin.report.html"


def test_a_sound_record_is_sound(export: Export) -> None:
    check_record(export.card, export.record)


def lying(export: Export) -> dict[str, ExportRecord]:
    record = export.record
    short: Any = ((0, 1),)
    return {
        "700 of 290": replace(record, rungs=(replace(record.rungs[0], correct=700),)),
        "-1 of 290": replace(record, rungs=(replace(record.rungs[0], agreeing=-1),)),
        "a cell lies outside of the 15 classes": replace(record, confusions=(Confusion("x", ((0, 15, 1),)),)),
        "2 numbers, expected 3": replace(record, confusions=(Confusion("x", short),)),
        "0 of -3": replace(record, confusions=(Confusion("x", ((0, 1, -3),)),)),
        "5 of 4": replace(record, scores=Scores(1.0, 1, (Scored("x", 1.0, (Bin(4, 50.0, 5),)),))),
        "9 of 3": replace(record, decisions=Decisions(95.0, 50.0, 10, (Decided("a", 3, 9),))),
        "no such number is measured": replace(record, layers=(replace(record.layers[0], sqnr_db=1e300),)),
    }


@pytest.mark.parametrize("words", ["700 of 290", "-1 of 290", "a cell lies outside of the 15 classes",
                                   "2 numbers, expected 3", "0 of -3", "5 of 4", "9 of 3",
                                   "no such number is measured"])  # fmt: skip
def test_what_cannot_be_is_refused(words: str, export: Export) -> None:
    with pytest.raises(ModelFileError, match=words):
        check_record(export.card, lying(export)[words])


def test_a_card_that_cannot_be_is_refused(export: Export) -> None:
    assert export.card.verification is not None
    card = replace(export.card, verification=export.card.verification._replace(float_correct=581))
    with pytest.raises(ModelFileError, match="581 of 580"):
        check_record(card, export.record)

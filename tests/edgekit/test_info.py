import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgekit.card import (
    ClassResult,
    DecodeCheck,
    FamilyResult,
    ModelCard,
    OutputSpec,
    PhotoSet,
    Provenance,
    Requires,
    Verification,
)
from edgekit.info import describe_model, model_record, threshold_record
from edgekit.modelfile import pack_model_file, parse_model_file, read_model_file
from edgekit.thresholdfile import ThresholdFile

EditGraph = Callable[[bytes, Callable[[Any], None]], bytes]
PROVEN = Verification(
    photos=PhotoSet(8, {"ant": 8}, "ab" * 32, 1),
    float_correct=8,
    families=(FamilyResult("xnnpack", "ai-edge-litert", "2.3.0", 7, 6, 40.9, 92.9),),
    classes=(ClassResult("ant", 8, 8, {"xnnpack": 7}),),
    max_drop_points=2.0,
)


def rows(text: str) -> dict[str, str]:
    return {line.split("  ")[0]: line.split("  ")[-1].strip() for line in text.splitlines()}


def test_a_model_file_is_told_in_aligned_rows(tiny_graph: bytes, tiny_card: ModelCard) -> None:
    card = replace(
        tiny_card,
        verification=PROVEN,
        requires=Requires({"CONV_2D": 3}, oldest_runtime="2.14.0", refused_by={"tflite-runtime 2.5.0": "CONV_2D 5"}),
        provenance=Provenance("leaf.keras", "0123456789abcdef" * 4, "0..1", "asked", {}),
    )
    data = pack_model_file(tiny_graph, card)
    found = rows(describe_model("leaf.tflite", parse_model_file(data)))
    assert found["file"] == f"leaf.tflite ({len(data):,} bytes)"
    assert found["input"] == "uint8 1x16x12x3, scale 0.00390619, zero point 0"
    assert found["output"] == "uint8 1x3, scale 0.00390625, zero point 0"
    assert found["labels"] == "3: ant, bee, cat, big"
    assert found["photos"] == "stretch to 12x16, bilinear, RGB, exact decode"
    assert found["verified on"] == "8 photos, float top-1 100.0 %"
    assert found["xnnpack"] == "top-1 87.5 %, same answer as float 75.0 % (40.9 to 92.9 %)"
    assert found["oldest runtime"] == "2.14.0, seen running it"
    assert found["refused by"] == "tflite-runtime 2.5.0: CONV_2D 5"
    assert found["made from"] == "leaf.keras, SHA-256 0123456789abcdef..."


def test_what_fast_decode_changes_is_told(tiny_graph: bytes, tiny_card: ModelCard) -> None:
    spec = replace(tiny_card.input, decode="fast")
    card = replace(tiny_card, input=spec, verification=PROVEN._replace(decode=DecodeCheck("xnnpack", 8, 3, 7, 7, 6)))
    found = rows(describe_model("x", parse_model_file(pack_model_file(tiny_graph, card))))
    assert found["photos"].endswith(", fast decode")
    assert found["fast decode"] == "same answer as exact decode 87.5 %, 3 of 8 photos at a part of their size"


def test_a_card_without_optional_parts_is_told(tiny_card: ModelCard, tiny_graph: bytes) -> None:
    model = pack_model_file(tiny_graph, replace(tiny_card, golden=None))
    assert "verified on" not in rows(describe_model("x", parse_model_file(model)))


def test_verification_on_no_photos_is_told(tiny_card: ModelCard, tiny_graph: bytes) -> None:
    empty = PROVEN._replace(photos=PhotoSet(0, {}, "", 1), float_correct=0)
    model = pack_model_file(tiny_graph, replace(tiny_card, verification=empty))
    assert rows(describe_model("x", parse_model_file(model)))["verified on"] == "0 photos, float top-1 of no photos"


def test_a_foreign_file_is_told_to_have_no_card(tiny_float: bytes) -> None:
    found = rows(describe_model("x", parse_model_file(tiny_float)))
    assert (found["labels"], found["card"]) == ("none", "none: edgekit-export did not write this file")
    assert found["input"] == "float32 1x16x12x3"


@pytest.mark.parametrize("kind", ["probabilities", "logits"])
def test_independent_scores_are_told(kind: Any, tiny_card: ModelCard, tiny_graph: bytes) -> None:
    several = replace(tiny_card, output=OutputSpec(kind, "sigmoid", tiny_card.output.labels))
    found = rows(describe_model("x", parse_model_file(pack_model_file(tiny_graph, several))))
    assert found["answers"] == "independent scores, several labels may be present (multi-label)"
    exclusive = replace(tiny_card, output=OutputSpec(kind, "softmax", tiny_card.output.labels))
    assert "answers" not in rows(describe_model("x", parse_model_file(pack_model_file(tiny_graph, exclusive))))


def test_independent_scores_of_a_foreign_file_are_told(tiny_graph: bytes, edit_graph: EditGraph) -> None:
    def end_in_sigmoid(model: Any) -> None:
        code = model.operatorCodes[model.subgraphs[0].operators[-2].opcodeIndex]
        code.builtinCode = code.deprecatedBuiltinCode = 14

    assert "multi-label" in describe_model("x", parse_model_file(edit_graph(tiny_graph, end_in_sigmoid)))
    assert "answers" not in rows(describe_model("x", parse_model_file(tiny_graph)))


BESIDE = Path("leaf.thresholds.json")


def about_answers(card: ModelCard, graph: bytes, stated: ThresholdFile | None = None, **output: Any) -> dict[str, str]:
    """What the text says about which answers count."""
    model = pack_model_file(graph, replace(card, output=replace(card.output, **output)))
    found = rows(describe_model("x", parse_model_file(model), stated))
    names = ("abstain below", "thresholds", "wanted precision", "threshold file")
    return {name: found[name] for name in names if name in found}


def test_thresholds_of_the_card_are_told(tiny_card: ModelCard, tiny_graph: bytes) -> None:
    assert about_answers(tiny_card, tiny_graph) == {}
    found = about_answers(
        tiny_card, tiny_graph, thresholds=(0.5, 0.8125, 1.0), abstain_below=0.25, wanted_precision=0.95
    )
    assert found == {
        "abstain below": "25.0 %",
        "thresholds": "ant 50.0 %, bee 81.2 %, cat, big 100.0 %",
        "wanted precision": "95.0 %, what the card's thresholds are for",
    }


def test_of_many_thresholds_the_lowest_and_the_highest_are_told() -> None:
    digits = read_model_file(Path(__file__).parents[1] / "data" / "digits.tflite")
    assert digits.card is not None
    output = replace(digits.card.output, thresholds=(0.5, 0.3, 0.6, 0.9, 0.3, 0.4, 0.5, 0.5, 0.9, 0.5))
    found = rows(describe_model("x", replace(digits, card=replace(digits.card, output=output))))
    assert found["thresholds"] == "10: from 30.0 % (1) to 90.0 % (8)"


def test_the_file_beside_the_model_is_told_with_what_is_in_force(tiny_card: ModelCard, tiny_graph: bytes) -> None:
    stated = ThresholdFile(BESIDE, 0.6, {"bee": 0.9})
    found = about_answers(tiny_card, tiny_graph, stated, thresholds=(0.5, 0.8, 0.5), abstain_below=0.25)
    assert found == {
        "abstain below": "60.0 %",
        "thresholds": "ant 50.0 %, bee 90.0 %, cat, big 50.0 %",
        "threshold file": "leaf.thresholds.json, in force: abstain below 60.0 %, bee 90.0 %",
    }
    assert about_answers(tiny_card, tiny_graph, ThresholdFile(BESIDE)) == {
        "threshold file": "leaf.thresholds.json, in force: nothing"
    }


def test_a_long_file_beside_the_model_is_told_in_short(tiny_float: bytes) -> None:
    stated = ThresholdFile(BESIDE, None, dict.fromkeys("abcdefgh", 0.5))
    found = rows(describe_model("x", parse_model_file(tiny_float), stated))["threshold file"]
    assert found.endswith(": a 50.0 %, b 50.0 %, c 50.0 %, d 50.0 %, e 50.0 %, ...")


def test_the_record_of_the_file_beside_the_model_holds_all_of_it() -> None:
    assert threshold_record(None) is None
    record = threshold_record(ThresholdFile(BESIDE, None, {"bee": 0.9}))
    assert record == {"file": "leaf.thresholds.json", "abstain_below": None, "thresholds": {"bee": 0.9}}


def test_the_record_is_json_and_holds_the_card(tiny_model: bytes, tiny_card: ModelCard) -> None:
    record = json.loads(json.dumps(model_record("leaf.tflite", parse_model_file(tiny_model))))
    assert (record["file"], record["size_bytes"]) == ("leaf.tflite", len(tiny_model))
    assert record["inputs"][0]["shape"] == [1, 16, 12, 3]
    assert record["outputs"][0]["scale"] == 1 / 256
    assert record["labels"] == list(tiny_card.output.labels)
    assert record["card"]["golden"]["seeds"] == list(range(8))
    assert record["metadata"]["label_files"] == ["labels.txt"]


def test_the_record_of_a_foreign_file_says_null_where_it_knows_nothing(tiny_float: bytes) -> None:
    record = model_record("x", parse_model_file(tiny_float))
    assert (record["labels"], record["metadata"], record["card"]) == (None, None, None)
    assert "scale" not in record["inputs"][0]

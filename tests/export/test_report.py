"""What a person reads: golden texts for a fixed comparison."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from edgekit.card import (
    ClassResult,
    DecodeCheck,
    Evidence,
    EvidenceRow,
    FamilyResult,
    InputSpec,
    ModelCard,
    OutputSpec,
    PhotoSet,
    Provenance,
    Quantization,
    Verification,
)
from edgekit.info import describe_model
from edgekit.modelfile import parse_model_file
from edgekit_export.errors import AccuracyDropError, InputRangeError
from edgekit_export.graph import operators_used
from edgekit_export.images import Duplicates
from edgekit_export.pipeline import ExportResult
from edgekit_export.proof.record import Allowed, ExportRecord, Rung
from edgekit_export.recipes.kitchen import Made
from edgekit_export.recipes.recipe import Recipe
from edgekit_export.report import (
    budget_shortfall,
    describe_comparison,
    describe_decode,
    describe_evidence,
    describe_export,
    describe_inspection,
    evidence_record,
    export_record,
    inspection_record,
    refusal_record,
)
from edgekit_export.search.climb import Step
from edgekit_export.search.trial import Trial
from edgekit_export.verify import Answer, Comparison, Flip

PHOTOS = PhotoSet(40, {"ant": 25, "bee": 15}, "0" * 64, 0)
COMPARISON = Comparison(
    Verification(
        photos=PHOTOS,
        float_correct=38,
        families=(
            FamilyResult("xnnpack", "ai-edge-litert", "2.3.0", 38, 40, 91.24, 100.0),
            FamilyResult("reference", "tflite-runtime", "2.14.0", 36, 38, 83.5, 98.62),
        ),
        classes=(
            ClassResult("ant", 25, 24, {"xnnpack": 24, "reference": 24}),
            ClassResult("bee", 15, 14, {"xnnpack": 14, "reference": 12}),
        ),
        max_drop_points=1.0,
        float_runtime="Keras 3.9.1",
    ),
    flips=(
        Flip(
            "bee/1.png", "bee", Answer("bee", 0.515), {"xnnpack": Answer("bee", 0.5), "reference": Answer("ant", 0.504)}
        ),
    ),
    skipped=(),
)
TEXT = """\
verified on 40 photos that calibration never saw:
                  top-1   change  same answer as float (95 % interval)  run in
  float           95.0 %                                                Keras 3.9.1
  int8 xnnpack    95.0 %  +0.0    100.0 % (91.2 to 100.0 %)             ai-edge-litert 2.3.0
  int8 reference  90.0 %  -5.0    95.0 % (83.5 to 98.6 %)               tflite-runtime 2.14.0
classes whose accuracy changed (1 of 2):
       photos  float   xnnpack  reference
  bee  15      93.3 %  93.3 %   80.0 %
photos whose answer flipped (1):
  bee/1.png (bee): float bee 52%, xnnpack bee 50%, reference ant 50%"""


RANGES = Evidence(
    "what the model was trained on",
    "clearly best on labelled photos",
    (
        EvidenceRow("0..255", 24, 12, 99.9),
        EvidenceRow("0..255 BGR", 24, 12, 99.95),
        EvidenceRow("0..1", 96, 93, 88.44),
        EvidenceRow("-1..1", 96, 30, 41.0),
    ),
    "0..1",
)
RANGES_TEXT = """\
what the model was trained on, tried with the float model on photos for calibration: clearly best on labelled photos
                photos  accuracy  mean confidence
  * 0..1        96      96.9 %    88.4 %
    -1..1       96      31.2 %    41.0 %
    0..255 BGR  24      50.0 %    100.0 %
    0..255      24      50.0 %    99.9 %"""
UNDECIDED = Evidence(
    "what the model was trained on",
    "nothing is clearly best",
    (EvidenceRow("0..255", 9, 3, 50.0, 0.1234), EvidenceRow("0..1", 9, 6, 50.0)),
)


RECORD = ExportRecord(
    command="edgekit-export convert cnn.keras",
    photos_root="photos",
    allowed=Allowed(1.0, 97.0, "default", ("litert",)),
    rungs=(
        Rung("int8", "missed", "it loses 5 points", (), 40, 36, 38, 37, 12000, 1.25),
        Rung("int8+equalize", "not tried", "no two layers"),
        Rung("int8+bias", "chosen", "", ("corrected",), 40, 38, 38, 40, 12100, 1.5),
    ),
)
SEARCH_TEXT = """\
search with effort default, on 40 photos for choosing (float 95.0 %):
  recipe         top-1   same answer  size   time
  int8           90.0 %  92.5 %       12 kB  1.2 ms  missed: it loses 5 points
  int8+equalize                                      not tried: no two layers
  int8+bias      95.0 %  100.0 %      12 kB  1.5 ms  chosen"""


def result(skipped: tuple[str, ...] = (), evidence: tuple[Evidence, ...] = (), provenance: bool = True) -> ExportResult:
    made = Provenance("cnn.keras", "0" * 64, "0..1", "given", {"python": "3.11"}, evidence=evidence)
    card = ModelCard(
        name="leaf",
        input=InputSpec(16, 12, 3, (0.0,), (255.0,)),
        output=OutputSpec("probabilities", "softmax", ("ant", "bee")),
        quantization=Quantization("int8+bias", "TFLiteConverter", "2.21.0"),
        calibration=PhotoSet(20, {"ant": 12, "bee": 8}, "1" * 64, 0),
        verification=COMPARISON.verification,
        provenance=made if provenance else None,
    )
    duplicates = Duplicates((Path("bee/copy.png"),), (Path("ant/x.png"), Path("bee/x.png")))
    return ExportResult(bytes(12345), card, RECORD, COMPARISON, duplicates, skipped, ("mind the gap",))


def test_a_comparison_is_a_table() -> None:
    assert describe_comparison(COMPARISON) == TEXT


def test_fast_decode_has_a_line_of_its_own() -> None:
    check = DecodeCheck("xnnpack", 40, 12, 39, 38, 37)
    verification = COMPARISON.verification._replace(decode=check)
    lines = describe_comparison(dataclasses.replace(COMPARISON, verification=verification)).splitlines()
    assert (
        "fast decode, 12 of 40 photos at a part of their size: same answer as exact decode 97.5 % (87.1 to 99.6 %), "
        "top-1 95.0 % (exact 92.5 %)"
    ) in lines
    assert [line for line in lines if "fast decode" not in line] == TEXT.splitlines()
    small = describe_decode(check._replace(reduced=0, agreeing=40), "top-1")
    assert small == "fast decode: all 40 photos are small enough to be decoded as they are"


def test_several_labels_have_all_to_be_right_and_a_nameless_runtime_is_left_out() -> None:
    verification = COMPARISON.verification._replace(float_runtime=None)
    lines = describe_comparison(Comparison(verification, (), (), multi_label=True)).splitlines()
    assert [word for word in lines[1].split("  ") if word] == [
        "all labels right",
        "change",
        "same answer as float (95 % interval)",
        "run in",
    ]
    assert lines[2].split() == ["float", "95.0", "%"]


def test_evidence_is_a_table_with_the_best_first() -> None:
    """The most photos, then the most right, then the surest; a star at what was chosen."""
    assert "\n".join(describe_evidence(RANGES)) == RANGES_TEXT


def test_evidence_without_an_answer_has_no_star_and_shows_the_distance_where_there_is_one() -> None:
    assert describe_evidence(UNDECIDED) == [
        "what the model was trained on, tried with the float model on photos for calibration: nothing is clearly best",
        "            photos  accuracy  mean confidence  distance from training",
        "    0..1    9       66.7 %    50.0 %",
        "    0..255  9       33.3 %    50.0 %           0.123",
    ]


def test_twelve_hypotheses_are_shown_with_the_chosen_one_on_top_and_the_rest_counted() -> None:
    """The chosen one is not always the one with the most right: statistics or habit may have decided."""
    rows = tuple(EvidenceRow(f"h{i}", 24, i, 50.0) for i in range(15))
    lines = describe_evidence(Evidence("which?", "by habit", rows, "h1"))
    assert [line.split()[0] for line in lines[2:4]] == ["*", "h14"]
    assert lines[2].split()[1] == "h1"
    assert len(lines) == 2 + 12 + 1
    assert lines[-1] == "  ... and 3 more; --json lists all"
    assert "... and" not in describe_evidence(Evidence("which?", "by habit", rows[:12], "h1"))[-1]


def test_the_record_of_an_undecided_range_has_the_evidence() -> None:
    record = json.loads(json.dumps(evidence_record(InputRangeError("which?", UNDECIDED), "leaf.tflite")))
    rows = record["evidence"].pop("rows")
    assert record == {
        "file": "leaf.tflite",
        "error": "which?",
        "evidence": {
            "question": "what the model was trained on",
            "how": "nothing is clearly best",
        },
    }
    assert [(row["hypothesis"], row["images"], row["correct"]) for row in rows] == [("0..255", 9, 3), ("0..1", 9, 6)]
    assert (rows[0]["divergence"], rows[1].get("divergence")) == (0.1234, None)
    assert rows[0]["mean_confidence_percent"] == 50


def test_without_a_change_there_is_only_the_first_table() -> None:
    verification = COMPARISON.verification._replace(classes=COMPARISON.verification.classes[:1])
    text = describe_comparison(Comparison(verification, (), ()))
    assert text == TEXT.partition("\nclasses whose")[0]


def test_ten_flips_are_shown_and_the_rest_counted() -> None:
    text = describe_comparison(dataclasses.replace(COMPARISON, flips=COMPARISON.flips * 13))
    assert text.count("bee/1.png") == 10
    assert text.endswith("\n  ... and 3 more; --json lists all")


def test_an_export_is_summed_up_and_ends_with_the_next_command() -> None:
    assert describe_export(result(), "leaf.tflite", "leaf.report.html") == (
        "leaf.tflite: 12,345 bytes, int8+bias, 2 classes\n"
        "input: 16x12x3 raw pixels; trained on 0..1 (given)\n"
        "calibrated on 20 photos\n"
        f"{SEARCH_TEXT}\n"
        f"{TEXT}\n"
        "Report: leaf.report.html\n"
        "Next: edgekit selftest leaf.tflite"
    )


def test_an_export_shows_what_was_found_out() -> None:
    text = describe_export(result(evidence=(RANGES, RANGES)), "leaf.tflite", "leaf.report.html")
    between = text.partition("trained on 0..1 (given)\n")[2].partition("\ncalibrated on 20 photos\n")[0]
    assert between == f"{RANGES_TEXT}\n{RANGES_TEXT}"
    assert "\ninput: 16x12x3 raw pixels; \n" in describe_export(
        result(provenance=False), "leaf.tflite", "leaf.report.html"
    )


def test_skipped_photos_are_listed_up_to_five() -> None:
    text = describe_export(result(tuple(f"{i}.png: damaged" for i in range(6))), "x", "leaf.report.html")
    assert "\nskipped 6 unreadable photos:\n  0.png: damaged\n" in text
    assert "4.png" in text
    assert "5.png" not in text
    assert "\n  ... and 1 more; --json lists all\nReport: " in text


def test_the_recipes_that_were_tried_are_a_table() -> None:
    assert f"\n{SEARCH_TEXT}\n" in describe_export(result(), "leaf.tflite", "leaf.report.html")
    alone = dataclasses.replace(RECORD, allowed=dataclasses.replace(RECORD.allowed, recipe="int8+bias"))
    text = describe_export(dataclasses.replace(result(), record=alone), "leaf.tflite", "leaf.report.html")
    assert "\nthe recipe asked for, on 40 photos for choosing" in text


def test_a_refusal_says_how_much_where_and_what_to_do() -> None:
    trial = Trial(Recipe("int8", ("bias",)), Made(b""), COMPARISON, 1.0)
    missed = Step(trial.recipe, trial, "it loses 5.00 points")
    advice = (
        "No file was written. Allow more (--max-drop, --max-class-drop, --min-agreement, fewer of --target), search "
        "longer (--effort thorough), or give more photos."
    )
    assert budget_shortfall([missed], missed) == (
        f"the recipe int8+bias: on photos for choosing, it loses 5.00 points. {advice}"
    )
    turned_down = Step(trial.recipe, trial, "it loses 5.00 points", turned_down=True)
    assert budget_shortfall(
        [Step(Recipe(), trial, "x"), turned_down, Step(Recipe("int16"), None, "y")], turned_down
    ) == (
        "none of 2 recipes keeps what is wanted; the nearest, int8+bias: on photos for confirming, it loses 5.00 "
        f"points. {advice}"
    )


FLIPPED = [
    {
        "file": "bee/1.png",
        "label": "bee",
        "float_answer": {"label": "bee", "score": 0.515},
        "answers": {"xnnpack": {"label": "bee", "score": 0.5}, "reference": {"label": "ant", "score": 0.504}},
    }
]


def test_the_record_of_a_refusal_has_the_comparison() -> None:
    record = json.loads(
        json.dumps(refusal_record(AccuracyDropError("too much", COMPARISON, result().card, RECORD), "leaf.tflite"))
    )
    verification = record.pop("verification")
    assert record.pop("search") == json.loads(RECORD.to_json())["rungs"]
    assert record == {"file": "leaf.tflite", "error": "too much", "drop_points": 5.0, "flipped": FLIPPED}
    assert (verification["float_correct"], verification["families"][1]["correct"]) == (38, 36)


def test_the_record_of_an_export_has_everything_and_is_json() -> None:
    record = json.loads(json.dumps(export_record(result(("1.png: damaged",)), "leaf.tflite")))
    assert record.pop("card") == json.loads(result().card.to_json())
    assert [rung["recipe"] for rung in record.pop("search")] == ["int8", "int8+equalize", "int8+bias"]
    assert record == {
        "file": "leaf.tflite",
        "size_bytes": 12345,
        "drop_points": 5.0,
        "flipped": FLIPPED,
        "skipped": ["1.png: damaged"],
        "duplicates": [str(Path("bee/copy.png"))],
        "contradictions": [str(Path("ant/x.png")), str(Path("bee/x.png"))],
        "notes": ["mind the gap"],
    }


def test_an_inspection_adds_what_no_card_says(tiny_model: bytes, tiny_float: bytes) -> None:
    pytest.importorskip("ai_edge_litert.schema_py_generated", reason="needs ai-edge-litert's schema")
    file, other = parse_model_file(tiny_model), parse_model_file(tiny_float)
    tried = [("ai-edge-litert 2.3", None), ("tflite-runtime 2.14", "too old")]
    about, facts, operators = describe_inspection("tiny.tflite", file, tried).split("\n\n")
    assert about == describe_model("tiny.tflite", file)
    record = inspection_record(file, tried)
    assert facts.splitlines() == [
        f"parameters        {record['parameters']}",
        "tensors           12 int8, 5 int32, 2 uint8",
        "float leftovers   none",
        f"declared runtime  {file.graph.declared_min_runtime}",
        "tried here        ai-edge-litert 2.3: runs it",
        "tried here        tflite-runtime 2.14: refused: too old",
    ]
    rows = [line.split() for line in operators.splitlines()]
    assert rows[0] == ["operator", "versions", "count"]
    uses = [[use.name, *map(str, use.versions), str(use.count)] for use in operators_used(file.graph)]
    assert rows[1:] == uses
    assert record["tried_here"] == [
        {"runtime": "ai-edge-litert 2.3", "refused": None},
        {"runtime": "tflite-runtime 2.14", "refused": "too old"},
    ]
    assert (record["tensor_types"], record["float_leftovers"]) == ({"int8": 12, "int32": 5, "uint8": 2}, [])
    text = describe_inspection("float.tflite", other, [])
    one = r"\w+ \(float32 '[^']*'\)"
    assert re.search(rf"^float leftovers   {one}; {one}; {one} \.\.\.$", text, re.MULTILINE)

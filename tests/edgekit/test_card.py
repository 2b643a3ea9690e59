import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.card import (
    SCHEMA,
    ClassResult,
    DecodeCheck,
    Evidence,
    EvidenceRow,
    FamilyResult,
    Golden,
    GraphDigest,
    InputSpec,
    ModelCard,
    OutputSpec,
    PhotoSet,
    Provenance,
    Quantization,
    Requires,
    Verification,
)
from edgekit.errors import EdgekitError, ModelFileError

MINIMAL = ModelCard(
    name="leaf",
    input=InputSpec(16, 12, 3, mean=(0.0,), std=(255.0,)),
    output=OutputSpec(kind="probabilities", activation="softmax", labels=("ill", "grün")),
)
PHOTOS = PhotoSet(images=3, images_per_class={"ill": 1, "grün": 2}, fingerprint_sha256="ab" * 32, seed=7)
FULL = ModelCard(
    name="leaf",
    input=InputSpec(8, 8, 1, (127.5,), (127.5,), color_order="L", fit="pad", resize_kernel="bicubic"),
    output=OutputSpec("logits", "sigmoid", ("ill", "grün"), 1.5, (0.8, 1.0), abstain_below=0.25, wanted_precision=0.95),
    created="2026-01-02T03:04:05Z",
    graph=GraphDigest(size_bytes=5, sha256="cd" * 32),
    quantization=Quantization("int8", "tensorflow", "2.21.0", ("softmax stays float",)),
    calibration=PHOTOS,
    verification=Verification(
        photos=PHOTOS,
        float_correct=3,
        families=(FamilyResult("xnnpack", "ai-edge-litert", "2.3.0", 3, 3, 43.8, 100.0),),
        classes=(ClassResult("ill", 1, 1, {"xnnpack": 1}), ClassResult("grün", 2, 2, {"xnnpack": 2})),
        max_drop_points=1.0,
        float_runtime="tf_keras 2.21.0",
    ),
    requires=Requires({"CONV_2D": 3}, oldest_runtime="2.3.0", refused_by={"tflite-runtime 2.5": "CONV_2D 5"}),
    provenance=Provenance(
        "leaf.keras",
        "ef" * 32,
        "0..1",
        "asked",
        {"python": "3.11"},
        license="MIT",
        source_kind="Keras archive, Keras 3.15.0",
        evidence=(
            Evidence(
                "which range?",
                "clearly best",
                (EvidenceRow("0..1", 24, 24, 98.5, divergence=0.01), EvidenceRow("0..255", 12, 3, 100.0)),
                "0..1",
            ),
            Evidence("which resize?", "nobody knows", ()),
        ),
    ),
    golden=Golden("shake256-grid-1", (0, 1), {"xnnpack": ("AAE=", "AgM="), "reference": ("AAE=", "AgM=")}),
)


@pytest.mark.parametrize("card", [MINIMAL, FULL], ids=["minimal", "full"])
def test_a_card_comes_back_from_its_json(card: ModelCard) -> None:
    assert ModelCard.from_json(card.to_json()) == card


def test_the_text_begins_with_the_schema_and_keeps_unicode() -> None:
    text = MINIMAL.to_json()
    assert text.startswith(f'{{\n "schema": {SCHEMA},\n "name": "leaf"')
    assert "grün" in text
    assert text.endswith("}\n")


def changed(**parts: Any) -> str:
    return json.dumps({**json.loads(MINIMAL.to_json()), **parts})


def test_unknown_parts_are_ignored() -> None:
    assert ModelCard.from_json(changed(mood="good")) == MINIMAL


@pytest.mark.parametrize("schema", [SCHEMA + 1, 10**9])
def test_a_newer_schema_is_refused_with_the_command_to_type(schema: int) -> None:
    with pytest.raises(ModelFileError, match=f"schema {schema} is newer.*pip install --upgrade edgekit-tflite"):
        ModelCard.from_json(changed(schema=schema, name=5))


@pytest.mark.parametrize("schema", [None, 0, -1, "1", True, 1.0])
def test_a_schema_that_is_no_positive_integer_is_refused(schema: Any) -> None:
    with pytest.raises(ModelFileError, match="schema: found"):
        ModelCard.from_json(changed(schema=schema))


@pytest.mark.parametrize(
    ("kind", "activation", "labels", "multi_label"),
    [
        ("probabilities", "sigmoid", ("rust", "spots"), True),
        ("logits", "sigmoid", ("rust", "spots"), True),
        ("probabilities", "sigmoid", ("rust",), False),
        ("probabilities", "softmax", ("rust", "spots"), False),
        ("logits", "softmax", ("rust", "spots"), False),
    ],
)
def test_sigmoid_scores_of_several_labels_are_multi_label(
    kind: Any, activation: Any, labels: tuple[str, ...], multi_label: bool
) -> None:
    output = OutputSpec(kind, activation, labels)
    assert output.multi_label is multi_label
    assert "multi_label" not in json.loads(replace(MINIMAL, output=output).to_json())["output"]


@pytest.mark.parametrize("kernel", ["nearest", "bilinear", "bicubic", "tf-bilinear"])
def test_every_resize_kernel_comes_back(kernel: Any) -> None:
    card = replace(MINIMAL, input=replace(MINIMAL.input, resize_kernel=kernel))
    assert ModelCard.from_json(card.to_json()) == card


def test_fast_decode_comes_back_with_what_it_changes() -> None:
    assert FULL.verification is not None
    proven = FULL.verification._replace(decode=DecodeCheck("reference", 8, 3, 7, 6, 5))
    card = replace(FULL, input=replace(FULL.input, decode="fast"), verification=proven)
    assert ModelCard.from_json(card.to_json()) == card


def test_a_card_from_before_there_was_fast_decode_means_exact() -> None:
    old = json.loads(FULL.to_json())
    del old["input"]["decode"]
    assert ModelCard.from_json(json.dumps(old)).input.decode == "exact"


@pytest.mark.parametrize("name", ["source_kind", "evidence"])
def test_a_card_from_before_there_was_evidence_is_read(name: str) -> None:
    old = json.loads(FULL.to_json())
    del old["provenance"][name], old["verification"]["float_runtime"]
    card = ModelCard.from_json(json.dumps(old))
    assert FULL.provenance is not None
    assert FULL.verification is not None
    without: Any = {name: () if name == "evidence" else None}
    assert card.provenance == FULL.provenance._replace(**without)
    assert card.verification == FULL.verification._replace(float_runtime=None)


def test_a_card_from_before_there_were_thresholds_is_read() -> None:
    old = json.loads(FULL.to_json())
    for name in ("thresholds", "abstain_below", "wanted_precision"):
        del old["output"][name]
    found = ModelCard.from_json(json.dumps(old)).output
    assert (found.thresholds, found.abstain_below, found.wanted_precision) == ((), 0.0, None)
    assert found == replace(FULL.output, thresholds=(), abstain_below=0.0, wanted_precision=None)


def test_a_wanted_precision_that_nobody_stated_stands_nowhere() -> None:
    assert "wanted_precision" not in json.loads(MINIMAL.to_json())["output"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"images": "many"}, "provenance: evidence[0]: rows[0]: images: found 'many'"),
        ({"correct": None}, "provenance: evidence[0]: rows[0]: correct: found None"),
        ({"mean_confidence_percent": math.inf}, "rows[0]: mean_confidence_percent: found inf"),
        ({"divergence": "far"}, "rows[0]: divergence: found 'far'"),
    ],
)
def test_evidence_that_is_none_is_refused(row: dict[str, Any], words: str) -> None:
    card = json.loads(FULL.to_json())
    card["provenance"]["evidence"][0]["rows"][0].update(row)
    with pytest.raises(ModelFileError) as refused:
        ModelCard.from_json(json.dumps(card))
    assert words in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "\0", "[" * 100_000, "nul", '{"schema": 1,}'])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ModelFileError, match=r"model_card\.json is not JSON"):
        ModelCard.from_json(text)


@pytest.mark.parametrize("text", ["[]", "5", "null", '"card"'])
def test_json_that_is_no_card_is_refused(text: str) -> None:
    with pytest.raises(ModelFileError, match="schema: found None"):
        ModelCard.from_json(text)


INPUT = json.loads(MINIMAL.to_json())["input"]
OUTPUT = json.loads(MINIMAL.to_json())["output"]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"input": {**INPUT, "height": 0}}, "input: input size 0x12 is outside"),
        ({"input": {**INPUT, "width": 9000}}, "input: input size 16x9000 is outside"),
        ({"input": {**INPUT, "channels": 4}}, "4 channels do not go with color order RGB"),
        ({"input": {**INPUT, "color_order": "L"}}, "3 channels do not go with color order L"),
        ({"input": {**INPUT, "color_order": "BGR"}}, "input: color_order: found 'BGR', expected one of RGB, L"),
        ({"input": {**INPUT, "mean": []}}, "mean and std need 1 or 3 elements"),
        ({"input": {**INPUT, "std": [1, 2]}}, "mean and std need 1 or 3 elements"),
        ({"input": {**INPUT, "std": [0]}}, "std must be positive"),
        ({"input": {**INPUT, "std": [float("nan")]}}, "input: std[0]: found nan"),
        ({"input": {**INPUT, "fit": "squash"}}, "expected one of stretch, crop, pad"),
        ({"output": {**OUTPUT, "labels": []}}, "output: no labels"),
        ({"output": {**OUTPUT, "labels": ["a", 3]}}, "output: labels[1]: found 3"),
        ({"output": {**OUTPUT, "temperature": 0}}, "temperature must be positive"),
        (
            {"output": {**OUTPUT, "thresholds": [0.5]}},
            "output: 1 thresholds for 2 labels, expected one for each or none",
        ),
        ({"output": {**OUTPUT, "thresholds": [0, 1.5]}}, "output: the threshold of 'grün' is 1.5, expected 0 to 1"),
        ({"output": {**OUTPUT, "thresholds": [-0.1, 1]}}, "output: the threshold of 'ill' is -0.1, expected 0 to 1"),
        ({"output": {**OUTPUT, "thresholds": [0, math.nan]}}, "output: thresholds[1]: found nan, expected a finite"),
        ({"output": {**OUTPUT, "thresholds": 0.5}}, "output: thresholds: found 0.5, expected a list"),
        ({"output": {**OUTPUT, "abstain_below": 60}}, "output: abstain_below is 60.0, expected 0 to 1"),
        ({"output": {**OUTPUT, "abstain_below": None}}, "output: abstain_below: found None, expected a number"),
        ({"output": {**OUTPUT, "wanted_precision": 95}}, "output: wanted_precision is 95.0, expected 0 to 1"),
        ({"output": {**OUTPUT, "kind": "embedding"}}, "output: kind: found 'embedding'"),
        ({"task": "object-detection"}, "task: found 'object-detection', expected one of image-classification"),
    ],
)
def test_parts_that_contradict_themselves_are_refused(parts: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelFileError) as refused:
        ModelCard.from_json(changed(**parts))
    assert str(refused.value).startswith("model_card.json: ")
    assert words in str(refused.value)


@pytest.mark.parametrize("name", ["abstain_below", "wanted_precision"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -0.01, 1.01])
def test_a_score_that_no_answer_can_have_is_refused(name: str, value: float) -> None:
    wrong: Any = {name: value}
    with pytest.raises(ValueError, match=f"^{name} is {value}, expected 0 to 1$"):
        replace(MINIMAL.output, **wrong)
    with pytest.raises(ValueError, match=f"^the threshold of 'ill' is {value}, expected 0 to 1$"):
        replace(MINIMAL.output, thresholds=(value, 0.5))


ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**400,
    1e300,
    math.nan,
    -math.inf,
    "",
    "x",
    "\0",
    [],
    {},
    [[]],
    ["", 1],
    {"": {}},
)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.data())
def test_odd_json_in_any_place_is_a_card_or_refused(data: st.DataObject) -> None:
    card = json.loads(FULL.to_json())
    place = card
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(st.sampled_from(ODD_VALUES))
    text = "model_card.json"
    try:
        ModelCard.from_json(json.dumps(card))
    except EdgekitError as error:
        text = str(error)
    assert text.startswith("model_card.json")

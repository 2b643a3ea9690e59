"""Whether to ship a file: what the verdict says, and what makes it doubt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from edgekit.card import ClassResult, DecodeCheck
from edgekit_export.proof.facts import Proof
from edgekit_export.proof.record import Allowed
from edgekit_export.proof.verdict import budget, verdict

if TYPE_CHECKING:
    from tests.export.proof.conftest import Export, MakeExport


def proof_of(export: Export, **changes: Any) -> Proof:
    return Proof(export.card, replace(export.record, **changes), export.size_bytes)


def allowed(export: Export, **changes: Any) -> Allowed:
    return replace(export.record.allowed, **changes)


def test_a_file_that_keeps_everything_can_ship(export: Export) -> None:
    assert verdict(proof_of(export)).mood == "good"


def test_the_interval_of_the_loss_follows_from_the_flipped_photos(export: Export) -> None:
    proof = proof_of(export)
    assert proof.worst is not None
    lost = proof.lost(proof.worst)
    assert lost.interval is not None
    assert lost.interval[0] < lost.value < lost.interval[1]
    assert lost.interval[1] - lost.interval[0] < 0.03, "two independent intervals would be 0.04 wide each"


def test_there_is_no_interval_where_the_record_does_not_hold_all_flips(export: Export) -> None:
    proof = proof_of(export, flipped=export.record.flipped[:-1])
    assert proof.worst is not None
    assert proof.lost(proof.worst).interval is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"max_drop_points": 0.1}, "Accuracy lost: 0.5 points"),
        ({"min_agreement_percent": 99.0}, "Same answer as the float model: 98.1 %"),
        ({"max_class_drop_points": 1.0}, "Accuracy lost by one class"),
    ],
)
def test_a_file_that_misses_what_was_asked_for_must_not_ship(
    changes: dict[str, float], words: str, export: Export
) -> None:
    found = verdict(proof_of(export, allowed=allowed(export, **changes)))
    assert found.mood == "bad"
    assert found.headline.startswith("Do not ship it")
    assert any(words in reason for reason in found.reasons)


def test_a_loss_just_above_what_is_allowed_is_not_rounded_away(export: Export) -> None:
    lines = budget(proof_of(export, allowed=allowed(export, max_drop_points=0.51)))
    assert (lines[0].found, lines[0].kept) == ("0.517 points", False)


def test_what_is_slower_than_int8_is_said_to_be(export: Export) -> None:
    rungs = [replace(one, outcome="missed") if one.outcome == "chosen" else one for one in export.record.rungs]
    slower = tuple(replace(one, outcome="chosen") if one.recipe == "float16" else one for one in rungs)
    found = verdict(proof_of(export, rungs=slower))
    assert found.mood == "warn"
    assert "not int8 throughout (float16): weights of 16 bits" in found.reasons[0]


def test_a_weak_model_is_not_blamed_on_int8(new_export: MakeExport) -> None:
    found = verdict(proof_of(new_export(float_wrong=0.3, flips=0.0, photos=400)))
    assert any(reason.startswith("The model itself is weak") for reason in found.reasons)
    assert any("Int8 is not the reason" in line for line in found.advice)


def test_a_model_that_guesses_must_not_ship(new_export: MakeExport) -> None:
    found = verdict(proof_of(new_export(("a", "b"), float_wrong=0.5, flips=0.0)))
    assert found.mood == "bad"
    assert any("always giving the most frequent answer" in reason for reason in found.reasons)


def test_few_photos_and_a_class_that_lost_are_told(new_export: MakeExport) -> None:
    export = new_export(("a", "b"), photos=60, float_wrong=0.05, flips=0.0)
    assert export.card.verification is not None
    classes = (ClassResult("a", 30, 29, {"xnnpack": 25}), *export.card.verification.classes[1:])
    card = replace(export.card, verification=export.card.verification._replace(classes=classes))
    found = verdict(Proof(card, replace(export.record, allowed=Allowed(5.0, 90.0, "quick", ())), 1))
    assert found.mood == "warn"
    assert "a loses 4 right answers on its 30 photos." in found.reasons
    assert any(reason.startswith("Only 60 photos") for reason in found.reasons)


def decoded(export: Export, changed: int, lost: int) -> Proof:
    assert export.card.verification is not None
    images = export.card.verification.photos.images
    check = DecodeCheck("xnnpack", images, images // 2, images - changed, 500, 500 + lost)
    card = replace(export.card, verification=export.card.verification._replace(decode=check))
    return Proof(card, export.record, 1)


def test_fast_decode_that_costs_accuracy_is_told_with_the_way_out(export: Export) -> None:
    found = verdict(decoded(export, changed=30, lost=12))
    assert found.mood == "warn"
    assert found.reasons == ("Fast decode costs 2.1 points of accuracy against exact decode, more than by chance.",)
    assert found.advice == ("Export it again with --decode exact.",)


@pytest.mark.parametrize(("changed", "lost"), [(0, 0), (30, 10), (30, -20), (4, 4), (1, 1)])
def test_fast_decode_that_changes_answers_by_chance_is_no_doubt(export: Export, changed: int, lost: int) -> None:
    assert verdict(decoded(export, changed, lost)).mood == "good"


def test_a_search_that_did_not_reach_its_aim_says_so(export: Export) -> None:
    found = verdict(proof_of(export, allowed=allowed(export, aim_agreement_percent=99.5)))
    assert found.mood == "warn"
    assert "aimed at the same answer on 99.5 %" in found.reasons[0]

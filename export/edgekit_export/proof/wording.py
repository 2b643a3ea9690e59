"""Figures of an export as words, for readers who never trained a model."""

from __future__ import annotations

from edgekit_export.assess.intervals import Share
from edgekit_export.assess.wording import between, count, joined, percent, points
from edgekit_export.errors import RecipeError
from edgekit_export.proof.facts import Lost, Proof, lost_by, lost_photos
from edgekit_export.proof.record import Rung
from edgekit_export.recipes.recipe import MEANINGS, STEPS, parse_recipe

FAMILY_MEANINGS = {
    "xnnpack": "LiteRT (ai-edge-litert) on any computer or phone, MediaPipe, and the browser",
    "reference": "tflite-runtime on Arm boards such as a Raspberry Pi",
}


def loss_text(lost: Lost) -> str:
    """Accuracy lost, with its interval where there is one."""
    text = points(lost.value)
    if lost.interval is None:
        return text
    return f"{text} ({_signed(lost.interval[0])} to {_signed(lost.interval[1])})"


def points_of(number: float) -> str:
    """So many percentage points that somebody asked for."""
    return f"{number:g} {'point' if number == 1 else 'points'}"


def who_text(who: str) -> str:
    """Whose answers they are, by the name in a record."""
    return "float model" if who == "float" else f"file, {who} kernels" if who in FAMILY_MEANINGS else who


def _signed(value: float) -> str:
    text = f"{100 * value:.1f}"
    return "0.0" if text == "-0.0" else text


def rung_loss(rung: Rung) -> str:
    """What a recipe loses on the photos for choosing."""
    same = Share(rung.agreeing, rung.images)
    return (
        f"{points(lost_by(rung))} of accuracy and gives the same answer on {percent(same.value, digits=1)} of "
        f"{count(rung.images, 'photo')} for choosing"
    )


def explain_recipe(name: str) -> str:
    """What a recipe's name stands for; empty for one of another version."""
    try:
        recipe = parse_recipe(name)
    except RecipeError:
        return ""
    parts = [MEANINGS[recipe.base], *(STEPS[step] for step in recipe.steps)]
    if recipe.keep_float:
        parts.append(f"{count(recipe.keep_float, 'layer')} in float, which costs time")
    return "; ".join(parts)


def choosing_and_confirming(proof: Proof) -> str:
    """How the search kept from fooling itself."""
    record, found = proof.record, proof.verification
    chosen_on = f"{count(record.choice.images, 'photo')}" if record.choice else "one part of the photos"
    confirmed_on = f"{count(found.photos.images, 'other photo')}" if found else "another part"
    text = (
        f"The choice was made on {chosen_on} and confirmed on {confirmed_on} that no step had seen: who tries many "
        "recipes on the same photos finds one that is good on just these by luck."
    )
    if not proof.chosen:
        return text
    if not record.confirmed_after:
        return f"{text} The first recipe that was put to the second part was confirmed."
    times = record.confirmed_after + 1
    return (
        f"{text} {count(record.confirmed_after, 'recipe')} before this one kept the budget on the first part and "
        f"missed it on the second. As the second part was asked {times} times, its figures may be a little too good."
    )


def half_width(share: Share) -> str:
    """How far an interval reaches, and what would narrow it."""
    return (
        f"In brackets: where the figure lies, with 95 % certainty, for all photos like these "
        f"({between(share.low, share.high, digits=1)} for {percent(share.value, digits=1)}). Four times as many photos "
        "would halve that range."
    )


def classes_text(proof: Proof) -> str:
    """Which classes changed."""
    lost = proof.classes_that_lost
    found = proof.verification
    if not found:
        return ""
    if not lost:
        return "No class has fewer right answers than with the float model."
    return f"{count(len(lost), 'class', 'classes')} of {len(found.classes)} lost right answers: " + joined(
        [f"{one.label} ({lost_photos(one)} of {one.images})" for one in lost]
    ) + "."  # fmt: skip

"""The verdict on an export: whether to ship the file, what speaks against it, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgekit.card import ClassResult
from edgekit_export.assess.wording import WEAK_BELOW, count, joined, percent, points, sentence, with_interval
from edgekit_export.page.html import Mood
from edgekit_export.proof.facts import Proof, lost_by, lost_photos, lost_share
from edgekit_export.proof.wording import explain_recipe, loss_text, points_of, rung_loss

_FEW_PHOTOS = 100
_CLASS_PHOTOS, _CLASS_SHARE = 3, 0.1  # a class that loses so many photos and so large a share is worth a warning


@dataclass(frozen=True)
class Verdict:
    """Whether to ship a file: in one line, with the reasons for doubt, and with what to do about them."""

    mood: Mood
    headline: str
    reasons: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


def verdict(proof: Proof) -> Verdict:
    """Bad: do not ship. Warning: within what was asked for, but something is worth a look. Good: neither."""
    if proof.refused:
        return _refusal(proof)
    doubts = tuple(_doubts(proof))
    moods = [mood for mood, _, _ in doubts]
    found = _found(proof)
    reasons, advice = tuple(reason for _, reason, _ in doubts), tuple(todo for _, _, todo in doubts if todo)
    if "bad" in moods:
        return Verdict("bad", f"Do not ship it as it is: {found}.", reasons, advice)
    if "warn" in moods:
        return Verdict("warn", f"It can ship, but read on before you do: {found}.", reasons, advice)
    return Verdict("good", f"Ready to ship: {found}.", ("It keeps what was asked for in every kernel family.",))


def _found(proof: Proof) -> str:
    if not (proof.accuracy and proof.float_accuracy and proof.agreement):
        return "it was not verified, so nobody knows how often it is right"
    right = "gets all labels right on" if proof.multi_label else "is right on"
    return (
        f"the file {right} {percent(proof.accuracy.value, digits=1)} of "
        f"{count(proof.accuracy.whole, 'photo')}, the float model on {percent(proof.float_accuracy.value, digits=1)}; "
        f"both give the same answer on {percent(proof.agreement.value, digits=1)}"
    )


def _doubts(proof: Proof) -> Iterator[tuple[Mood, str, str]]:
    """What speaks against shipping: how gravely, what it is, and what to do about it."""
    if not (proof.accuracy and proof.float_accuracy and proof.agreement and proof.worst):
        yield "bad", "No photo was asked about.", "Export it again with labelled photos."
        return
    yield from _missed(proof)
    guess = _most_frequent(proof)
    if guess is not None and proof.accuracy.low <= guess:
        yield (
            "bad",
            f"It does not clearly beat always giving the most frequent answer, which is right on {percent(guess)}.",
            _train_more(proof),
        )
    elif proof.accuracy.value < WEAK_BELOW:
        wrong = percent(1 - proof.accuracy.value)
        float_wrong = percent(1 - proof.float_accuracy.value)
        yield (
            "warn",
            f"The model itself is weak: the file is wrong on {wrong} of the photos, the float model on {float_wrong}.",
            _train_more(proof),
        )
    aim = proof.record.allowed.aim_agreement_percent
    if 100 * proof.agreement.high < aim:
        came_to = with_interval(proof.agreement, digits=1)
        yield (
            "warn",
            f"The search aimed at the same answer on {aim:g} % of the photos and came to {came_to}.",
            "Look at the photos whose answer flipped. To search longer: --effort thorough.",
        )
    if proof.lost_by_decode:
        yield (
            "warn",
            f"Fast decode costs {points(proof.lost_by_decode)} of accuracy against exact decode, more than by chance.",
            "Export it again with --decode exact.",
        )
    for one in proof.classes_that_lost[:3]:
        if lost_photos(one) >= _CLASS_PHOTOS and lost_share(one) >= _CLASS_SHARE:
            lost = count(lost_photos(one), "right answer")
            yield "warn", f"{one.label} loses {lost} on its {count(one.images, 'photo')}.", _one_class(one.label)
    if not proof.is_full_int8:
        yield (
            "warn",
            f"It is not int8 throughout ({proof.recipe}): {explain_recipe(proof.recipe or '')}.",
            "Measure it on your device: edgekit classify with --json tells the times.",
        )
    if proof.accuracy.whole < _FEW_PHOTOS:
        yield (
            "warn",
            f"Only {count(proof.accuracy.whole, 'photo')} for confirming: these figures may be off by several points.",
            "Give more labelled photos, with --verify or --verification-images.",
        )


def _missed(proof: Proof) -> Iterator[tuple[Mood, str, str]]:
    """The parts of the budget that the file does not keep; `convert` writes no such file, but a record may say so."""
    for line in budget(proof):
        if line.kept is False:
            yield (
                "bad",
                sentence(f"{line.what}: {line.found}; allowed was {line.allowed}"),
                "Do not use this file; export it again.",
            )


def _most_frequent(proof: Proof) -> float | None:
    """The share of the most frequent class."""
    found = proof.verification
    if found is None or proof.multi_label or not found.photos.images_per_class:
        return None
    return max(found.photos.images_per_class.values()) / found.photos.images


def _train_more(proof: Proof) -> str:
    classes = proof.verification.classes if proof.verification else ()
    weakest = joined([one.label for one in sorted(classes, key=_float_share)[:3]])
    return f"Int8 is not the reason. Train with more photos, above all of the weakest classes: {weakest}."


def _float_share(one: ClassResult) -> float:
    return one.float_correct / one.images if one.images else 1.0


def _one_class(label: str) -> str:
    return (
        f"If {label} matters to you, look at its photos below, or limit what a class may lose with --max-class-drop "
        "and export again."
    )


def _refusal(proof: Proof) -> Verdict:
    allowed = proof.record.allowed
    closest = proof.closest
    reasons, advice = ["None of the recipes that were tried keeps what was asked for."], []
    turned_down = sum(rung.outcome == "turned down" for rung in proof.record.rungs)
    if turned_down:
        reasons.append(
            f"{count(turned_down, 'recipe')} kept it on the photos for choosing, but not on those for confirming."
        )
    if closest:
        reasons.append(f"Closest came {closest.recipe}: it loses {rung_loss(closest)}.")
        lost = 100 * lost_by(closest)
        if lost > allowed.max_drop_points:
            advice.append(f"If you can live with that loss, allow it: --max-drop {_rounded_up(lost):g}.")
    if allowed.recipe:
        advice.append("Leave out --recipe, so that others are tried.")
    if allowed.effort != "thorough":
        advice.append("Let more recipes be tried: --effort thorough.")
    if any(rung.outcome == "not tried" for rung in proof.record.rungs):
        advice.append("Some recipes were not tried; the table of recipes says why. Fewer --target may allow them.")
    if closest and closest.images < 2 * _FEW_PHOTOS:
        one = 100 / closest.images
        advice.append(f"Give more photos: with {count(closest.images, 'photo')}, a single one counts {one:.2f} points.")
    return Verdict("bad", "Nothing to ship: no file was written.", tuple(reasons), tuple(advice))


def _rounded_up(value: float) -> float:
    return round(value + 0.05, 1)


@dataclass(frozen=True)
class BudgetLine:
    """Something that was asked for, what came out, and whether that keeps it; None where it refuses nothing."""

    what: str
    allowed: str
    found: str
    kept: bool | None


def budget(proof: Proof) -> list[BudgetLine]:
    """What was asked for, line by line; on the photos for confirming."""
    allowed, found, worst = proof.record.allowed, proof.verification, proof.worst
    drop, same, aim = "not measured", "not measured", f"at {allowed.aim_agreement_percent:g} %"
    kept_drop = kept_same = None
    if found and worst and proof.agreement:
        lost = 100 * proof.lost(worst).value
        kept_drop = lost <= allowed.max_drop_points + 1e-9
        # 1.03 points would be shown as the 1 point that was allowed.
        drop = (
            loss_text(proof.lost(worst)) if kept_drop or lost > allowed.max_drop_points + 0.05 else f"{lost:.3f} points"
        )
        same = with_interval(proof.agreement, digits=1)
        least = allowed.min_agreement_percent
        kept_same = None if least is None else 100 * proof.agreement.value >= least - 1e-9
    lines = [BudgetLine("accuracy lost", f"at most {points_of(allowed.max_drop_points)}", drop, kept_drop)]
    if allowed.max_class_drop_points is not None:
        what, text, kept = "accuracy lost by one class", "not measured", None
        if found:
            worst_class = max(found.classes, key=lost_share, default=None)
            most = 100 * lost_share(worst_class) if worst_class else 0.0
            what += f" ({worst_class.label})" if worst_class and most > 0 else ""
            text, kept = points(most / 100), most <= allowed.max_class_drop_points + 1e-9
        limit = f"at most {points_of(allowed.max_class_drop_points)}"
        lines.append(BudgetLine(what, limit, text, kept))
    if allowed.min_agreement_percent is not None:
        limit = f"at least {allowed.min_agreement_percent:g} %"
        lines.append(BudgetLine("same answer as the float model", limit, same, kept_same))
    lines.append(BudgetLine("same answer, from which on the search stops", aim, same, None))
    return lines

"""The page of an export: whether to ship the file, and why."""

from __future__ import annotations

from pathlib import Path

from edgekit.card import ModelCard
from edgekit_export.assess.wording import count, joined, sentence, with_interval
from edgekit_export.baseline.wording import bytes_text, ms_text
from edgekit_export.page.html import Page
from edgekit_export.proof.answers import add_classes, add_confusions, add_families
from edgekit_export.proof.facts import Proof
from edgekit_export.proof.flips import add_flips
from edgekit_export.proof.inside import add_calibration, add_layers
from edgekit_export.proof.origin import add_origin, add_runtimes, add_size_and_time
from edgekit_export.proof.record import ExportRecord
from edgekit_export.proof.search import add_budget, add_recipes
from edgekit_export.proof.sound import check_record
from edgekit_export.proof.trust import add_decisions, add_scores
from edgekit_export.proof.verdict import verdict
from edgekit_export.proof.wording import explain_recipe, loss_text, points_of


def report_page(card: ModelCard, record: ExportRecord, *, size_bytes: int, photos: Path | None) -> str:
    """The page as HTML: one file that asks for no other.

    Args:
        card: Of the file; of the file that would have been where none was written.
        record: What the export found out.
        size_bytes: Of the file, 0 where none was written.
        photos: The folder that the names of photos in the record are relative to; None for a page without any.

    Raises:
        ModelFileError: card and record hold what cannot be.
    """
    check_record(card, record)
    proof = Proof(card, record, size_bytes)
    page = Page(f"Export of {card.name}", _about(proof))
    _verdict(page, proof)
    add_budget(page, proof)
    add_families(page, proof)
    add_classes(page, proof)
    add_confusions(page, proof)
    add_flips(page, proof, photos)
    add_recipes(page, proof)
    add_layers(page, proof)
    add_calibration(page, proof)
    add_scores(page, proof)
    add_decisions(page, proof)
    add_size_and_time(page, proof)
    add_runtimes(page, proof)
    add_origin(page, proof)
    return page.html()


def _about(proof: Proof) -> str:
    classes = count(len(proof.card.output.labels), "class", "classes")
    kind = ", several in a photo" if proof.multi_label else ""
    return f"int8 image classifier of {classes}{kind}" + (f", {proof.card.created}" if proof.card.created else "")


def _verdict(page: Page, proof: Proof) -> None:
    found = verdict(proof)
    page.verdict(found.mood, found.headline, " ".join(found.reasons))
    page.facts(_first_facts(proof))
    if found.advice:
        page.heading("What to do")
        page.items(list(dict.fromkeys(found.advice)))
    if proof.record.notes:
        page.heading("Before you trust these figures")
        page.items([sentence(note.rstrip(".")) for note in proof.record.notes])


def _first_facts(proof: Proof) -> list[tuple[str, str]]:
    rows = []
    verified, worst = proof.verification, proof.worst
    if verified and worst and proof.accuracy and proof.float_accuracy and proof.agreement:
        allowed = points_of(proof.record.allowed.max_drop_points)
        measure = "all labels right" if proof.multi_label else "right answers"
        rows += [
            (f"{measure}, this file", f"{with_interval(proof.accuracy, digits=1)}, {worst.family} kernels"),
            (f"{measure}, float model (before)", with_interval(proof.float_accuracy, digits=1)),
            ("accuracy lost", f"{loss_text(proof.lost(worst))}; allowed was {allowed}"),
            ("same answer as the float model", with_interval(proof.agreement, digits=1)),
            ("measured on", f"{count(verified.photos.images, 'photo')} that no step of the export saw"),
        ]
    if proof.refused:
        return [*rows, ("recipes tried", f"{sum(bool(rung.images) for rung in proof.record.rungs)}")]
    if proof.recipe:
        rows.append(("recipe", ": ".join(filter(None, (proof.recipe, explain_recipe(proof.recipe))))))
    if proof.size_bytes:
        rows.append(("size", bytes_text(proof.size_bytes)))
    if proof.chosen and proof.chosen.milliseconds:
        rows.append(("time for a photo", f"{ms_text(proof.chosen.milliseconds)} on the machine that exported"))
    targets, needs = proof.record.allowed.targets, proof.card.requires
    runs_on = [f"made for {joined(targets, most=8)}"] if targets else []
    if needs and needs.oldest_runtime:
        runs_on.append(f"the oldest runtime seen running it is {needs.oldest_runtime}")
    if runs_on:
        rows.append(("runs on", "; ".join(runs_on)))
    return rows

"""The part of the page about the search: what was asked for, and the recipes that were tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from edgekit_export.assess.intervals import Share
from edgekit_export.assess.wording import joined, points, with_interval
from edgekit_export.baseline.wording import bytes_text, ms_text
from edgekit_export.page.html import Cell, Mood, Page
from edgekit_export.proof.facts import Proof, lost_by
from edgekit_export.proof.figures import agreement_figure, recipes_figure
from edgekit_export.proof.record import Outcome, Rung
from edgekit_export.proof.verdict import BudgetLine, budget
from edgekit_export.proof.wording import choosing_and_confirming, explain_recipe

_MOODS: Mapping[Outcome, Mood] = MappingProxyType({"chosen": "good", "turned down": "warn", "failed": "bad"})
_OUTCOMES: Mapping[Outcome, str] = MappingProxyType(
    {
        "chosen": "chosen",
        "met": "kept the budget, another was chosen",
        "missed": "missed the budget",
        "turned down": "kept the budget on the photos for choosing, missed it on those for confirming",
        "failed": "no file came out",
        "not tried": "not tried",
    }
)


def add_budget(page: Page, proof: Proof) -> None:
    """What was asked for, and what came out."""
    allowed = proof.record.allowed
    page.section(
        "What was asked for",
        "The search takes the fastest recipe that keeps this. Figures are those of the worse kernel family on the "
        "photos for confirming.",
    )
    lines = budget(proof)
    rows = [(one.what, one.allowed, one.found, _kept(one)) for one in lines]
    page.table(("", "allowed", "found", "kept"), rows, moods=["bad" if one.kept is False else "plain" for one in lines])
    facts = [("effort", allowed.effort), ("has to run on", joined(allowed.targets, most=12) or "anything")]
    if allowed.recipe:
        facts.append(("recipe", f"{allowed.recipe}, asked for; no other was tried"))
    page.facts(facts)


def _kept(one: BudgetLine) -> str:
    return "" if one.kept is None else "yes" if one.kept else "no"


def add_recipes(page: Page, proof: Proof) -> None:
    """The frontier: what every recipe kept, and what it costs."""
    rungs = proof.record.rungs
    if not rungs:
        return
    page.section("Recipes that were tried", choosing_and_confirming(proof))
    measured = [rung for rung in rungs if rung.images]
    if measured:
        _figure(page, measured)
    page.table(
        ("", "recipe", "what became of it", "lost", "same answer", "size", "time", "why"),
        [_row(number, rung) for number, rung in enumerate(rungs, 1)],
        moods=[_MOODS.get(rung.outcome, "plain") for rung in rungs],
    )
    told = [rung for rung in rungs if rung.told or explain_recipe(rung.recipe)]
    if told:
        with page.folded("What the recipes do"):
            for rung in told:
                page.heading(rung.recipe)
                page.items([line for line in (explain_recipe(rung.recipe), *rung.told) if line])


def _figure(page: Page, measured: Sequence[Rung]) -> None:
    colours = "Green: chosen. Blue: kept the budget, too. Gray: did not."
    if all(rung.milliseconds > 0 for rung in measured):
        page.text(
            "A recipe is a way to make a small file. Further up is closer to the float model, further left is faster. "
            "A recipe on the dashed line is the best for its time; one below it is not worth its time. If the chosen "
            "one (green) stands far below a slower one and you have the time, take that with --recipe NAME."
        )
        page.figure(
            recipes_figure(measured),
            "Recipes by time and by how often they answer like the float model, with 95 % ranges, on the photos for "
            f"choosing. {colours}",
        )
        return
    page.text(
        "A recipe is a way to make a small file. Further right is closer to the float model. They stand in order of "
        "trying, which begins with the fastest. If the chosen one (green) stands far left of a slower one and you have "
        "the time, take that with --recipe NAME. Times are only on the page that the export itself wrote: in the file "
        "they would make other bytes of the same export each time."
    )
    page.figure(
        agreement_figure(measured),
        f"How often recipes answer like the float model, with 95 % ranges, on the photos for choosing. {colours}",
    )


def _row(number: int, rung: Rung) -> list[Cell]:
    same = Share(rung.agreeing, rung.images)
    return [
        number,
        rung.recipe,
        _OUTCOMES[rung.outcome],
        points(lost_by(rung)) if rung.images else "",
        with_interval(same, digits=1) if rung.images else "",
        bytes_text(rung.size_bytes or None),
        ms_text(rung.milliseconds or None),
        rung.reason,
    ]

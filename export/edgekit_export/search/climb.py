"""The search: up the ladder of recipes, until one keeps the budget on the photos for choosing and those for confirming.

Among recipes of the same speed it takes the one with the most of the float model's answers, and it climbs on to slower
ones only when none of the faster keeps the budget. The photos for confirming choose nothing: they can only turn down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from edgekit_export.errors import ConversionError, ExportError, NotFullyQuantizedError, VerificationError
from edgekit_export.recipes.kitchen import Kitchen
from edgekit_export.recipes.recipe import Recipe
from edgekit_export.search.budget import Budget
from edgekit_export.search.targets import Target, refusal
from edgekit_export.search.trial import Trial, Trials

Proof = TypeVar("Proof")


@dataclass
class Step:
    """What became of one recipe. `reason` says why it was not tried, failed, missed the budget or was turned down."""

    recipe: Recipe
    trial: Trial | None = None
    reason: str = ""
    tried: bool = True
    error: ExportError | None = None
    turned_down: bool = False


@dataclass
class Search(Generic[Proof]):
    """A search and where it is; a KeyboardInterrupt ends it with the best so far.

    Attributes:
        kitchen: Makes files.
        trials: Measures them.
        budget: What they may lose.
        targets: What they must run on.
        confirm: Proves a file on the photos for confirming; the proof, and why it is not good enough, or nothing.
        looks_on: Whether all int8 recipes are tried.
        steps: What became of each recipe, in the order of trying.
        proofs: Of the recipes that were held against the photos for confirming, by their names.
        interrupted: Whether the user stopped it.
    """

    kitchen: Kitchen
    trials: Trials
    budget: Budget
    targets: Sequence[Target]
    confirm: Callable[[Trial], tuple[Proof, tuple[str, ...]]]
    looks_on: bool = False
    steps: list[Step] = field(default_factory=list)
    interrupted: bool = False
    proofs: dict[str, Proof] = field(default_factory=dict)

    def climb(self, recipes: Sequence[Recipe]) -> tuple[Step, Proof] | None:
        """The step that was chosen and its proof; None where no recipe keeps the budget."""
        for group in _by_speed(recipes):
            waiting: list[Step] = []
            for step in self._tried(group):
                waiting.append(step)
                if self._is_enough(step) and (found := self._confirmed([step])):
                    return found
            if found := self._confirmed([step for step in waiting if not step.turned_down]):
                return found
            if self.interrupted:
                return None
        return None

    def _tried(self, group: Sequence[Recipe]) -> Iterator[Step]:
        """The steps of a group that keep the budget."""
        try:
            for recipe in group:
                step = self._try(recipe)
                if step.trial is not None and not step.reason:
                    yield step
        except KeyboardInterrupt:
            if not any(step.trial is not None and not step.reason for step in self.steps):
                raise
            self.interrupted = True
            last = self.steps[-1]
            if last.trial is None and not last.reason:
                last.tried, last.reason = False, "stopped"

    def _is_enough(self, step: Step) -> bool:
        assert step.trial is not None  # noqa: S101 - it keeps the budget
        is_best_possible = not step.recipe.is_full_int8 or self.budget.reaches_aim(step.trial.comparison)
        return is_best_possible and not (self.looks_on and step.recipe.is_full_int8)

    def _try(self, recipe: Recipe) -> Step:
        step = Step(recipe)
        self.steps.append(step)
        obstacle = refusal(recipe, self.targets) or self.kitchen.obstacle(recipe)
        if obstacle:
            step.tried, step.reason = False, obstacle
            return step
        try:
            step.trial = self.trials.of(recipe, self.kitchen.make(recipe))
        except (ConversionError, NotFullyQuantizedError, VerificationError) as error:
            step.reason, step.error = str(error), error
            return step
        step.reason = "; ".join(self.budget.broken_by(step.trial.comparison))
        return step

    def _confirmed(self, waiting: Sequence[Step]) -> tuple[Step, Proof] | None:
        """The first of these that the photos for confirming do not turn down, the best first."""
        for step in sorted(waiting, key=_merit, reverse=True):
            assert step.trial is not None  # noqa: S101 - it keeps the budget
            try:
                proof, broken = self.confirm(step.trial)
            except VerificationError as error:
                step.turned_down, step.reason, step.error = True, str(error), error
                continue
            self.proofs[step.recipe.name] = proof
            if not broken:
                return step, proof
            step.turned_down, step.reason = True, "; ".join(broken)
        return None


def nearest(search: Search[Proof]) -> Step | None:
    """The step that came nearest to keeping the budget, where none does: one turned down, or else the best tried."""
    measured = [step for step in search.steps if step.trial is not None]
    turned_down = [step for step in measured if step.turned_down]
    return max(turned_down or measured, key=_merit, default=None)


def _merit(step: Step) -> tuple[float, int, int]:
    """More of the float model's answers, then more right answers, then fewer steps."""
    assert step.trial is not None  # noqa: S101 - it keeps the budget
    comparison = step.trial.comparison
    correct = min(family.correct for family in comparison.verification.families)
    return comparison.agreement_percent, correct, -len(step.recipe.steps)


def _by_speed(recipes: Sequence[Recipe]) -> Iterator[list[Recipe]]:
    """Full int8 recipes together, which are all as fast; each slower one by itself."""
    fast = [recipe for recipe in recipes if recipe.is_full_int8]
    if fast:
        yield fast
    yield from ([recipe] for recipe in recipes if not recipe.is_full_int8)

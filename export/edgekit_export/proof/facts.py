"""`Proof`: a card and a record, and what follows from both by arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from edgekit.card import ClassResult, FamilyResult, ModelCard, Verification
from edgekit_export.assess.intervals import Pairs, Share, paired_interval
from edgekit_export.errors import RecipeError
from edgekit_export.proof.record import ExportRecord, Rung
from edgekit_export.recipes.recipe import parse_recipe


class Lost(NamedTuple):
    """Accuracy that a file loses against the float model, as fractions; the interval is None where nobody can tell."""

    value: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Proof:
    """What an export promised and found; `size_bytes` is of the file, 0 where none was written."""

    card: ModelCard
    record: ExportRecord
    size_bytes: int

    @property
    def verification(self) -> Verification | None:
        """On the photos for confirming; None where it never came to that."""
        found = self.card.verification
        return found if found and found.photos.images and found.families else None

    @property
    def multi_label(self) -> bool:
        """Whether an answer is a set of labels."""
        return self.card.output.multi_label

    @property
    def chosen(self) -> Rung | None:
        """The recipe of the file."""
        return next((rung for rung in self.record.rungs if rung.outcome == "chosen"), None)

    @property
    def refused(self) -> bool:
        """Whether no file was written."""
        return self.chosen is None and (bool(self.record.rungs) or self.card.verification is None)

    @property
    def recipe(self) -> str | None:
        """The name of the file's recipe."""
        if self.chosen:
            return self.chosen.recipe
        return self.card.quantization.recipe if self.card.quantization and not self.refused else None

    @property
    def is_full_int8(self) -> bool:
        """Whether the file computes with integers of 8 bits only."""
        try:
            return self.recipe is None or parse_recipe(self.recipe).is_full_int8
        except RecipeError:
            return True  # of a version with other names: nothing is known against it

    @property
    def closest(self) -> Rung | None:
        """Of the recipes that were measured, the one that misses least of the budget."""
        measured = [rung for rung in self.record.rungs if rung.images]
        return min(measured, key=self._missing, default=None)

    def _missing(self, rung: Rung) -> tuple[float, float, float]:
        lost, same = 100 * lost_by(rung), 100 * rung.agreeing / rung.images
        allowed = self.record.allowed
        excess = max(0.0, lost - allowed.max_drop_points) + max(0.0, (allowed.min_agreement_percent or 0) - same)
        return excess, lost, -same

    @property
    def worst(self) -> FamilyResult | None:
        """The kernel family with the fewest right answers, and among equals the fewest like the float model's."""
        found = self.verification
        return min(found.families, key=lambda one: (one.correct, one.agreeing)) if found else None

    @property
    def least_agreeing(self) -> FamilyResult | None:
        """The kernel family with the fewest answers like the float model's."""
        found = self.verification
        return min(found.families, key=lambda one: one.agreeing) if found else None

    def lost(self, family: FamilyResult) -> Lost:
        """What one kernel family loses; with an interval where every changed answer stands in the record."""
        found = self.verification
        assert found is not None  # noqa: S101 - the family is of it
        value = (found.float_correct - family.correct) / found.photos.images
        pairs = self._pairs(found, family)
        return Lost(value, paired_interval(pairs) if pairs else None)

    def _pairs(self, found: Verification, family: FamilyResult) -> Pairs | None:
        if self.multi_label:
            return None  # the record has the folder of a photo, not all its labels
        changed = [
            (one.label == one.float_answer.label, one.label == one.answers[family.family].label)
            for one in self.record.flipped
            if family.family in one.answers and one.answers[family.family].label != one.float_answer.label
        ]
        first, second = changed.count((True, False)), changed.count((False, True))
        images, both = found.photos.images, found.float_correct - first
        pairs = Pairs(both, first, second, images - both - first - second)
        complete = len(changed) == images - family.agreeing and both + second == family.correct
        return pairs if complete and min(pairs) >= 0 else None

    @property
    def accuracy(self) -> Share | None:
        """Of the file, in its worse kernel family."""
        return Share(self.worst.correct, self.verification.photos.images) if self.worst and self.verification else None

    @property
    def float_accuracy(self) -> Share | None:
        """Of the float model."""
        found = self.verification
        return Share(found.float_correct, found.photos.images) if found else None

    @property
    def agreement(self) -> Share | None:
        """Answers like the float model's, in the kernel family that has the fewest."""
        found, family = self.verification, self.least_agreeing
        return Share(family.agreeing, found.photos.images) if found and family else None

    @property
    def lost_by_decode(self) -> float | None:
        """Accuracy that fast decode loses against exact decode, as a fraction; None where it is no more than chance.

        Of n answers that changed, as many got worse as got better, give or take twice the root of n, if by chance.
        """
        check = self.verification.decode if self.verification else None
        if check is None or not check.images:
            return None
        lost = check.exact_correct - check.fast_correct
        return lost / check.images if lost > 2 * math.sqrt(check.images - check.agreeing) else None

    @property
    def classes_that_lost(self) -> tuple[ClassResult, ...]:
        """Those with fewer right answers than the float model's, the greatest loss in points first."""
        found = self.verification.classes if self.verification else ()
        return tuple(sorted((one for one in found if lost_photos(one) > 0), key=lambda one: -lost_share(one)))


def lost_photos(one: ClassResult) -> int:
    """Right answers that a class loses in its worse kernel family; negative for a gain."""
    return one.float_correct - min(one.correct.values(), default=one.float_correct)


def lost_share(one: ClassResult) -> float:
    """The same as a fraction of the class's photos."""
    return lost_photos(one) / one.images if one.images else 0.0


def lost_by(rung: Rung) -> float:
    """Accuracy that a recipe loses on the photos for choosing, as a fraction."""
    return (rung.float_correct - rung.correct) / rung.images if rung.images else 0.0

"""What may be lost: the limits that a user sets, and what a comparison breaks of them."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit_export.verify import Comparison

AIM_PERCENT = 97.0
"""Same answers as the float model that the search wants of an int8 file, where the user asks for nothing else."""


@dataclass(frozen=True)
class Budget:
    """What a file may lose against the float model, in its worse kernel family.

    Attributes:
        max_drop: Percentage points of accuracy.
        max_class_drop: Percentage points of each class; None for any.
        min_agreement: Percent of photos with the same answer; None for any. Then the search still aims at
            `AIM_PERCENT`, but takes less rather than a slower file.
    """

    max_drop: float = 1.0
    max_class_drop: float | None = None
    min_agreement: float | None = None

    @property
    def aim(self) -> float:
        """Percent of same answers at which the search stops looking for a better int8 file."""
        return AIM_PERCENT if self.min_agreement is None else self.min_agreement

    def broken_by(self, comparison: Comparison) -> tuple[str, ...]:
        """What a comparison shows to be too much, one phrase for each limit; empty where all is kept."""
        images = comparison.verification.photos.images
        found = []
        if comparison.drop_points > self.max_drop:
            one = f"one photo of {images} is {100 / images:.2f} points"
            found.append(
                f"it loses {comparison.drop_points:.2f} points of accuracy, allowed are {self.max_drop:g} ({one})"
            )
        if self.max_class_drop is not None:
            drops = comparison.class_drops
            worst = max(drops, key=lambda label: drops[label])
            if drops[worst] > self.max_class_drop:
                found.append(
                    f"class {worst!r} loses {drops[worst]:.2f} points, allowed are {self.max_class_drop:g} a class"
                )
        if self.min_agreement is not None and comparison.agreement_percent < self.min_agreement:
            found.append(
                f"it gives the float model's answer to {comparison.agreement_percent:.2f} % of {images} photos, wanted "
                f"are {self.min_agreement:g} %"
            )
        return tuple(found)

    def reaches_aim(self, comparison: Comparison) -> bool:
        """Whether nothing is to be gained by looking on."""
        return comparison.agreement_percent >= self.aim

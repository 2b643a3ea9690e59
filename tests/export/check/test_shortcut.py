"""The border probe: a ground that tells the class is told, one that does not is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgekit_export.check.opinions import Opinions
from edgekit_export.check.shortcut import Shortcut, shortcut_finding

if TYPE_CHECKING:
    from tests.export.check.conftest import Examine, Garden


def test_a_ground_of_its_own_for_each_class_is_told(garden: Garden, examine: Examine) -> None:
    checkup = examine(garden(20, border=True))
    found = {one.kind: one for one in checkup.findings}["border_shortcut"]
    assert found.severity == "bad"
    assert found.headline.endswith("where guessing is right on 33 %")
    assert checkup.shortcut is not None
    assert checkup.shortcut.border.accuracy > 0.95
    blue, green, red = checkup.shortcut.means[:, 0, 0].astype(int)
    assert blue.argmax() == 2
    assert green.argmax() == 1
    assert red.argmax() == 0


def test_a_ground_that_says_nothing_is_no_finding(garden: Garden, examine: Examine) -> None:
    checkup = examine(garden(20))
    assert "border_shortcut" not in {one.kind for one in checkup.findings}
    assert checkup.shortcut is not None
    assert checkup.shortcut.border.skill < 0.4


@pytest.mark.parametrize(("right", "severity"), [(60, None), (74, None), (76, "warn"), (89, "warn"), (91, "bad")])
def test_how_grave_it_is_goes_by_the_way_from_chance_to_all_right(right: int, severity: str | None) -> None:
    targets = np.resize([0, 1], 100)
    probabilities = np.zeros((100, 2), np.float32)
    probabilities[np.arange(100), np.where(np.arange(100) < right, targets, 1 - targets)] = 1
    finding = shortcut_finding(
        Shortcut(Opinions(targets, probabilities, 0.5), ("a", "b"), np.zeros((2, 24, 24, 3), np.uint8))
    )
    assert (finding.severity if finding else None) == severity


def test_on_a_handful_of_photos_chance_is_no_shortcut() -> None:
    targets = np.array([0, 1, 0, 1])
    sure = np.eye(2, dtype=np.float32)[targets]
    sure[0] = sure[0, ::-1]
    shortcut = Shortcut(Opinions(targets, sure, 0.5), ("a", "b"), np.zeros((2, 24, 24, 3), np.uint8))
    assert shortcut.border.skill == 0.5
    assert shortcut_finding(shortcut) is None

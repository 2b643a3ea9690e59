"""Likely wrong labels: swapped ones are the first suspects, and what is told of how sure that is, is so."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgekit_export.check.judged import judged_photos
from edgekit_export.check.labels import _suspects, check_labels, label_finding
from edgekit_export.check.opinions import Opinions

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgekit_export.check.survey import Survey
    from tests.export.check.conftest import Examine, Garden

pytest.importorskip("cleanlab")


TO = (("blue", "red"), ("green", "blue"), ("red", "green"))


def swap(root: Path, moves: dict[str, str]) -> None:
    for name, label in moves.items():
        shutil.move(root / name, root / label / f"swapped_{Path(name).name}")


def test_swapped_labels_are_the_first_suspects(garden: Garden, examine: Examine) -> None:
    root = garden(60)
    moves = {f"{label}/{label}{i:02}.jpg": other for label, other in TO for i in (3, 20, 41)}
    swap(root, moves)
    found = {one.kind: one for one in examine(root).findings}["wrong_label"]
    first = found.suspects[:6]
    assert len(first) == 6
    assert all(one.path.name.startswith("swapped_") for one in first)
    assert all(one.detail.startswith(f"rather {one.path.name[8:-6]}? ") for one in first)
    assert found.severity == "warn"
    assert found.headline.startswith(f"{len(found.suspects)} labels may be wrong")
    assert "5 labels were swapped on purpose" in found.sure


def test_clean_labels_are_no_finding(garden: Garden, examine: Examine) -> None:
    checkup = examine(garden(30))
    assert checkup.labels is not None
    assert checkup.labels.doubts == ()
    assert checkup.labels.opinions.accuracy > 0.95
    assert checkup.labels.planted == 3
    assert checkup.labels.found >= 2
    assert "wrong_label" not in {one.kind for one in checkup.findings}


def test_small_classes_are_not_judged_and_that_is_said(garden: Garden, look_over: Callable[[Path], Survey]) -> None:
    root = garden(30)
    swap(root, {"blue/blue03.jpg": "red"})
    (root / "rare").mkdir()
    for i in range(9):
        shutil.move(root / f"green/green{i:02}.jpg", root / "rare")
    seen = look_over(root)
    judged = judged_photos(seen)
    assert judged is not None
    assert judged.labels == ("blue", "green", "red")
    check = check_labels(seen, judged, seed=0)
    assert check.left_out == ("rare",)
    finding = label_finding(seen, check)
    assert finding is not None
    assert finding.sure.endswith("Not judged, for want of photos: rare.")


def test_with_one_class_that_is_large_enough_nothing_is_judged(garden: Garden, examine: Examine) -> None:
    root = garden(10)
    for label in ("green", "red"):
        (root / label / f"{label}00.jpg").unlink()
    checkup = examine(root)
    assert checkup.labels is None
    assert checkup.shortcut is None


def test_as_many_are_suspects_as_confident_learning_counts_those_believed_least() -> None:
    """A label is counted as wrong where another class reaches what photos of that class usually get."""
    rng = np.random.default_rng(0)
    targets = np.resize(np.arange(3), 600)
    logits = rng.normal(0, 2.0, (600, 3))
    logits[np.arange(600), targets] += 2
    powers = np.exp(logits)
    chances = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    usual = [chances[targets == k, k].mean() for k in range(3)]
    reached = np.where(chances >= usual, chances, -1)
    counted = ((reached.max(axis=1) > 0) & (reached.argmax(axis=1) != targets)).sum()
    found = _suspects(Opinions(targets, chances, 1 / 3))
    own = chances[np.arange(600), targets]
    assert counted > 20
    assert [place for place, _ in found] == np.argsort(own, kind="stable")[:counted].tolist()
    assert all(label == chances[place].argmax() != targets[place] for place, label in found)


def test_photos_that_nobody_judged_are_no_suspects() -> None:
    targets = np.resize(np.arange(3), 90)
    chances = np.full((90, 3), 0.05, np.float32)
    chances[np.arange(90), targets] = 0.9
    chances[0] = (0.05, 0.9, 0.05)
    chances[targets == 2] = 0
    assert _suspects(Opinions(targets, chances, 1 / 3)) == [(0, 1)]
    assert _suspects(Opinions(targets, np.zeros((90, 3), np.float32), 1 / 3)) == []

"""Verification counts right: scripted answers instead of models, so every number is known beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgekit.card import ClassResult, Family, InputSpec, OutputSpec
from edgekit_export.device import DeviceRuntime
from edgekit_export.errors import PhotosError
from edgekit_export.images import LabeledFolder, Sample, drop_duplicates, read_labeled_folder
from edgekit_export.statistics import wilson_interval
from edgekit_export.verify import Answer, Comparison, Flip, compare

if TYPE_CHECKING:
    from tests.export.conftest import MakePhotos

SPEC = InputSpec(16, 12, 3, (0.0,), (1.0,))
OUTPUT = OutputSpec("probabilities", "softmax", ("ant", "bee", "cat"))
SEVERAL = OutputSpec("probabilities", "sigmoid", ("ant", "bee", "cat"))
Scores = tuple[float, float, float]
ANT, BEE, CAT = (0.75, 0.25, 0.0), (0.0, 0.5, 0.25), (0.0, 0.0, 1.0)


@dataclass
class Script:
    """Answers by photo: of the float model and of each family. Writes down who is asked, in order."""

    answers: Mapping[str, tuple[Scores, Scores, Scores]]
    calls: list[str] = field(default_factory=list)
    now: str = ""

    def float_model(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert pixels.shape == (16, 12, 3)
        assert pixels.dtype == np.uint8
        self.calls.append("float")
        return np.array(self.answers[self.now][0], np.float32)

    def device(self, place: int, name: str = "") -> ScriptedDevice:
        return ScriptedDevice(self, place, name)


@dataclass
class ScriptedDevice:
    script: Script
    place: int
    name: str = ""
    distribution: str = "ai-edge-litert"
    version: str = "9.9"
    asked: str | None = None

    def send(self, _pixels: NDArray[np.uint8], about: str) -> None:
        assert self.asked is None, "a photo and a long answer would wait for each other"
        self.asked = about
        self.script.now = "/".join(Path(about).parts[-2:])
        self.script.calls.append(f"send {self.place}{self.name}")

    def receive_scores(self, about: str) -> NDArray[np.float32]:
        assert self.asked == about
        self.asked = None
        self.script.calls.append(f"receive {self.place}{self.name}")
        return np.array(self.script.answers["/".join(Path(about).parts[-2:])][self.place], np.float32)


def sample(root: Path) -> Sample:
    return all_of(read_labeled_folder(root))


def all_of(folder: LabeledFolder) -> Sample:
    quota = {name: len(paths) for name, paths in folder.classes.items()}
    return Sample(folder.root, folder.classes, quota, 0, folder.also)


def verify(
    script: Script,
    photos: Sample,
    max_drop: float = 1.0,
    steps: list[int] | None = None,
    output: OutputSpec = OUTPUT,
    slow: str = " ",
) -> Comparison:
    """`slow`: names of the processes of the reference family, one a letter."""
    devices: Any = {
        "xnnpack": [script.device(1)],
        "reference": [script.device(2, name.strip()) for name in slow],
    }
    steps = [] if steps is None else steps
    return compare(
        script.float_model,
        cast("Mapping[Family, Sequence[DeviceRuntime]]", devices),
        photos,
        SPEC,
        output,
        float_runtime="Keras 9.9",
        max_drop=max_drop,
        step=lambda: steps.append(1),
    )


@pytest.fixture
def root(tmp_path: Path, make_photos: MakePhotos) -> Path:
    """Two photos of an ant, two of a bee."""
    return make_photos(tmp_path, count=2, classes=("ant", "bee"))


def test_everything_is_counted_by_class_and_by_family(root: Path) -> None:
    script = Script(
        {
            "ant/000.png": (ANT, ANT, ANT),
            "ant/001.jpg": (ANT, BEE, CAT),  # right in float only: flips in both
            "bee/000.png": (CAT, CAT, BEE),  # right in reference only: a flip that gains
            "bee/001.jpg": (BEE, BEE, CAT),  # wrong in reference only
        }
    )
    steps: list[int] = []
    found = verify(script, sample(root), 2.5, steps)
    result = found.verification
    assert (result.photos.images, result.photos.images_per_class) == (4, {"ant": 2, "bee": 2})
    assert (result.float_correct, result.max_drop_points, len(steps)) == (3, 2.5, 4)
    assert (result.float_runtime, found.multi_label) == ("Keras 9.9", False)
    assert [(f.family, f.runtime, f.runtime_version) for f in result.families] == [
        ("xnnpack", "ai-edge-litert", "9.9"),
        ("reference", "ai-edge-litert", "9.9"),
    ]
    assert [(f.correct, f.agreeing) for f in result.families] == [(2, 3), (2, 1)]
    for family, agreeing in zip(result.families, (3, 1), strict=True):
        low, high = wilson_interval(agreeing, 4)
        assert family.agreement_low_percent == pytest.approx(100 * low, abs=0.006)
        assert family.agreement_high_percent == pytest.approx(100 * high, abs=0.006)
    assert result.classes == (
        ClassResult("ant", 2, 2, {"xnnpack": 1, "reference": 1}),
        ClassResult("bee", 2, 1, {"xnnpack": 1, "reference": 1}),
    )
    assert found.flips == (
        Flip(
            str(root / "ant/001.jpg"),
            "ant",
            Answer("ant", 0.75),
            {"xnnpack": Answer("bee", 0.5), "reference": Answer("cat", 1.0)},
        ),
        Flip(
            str(root / "bee/000.png"),
            "bee",
            Answer("cat", 1.0),
            {"xnnpack": Answer("cat", 1.0), "reference": Answer("bee", 0.5)},
        ),
        Flip(
            str(root / "bee/001.jpg"),
            "bee",
            Answer("bee", 0.5),
            {"xnnpack": Answer("bee", 0.5), "reference": Answer("cat", 1.0)},
        ),
    )


@pytest.mark.parametrize(
    ("bees", "drop"),
    [
        (((BEE, BEE, BEE), (BEE, BEE, BEE)), 0.0),
        (((BEE, BEE, CAT), (BEE, BEE, BEE)), 25.0),  # the worse family counts
        (((BEE, CAT, BEE), (BEE, CAT, CAT)), 50.0),
        (((CAT, BEE, BEE), (CAT, BEE, BEE)), -50.0),  # a gain
        (((CAT, BEE, CAT), (BEE, BEE, BEE)), 0.0),
    ],
)
def test_the_drop_is_that_of_the_worse_family(
    root: Path, bees: tuple[tuple[Scores, Scores, Scores], ...], drop: float
) -> None:
    ants = dict.fromkeys(("ant/000.png", "ant/001.jpg"), (ANT, ANT, ANT))
    script = Script({**ants, "bee/000.png": bees[0], "bee/001.jpg": bees[1]})
    assert verify(script, sample(root)).drop_points == drop


ANT_AND_BEE, LONELY_BEE, NOTHING = (0.75, 0.5, 0.25), (0.25, 0.875, 0.0), (0.25, 0.0, 0.375)


@pytest.fixture
def shared_photo(root: Path) -> Sample:
    """An ant, a bee, and a photo that stands under both, as `drop_duplicates` keeps it."""
    (root / "ant/001.jpg").write_bytes((root / "bee/000.png").read_bytes())
    (folder,), _ = drop_duplicates([read_labeled_folder(root)], multi_label=True)
    assert {name: len(paths) for name, paths in folder.classes.items()} == {"ant": 2, "bee": 1}
    return all_of(folder)


def test_of_several_labels_all_have_to_be_right(root: Path, shared_photo: Sample) -> None:
    script = Script(
        {
            "ant/000.png": ((0.5, 0.0, 0.0), (1.0, 0.0, 0.0), ANT_AND_BEE),  # reference: one label too many
            "ant/001.jpg": (ANT_AND_BEE, LONELY_BEE, ANT_AND_BEE),  # xnnpack: one is missing
            "bee/001.jpg": (NOTHING, LONELY_BEE, NOTHING),  # float and reference: none at all
        }
    )
    found = verify(script, shared_photo, output=SEVERAL)
    result = found.verification
    assert (found.multi_label, result.photos.images, result.float_correct) == (True, 3, 2)
    assert [(f.family, f.correct, f.agreeing) for f in result.families] == [("xnnpack", 2, 1), ("reference", 1, 2)]
    assert found.drop_points == pytest.approx(100 / 3)
    assert result.classes == (
        ClassResult("ant", 2, 2, {"xnnpack": 1, "reference": 1}),
        ClassResult("bee", 1, 0, {"xnnpack": 1, "reference": 0}),
    )
    assert [(flip.file, flip.float_answer) for flip in found.flips] == [
        (str(root / "ant/000.png"), Answer("ant", 0.5)),
        (str(root / "ant/001.jpg"), Answer("ant + bee", 0.5)),
        (str(root / "bee/001.jpg"), Answer("none", 0.375)),  # the score that is the nearest to 0.5
    ]
    assert found.flips[1].answers["xnnpack"] == Answer("bee", 0.25)


def test_a_photo_with_two_labels_is_wrong_with_one(root: Path, shared_photo: Sample) -> None:
    scores = ((1.0, 0.0, 0.0),) * 3
    one = verify(Script(dict.fromkeys(("ant/000.png", "ant/001.jpg", "bee/001.jpg"), scores)), shared_photo)
    all_labels = verify(
        Script(dict.fromkeys(("ant/000.png", "ant/001.jpg", "bee/001.jpg"), scores)), shared_photo, output=SEVERAL
    )
    assert one.verification.float_correct == 2
    assert all_labels.verification.float_correct == 1


def test_devices_work_while_the_float_model_does_and_the_next_photo_is_read(root: Path) -> None:
    script = Script(dict.fromkeys(("ant/000.png", "ant/001.jpg", "bee/000.png"), (ANT, ANT, ANT)))
    (root / "bee/001.jpg").unlink()
    verify(script, sample(root))
    answers = ["receive 1", "send 1", "receive 2", "send 2", "float"]
    assert script.calls == ["send 1", "send 2", "float", *answers * 2, "receive 1", "receive 2"]


@pytest.mark.parametrize("slow", ["a", "ab", "abc", "abcde"])
def test_several_processes_of_a_family_take_turns_and_count_the_same(root: Path, slow: str) -> None:
    script = Script(
        {
            "ant/000.png": (ANT, BEE, CAT),
            "ant/001.jpg": (BEE, ANT, BEE),
            "bee/000.png": (BEE, BEE, BEE),
            "bee/001.jpg": (CAT, CAT, ANT),
        }
    )
    found = verify(script, sample(root), slow=slow)
    alone = verify(Script(script.answers), sample(root))
    assert (found.verification, found.flips) == (alone.verification, alone.flips)
    assert found.asked is not None
    assert alone.asked is not None
    np.testing.assert_array_equal(found.asked.scores["reference"], alone.asked.scores["reference"])
    sent = [call.removeprefix("send 2") for call in script.calls if call.startswith("send 2")]
    assert sent == [slow[i % len(slow)] for i in range(4)]
    last_send, first_answer = (script.calls.index(f"{verb} 2{slow[0]}") for verb in ("send", "receive"))
    between = [call for call in script.calls[last_send:first_answer] if call.startswith("send 2")]
    assert len(between) == min(len(slow), 4)  # all of them work at once


def test_an_unreadable_photo_is_reported_and_not_counted(root: Path) -> None:
    (root / "bee" / "000.png").write_bytes(b"")
    (root / "bee" / "001.jpg").write_bytes(b"")
    script = Script(dict.fromkeys(("ant/000.png", "ant/001.jpg"), (ANT, ANT, ANT)))
    found = verify(script, sample(root))
    assert len(found.skipped) == 2
    assert "000.png: found an empty file" in found.skipped[0]
    assert found.verification.photos.images_per_class == {"ant": 2, "bee": 0}
    assert [result.label for result in found.verification.classes] == ["ant"]
    for path in root.rglob("ant/*"):
        path.write_bytes(b"")
    with pytest.raises(PhotosError, match=r"none of the photos for verification could be read, the first: .*000.png"):
        verify(script, sample(root))


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (1, 10), (10, 10), (50, 100), (93, 100), (999, 1000)])
def test_the_interval_of_a_proportion_is_wilsons(successes: int, trials: int) -> None:
    """By its definition: the proportions p that lie z standard errors, at p, from the one that was seen."""
    z2 = NormalDist().inv_cdf(0.975) ** 2
    seen = successes / trials
    roots = np.roots([trials + z2, -(2 * trials * seen + z2), trials * seen**2])
    assert wilson_interval(successes, trials) == pytest.approx(sorted(roots.real), abs=1e-9)
    assert np.abs(roots.imag).max() < 1e-9


def test_nothing_seen_says_nothing() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_encloses_the_proportion_and_shrinks_with_more_trials(counts: tuple[int, int]) -> None:
    successes, trials = counts
    low, high = wilson_interval(successes, trials)
    assert 0 <= low <= successes / trials + 1e-12
    assert successes / trials - 1e-12 <= high <= 1
    assert low < high
    mirrored = wilson_interval(trials - successes, trials)
    assert (1 - high, 1 - low) == pytest.approx(mirrored, abs=1e-12)
    wider, narrower = high - low, np.subtract(*wilson_interval(4 * successes, 4 * trials)[::-1])
    assert narrower < wider

"""A made-up export that hangs together: every count of card and record follows from the answers to 580 photos."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.card import (
    ClassResult,
    Evidence,
    EvidenceRow,
    FamilyResult,
    GraphDigest,
    InputSpec,
    ModelCard,
    OutputSpec,
    PhotoSet,
    Provenance,
    Quantization,
    Requires,
    Verification,
)
from edgekit_export.proof.record import (
    Allowed,
    Bin,
    Calibrated,
    Confusion,
    Decided,
    Decisions,
    ExportRecord,
    Flipped,
    Given,
    LayerError,
    Rung,
    Scored,
    Scores,
    TensorRange,
)
from edgekit_export.statistics import wilson_interval
from tests.export.page.conftest import read_page

__all__ = ["read_page"]  # the same rules for every page

PLANTS = (
    "pepper_bell__bacterial_spot", "pepper_bell__healthy", "potato__early_blight", "potato__healthy",
    "potato__late_blight", "tomato__bacterial_spot", "tomato__early_blight", "tomato__healthy", "tomato__late_blight",
    "tomato__leaf_mold", "tomato__mosaic_virus", "tomato__septoria_leaf_spot", "tomato__spider_mites",
    "tomato__target_spot", "tomato__yellow_leaf_curl_virus",
)  # fmt: skip
Answers = NDArray[np.int_]
MakeExport = Callable[..., "Export"]
NameOf = Callable[[str, int], "tuple[str, str]"]


@dataclass(frozen=True)
class Export:
    card: ModelCard
    record: ExportRecord
    size_bytes: int = 712_345


def unnamed(label: str, number: int) -> tuple[str, str]:
    """A photo that lies nowhere: its file and its SHA-256."""
    file = f"{label}/{number:04}.jpg"
    return file, hashlib.sha256(file.encode()).hexdigest()


def make_export(
    labels: Sequence[str] = PLANTS,
    *,
    photos: int = 580,
    float_wrong: float = 0.05,
    flips: float = 0.012,
    name_of: NameOf = unnamed,
    seed: int = 0,
) -> Export:
    """A chosen recipe, its two kernel families, and all that a record can hold."""
    rng = np.random.default_rng(seed)
    truth = np.sort(rng.integers(0, len(labels), photos))
    before = _changed(rng, truth, float_wrong, len(labels))
    unsure = np.where(before == truth, flips, 15 * flips)  # int8 changes answers that were doubtful before
    mended = np.where(rng.random(photos) < 0.9, truth, before)
    after = {
        "xnnpack": np.where(
            before == truth,
            _changed(rng, before, unsure, len(labels)),
            np.where(rng.random(photos) < unsure, mended, before),
        )
    }
    after["reference"] = _changed(rng, after["xnnpack"], 0.002, len(labels))
    return Export(
        _card(labels, truth, before, after),
        ExportRecord(
            command="edgekit-export convert leaf.keras --images photos/ -o leaf.tflite --max-drop 1",
            photos_root="/nowhere/photos",
            allowed=Allowed(1.0, 97.0, "default", ("tflite-2.14", "litert", "mediapipe", "browser"), 12.0, 95.0),
            rungs=_rungs(),
            confirmed_after=1,
            choice=_photo_set(truth[: photos // 2], labels, 7),
            flipped=_flips(labels, truth, before, after, name_of),
            confusions=tuple(_confusion(who, truth, rows) for who, rows in {"float": before, **after}.items()),
            scores=_scores(),
            decisions=_decisions(labels, truth, after["xnnpack"]),
            layers=_layers(),
            calibrated=_calibrated(),
            notes=("of 197 photos for calibration 3 were copies of others",),
        ),
    )


def _changed(rng: np.random.Generator, answers: Answers, share: float | NDArray[np.float64], classes: int) -> Answers:
    other = (answers + rng.integers(1, classes, len(answers))) % classes if classes > 1 else answers
    return np.asarray(np.where(rng.random(len(answers)) < share, other, answers))


def _photo_set(truth: Answers, labels: Sequence[str], seed: int) -> PhotoSet:
    counts = {labels[i]: int(n) for i, n in enumerate(np.bincount(truth, minlength=len(labels)))}
    return PhotoSet(len(truth), counts, hashlib.sha256(bytes([seed])).hexdigest(), seed)


def _card(labels: Sequence[str], truth: Answers, before: Answers, after: dict[str, Answers]) -> ModelCard:
    photos = _photo_set(truth, labels, 3)
    runtimes = {"xnnpack": ("ai-edge-litert", "2.1.0"), "reference": ("tflite-runtime", "2.14.0")}
    families = []
    for family in ("xnnpack", "reference"):
        agreeing = int((after[family] == before).sum())
        low, high = wilson_interval(agreeing, photos.images)
        right = int((after[family] == truth).sum())
        families.append(FamilyResult(family, *runtimes[family], right, agreeing, 100 * low, 100 * high))
    classes = tuple(
        ClassResult(
            label,
            int((truth == i).sum()),
            int((before[truth == i] == i).sum()),
            {family: int((answers[truth == i] == i).sum()) for family, answers in after.items()},
        )
        for i, label in enumerate(labels)
        if (truth == i).any()
    )
    question = "pixel range"
    rows = (EvidenceRow("-1..1", 64, 61, 93.1, 0.1), EvidenceRow("0..1", 64, 12, 41.0, 2.5))
    return ModelCard(
        name="leaf",
        input=InputSpec(160, 160, 3, mean=(127.5,), std=(127.5,)),
        output=OutputSpec("probabilities", "softmax", tuple(labels), 1.2),
        created="2026-11-25T10:00:00Z",
        graph=GraphDigest(640_000, "5a" * 32),
        quantization=Quantization("int8+bias", "TensorFlow", "2.21.0"),
        calibration=_photo_set(truth[::3], labels, 1),
        verification=Verification(photos, int((before == truth).sum()), tuple(families), classes, 1.0, "Keras 3.15"),
        requires=Requires({"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "ADD": 2}, "tflite-runtime 2.14.0", "1.14.0"),
        provenance=Provenance(
            "leaf.keras",
            "ab" * 32,
            "-1..1",
            "found on photos",
            {"tensorflow": "2.21.0", "edgekit": "0.9"},
            "Apache-2.0",
            "The plant clinic",
            "Keras 3 file",
            (Evidence(question, "61 of 64 right against 12", rows, "-1..1"),),
        ),
    )


def _rungs() -> tuple[Rung, ...]:
    bias = ("26 layers corrected, the largest shift 0.41 steps",)
    return (
        Rung("int8", "missed", "loses 2.4 points, allowed are 1", (), 290, 269, 276, 270, 640_000, 3.11),
        Rung("int8+mse", "missed", "loses 1.7 points, allowed are 1", (), 290, 271, 276, 274, 640_000, 3.12),
        Rung("int8+equalize", "failed", "no pair of layers to even out", ("looked at 26 pairs",)),
        Rung("int8+mse+bias", "turned down", "lost 1.2 points on the photos for confirming", bias, 290, 276, 276, 283,
             640_000, 3.13),
        Rung("int8+bias", "chosen", "", bias, 290, 275, 276, 284, 640_128, 3.10),
        Rung("int8+bias+distill", "met", "no faster", (), 290, 276, 276, 286, 640_128, 3.10),
        Rung("int8+bias+keep-float:2", "met", "slower", (), 290, 276, 276, 287, 702_000, 4.92),
        Rung("int16", "not tried", "tflite-2.14 and mediapipe cannot run it"),
        Rung("dynamic", "met", "slower", (), 290, 276, 276, 289, 655_000, 9.4),
        Rung("float16", "met", "slower", (), 290, 276, 276, 290, 1_240_000, 14.8),
    )  # fmt: skip


def _flips(
    labels: Sequence[str], truth: Answers, before: Answers, after: dict[str, Answers], name_of: NameOf
) -> tuple[Flipped, ...]:
    found = []
    for place in np.flatnonzero(np.any([answers != before for answers in after.values()], axis=0)):
        score = 40 + (7 * int(place)) % 59
        answers = {family: Given(labels[rows[place]], score - 9.5) for family, rows in after.items()}
        file, sha256 = name_of(labels[truth[place]], int(place))
        found.append(Flipped(file, sha256, labels[truth[place]], Given(labels[before[place]], score), answers))
    return tuple(found)


def _confusion(who: str, truth: Answers, answers: Answers) -> Confusion:
    counts = Counter(zip(truth.tolist(), answers.tolist(), strict=True))
    return Confusion(who, tuple((row, column, photos) for (row, column), photos in sorted(counts.items())))


def _scores() -> Scores:
    def bins(offset: float) -> tuple[Bin, ...]:
        means = (42.0, 58.0, 71.0, 83.0, 92.0, 97.0, 99.5)
        return tuple(Bin(n, m, round(n * (m - offset * (100 - m) / 50) / 100)) for n, m in zip(
            (12, 25, 40, 60, 90, 130, 223), means, strict=True))  # fmt: skip

    return Scores(
        1.31,
        290,
        (
            Scored("float model", 6.8, bins(18)),
            Scored("file", 1.9, bins(2)),
        ),
    )


def _decisions(labels: Sequence[str], truth: Answers, answers: Answers) -> Decisions:
    classes = []
    for i, label in enumerate(labels):
        given = answers == i
        classes.append(
            Decided(label, int(given.sum()), int((truth[given] == i).sum()), None if i == 5 else 55.0 + i % 30)
        )
    return Decisions(95.0, 50.0, len(truth), tuple(classes))


def _layers() -> tuple[LayerError, ...]:
    kinds = ("Conv2D", "DepthwiseConv2D", "Add")
    return tuple(
        LayerError(
            f"mobilenetv2_0.35_160/block_{i // 4}_{('expand', 'depthwise', 'project', 'add')[i % 4]}/BatchNorm/Relu6",
            kinds[i % 3],
            round(0.9999 - 0.002 * (i % 13), 6),
            None if i == 0 else round(34 - 0.35 * i - 9 * math.sin(i), 2),
        )
        for i in range(60)
    )


def _calibrated() -> Calibrated:
    covered = tuple(100 * (1 - math.exp(-n / 12)) / (1 - math.exp(-200 / 12)) for n in range(1, 195))
    ranges = tuple(
        TensorRange(
            f"mobilenetv2_0.35_160/block_{i}_expand/Relu6", -0.1 * i, 6.0, -0.1 * i - 0.02 * (i % 5), 6.0 + i % 3
        )
        for i in range(60)
    )
    return Calibrated(covered, ranges)


@pytest.fixture(scope="session")
def new_export() -> MakeExport:
    """`new_export(labels, ...)`: a made-up export."""
    return make_export


@pytest.fixture(scope="session")
def export() -> Export:
    return make_export()


@pytest.fixture
def photographed(tmp_path: Path) -> tuple[Export, Path]:
    """An export whose flipped photos lie in a folder."""
    from PIL import Image

    root = tmp_path / "photos"

    def photo(label: str, number: int) -> tuple[str, str]:
        path = root / label / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), (number % 256, 120, 40)).save(path)
        return path.relative_to(root).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()

    return make_export(name_of=photo), root

"""What int8 costs and what the search gives back: six networks, trained and exported, as a table.

On a workstation with `pip install 'edgekit-tflite[export,train]'`:

    python examples/accuracy_table.py DATA [FOLDER]

DATA has the data sets `data/ibean` and `data/plantvillage`, each with train, val and test, and the backbone
`models/keras/mobilenet-v2-0.35-224-notop/mobilenet_v2_0.35_224_notop.keras`. On each, three networks are trained, kept
in FOLDER and not trained again: MobileNetV2 0.35 and EfficientNet-Lite0 from ImageNet weights, and a small CNN from
scratch. Each is exported three times: as TensorFlow's plain int8, and by the search, quick and as it is by default.
Figures are those of the worse kernel family, on photos of test, which no step saw; the loss against float stands with
its 95 % interval. Two hours on two cores.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.card import Family
from edgekit_export import ExportResult, export_model
from edgekit_export.assess.intervals import paired_interval, pairs_of

MOBILENET = "models/keras/mobilenet-v2-0.35-224-notop/mobilenet_v2_0.35_224_notop.keras"
SETS = ("ibean", "plantvillage")


@dataclass(frozen=True)
class Network:
    """A network, and the options of `edgekit-export train` that make it."""

    name: str
    options: tuple[str, ...]


def networks(data: Path) -> tuple[Network, ...]:
    return (
        Network("mobilenetv2-0.35", ("--backbone", str(data / MOBILENET), "--backbone-range=-1..1")),
        Network("small-cnn", ("--backbone", "small-cnn", "--size", "96x96", "--epochs", "40")),
        Network("efficientnet-lite0", ()),
    )


def main() -> None:
    data, folder = Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "accuracy-table")
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{'':34}{'top-1':>7}  {'points lost':<20}{'same answer':>11}{'ECE':>8}{'size':>10}", end="")
    print(f"{'time':>9}{'export':>8}  recipe")
    for photos in (data / "data" / name for name in SETS):
        for network in networks(data):
            model = folder / f"{photos.name}-{network.name}.keras"
            if not model.exists():
                train(photos, model, network.options)
            show(f"{photos.name}, {network.name}", model, photos, folder)


def train(photos: Path, model: Path, options: tuple[str, ...]) -> None:
    program = Path(sys.executable).with_name("edgekit-export")
    command = [str(program), "train", str(photos), "-o", str(model), "--force", *options]
    subprocess.run(command, check=True, stdout=sys.stderr)


def show(title: str, model: Path, photos: Path, folder: Path) -> None:
    """Four lines: float, plain int8, and what the quick search and the default one found."""
    plain = export(model, photos, recipe="int8", max_drop=100, precision=None)
    quick = export(model, photos, effort="quick")
    found = export(model, photos)
    (folder / f"{model.stem}.tflite").write_bytes(found.result.model_file)
    result = found.result.comparison.verification
    accuracy = 100 * result.float_correct / result.photos.images
    size = model.stat().st_size / 1000
    print(f"{f'{title}, float':<34}{accuracy:6.1f}%{'':33}{ece(found.result, 0):7.1f}%{size:7,.0f} kB")
    for name, one in (("plain int8", plain), ("quick search", quick), ("search", found)):
        print(f"{'  ' + name:<34}{line(one)}", flush=True)


@dataclass(frozen=True)
class Export:
    """An export and the seconds that it took."""

    result: ExportResult
    seconds: float


def export(model: Path, photos: Path, **options: Any) -> Export:
    start = time.perf_counter()
    return Export(export_model(model, photos, **options), time.perf_counter() - start)


def line(export: Export) -> str:
    comparison, record = export.result.comparison, export.result.record
    result = comparison.verification
    rung = next(rung for rung in record.rungs if rung.outcome == "chosen")
    worst = min(result.families, key=lambda one: one.correct)
    lost = f"{comparison.drop_points:+.1f} ({interval(export.result, worst.family)})"
    return (
        f"{100 * worst.correct / result.photos.images:6.1f}%  {lost:<20}{comparison.agreement_percent:10.1f}%"
        f"{ece(export.result, -1):7.1f}%{len(export.result.model_file) / 1000:7,.0f} kB"
        f"{rung.milliseconds:6.1f} ms{export.seconds:6.0f} s  {rung.recipe}"
    )


def interval(export: ExportResult, family: Family) -> str:
    """Of the points of accuracy that the file loses against float, on the same photos."""
    asked = export.comparison.asked
    assert asked is not None  # noqa: S101 - of an export it is there
    answers = (asked.float_scores, asked.scores[family])
    truth = asked.truth.argmax(axis=1)
    low, high = paired_interval(pairs_of(*(scores.argmax(axis=1) == truth for scores in answers)))
    return f"{100 * low:+.1f} to {100 * high:+.1f}"


def ece(export: ExportResult, which: int) -> float:
    """Expected calibration error in percent: 0 for the float model, -1 for the file."""
    scores = export.record.scores
    return scores.scored[which].ece_percent if scores else float("nan")


if __name__ == "__main__":
    main()

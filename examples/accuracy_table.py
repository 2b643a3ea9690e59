"""What int8 costs and what the search gives back: six networks, trained and exported, as a table.

On a workstation with `pip install 'edgekit-tflite[export,train]'`:

    python examples/accuracy_table.py DATA [FOLDER]

DATA has the data sets `data/ibean` and `data/plantvillage`, each with train, val and test, and the backbone
`models/keras/mobilenet-v2-0.35-224-notop/mobilenet_v2_0.35_224_notop.keras`. On each, three networks are trained, kept
in FOLDER and not trained again: MobileNetV2 0.35 and EfficientNet-Lite0 from ImageNet weights, and a small CNN from
scratch. Each is exported twice: as TensorFlow's plain int8, and by the search. Figures are those of the worse kernel
family, on photos of test, which no step saw. Two hours on two cores.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from edgekit_export import ExportResult, export_model

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
    print(f"{'':34}{'top-1':>8}{'same answer':>13}{'ECE':>8}{'size':>10}{'time':>9}  recipe")
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
    """Three lines: float, plain int8, and what the search found."""
    plain = export_model(model, photos, recipe="int8", max_drop=100, precision=None)
    found = export_model(model, photos)
    (folder / f"{model.stem}.tflite").write_bytes(found.model_file)
    result = found.comparison.verification
    accuracy = 100 * result.float_correct / result.photos.images
    size = model.stat().st_size / 1000
    print(f"{f'{title}, float':<34}{accuracy:7.1f}%{'':13}{ece(found, 0):7.1f}%{size:7,.0f} kB")
    for name, export in (("plain int8", plain), ("searched", found)):
        print(f"{'  ' + name:<34}{line(export)}", flush=True)


def line(export: ExportResult) -> str:
    result, comparison = export.comparison.verification, export.comparison
    rung = next(rung for rung in export.record.rungs if rung.outcome == "chosen")
    accuracy = 100 * min(family.correct for family in result.families) / result.photos.images
    return (
        f"{accuracy:7.1f}%{comparison.agreement_percent:12.1f}%{ece(export, -1):7.1f}%"
        f"{len(export.model_file) / 1000:7,.0f} kB"
        f"{rung.milliseconds:6.1f} ms  {rung.recipe}"
    )


def ece(export: ExportResult, which: int) -> float:
    """Expected calibration error in percent: 0 for the float model, -1 for the file."""
    scores = export.record.scores
    return scores.scored[which].ece_percent if scores else float("nan")


if __name__ == "__main__":
    main()

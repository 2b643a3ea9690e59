"""`edgekit-export train`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from edgekit.console import note, quiet_native_code
from edgekit_export.commands.manners import json_line, parse_size, say

if TYPE_CHECKING:
    from edgekit.card import Decode, Fit
    from edgekit_export.learn.settings import Augmentation, ClassWeights, StrategyName, Weights
    from edgekit_export.learn.state import Epoch
    from edgekit_export.learn.tune import Trial

_BACKBONES = (
    "efficientnet-lite0, mobilenetv2, mobilenetv3-small, mobilenetv3-large (each also with -minimalistic: without "
    "squeeze-excite), small-cnn, or a Keras file"
)


@click.command(epilog="Example: edgekit-export train photos/ -o leaf.keras --minutes 40")
@click.argument("folder", type=click.Path(), metavar="DIR")
@click.option("-o", "--output", required=True, type=click.Path(), help="The .keras to write.")
@click.option("--backbone", default="efficientnet-lite0", show_default=True, help=f"To start from: {_BACKBONES}.")
@click.option(
    "--width-multiplier", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True,
    help="Of a MobileNet: channels against the original.",
)  # fmt: skip
@click.option(
    "--weights", type=click.Choice(["imagenet", "none"]), default="imagenet", show_default=True,
    help="Of a named backbone. EfficientNet-Lite0's come with pip; Keras downloads the others once.",
)  # fmt: skip
@click.option(
    "--backbone-range", metavar="RANGE", help="Pixels of a backbone from a file: 0..255, 0..1, -1..1, mean=.../std=..."
)
@click.option(
    "--size", callback=parse_size, metavar="HxW", help="Of the model's input; else what the backbone was made for."
)
@click.option(
    "--fit", type=click.Choice(["stretch", "crop", "pad"]), default="stretch", show_default=True,
    help="How photos are brought to that size.",
)  # fmt: skip
@click.option(
    "--decode", type=click.Choice(["fast", "exact"]), default="fast", show_default=True,
    help="How JPEGs are decoded, here and on the device; fast may take large ones at a part of their size.",
)  # fmt: skip
@click.option(
    "--epochs", type=click.IntRange(min=0), default=26, show_default=True, help="Of the second phase, at most."
)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="For the whole training, at most.")
@click.option("--batch-size", type=click.IntRange(min=1), default=32, show_default=True, help="Photos a step.")
@click.option(
    "--learning-rate", type=click.FloatRange(min=0, min_open=True),
    help="At its peak, of the second phase; else 0.0003, or 0.003 for a backbone without weights.",
)  # fmt: skip
@click.option(
    "--label-smoothing", type=click.FloatRange(0, 0.5), default=0.1, show_default=True,
    help="Share of each label that goes to all classes.",
)  # fmt: skip
@click.option(
    "--dropout", type=click.FloatRange(0, 0.9), default=0.2, show_default=True, help="Share of features left out."
)
@click.option(
    "--class-weights", type=click.Choice(["balanced", "none"]), default="balanced", show_default=True,
    help="Whether photos of rare classes count more.",
)  # fmt: skip
@click.option(
    "--augment", type=click.Choice(["field", "light", "none"]), default="field", show_default=True,
    help="How much training photos are varied: crop, flip, turn, light, blur, JPEG.",
)  # fmt: skip
@click.option(
    "--patience", type=click.IntRange(min=1),
    help="Epochs without progress to wait.  [default: 10; for a network from scratch, all]",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything random.")
@click.option(
    "--tune", type=click.IntRange(min=0), default=0, metavar="N", help="Search settings in N short trainings first."
)
@click.option("--resume", is_flag=True, help="Go on with the same training that was stopped.")
@click.option(
    "--strategy", type=click.Choice(["one", "mirrored", "multiworker"]), default="one", show_default=True,
    help="mirrored: all GPUs of this machine. multiworker: several machines, as TF_CONFIG says.",
)  # fmt: skip
@click.option("--run-dir", type=click.Path(), help="For log and state; else OUTPUT with .training in place of .keras.")
@click.option("--manifest", type=click.Path(), help="CSV with a line a photo: file, and maybe split, class and more.")
@click.option("--group-by", metavar="COLUMN", help="Of the manifest: photos that stay together where a split is made.")
@click.option("--group-pattern", metavar="REGEX", help="The same, from the file names.")
@click.option("--force", is_flag=True, help="Replace the output, and what another training left in the run folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def train(
    folder: str,
    output: str,
    backbone: str,
    width_multiplier: float,
    weights: Weights,
    backbone_range: str | None,
    size: tuple[int, int] | None,
    fit: Fit,
    decode: Decode,
    epochs: int,
    minutes: float | None,
    batch_size: int,
    learning_rate: float | None,
    label_smoothing: float,
    dropout: float,
    class_weights: ClassWeights,
    augment: Augmentation,
    patience: int | None,
    seed: int,
    tune: int,
    resume: bool,
    strategy: StrategyName,
    run_dir: str | None,
    manifest: str | None,
    group_by: str | None,
    group_pattern: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Train a small image classifier on labelled photos.

    DIR has one sub-folder of photos a class, or train, val and test with those inside, or a manifest.csv. Without val,
    a part of train is held back; photos of test are only looked at in the end.
    """
    from edgekit.atomic import check_writable
    from edgekit_export.data.dataset import read_dataset
    from edgekit_export.learn.parts import Grouping, with_parts
    from edgekit_export.learn.settings import TrainSettings
    from edgekit_export.needs import require
    from edgekit_export.progress import Bars

    require("tensorflow", "ai_edge_litert", extra="export")
    require("matplotlib", "tensorboard", *(["optuna"] if tune else []), extra="train")
    check_writable(output, overwrite=force or resume)
    settings = TrainSettings(
        backbone=backbone,
        width_multiplier=width_multiplier,
        weights=weights,
        backbone_range=backbone_range,
        height=size[0] if size else 0,
        width=size[1] if size else 0,
        fit=fit,
        decode=decode,
        epochs=epochs,
        minutes=minutes,
        batch_size=batch_size,
        learning_rate=learning_rate,
        label_smoothing=label_smoothing,
        dropout=dropout,
        class_weights=class_weights,
        augmentation=augment,
        patience=patience,
        seed=seed,
    )
    photos = read_dataset(Path(folder), manifest=Path(manifest) if manifest else None)
    dataset, said = with_parts(photos, Grouping(group_by, group_pattern), seed)
    for text in said:
        note(text)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    run_folder = Path(run_dir) if run_dir else Path(output).with_suffix(".training")
    with quiet_native_code() as terminal:
        say(terminal, "loading TensorFlow")
        from edgekit_export.learn.report import describe_training, training_record
        from edgekit_export.learn.start import Start, start_training

        lines = _Lines(terminal)
        result = start_training(
            dataset,
            settings,
            Start(Path(output), run_folder, strategy, tune, resume, force),
            progress=Bars(terminal),
            watcher=lines,
            watch_trial=lines.trial_done,
        )
    if result is not None:
        record = json_line(training_record(result, output)) if as_json else None
        click.echo(record or describe_training(result, dataset, output, run_folder))


class _Lines:
    """One line an epoch on the real stderr."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def epoch_done(self, row: Epoch, planned: int, *, best: bool) -> None:
        """See `Watcher.epoch_done`."""
        name = "head" if row.phase == "head" else f"epoch {row.epoch}/{planned}"
        click.echo(
            f"{name:<12} train {row.train_accuracy:6.1%}  val {row.val_accuracy:6.1%}  loss {row.val_loss:.3f}  "
            f"{row.seconds:5.0f} s{'  kept' if best else ''}",
            file=self._stream,
        )

    def said(self, text: str) -> None:
        """See `Watcher.said`."""
        click.echo(f"note: {text}", file=self._stream)

    def trial_done(self, trial: Trial) -> None:
        """One line a trial."""
        figure = "no epoch" if trial.val_accuracy is None else f"val {trial.val_accuracy:.1%}"
        changed = ", ".join(
            f"{name} {value:.2g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in trial.changed.items()
        )
        ended = ", ended early" if trial.pruned else ""
        click.echo(f"trial {trial.number + 1:<6} {figure}{ended}  ({changed})", file=self._stream)

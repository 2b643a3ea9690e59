"""`edgekit-export evaluate`."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.console import note, quiet_native_code
from edgekit_export.commands.manners import json_line, say
from edgekit_export.commands.model_options import model_options

if TYPE_CHECKING:
    from edgekit_export.assess.choice import Part
    from edgekit_export.assess.options import ModelOptions


@click.command(epilog="Example: edgekit-export evaluate leaf.tflite photos/ -o report.html")
@click.argument("model", type=click.Path(path_type=Path), metavar="MODEL")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("-o", "--output", type=click.Path(), help="The page to write, with figures and the mistakes as photos.")
@click.option(
    "--split",
    "part",
    type=click.Choice(["test", "val", "train", "all"]),
    help="Which photos; else those of test, else of val, else all.",
)
@click.option("--manifest", type=click.Path(path_type=Path), help="CSV with a line a photo; else DIR/manifest.csv.")
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    metavar="OTHER",
    help="Another model, on the same photos; it has to speak for itself, the options are about MODEL.",
)
@click.option(
    "--slice",
    "slices",
    multiple=True,
    metavar="COLUMN",
    help="Group photos by this column of the manifest, or by camera, month, hour, shape, size, brightness or "
    "sharpness; may be repeated. Else by all that group them.",
)
@click.option(
    "--robustness-photos",
    type=click.IntRange(min=0),
    default=200,
    show_default=True,
    help="Make so many photos worse, at most, to see what that costs; 0 to leave it out.",
)
@click.option("--ignore-unknown-classes", is_flag=True, help="Leave out photos of classes that a model does not know.")
@click.option("--csv", "csv_file", type=click.Path(), metavar="FILE.csv", help="Write every answer as a line of CSV.")
@model_options
@click.option("--seed", type=int, default=0, show_default=True, help="Of samples and resamples.")
@click.option("--force", is_flag=True, help="Replace the files to write if they exist.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, with every answer.")
def evaluate(
    model: Path,
    folder: Path,
    output: str | None,
    part: Part | None,
    manifest: Path | None,
    against: Path | None,
    slices: tuple[str, ...],
    robustness_photos: int,
    ignore_unknown_classes: bool,
    csv_file: str | None,
    about_model: ModelOptions,
    seed: int,
    force: bool,
    as_json: bool,
) -> None:
    """Measure how good a model is on labelled photos, how sure that is, and what it stumbles over.

    MODEL is a .tflite, or whatever convert takes. DIR has one sub-folder of photos a class, or train, val and test
    with these, or a manifest.csv. A .tflite is asked exactly as edgekit classify asks it.
    """
    from edgekit.atomic import check_writable, write_whole
    from edgekit_export.needs import require

    require("ai_edge_litert", extra="export")
    require("scipy", *(["matplotlib"] if output else []), extra="train")
    for path in (output, csv_file):
        if path is not None:
            check_writable(path, overwrite=force)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_native_code() as terminal:
        from edgekit_export.assess.evaluate import evaluate_model
        from edgekit_export.assess.record import answers_csv, evaluation_record
        from edgekit_export.assess.report import evaluation_page
        from edgekit_export.assess.text import describe_evaluation
        from edgekit_export.data.dataset import read_dataset
        from edgekit_export.progress import Bars

        dataset = read_dataset(folder, manifest=manifest)
        say(terminal, "loading the model")
        found = evaluate_model(
            model,
            dataset,
            options=about_model,
            part=part,
            against=against,
            slices=slices,
            robustness_photos=robustness_photos,
            ignore_unknown_classes=ignore_unknown_classes,
            seed=seed,
            progress=Bars(terminal),
        )
        if output is not None:
            say(terminal, "drawing")
            page = evaluation_page(found, command=shlex.join(["edgekit-export", *sys.argv[1:]]))
            write_whole(output, page.encode(errors="backslashreplace"), overwrite=force)
    if csv_file is not None:
        write_whole(csv_file, answers_csv(found).encode(errors="backslashreplace"), overwrite=force)
    for text in (*found.found, *found.notes):
        note(text)
    click.echo(json_line(evaluation_record(found)) if as_json else describe_evaluation(found, report=output))

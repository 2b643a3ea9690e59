"""`edgekit-export split`."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit_export.commands.manners import json_line


@click.command(epilog="Example: edgekit-export split photos/ --group-by plant --folders photos_split/")
@click.argument("folder", type=click.Path(), metavar="DIR")
@click.option("-o", "--output", type=click.Path(), help="The manifest to write.  [default: DIR/manifest.csv]")
@click.option(
    "--folders",
    type=click.Path(),
    metavar="DIR2",
    help="Also make train, val and test folders of hard links or copies in DIR2, which must be new or empty; "
    "then a manifest stands there, and another one only where -o is given.",
)
@click.option("--group-by", metavar="COLUMN", help="Column of the manifest: photos with the same value stay together.")
@click.option(
    "--group-pattern",
    metavar="REGEX",
    help="Regular expression that finds the group in each path, such as 'plant[0-9]+'; what stands in (...) counts.",
)
@click.option("--val", type=click.FloatRange(0, 1), default=0.2, show_default=True, help="Share for val.")
@click.option("--test", type=click.FloatRange(0, 1), default=0.2, show_default=True, help="Share for test.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the order of photos and groups.")
@click.option("--manifest", type=click.Path(), help="CSV file with file, class and further columns to read.")
@click.option("--again", is_flag=True, help="Make a new split although there is one.")
@click.option("--check", is_flag=True, help="Look for leaks in the split that there is, and write nothing.")
@click.option(
    "--exact-only",
    is_flag=True,
    help="Keep only equal files together, not near-duplicates: for a fixed camera, whose photos all look alike.",
)
@click.option("--force", is_flag=True, help="Replace the manifest if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def split(
    folder: str,
    output: str | None,
    folders: str | None,
    group_by: str | None,
    group_pattern: str | None,
    val: float,
    test: float,
    seed: int,
    manifest: str | None,
    again: bool,
    check: bool,
    exact_only: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Split photos into train, val and test so that nothing leaks.

    DIR has one sub-folder of photos a class, or a manifest. Each class gets its share of each split. Equal photos,
    near-duplicates and the photos of a group stay together. DIR is not touched, but for the manifest.

    Exit code 3: --check found leaks.
    """
    from edgekit.console import note, quiet_native_code
    from edgekit_export.data.dataset import read_dataset
    from edgekit_export.data.dealing import Grouping, Shares, judge_split, make_split, require_unsplit
    from edgekit_export.data.split_report import describe_split, leak_error, split_record
    from edgekit_export.data.split_writer import SplitWriter
    from edgekit_export.progress import Bars

    _require_sense(group_by, group_pattern, val, test)
    dataset = read_dataset(Path(folder), manifest=Path(manifest) if manifest else None)
    if not check and not again:
        require_unsplit(dataset)
    grouping = Grouping(group_by, group_pattern, near=not exact_only)
    writer = None if check else SplitWriter(dataset, output=output, folders=folders, overwrite=force)
    with quiet_native_code() as terminal:
        bars = Bars(terminal)
        if writer is None:
            found = judge_split(dataset, grouping=grouping, progress=bars)
        else:
            shares = Shares(val, test, seed)
            found = make_split(dataset, grouping=grouping, shares=shares, progress=bars)
            if not found.leaks:  # there are none, or nothing is written
                writer.write(found, bars)
    for text in found.notes:
        note(text)
    written = writer.written if writer else {}
    click.echo(json_line(split_record(found, written)) if as_json else describe_split(found, written))
    if found.leaks:
        raise leak_error(found)


def _require_sense(group_by: str | None, group_pattern: str | None, val: float, test: float) -> None:
    if group_by and group_pattern:
        msg = "--group-by and --group-pattern: give one of them"
        raise click.UsageError(msg)
    if val + test >= 1:
        msg = "--val and --test together leave nothing for train"
        raise click.UsageError(msg)

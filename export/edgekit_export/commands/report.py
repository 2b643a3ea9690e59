"""`edgekit-export report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.console import note
from edgekit_export.commands.manners import json_line

if TYPE_CHECKING:
    from edgekit.card import ModelCard
    from edgekit.modelfile import ModelFile
    from edgekit_export.proof.record import ExportRecord


@click.command(epilog="Example: edgekit-export report leaf.tflite --photos photos/")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.tflite")
@click.option(
    "--photos",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The photos of the export, to show those whose answer flipped; else where they lay then.",
)
@click.option("--no-photos", is_flag=True, help="Make a page without any picture, for instance to publish it.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The page to write; else beside FILE.tflite.")
@click.option("--force", is_flag=True, help="Replace the page if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict and the record as JSON.")
def report(file: Path, photos: Path | None, no_photos: bool, output: Path | None, force: bool, as_json: bool) -> None:
    """Write the page of an export again: whether to ship the file, and why.

    All but the photos comes from FILE.tflite itself. A photo is shown only if it is still the one of the export.
    """
    from edgekit.atomic import check_writable, write_whole
    from edgekit.modelfile import read_model_file
    from edgekit_export.needs import require
    from edgekit_export.proof.stored import report_path

    if photos is not None and no_photos:
        msg = "--photos and --no-photos exclude each other."
        raise click.UsageError(msg)
    page = report_path(file) if output is None else output
    if page.exists() and file.exists() and page.samefile(file):
        msg = f"-o {page} is the model file itself."
        raise click.UsageError(msg)
    require("matplotlib", extra="export")
    model = read_model_file(file)
    card, record = _proof(file, model)
    check_writable(page, overwrite=force)
    if photos is not None and not photos.is_dir():
        msg = f"{photos}: found no folder, expected the folder with the photos of the export."
        raise NotADirectoryError(msg)

    from edgekit_export.proof.report import report_page
    from edgekit_export.proof.text import describe_report, report_record

    folder = None if no_photos else photos or _folder_of_then(record)
    html = report_page(card, record, size_bytes=len(model.data), photos=folder)
    write_whole(page, html.encode(), overwrite=force)
    if folder is None and not no_photos and record.flipped:
        note(f"without photos: the folder of the export, {record.photos_root}, is not here; pass --photos DIR")
    size = len(model.data)
    click.echo(
        json_line(report_record(card, record, size, str(file), str(page)))
        if as_json
        else describe_report(card, record, size, str(page))
    )


def _proof(file: Path, model: ModelFile) -> tuple[ModelCard, ExportRecord]:
    """What the page is made of.

    Raises:
        ModelFileError: the file has none of it, or no page can be made of it.
    """
    from edgekit.errors import ModelFileError
    from edgekit_export.proof.sound import check_record
    from edgekit_export.proof.stored import stored_record

    try:
        record = stored_record(model)
        if record is not None and model.card is not None:
            check_record(model.card, record)
            return model.card, record
    except ModelFileError as error:
        msg = f"{file}: {error}"
        raise ModelFileError(msg) from error
    msg = (
        f"{file}: no record of its export is in it; an earlier edgekit or another program wrote it. Export it again "
        f"with edgekit-export convert, or measure it as it is: edgekit-export evaluate {file} DIR -o evaluation.html"
    )
    raise ModelFileError(msg)


def _folder_of_then(record: ExportRecord) -> Path | None:
    try:
        folder = Path(record.photos_root)
        return folder if record.photos_root and folder.is_dir() else None
    except (OSError, ValueError):  # no folder can have such a name
        return None

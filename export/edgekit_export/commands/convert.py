"""`edgekit-export convert`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.console import note, quiet_native_code
from edgekit_export.commands.manners import json_line, say
from edgekit_export.commands.model_options import model_options
from edgekit_export.commands.search_options import search_options, typed_command

if TYPE_CHECKING:
    from edgekit.card import ModelCard
    from edgekit_export.assess.options import ModelOptions
    from edgekit_export.commands.search_options import SearchOptions
    from edgekit_export.proof.record import ExportRecord


@click.command(epilog="Example: edgekit-export convert cnn.keras --images photos/ -o leaf.tflite")
@click.argument("model", type=click.Path(), metavar="MODEL")
@click.option("--images", required=True, type=click.Path(), help="Folder with one sub-folder of photos a class.")
@click.option("-o", "--output", required=True, type=click.Path(), help="The .tflite to write.")
@click.option("--verify", type=click.Path(), help="Labelled folder for verification; else a part of --images.")
@model_options
@search_options
@click.option(
    "--calibration-images", type=click.IntRange(min=1), default=200, show_default=True, help="To calibrate, at most."
)
@click.option(
    "--verification-images",
    type=click.IntRange(min=1),
    help="To choose by, and to verify on, at most; else 250, 500 or 1000, by --effort.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the choice of photos.")
@click.option("--name", help="Of the model, for the card; else the name of the output file.")
@click.option("--license", help="Of the model, for the card.")
@click.option("--author", help="Of the model, for the card.")
@click.option("--no-photos", is_flag=True, help="Make the report without any picture, for instance to publish it.")
@click.option("--force", is_flag=True, help="Replace the output file and its report if they exist.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def convert(
    model: str,
    images: str,
    output: str,
    verify: str | None,
    about_model: ModelOptions,
    wanted: SearchOptions,
    calibration_images: int,
    verification_images: int | None,
    seed: int,
    name: str | None,
    license: str | None,  # noqa: A002 - the option's name
    author: str | None,
    no_photos: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Quantize an image classifier, verify it on real photos, and write one model file.

    Recipes are tried from the fastest to slower ones, until one keeps what is wanted. What was tried, and whether to
    ship the file, stands in the report beside it: leaf.report.html for leaf.tflite.

    MODEL is a .keras or .h5 file of any Keras, a SavedModel folder, a Teachable Machine export (.zip or folder), a
    model.json with its weights, or a float .tflite; it is recognised by its content.
    """
    from edgekit.atomic import check_writable
    from edgekit.modelfile import write_model_file
    from edgekit_export.errors import AccuracyDropError, InputRangeError
    from edgekit_export.load import require_tensorflow
    from edgekit_export.needs import require
    from edgekit_export.progress import Bars
    from edgekit_export.proof.stored import report_path
    from edgekit_export.report import (
        describe_evidence,
        describe_export,
        describe_refusal,
        evidence_record,
        export_record,
        refusal_record,
    )

    require_tensorflow()
    require("matplotlib", extra="export")
    page = report_path(output)
    check_writable(output, overwrite=force)
    check_writable(page, overwrite=force)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_native_code() as terminal:
        say(terminal, "loading TensorFlow")
        from edgekit_export.pipeline import export_model

        try:
            result = export_model(
                model,
                images,
                verify=verify,
                labels=about_model.labels,
                name=name or Path(output).stem,
                input_range=about_model.input_range,
                channel_order=about_model.channel_order,
                fit=about_model.fit,
                resize_kernel=about_model.resize_kernel,
                decode=about_model.decode,
                input_size=about_model.input_size,
                output_name=about_model.output_name,
                activation=about_model.activation,
                weights=about_model.weights,
                custom_objects=about_model.custom_objects,
                trust_model_code=about_model.trust_model_code,
                calibration_images=calibration_images,
                verification_images=verification_images,
                max_drop=wanted.max_drop,
                max_class_drop=wanted.max_class_drop,
                min_agreement=wanted.min_agreement,
                effort=wanted.effort,
                recipe=wanted.recipe,
                targets=wanted.targets,
                precision=wanted.precision,
                command=typed_command(),
                seed=seed,
                license=license,
                author=author,
                progress=Bars(terminal),
            )
        except AccuracyDropError as error:
            _write_page(page, error.card, error.record, 0, with_photos=not no_photos)
            click.echo(json_line(refusal_record(error, output)) if as_json else describe_refusal(error))
            raise
        except InputRangeError as error:
            if error.evidence:
                table = "\n".join(describe_evidence(error.evidence))
                click.echo(json_line(evidence_record(error, output)) if as_json else table)
            raise
    write_model_file(output, result.model_file, overwrite=force)
    _write_page(page, result.card, result.record, len(result.model_file), with_photos=not no_photos)
    for text in result.notes:
        note(text)
    click.echo(json_line(export_record(result, output)) if as_json else describe_export(result, output, str(page)))


def _write_page(page: Path, card: ModelCard, record: ExportRecord, size_bytes: int, *, with_photos: bool) -> None:
    """What cannot be written any more was writable when the export began; what was there may go since then."""
    from edgekit.atomic import write_whole
    from edgekit_export.proof.report import report_page

    photos = Path(record.photos_root) if with_photos else None
    write_whole(page, report_page(card, record, size_bytes=size_bytes, photos=photos).encode(), overwrite=True)

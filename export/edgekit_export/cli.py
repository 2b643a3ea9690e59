"""The command `edgekit-export`: parse, call, print. TensorFlow is imported only when a model is converted."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from edgekit.console import note, quiet_native_code, run
from edgekit.version import __version__

if TYPE_CHECKING:
    from edgekit.card import Fit, ResizeKernel
    from edgekit_export.frontend import Activation
    from edgekit_export.mapping import ChannelOrder


@click.group()
@click.version_option(__version__, prog_name="edgekit-export")
def cli() -> None:
    """Turn a trained Keras CNN into one verified int8 .tflite file.

    Exit codes: 0 done; 1 an error; 2 wrong usage; 3 int8 loses more accuracy than allowed, and no file was written.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the command `edgekit-export`."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end tidily, as on Ctrl-C
    run(cli, arguments)


def _size(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """``96x128`` (height x width), or ``96`` for a square."""
    if value is None:
        return None
    parts = value.lower().split("x")
    if len(parts) in (1, 2) and all(part.isdecimal() and int(part) > 1 for part in parts):
        return int(parts[0]), int(parts[-1])
    msg = f"{value!r}; expected HEIGHTxWIDTH in pixels, such as 224x224"
    raise click.BadParameter(msg)


@cli.command(epilog="Example: edgekit-export convert cnn.keras --images photos/ -o leaf.tflite")
@click.argument("model", type=click.Path(), metavar="MODEL")
@click.option("--images", required=True, type=click.Path(), help="Folder with one sub-folder of photos a class.")
@click.option("-o", "--output", required=True, type=click.Path(), help="The .tflite to write.")
@click.option("--verify", type=click.Path(), help="Labelled folder for verification; else a part of --images.")
@click.option(
    "--labels",
    type=click.Path(),
    help="Labels of the outputs: one a line, numbered or not, JSON or CSV; else the model's, else the folder names.",
)
@click.option(
    "--input-range",
    help="What the model was trained on: 0..255, 0..1, -1..1, mean=R,G,B/std=R,G,B; else found on the photos.",
)
@click.option(
    "--channel-order",
    type=click.Choice(["RGB", "BGR"], case_sensitive=False),
    help="Of the colours in training; else found on the photos.",
)
@click.option(
    "--fit",
    type=click.Choice(["stretch", "crop", "pad"]),
    help="How training brought photos to the model's aspect; else found on the photos, stretch where they do not tell.",
)
@click.option(
    "--resize-kernel",
    type=click.Choice(["nearest", "bilinear", "bicubic", "tf-bilinear"]),
    help="How training resized them; tf-bilinear as tf.image does. Else found on the photos, or bilinear.",
)
@click.option("--input-size", callback=_size, metavar="HxW", help="For a model whose input leaves its size free.")
@click.option("--output-name", metavar="NAME", help="The output to export, of a model with several.")
@click.option(
    "--activation",
    type=click.Choice(["softmax", "sigmoid"]),
    help="For a model that ends in logits: sigmoid where several labels may be present. Softmax if left out.",
)
@click.option("--weights", type=click.Path(), help="Weights of a model that is a model.json or config.json.")
@click.option(
    "--custom-objects",
    type=click.Path(),
    metavar="MODULE.py",
    help="Python file that defines the model's own layers. It is run.",
)
@click.option(
    "--trust-model-code",
    is_flag=True,
    help="Run the Python code inside the model file (Lambda layers). It can do all that you can on this computer: "
    "read, send and delete files. Only for files that you made yourself.",
)
@click.option(
    "--max-drop",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Points of accuracy that int8 may lose.",
)
@click.option(
    "--calibration-images", type=click.IntRange(min=1), default=200, show_default=True, help="To calibrate, at most."
)
@click.option(
    "--verification-images", type=click.IntRange(min=1), default=500, show_default=True, help="To verify, at most."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the choice of photos.")
@click.option("--name", help="Of the model, for the card; else the name of the output file.")
@click.option("--license", help="Of the model, for the card.")
@click.option("--author", help="Of the model, for the card.")
@click.option("--force", is_flag=True, help="Replace the output file if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def convert(
    model: str,
    images: str,
    output: str,
    verify: str | None,
    labels: str | None,
    input_range: str | None,
    channel_order: ChannelOrder | None,
    fit: Fit | None,
    resize_kernel: ResizeKernel | None,
    input_size: tuple[int, int] | None,
    output_name: str | None,
    activation: Activation | None,
    weights: str | None,
    custom_objects: str | None,
    trust_model_code: bool,
    max_drop: float,
    calibration_images: int,
    verification_images: int,
    seed: int,
    name: str | None,
    license: str | None,  # noqa: A002 - the option's name
    author: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Quantize an image classifier to int8, verify it on real photos, and write one model file.

    MODEL is a .keras or .h5 file of any Keras, a SavedModel folder, a Teachable Machine export (.zip or folder), a
    model.json with its weights, or a float .tflite; it is recognised by its content.
    """
    from edgekit.atomic import check_writable
    from edgekit.labelfile import read_label_file
    from edgekit.modelfile import write_model_file
    from edgekit_export.errors import AccuracyDropError, InputRangeError
    from edgekit_export.load import require_tensorflow
    from edgekit_export.progress import Bars
    from edgekit_export.report import (
        describe_comparison,
        describe_evidence,
        describe_export,
        evidence_record,
        export_record,
        refusal_record,
    )

    require_tensorflow()
    check_writable(output, overwrite=force)
    names = read_label_file(Path(labels)) if labels else None
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_native_code() as terminal:
        _say(terminal, "loading TensorFlow")
        from edgekit_export.pipeline import export_model

        try:
            result = export_model(
                model,
                images,
                verify=verify,
                labels=names,
                name=name or Path(output).stem,
                input_range=input_range,
                channel_order=channel_order,
                fit=fit,
                resize_kernel=resize_kernel,
                input_size=input_size,
                output_name=output_name,
                activation=activation,
                weights=weights,
                custom_objects=custom_objects,
                trust_model_code=trust_model_code,
                calibration_images=calibration_images,
                verification_images=verification_images,
                max_drop=max_drop,
                seed=seed,
                license=license,
                author=author,
                progress=Bars(terminal),
            )
        except AccuracyDropError as error:
            click.echo(_as_json(refusal_record(error, output)) if as_json else describe_comparison(error.comparison))
            raise
        except InputRangeError as error:
            if error.evidence:
                table = "\n".join(describe_evidence(error.evidence))
                click.echo(_as_json(evidence_record(error, output)) if as_json else table)
            raise
    write_model_file(output, result.model_file, overwrite=force)
    for text in result.notes:
        note(text)
    click.echo(_as_json(export_record(result, output)) if as_json else describe_export(result, output))


@cli.command(epilog="Example: edgekit-export inspect leaf.tflite")
@click.argument("file", type=click.Path(), metavar="FILE.tflite")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def inspect(file: str, as_json: bool) -> None:
    """Show what is in a .tflite: operators, types, size, the runtimes that run it, and its card."""
    from edgekit.info import model_record
    from edgekit.modelfile import read_model_file
    from edgekit_export.device import try_runtimes
    from edgekit_export.report import describe_inspection, inspection_record

    model = read_model_file(file)
    loads_in = try_runtimes(model.data)
    if as_json:
        click.echo(_as_json({**model_record(file, model), **inspection_record(model, loads_in)}))
    else:
        click.echo(describe_inspection(file, model, loads_in))


def _as_json(record: object) -> str:
    return json.dumps(record, ensure_ascii=False)


def _say(terminal: TextIO, text: str) -> None:
    if terminal.isatty():
        click.echo(f"{text} ...", file=terminal)

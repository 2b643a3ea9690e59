"""`edgekit-export inspect`."""

from __future__ import annotations

import click

from edgekit_export.commands.manners import json_line


@click.command(epilog="Example: edgekit-export inspect leaf.tflite")
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
        click.echo(json_line({**model_record(file, model), **inspection_record(model, loads_in)}))
    else:
        click.echo(describe_inspection(file, model, loads_in))

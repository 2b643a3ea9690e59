"""The command `edgekit-export`: its commands stand in `commands/`. TensorFlow is imported only where it is needed."""

from __future__ import annotations

import signal
from collections.abc import Sequence

import click

from edgekit.console import run
from edgekit.version import __version__
from edgekit_export.commands.check import check
from edgekit_export.commands.compare import compare
from edgekit_export.commands.convert import convert
from edgekit_export.commands.evaluate import evaluate
from edgekit_export.commands.inspect import inspect
from edgekit_export.commands.report import report
from edgekit_export.commands.split import split
from edgekit_export.commands.train import train


@click.group()
@click.version_option(__version__, prog_name="edgekit-export")
def cli() -> None:
    """Turn a trained Keras CNN into one verified int8 .tflite file.

    Exit codes: 0 done; 1 an error; 2 wrong usage; 3 int8 loses more accuracy than allowed, and no file was written.
    """


for _command in (convert, inspect, report, check, split, train, evaluate, compare):
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the command `edgekit-export`."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end tidily, as on Ctrl-C
    run(cli, arguments)

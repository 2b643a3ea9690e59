"""What commands that read a model let a user say about it: the same options everywhere."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from edgekit_export.assess.options import ModelOptions
from edgekit_export.commands.manners import parse_size


def _read_labels(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    from edgekit.labelfile import read_label_file

    return None if value is None else read_label_file(Path(value))


_OPTIONS = (
    click.option(
        "--labels",
        type=click.Path(),
        callback=_read_labels,
        help="Labels of the outputs: one a line, numbered or not, JSON or CSV; else the model's, else the folder "
        "names.",
    ),
    click.option(
        "--input-range",
        help="What the model was trained on: 0..255, 0..1, -1..1, mean=R,G,B/std=R,G,B; else found on the photos.",
    ),
    click.option(
        "--channel-order",
        type=click.Choice(["RGB", "BGR"], case_sensitive=False),
        help="Of the colours in training; else found on the photos.",
    ),
    click.option(
        "--fit",
        type=click.Choice(["stretch", "crop", "pad"]),
        help="How training brought photos to the model's aspect; else found on the photos, stretch where they do not "
        "tell.",
    ),
    click.option(
        "--resize-kernel",
        type=click.Choice(["nearest", "bilinear", "bicubic", "tf-bilinear"]),
        help="How training resized them; tf-bilinear as tf.image does. Else found on the photos, or bilinear.",
    ),
    click.option(
        "--decode",
        type=click.Choice(["fast", "exact"]),
        help="How JPEGs are decoded; fast may take large ones at a part of their size. Else as in training, or fast.",
    ),
    click.option(
        "--input-size", callback=parse_size, metavar="HxW", help="For a model whose input leaves its size free."
    ),
    click.option("--output-name", metavar="NAME", help="The output that classifies, of a model with several."),
    click.option(
        "--activation",
        type=click.Choice(["softmax", "sigmoid"]),
        help="For a model that ends in logits: sigmoid where several labels may be present. Softmax if left out.",
    ),
    click.option(
        "--weights",
        type=click.Path(path_type=Path),
        help="Weights of a model that is a model.json or config.json.",
    ),
    click.option(
        "--custom-objects",
        type=click.Path(path_type=Path),
        metavar="MODULE.py",
        help="Python file that defines the model's own layers. It is run.",
    ),
    click.option(
        "--trust-model-code",
        is_flag=True,
        help="Run the Python code inside the model file (Lambda layers). It can do all that you can on this computer: "
        "read, send and delete files. Only for files that you made yourself.",
    ),
)


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options; it gets what was said as one `ModelOptions`, by the name `about_model`."""

    @functools.wraps(command)
    def gathered(*args: Any, **given: Any) -> Any:
        said = {field.name: given.pop(field.name) for field in fields(ModelOptions)}
        return command(*args, about_model=ModelOptions(**said), **given)

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return gathered

"""What the commands share: how results become JSON, and what is said while a terminal waits."""

from __future__ import annotations

import json
from typing import TextIO

import click


def json_line(record: object) -> str:
    """One line of JSON."""
    return json.dumps(record, ensure_ascii=False)


def say(terminal: TextIO, text: str) -> None:
    """What is being done, where somebody watches."""
    if terminal.isatty():
        click.echo(f"{text} ...", file=terminal)


def parse_size(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """``96x128`` (height x width), or ``96`` for a square."""
    if value is None:
        return None
    parts = value.lower().split("x")
    if len(parts) in (1, 2) and all(part.isdecimal() and int(part) > 1 for part in parts):
        return int(parts[0]), int(parts[-1])
    msg = f"{value!r}; expected HEIGHTxWIDTH in pixels, such as 224x224"
    raise click.BadParameter(msg)

"""What a bench found, as a record: to and from JSON, for people who compare."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edgekit.bench.conditions import Conditions
from edgekit.bench.spread import Spread
from edgekit.errors import BenchError, ModelFileError, one_line
from edgekit.machine import Machine
from edgekit.records import from_json, to_json

KIND = "edgekit bench"
SCHEMA = 1


@dataclass(frozen=True)
class ModelFacts:
    """Which model was measured."""

    file: str
    sha256: str
    size_bytes: int
    name: str
    input: str
    decode: str


@dataclass(frozen=True)
class PhotoFacts:
    """Which photo was measured; `file` is None for a generated one."""

    sha256: str
    size_bytes: int
    width: int
    height: int
    file: str | None = None


@dataclass(frozen=True)
class RuntimeFigures:
    """What one runtime needed.

    `whole` and `stages` are of a warm process, from the file to the labels. `cold_start` is the whole command
    `edgekit classify` in a fresh process, with its files in the disk cache. `threads` is the time of an inference for
    each number of threads, each in a process of its own. `waiting_percent` is the part of the time in which the process
    wanted to work and had no processor; None with several threads, where that cannot be told.
    """

    runtime: Literal["litert", "tflite"]
    description: str
    num_threads: int
    load_ms: float
    first_photo_ms: float
    whole: Spread
    stages: dict[str, Spread]
    cold_start: Spread
    threads: dict[str, Spread]
    peak_memory_mb: float | None = None
    waiting_percent: float | None = None


@dataclass(frozen=True)
class BenchRecord:
    """A bench: what was measured, on what, under which conditions. `warnings` say why not to trust it."""

    created: str
    versions: dict[str, str]
    machine: Machine
    model: ModelFacts
    photo: PhotoFacts
    before: Conditions
    after: Conditions
    runtimes: tuple[RuntimeFigures, ...]
    warnings: tuple[str, ...] = ()
    refused: dict[str, str] | None = None

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps({"kind": KIND, "schema": SCHEMA, **to_json(self)}, ensure_ascii=False)


def read_record(path: str | os.PathLike[str]) -> BenchRecord:
    """The record in a file that `edgekit bench --json` printed.

    Raises:
        BenchError: the file holds none; the text names it.
        OSError: it cannot be read.
    """
    return parse_record(Path(path).read_bytes(), os.fspath(path))


def parse_record(data: bytes, where: str) -> BenchRecord:
    """As `read_record`, from bytes; `where` names them in error texts."""
    advice = f"Make one with: edgekit bench MODEL.tflite --json > {where}"
    try:
        value: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        msg = f"{where}: found no JSON ({one_line(error)}), expected a record of edgekit bench. {advice}"
        raise BenchError(msg) from error
    if not isinstance(value, dict) or value.get("kind") != KIND:
        msg = f"{where}: found other JSON, expected a record of edgekit bench. {advice}"
        raise BenchError(msg)
    if value.get("schema") != SCHEMA:
        msg = f"{where}: found a record of schema {value.get('schema')!r}, this edgekit knows {SCHEMA}. {advice}"
        raise BenchError(msg)
    try:
        return from_json(BenchRecord, value, where, advice=advice)
    except ModelFileError as error:
        raise BenchError(str(error)) from error

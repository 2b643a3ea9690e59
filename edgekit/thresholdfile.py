"""`leaf.thresholds.json` beside `leaf.tflite`: other thresholds for a model in the field, without a new export.

    {"abstain_below": 0.6, "thresholds": {"bean_rust": 0.8}}

Both keys are optional, and a label that is not named keeps its threshold. What the numbers do stands in
`edgekit.decision`. A file that lies there and cannot be read stops the runner: with other thresholds than somebody
wrote, its answers would be wrong silently.
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgekit.errors import ModelFileError, one_line

MAX_BYTES = 2**20  # tens of thousands of labels
EXAMPLE = '{"abstain_below": 0.6, "thresholds": {"bean_rust": 0.8}}'


@dataclass(frozen=True)
class ThresholdFile:
    """What a file of thresholds states: scores 0..1; None, or a label that is missing, leaves the card's in force."""

    path: Path
    abstain_below: float | None = None
    thresholds: dict[str, float] = field(default_factory=dict)


def threshold_file_path(model: str | os.PathLike[str]) -> Path:
    """Where the thresholds of a model file are looked for.

    >>> threshold_file_path("models/leaf.tflite").name
    'leaf.thresholds.json'
    """
    path = Path(model)
    stem = path.stem if path.suffix.lower() == ".tflite" else path.name
    return path.with_name(f"{stem}.thresholds.json")


def read_threshold_file(model: str | os.PathLike[str], labels: Sequence[str] | None) -> ThresholdFile | None:
    """The file of thresholds beside a model file, None where none lies there.

    Args:
        model: Path of the model file.
        labels: The model's; None where it does not say them, then no label is checked.

    Raises:
        ModelFileError: it is no file of thresholds for this model; the text names it.
        OSError: it cannot be read.
    """
    path = threshold_file_path(model)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        # A link to nowhere was put there by somebody, so it is an error; a name that is too long cannot exist.
        if error.errno == errno.ENAMETOOLONG or (error.errno == errno.ENOENT and not path.is_symlink()):
            return None
        raise
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # a pipe would keep us waiting; a folder is an OSError below
        msg = f"{path}: found no regular file, expected one such as {EXAMPLE}."
        raise ModelFileError(msg)
    with path.open("rb") as stream:
        return parse_threshold_file(stream.read(MAX_BYTES + 1), path, labels)


def parse_threshold_file(data: bytes, path: Path, labels: Sequence[str] | None) -> ThresholdFile:
    """As `read_threshold_file`, from bytes (UTF-8); `path` names them in error texts.

    >>> parse_threshold_file(b'{"abstain_below": 0.6}', Path("leaf.thresholds.json"), None).abstain_below
    0.6
    """
    where = os.fspath(path)
    if len(data) > MAX_BYTES:
        msg = f"{where}: more than {MAX_BYTES} bytes, no file of thresholds is so large. Expected {EXAMPLE}."
        raise ModelFileError(msg)
    value = _object(_parsed(data, where), where)
    unknown = [key for key in value if key not in ("abstain_below", "thresholds")]
    if unknown:
        msg = f"{where}: unknown key {_shown(unknown[0])}, expected abstain_below or thresholds."
        raise ModelFileError(msg)
    abstain_below = _score(value["abstain_below"], f"{where}: abstain_below") if "abstain_below" in value else None
    stated = _object(value.get("thresholds", {}), f"{where}: thresholds")
    known = stated if labels is None else frozenset(labels)
    for label in stated:
        if label not in known:
            msg = f"{where}: thresholds: unknown label {_shown(label)}, expected one of {_shown_labels(labels or ())}."
            raise ModelFileError(msg)
    thresholds = {label: _score(score, f"{where}: thresholds: {_shown(label)}") for label, score in stated.items()}
    return ThresholdFile(path, abstain_below, thresholds)


def _parsed(data: bytes, where: str) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=lambda pairs: _without_repeats(pairs, where))
    except ModelFileError:
        raise
    except (ValueError, RecursionError) as error:
        msg = f"{where}: not JSON in UTF-8 ({one_line(error)}). Expected for instance {EXAMPLE}."
        raise ModelFileError(msg) from error


def _without_repeats(pairs: list[tuple[str, Any]], where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            msg = f"{where}: key {_shown(key)} stands twice. Keep the right one only."
            raise ModelFileError(msg)
        found[key] = value
    return found


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        msg = f"{where}: found {_shown(value)}, expected an object. An example: {EXAMPLE}."
        raise ModelFileError(msg)
    return value


def _score(value: Any, where: str) -> float:
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    if not 0 <= number <= 1:  # neither is NaN
        msg = f"{where}: found {_shown(value)}, expected a number from 0 to 1; 60 % is 0.6."
        raise ModelFileError(msg)
    return float(number)


def _shown_labels(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - 5} more" if len(labels) > 5 else ""
    return ", ".join(_shown(label) for label in labels[:5]) + more


def _shown(value: Any) -> str:
    """A value for an error text, in one short line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

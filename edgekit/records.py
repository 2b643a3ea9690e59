"""Records to and from JSON, checked field by field.

A record is a named tuple, or a frozen dataclass where it refuses some values by itself: to make the class of a
dataclass takes ten times as long, and a cold start pays for each.

`from_json` accepts exactly what a record declares: a wrong type, a value outside a `Literal` or a missing field
without a default is a `ModelFileError` that names the place. Unknown keys are ignored, so that a newer writer may
add some without breaking an older reader.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
import types
import typing
from typing import Any, TypeVar

from edgekit.errors import ModelFileError

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """Plain dicts, lists and scalars; fields that are None are left out."""
    if names := _fields(type(value)):
        pairs = ((name, getattr(value, name)) for name in names)
        return {name: to_json(item) for name, item in pairs if item is not None}
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    return value


def from_json(cls: type[T], value: Any, where: str, *, advice: str = "Export the model again.") -> T:
    """An instance of the record `cls` from parsed JSON.

    Args:
        cls: A record whose fields are scalars, `Literal`s, tuples, dicts with string keys or records.
        value: What `json.loads` returned.
        where: Name of the place for error messages, for instance ``model_card.json``.
        advice: What to do about an error, in one sentence.

    Raises:
        ModelFileError: `value` does not have the declared form.
    """
    try:
        return _decode_record(cls, value, where)
    except _MisfitError as misfit:
        msg = f"{misfit} {advice}"
        raise ModelFileError(msg) from misfit


class _MisfitError(Exception):
    """Where a value does not have the declared form, as a sentence."""


def _decode_record(cls: type[T], value: Any, where: str) -> T:
    if not isinstance(value, dict):
        raise _mismatch(where, value, "an object")
    hints = _hints(cls)  # type: ignore[arg-type]
    found = {}
    for name, is_required in _fields(cls).items():
        if name in value:
            found[name] = _decode(hints[name], value[name], f"{where}: {name}")
        elif is_required:
            msg = f"{where}: {name} is missing."
            raise _MisfitError(msg)
    try:
        return cls(**found)
    except ValueError as error:
        msg = f"{where}: {error}."
        raise _MisfitError(msg) from error


def _fields(cls: type) -> dict[str, bool]:
    """The fields of a record, and whether each has to be given; none where it is no record."""
    if names := getattr(cls, "_fields", ()):
        return {name: name not in cls.__dict__["_field_defaults"] for name in names}
    if dataclasses.is_dataclass(cls):
        return {field.name: field.default is dataclasses.MISSING for field in dataclasses.fields(cls)}
    return {}


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _decode(hint: Any, value: Any, where: str) -> Any:
    if hint in (str, int, float, bool):  # first, because a card with 1000 classes has thousands of them
        return _decode_scalar(hint, value, where)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        if value not in arguments or isinstance(value, bool):
            raise _mismatch(where, value, "one of " + ", ".join(map(str, arguments)))
        return value
    if origin in (types.UnionType, typing.Union):
        inner = next(a for a in arguments if a is not types.NoneType)
        return None if value is None else _decode(inner, value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise _mismatch(where, value, "a list")
        return tuple(_decode(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise _mismatch(where, value, "an object")
        return {key: _decode(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    return _decode_record(typing.cast("type[Any]", hint), value, where)


def _decode_scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        if not -sys.float_info.max <= value <= sys.float_info.max:  # an integer may be too large for any float
            raise _mismatch(where, value, "a finite number")
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        names = {float: "a number", int: "an integer", str: "a string", bool: "true or false"}
        raise _mismatch(where, value, names[hint])
    return value


def _mismatch(where: str, value: Any, expected: str) -> _MisfitError:
    found = repr(value)
    shown = found if len(found) <= 60 else found[:57] + "..."
    return _MisfitError(f"{where}: found {shown}, expected {expected}.")

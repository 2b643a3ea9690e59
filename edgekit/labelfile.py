"""Labels files as people have them -> labels, in the order of the model's outputs.

The form is known by the content, never by the file's name:

- one label a line, as `edgekit.labels` writes it; also when labels hold commas or are numbers;
- numbered lines, ``0 cat``, ``0: cat``, ``0,cat`` (Teachable Machine, Coral);
- CSV whose header names a column of ids and one of labels;
- a JSON list, ``{"0": "cat"}``, ``{"cat": 0}`` (Keras' `class_indices`), ``{"0": ["n02123045", "cat"]}`` (Keras'
  imagenet_class_index.json), or any of these under "labels", "classes", "class_names" or "id2label" (metadata.json of
  Teachable Machine, config.json of Hugging Face);
- the same as a Python literal, ``{0: 'cat', 1: 'dog'}``.

Ids count from 0, or from 1, without a gap, in any order. What an id says goes before the order of the file; a file
that contradicts itself is refused, because labels in a wrong order give wrong answers silently.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from edgekit.errors import ModelFileError, one_line
from edgekit.labels import format_labels, parse_labels

MAX_BYTES = 2**24
_MAX_LITERAL_CHARACTERS = 2**20  # Python's parser takes hundreds of times the memory of its text; ImageNet has 30 kB
_MAX_NESTING = 4

_WRAPPERS = ("labels", "classes", "class_names", "id2label")
# Names of CSV columns in small letters without spaces and underscores, the most telling first; pandas leaves the name
# of its index empty. Some names are used for both: then the column that holds numbers is the id.
_ID_COLUMNS = (
    "classid", "labelid", "categoryid", "id", "classindex", "labelindex", "classidx", "labelidx", "index", "idx",
    "number", "class", "label", "category", "",
)  # fmt: skip
_LABEL_COLUMNS = (
    "label", "labelname", "name", "classname", "categoryname", "displayname", "title", "category", "class",
)  # fmt: skip

_PARSER_ERRORS = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)

_NUMBERED = re.compile(r"([0-9]{1,9})(?:(?:\s*([:,;\t])|[.)](?=\s)|(?=\s))\s*)(.*)")
_SAYS_IT_IS_STRUCTURED = re.compile(r"""\s*(?:\[\s*["'\[{\]]|\{\s*["'}0-9])""")
_STRING = re.compile(r"""[uU]?(?:'(?:[^'\\\n]+|\\.)*'?|"(?:[^"\\\n]+|\\.)*"?)""")
_CALL_OR_INDEX = re.compile(r"[\])}0-9]\s*[\[({]")
_INNERMOST = re.compile(r"[\[({][\s,:0-9]*[\])}]")


def read_label_file(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """The labels in the file at `path`, whatever its form.

    Raises:
        ModelFileError: no labels file, or one that contradicts itself; the text names the file.
        OSError: it cannot be read.
    """
    with Path(path).open("rb") as stream:
        return parse_label_file(stream.read(MAX_BYTES + 1), os.fspath(path))


def parse_label_file(data: bytes, where: str) -> tuple[str, ...]:
    """As `read_label_file`, from bytes (UTF-8); `where` names them in error texts.

    >>> parse_label_file(b'{"dog": 1, "cat": 0}', "class_indices.json")
    ('cat', 'dog')
    """
    if len(data) > MAX_BYTES:
        msg = f"{where}: more than {MAX_BYTES} bytes, no labels file is so large. Pass the right file."
        raise ModelFileError(msg)
    if data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{"):
        value = _structured(data, where)
        if value is not None:
            return _labels_of(value, where)
    lines = parse_labels(data, where)
    return _labels_of_table(lines, where) or _labels_of_numbered(lines, where) or lines


def _structured(data: bytes, where: str) -> Any:
    """What JSON or a Python literal holds; None for plain labels of which the first begins with a bracket."""
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        msg = f"{where}: byte {error.start} is not UTF-8 text. Save the labels as UTF-8."
        raise ModelFileError(msg) from error
    reasons = []
    for read in (_from_json, _from_python):
        try:
            return read(text, where)
        except ModelFileError:
            raise
        except _PARSER_ERRORS as error:
            reasons.append(one_line(error))
    if _SAYS_IT_IS_STRUCTURED.match(text):
        msg = f"{where}: neither JSON ({reasons[0]}) nor a Python dict. Save it again, or write one label a line."
        raise ModelFileError(msg)
    return None


def _from_json(text: str, where: str) -> Any:
    import json

    return json.loads(text, object_pairs_hook=lambda pairs: _without_repeats(pairs, where))


def _from_python(text: str, where: str) -> Any:
    """A Python list or dict of strings and numbers.

    Raises:
        ModelFileError: a key stands twice.
        ValueError, SyntaxError, TypeError, MemoryError, RecursionError: anything else that is wrong with it.
    """
    import ast
    import warnings

    if len(text) > _MAX_LITERAL_CHARACTERS or not _is_plain(text):
        msg = "not a plain literal"
        raise ValueError(msg)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of backslashes in names
        tree = ast.parse(text, mode="eval")
        value = ast.literal_eval(tree)
    if isinstance(tree.body, ast.Dict):
        _without_repeats([(ast.literal_eval(key), None) for key in tree.body.keys if key], where)
    return value


def _is_plain(text: str) -> bool:
    """Whether a text is of brackets, strings and numbers only, nested a few times.

    Python's own parser must not see anything else: a long sum or a chain of calls takes Python 3.10 down, and long
    f-strings take minutes.
    """
    rest = _STRING.sub("0", text)
    if "'''" in text or '"""' in text or _CALL_OR_INDEX.search(rest):
        return False
    for _ in range(_MAX_NESTING):
        rest = _INNERMOST.sub("0", rest)
    return rest == "0"


def _without_repeats(pairs: Sequence[tuple[Any, Any]], where: str) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key, value in pairs:
        if key in found:
            msg = f"{where}: key {_shown(key)} stands twice. Every class needs one of its own."
            raise ModelFileError(msg)
        found[key] = value
    return found


def _labels_of(value: Any, where: str, *, wrapped: bool = False) -> tuple[str, ...]:
    if isinstance(value, list):
        return _checked([_name(item, f"{where}: item {i}") for i, item in enumerate(value)], where)
    if not isinstance(value, dict):
        msg = f"{where}: found {_shown(value)}, expected a list of labels."
        raise ModelFileError(msg)
    inner = [] if wrapped else [key for key in _WRAPPERS if isinstance(value.get(key), (list, dict))]
    if not inner:
        return _in_order(_pairs(value, where), where)
    found = {key: _labels_of(value[key], f"{where}: {key}", wrapped=True) for key in inner}
    if len(set(found.values())) > 1:
        msg = f"{where}: {' and '.join(found)} hold different labels. Keep the right ones only."
        raise ModelFileError(msg)
    return found[inner[0]]


def _pairs(value: Mapping[Any, Any], where: str) -> list[tuple[int, str]]:
    """Ids and labels of ``{"cat": 0}`` or ``{"0": "cat"}``; numbers as values decide, since a class may be named 0."""
    if all(isinstance(item, int) and not isinstance(item, bool) for item in value.values()):
        return [(item, _name(key, where)) for key, item in value.items()]
    return [(_id(key, f"{where}: key"), _name(item, f"{where}: {_shown(key)}")) for key, item in value.items()]


def _id(value: Any, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value.strip()):
        return int(value)
    msg = f"{where} {_shown(value)} is no class id, expected a number from 0. Write one label a line instead."
    raise ModelFileError(msg)


def _name(value: Any, where: str) -> str:
    """A label, or the last of several names for one class, as Keras has them for ImageNet."""
    several = list(value) if isinstance(value, (list, tuple)) else [value]
    if several and all(isinstance(item, str) for item in several):
        return str(several[-1])
    msg = f"{where}: found {_shown(value)}, expected a label in quotes."
    raise ModelFileError(msg)


def _labels_of_table(lines: Sequence[str], where: str) -> tuple[str, ...] | None:
    """Labels of a CSV file with a header, None where the first line is none."""
    import csv

    for delimiter in ",;\t":
        dialect: dict[str, Any] = {"delimiter": delimiter, "skipinitialspace": True, "strict": True}
        try:
            header = next(csv.reader(lines[:1], **dialect))
        except csv.Error:
            continue
        names = [re.sub(r"[\s_-]", "", name.lower()) for name in header]
        columns = [(i, n) for i in _columns(names, _ID_COLUMNS) for n in _columns(names, _LABEL_COLUMNS) if i != n]
        if columns:
            return _in_order(_cells(_read_csv(lines, dialect, where), columns, where), where)
    return None


def _read_csv(lines: Sequence[str], dialect: dict[str, Any], where: str) -> list[list[str]]:
    import csv

    try:
        rows = list(csv.reader(lines, **dialect))
    except csv.Error as error:
        msg = f"{where}: damaged CSV ({one_line(error)}). Save it again, or write one label a line."
        raise ModelFileError(msg) from error
    if len(rows) < len(lines):
        msg = f"{where}: a name in quotes goes over several lines, expected one line for every class."
        raise ModelFileError(msg)
    return rows


def _columns(names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    return [names.index(name) for name in wanted if name in names]


def _cells(rows: Sequence[Sequence[str]], columns: Sequence[tuple[int, int]], where: str) -> list[tuple[int, str]]:
    """Ids and labels of a table below its header, from the first pair of columns whose ids are numbers."""
    body = list(enumerate(rows[1:], start=2))
    for line, row in body:
        if len(row) != len(rows[0]):
            msg = f"{where} line {line}: {len(row)} fields, the header has {len(rows[0])}. Quote names with commas."
            raise ModelFileError(msg)
    numeric = [pair for pair in columns if all(row[pair[0]].strip().isdecimal() for _, row in body)]
    number, name = (numeric or columns)[0]
    return [(_id(row[number], f"{where} line {line}: id"), row[name]) for line, row in body]


def _labels_of_numbered(lines: Sequence[str], where: str) -> tuple[str, ...] | None:
    """Labels of numbered lines, None where the numbers may well belong to the names (``7 up``, ``50 cent``)."""
    found = [_NUMBERED.fullmatch(line) for line in lines]
    parts = [match.groups() for match in found if match]
    if len(parts) < len(lines):
        return None
    pairs = [(int(number), _unquoted(name) if mark else name) for number, mark, name in parts]
    ids, names = sorted(number for number, _ in pairs), [name for _, name in pairs]
    counted = ids in (list(range(len(ids))), list(range(1, len(ids) + 1)))
    marked = all(mark for _, mark, _ in parts)
    # A mark between number and name says what is meant, and a gap is a mistake; times and ratios have no letters.
    if marked and (counted or all(re.search(r"[^\W\d_]", name) for name in names)):
        return _in_order(pairs, where)
    # "1 euro, 2 euro" count things; names that are alike without the number need it.
    return _in_order(pairs, where) if counted and 10 * len(set(names)) >= 9 * len(names) else None


def _unquoted(name: str) -> str:
    """``tench, Tinca tinca`` of ``"tench, Tinca tinca"``, as CSV has it; other names as they are."""
    import csv

    try:
        fields = next(csv.reader([name], strict=True), [])
    except csv.Error:
        return name
    return fields[0] if name.startswith('"') and len(fields) == 1 else name


def _in_order(pairs: Iterable[tuple[int, str]], where: str) -> tuple[str, ...]:
    """Labels by id: from 0 or from 1, none twice, no gap."""
    by_id: dict[int, str] = {}
    for number, name in pairs:
        if number in by_id:
            both = f"{_shown(by_id[number])} and {_shown(name)}"
            msg = f"{where}: id {number} stands twice, for {both}. Every class needs one of its own."
            raise ModelFileError(msg)
        by_id[number] = name
    ids = sorted(by_id)
    if ids and ids[0] not in (0, 1):
        msg = f"{where}: the ids begin with {_shown(ids[0])}, expected 0 or 1. Number the classes as the model does."
        raise ModelFileError(msg)
    gaps = list(islice((n for a, b in pairwise(ids) for n in range(a + 1, b)), 4))
    if gaps:
        missing = ", ".join(map(str, gaps[:3])) + (", ..." if len(gaps) > 3 else "")
        msg = f"{where}: no label for id {missing}. Name every class, or write one label a line without numbers."
        raise ModelFileError(msg)
    return _checked([by_id[number] for number in ids], where)


def _checked(names: Sequence[str], where: str) -> tuple[str, ...]:
    """Labels that can stand in a model file, without spaces around them."""
    labels = tuple(name.strip() for name in names)
    if not labels:
        msg = f"{where}: found no label, expected one for every class."
        raise ModelFileError(msg)
    for class_id, label in enumerate(labels):
        try:
            format_labels([label])
        except ValueError as error:
            msg = f"{where}: class {class_id}, {_shown(label)}: {one_line(error)}"
            raise ModelFileError(msg) from error
    return labels


def _shown(value: Any) -> str:
    """A value for an error text, in one short line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

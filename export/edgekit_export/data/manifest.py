"""A manifest: a CSV file with one line a photo. Read as people write them, written in one way."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from edgekit_export.errors import PhotosError

# Names that people give to the three columns that mean something here; case does not count.
_FILE = ("file", "filename", "file_name", "filepath", "path", "image", "photo")
_LABEL = ("class", "label", "cls", "category", "class_name")
_SPLIT = ("split", "set", "subset", "fold")


@dataclass(frozen=True)
class ManifestRow:
    """One photo: the line it stands in, its file, class and split ("" where not told), and the other columns."""

    line: int
    file: str
    label: str = ""
    split: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """A manifest that was read; `columns` are those beside file, class and split."""

    path: Path
    rows: tuple[ManifestRow, ...]
    columns: tuple[str, ...]


def read_manifest(path: Path) -> Manifest:
    """The manifest in a CSV file: a header, commas, semicolons or tabs, UTF-8.

    Raises:
        PhotosError: not such a file; the text says which line, and what to do.
        OSError: it cannot be read.
    """
    return parse_manifest(path, _text(path))


def parse_manifest(path: Path, text: str) -> Manifest:
    """The manifest that stands in `text`, which was or will be read from `path`; else as `read_manifest`."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        msg = f"{path} line {reader.line_num}: not CSV ({error})."
        raise PhotosError(msg) from error
    if not lines:
        msg = f"{path}: empty, expected a header with a column named file, and one line a photo."
        raise PhotosError(msg)
    header = _header(path, lines[0][1])
    rows = tuple(_row(path, line, cells, header) for line, cells in lines[1:])
    _refuse_doubles(path, rows)
    return Manifest(path, rows, tuple(header.names[i] for i in header.others))


def manifest_text(rows: Iterable[ManifestRow], columns: Sequence[str]) -> str:
    """A manifest as CSV: file, split, class, then `columns`."""
    lines = [["file", "split", "class", *columns]]
    lines += ([row.file, row.split, row.label, *(row.columns.get(name, "") for name in columns)] for row in rows)
    return "".join(map(_line, lines))


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(cells)  # its own end of line makes it quote both of that end's characters
    return out.getvalue().removesuffix("\r\n") + "\n"


def _text(path: Path) -> str:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        msg = f"{path} line {line}: not UTF-8. Save the file as CSV UTF-8."
        raise PhotosError(msg) from error
    if "\0" in text:
        line = text.partition("\0")[0].count("\n") + 1
        msg = f"{path} line {line}: not text. Save the file as CSV UTF-8."
        raise PhotosError(msg)
    return text


def _delimiter(text: str) -> str:
    """The one that makes a column of files appear in the header; else the most frequent."""
    header = text.lstrip().partition("\n")[0]
    return max(",;\t", key=lambda delimiter: (_shows_files(text, delimiter), header.count(delimiter)))


def _shows_files(text: str, delimiter: str) -> bool:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = next((cells for cells in lines if any(cells)), [])
    except csv.Error:
        return False
    return any(cell.strip().lower() in _FILE for cell in header)


class _Header(NamedTuple):
    """The names of the columns, and the places of those that mean something here."""

    names: tuple[str, ...]
    file: int
    label: int | None
    split: int | None
    others: tuple[int, ...]


def _header(path: Path, cells: Sequence[str]) -> _Header:
    names = tuple(name.strip() for name in cells)
    lower = [name.lower() for name in names]
    file, label, split = (
        next((lower.index(n) for n in known if n in lower), None) for known in (_FILE, _LABEL, _SPLIT)
    )
    if file is None:
        msg = f"{path} line 1: no column named file; found {', '.join(names)}."
        raise PhotosError(msg)
    double = [name for i, name in enumerate(names) if name and lower[i] in lower[:i]]
    if double:
        msg = f"{path} line 1: two columns are named {double[0]}. Rename one of them."
        raise PhotosError(msg)
    others = tuple(i for i, name in enumerate(names) if name and i not in (file, label, split))
    return _Header(names, file, label, split, others)


def _row(path: Path, line: int, cells: Sequence[str], header: _Header) -> ManifestRow:
    if len(cells) > len(header.names):
        msg = f"{path} line {line}: {len(cells)} cells, the header has {len(header.names)}. Quote cells with commas."
        raise PhotosError(msg)
    padded = [cell.strip() for cell in cells] + [""] * (len(header.names) - len(cells))
    file, label, split = ("" if i is None else padded[i] for i in (header.file, header.label, header.split))
    if not file:
        msg = f"{path} line {line}: no file is named."
        raise PhotosError(msg)
    if ".." in _parts(file):
        msg = f"{path} line {line}: found {file!r}, expected a path below the folder."
        raise PhotosError(msg)
    return ManifestRow(line, file, label, split, {header.names[i]: padded[i] for i in header.others})


def _refuse_doubles(path: Path, rows: Iterable[ManifestRow]) -> None:
    seen: dict[tuple[str, ...], int] = {}
    for row in rows:
        first = seen.setdefault(_parts(row.file), row.line)
        if first != row.line:
            msg = f"{path} line {row.line}: {row.file} stands in line {first} already. Remove one of them."
            raise PhotosError(msg)


def _parts(file: str) -> tuple[str, ...]:
    return PurePosixPath(file.replace("\\", "/")).parts

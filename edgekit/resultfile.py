"""A file of answers that grows photo by photo, survives a power cut, and can be gone on with.

The file holds what would stand on standard output, nothing else, so it is written in place and not beside: after a
power cut, all but the last moments is there. What made it stands in ``answers.csv.run.json`` beside it, with the size
that the file had when its run ended. A file of that size is whole. Of any other, the run was cut off: what is torn at
the end goes, and the last photo before it, too, because nobody knows whether it had more rows.

Photos that could not be read are tried again; their old rows go. A photo is known by its path, not by its pixels.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import hashlib
import io
import json
import os
import time
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgekit.answers import CsvFormat
from edgekit.atomic import whole_file, write_whole
from edgekit.errors import ResultFileError
from edgekit.onewriter import held, hold

RUN_SUFFIX = ".run.json"
_SCHEMA = 1
_FLUSH_TO_DISK_S = 5.0
_LONGEST_LINE = 2**20  # bytes; a path and a thousand predictions are a tenth of it
_MOST_TORN = 2**20  # bytes that a power cut takes from the end, at most: some hundred photos' since the last flush


class Answered(NamedTuple):
    """The rows of one photo in a file: where they are, in bytes, and whether they hold an answer or an error."""

    file: str
    start: int
    end: int
    failed: bool


class ResultFile:
    """A file of answers, open for writing. Use it in a `with` statement.

    Args:
        path: The file. `made_by` is noted in a file beside it.
        made_by: What the answers depend on, as JSON values: model, options, and ``format``, which is csv or json.
        header: First line, or nothing.
        resume: Go on with a file that is there. One that is not there is begun.
        force: Begin anew where there is a file.

    Attributes:
        kept: How many photos have an answer from before.

    Raises:
        FileExistsError: the file exists, and neither `resume` nor `force` is given.
        ResultFileError: the file cannot be gone on with: damaged, or made by something else; or another run is
            writing it, which would lose answers.
        OSError: it cannot be read or written.
    """

    def __init__(
        self, path: str | os.PathLike[str], made_by: Mapping[str, object], header: str, *, resume: bool, force: bool
    ) -> None:
        self.path, self._made_by = Path(path), made_by
        with held(self.path):
            if resume and self.path.exists():
                self._done = _prepare(self.path, made_by, header)
            else:
                self._done = np.empty(0, np.uint64)
                _begin(self.path, made_by, header, force)
        self.kept = len(self._done)
        self._file: io.FileIO = self.path.open("ab", buffering=0)  # nothing is held back in this process
        try:
            hold(self._file, self.path)  # once more: the file may have been written anew
        except ResultFileError:
            self._file.close()
            raise
        self._size = os.fstat(self._file.fileno()).st_size
        self._flushed = time.monotonic()

    def __enter__(self) -> ResultFile:
        return self

    def __exit__(self, *_exception: object) -> None:
        with self._file:
            os.fsync(self._file.fileno())
            if os.fstat(self._file.fileno()).st_size == self._size:
                with contextlib.suppress(OSError):  # where there is no room for it, the next run takes it for cut off
                    _note_run(self.path, self._made_by, self._size)

    def __contains__(self, file: str) -> bool:
        """Whether a photo has an answer from before."""
        key = np.uint64(_key(file))
        place = int(np.searchsorted(self._done, key))
        return place < len(self._done) and bool(self._done[place] == key)

    def write(self, rows: str) -> None:
        """Append all rows of one photo.

        Raises:
            OSError: the disk is full, for instance; the text names the file.
        """
        data = rows.encode("utf-8", "backslashreplace")
        try:
            if self._file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # as the next write would say
            if time.monotonic() - self._flushed > _FLUSH_TO_DISK_S:
                os.fsync(self._file.fileno())
                self._flushed = time.monotonic()
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self._size += len(data)


def _begin(path: Path, made_by: Mapping[str, object], header: str, force: bool) -> None:
    if path.is_dir():
        msg = f"{path} is a folder, expected the name of a file to write."
        raise IsADirectoryError(msg)
    if path.exists() and not force:
        msg = f"{path} exists. Pass --resume to go on with it, --force to replace it, or choose another name."
        raise FileExistsError(msg)
    try:
        path.unlink(missing_ok=True)  # first, so that old rows never stand beside a new note
        _note_run(path, made_by, len(header))
        write_whole(path, header.encode())
    except OSError as error:
        msg = f"{path}: cannot be written: {error.strerror}. Choose another place."
        raise type(error)(msg) from error


def _run_path(path: Path) -> Path:
    return path.with_name(path.name + RUN_SUFFIX)


def _note_run(path: Path, made_by: Mapping[str, object], size_bytes: int) -> None:
    record = {"schema": _SCHEMA, "made_by": made_by, "size_bytes": size_bytes}
    write_whole(_run_path(path), json.dumps(record, indent=1).encode(), overwrite=True)


def _size_noted(path: Path, made_by: Mapping[str, object]) -> int:
    """The size in bytes that the file had when its run ended, if it was made by the same."""
    run_path = _run_path(path)
    advice = "Choose another name, or begin anew with --force."
    try:
        record = json.loads(run_path.read_bytes())
        size_bytes, then = int(record["size_bytes"]), dict(record["made_by"])
        schema = record["schema"]
    except FileNotFoundError as error:
        msg = f"{path}: nothing says what made it, as {run_path.name} is not beside it. Copy it there. Else: {advice}"
        raise ResultFileError(msg) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        msg = f"{run_path}: damaged, so nothing says what made {path.name}. {advice}"
        raise ResultFileError(msg) from error
    if schema != _SCHEMA:
        msg = f"{run_path}: of schema {schema!r}, this version knows {_SCHEMA}. Go on with the version that made it."
        raise ResultFileError(msg)
    for name, now in json.loads(json.dumps(made_by)).items():
        if then.get(name) != now:
            was, is_now = _shown(then.get(name)), _shown(now)
            msg = f"{path}: made with {name} {was}, now it is {is_now}. Use the same again, or choose another name."
            raise ResultFileError(msg)
    return size_bytes


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."


def _prepare(path: Path, made_by: Mapping[str, object], header: str) -> NDArray[np.uint64]:
    """Leave only whole answers in a file. Returns the keys of their photos, sorted: 8 bytes for each."""
    size_bytes = path.stat().st_size
    cut_off = _size_noted(path, made_by) != size_bytes
    form, start, last = str(made_by["format"]), len(header), "its first line"
    keys, end, failed = array("Q"), start, False
    with path.open("rb") as file:
        if file.read(start) != header.encode():
            msg = f"{path}: its first line is not {header.strip()}. Choose another name, or begin anew with --force."
            raise ResultFileError(msg)
        for answered in _sound(file, form, cut_off=cut_off):
            last, end, failed = answered.file, answered.end, failed or answered.failed
            if not answered.failed:
                keys.append(_key(answered.file))
    if (end != size_bytes and not cut_off) or size_bytes - end > _MOST_TORN:
        msg = f"{path}: damaged behind {last}. Mend it, choose another name, or begin anew with --force."
        raise ResultFileError(msg)
    if failed or end != size_bytes:
        kept_bytes = _keep_answers(path, header, form, end)
        _note_run(path, made_by, kept_bytes)
    return np.sort(np.array(keys, np.uint64))


def _keep_answers(path: Path, header: str, form: str, end: int) -> int:
    """Write the file anew, without errors and what stands from byte `end` on. Returns its size in bytes."""
    with whole_file(path, overwrite=True) as kept, path.open("rb") as file, path.open("rb") as source:
        kept.write(header.encode())
        file.seek(len(header))
        for answered in _sound(file, form, cut_off=False):
            if answered.end > end:
                break
            if not answered.failed:
                source.seek(answered.start)
                kept.write(source.read(answered.end - answered.start))
        return kept.tell()


def _sound(file: BinaryIO, form: str, *, cut_off: bool) -> Iterator[Answered]:
    """The photos of a file that are surely whole: of one that was cut off, all but the last."""
    before: Answered | None = None
    for answered in (_read_csv if form == "csv" else _read_json)(file):
        if before:
            yield before
        before = answered
    if before and not cut_off:
        yield before


def _read_csv(file: BinaryIO) -> Iterator[Answered]:
    """The photos of a CSV file from where it stands, up to the first row that is none of ours."""
    photo: Answered | None = None
    rank, start = 0, file.tell()
    # Of damaged text, the reader says what is wrong, or the row is not as it is written.
    with contextlib.suppress(csv.Error, UnicodeDecodeError):
        for row in csv.reader(_whole_lines(file), strict=True):
            if len(row) != len(CsvFormat.columns) or not (row[1] or row[5]):
                break
            end = file.tell()
            if row[1] in ("", "1"):
                if photo:
                    yield photo
                photo, rank = Answered(row[0], start, end, failed=not row[1]), 1
            elif photo and photo.file == row[0] and row[1] == str(rank + 1):
                photo, rank = photo._replace(end=end), rank + 1
            else:
                break
            start = end
    if photo:
        yield photo


def _read_json(file: BinaryIO) -> Iterator[Answered]:
    """The photos of a file of JSON lines from where it stands, up to the first line that is none of ours."""
    start = file.tell()
    with contextlib.suppress(ValueError, RecursionError):
        for line in _whole_lines(file):
            record, end = json.loads(line), file.tell()
            if not isinstance(record, dict) or not isinstance(record.get("file"), str):
                break
            if not ("predictions" in record or "error" in record):
                break
            yield Answered(record["file"], start, end, failed="error" in record)
            start = end


def _whole_lines(file: BinaryIO) -> Iterator[str]:
    while (line := file.readline(_LONGEST_LINE)).endswith(b"\n"):
        yield line.decode()


def _key(file: str) -> int:
    """64 bits that stand for a path: of a million photos, two share them once in 40 million runs."""
    path = os.path.normpath(file).encode("utf-8", "backslashreplace")
    return int.from_bytes(hashlib.blake2b(path, digest_size=8).digest(), "big")

"""Files that appear whole or not at all: write beside, flush to disk, rename."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def write_whole(path: str | os.PathLike[str], data: bytes, *, overwrite: bool = False) -> None:
    """Write `data` to `path` so that nobody ever sees a part of it, whatever interrupts.

    Raises:
        FileExistsError: `path` exists and `overwrite` is false.
        OSError: the folder is missing or not writable, or the disk is full; no file is left behind.
    """
    with whole_file(path, overwrite=overwrite) as file:
        file.write(data)


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """As `write_whole`, for what does not fit into memory: a file to write, which is `path` when the block ends well.

    Raises:
        FileExistsError: `path` exists and `overwrite` is false.
        OSError: the folder is missing or not writable, or the disk is full; no file is left behind.
    """
    target = Path(path)
    _refuse_existing(target, overwrite)
    beside = _beside(target)
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _flush_folder(target.parent)


def check_writable(path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Find out before long work whether `write_whole` could write to `path`; nothing stays behind.

    Raises:
        FileExistsError: `path` exists and `overwrite` is false.
        OSError: the folder is missing or not writable.
    """
    target = Path(path)
    _refuse_existing(target, overwrite)
    if target.is_dir():
        msg = f"{target} is a folder, expected the name of a file to write."
        raise IsADirectoryError(msg)
    beside = _beside(target)
    try:
        beside.touch()
    except OSError as error:
        msg = f"{target}: cannot be written: {error.strerror}. Choose another place."
        raise type(error)(msg) from error
    beside.unlink()


def _refuse_existing(target: Path, overwrite: bool) -> None:
    if target.exists() and not overwrite:
        msg = f"{target} exists. Pass --force to replace it, or choose another name."
        raise FileExistsError(msg)


def _beside(target: Path) -> Path:
    return target.parent / f".{target.name}.{os.getpid()}.part"


def _flush_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut, where the system can flush a folder; the file stands either way."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

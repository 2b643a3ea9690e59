"""Files that appear whole or not at all: write beside, flush to disk, rename."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: str | os.PathLike[str], data: bytes, *, overwrite: bool = False) -> None:
    """Write `data` to `path` so that nobody ever sees a part of it, whatever interrupts.

    Raises:
        FileExistsError: `path` exists and `overwrite` is false.
        OSError: the folder is missing or not writable, or the disk is full; no file is left behind.
    """
    target = Path(path)
    if target.exists() and not overwrite:
        msg = f"{target} exists. Pass --force to replace it, or choose another name."
        raise FileExistsError(msg)
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _flush_folder(target.parent)


def _flush_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut, where the system can flush a folder."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

"""A folder that appears whole or not at all, filled with links or copies of files that are elsewhere."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from edgekit_export.errors import PhotosError


def check_new_folder(folder: Path, *, outside: Path) -> None:
    """Find out before long work whether `new_folder` could make `folder`; it raises the same.

    Raises:
        PhotosError: `folder` is inside `outside`, or `outside` inside it.
        OSError: it exists and is not empty, or there is no place for it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        msg = f"{folder} exists and is not an empty folder. Choose another name."
        raise FileExistsError(msg)
    if folder.resolve().is_relative_to(outside.resolve()):
        msg = f"{folder} is inside {outside}, which is not touched. Choose a folder elsewhere."
        raise PhotosError(msg)
    if not folder.absolute().parent.is_dir():
        msg = f"{folder.parent}: no such folder to put {folder.name} into."
        raise FileNotFoundError(msg)
    if not os.access(folder.absolute().parent, os.W_OK):
        msg = f"{folder.parent} cannot be written to. Choose another place for {folder.name}."
        raise PermissionError(msg)


@contextlib.contextmanager
def new_folder(folder: Path, *, outside: Path) -> Iterator[Path]:
    """A folder beside `folder` to be filled; it gets that name when the context ends well, and else is removed.

    Raises:
        PhotosError: as `check_new_folder`.
        OSError: as `check_new_folder`, or the disk is full.
    """
    check_new_folder(folder, outside=outside)
    beside = folder.parent / f".{folder.name}.{os.getpid()}.part"
    try:
        beside.mkdir()
        yield beside
        with contextlib.suppress(FileNotFoundError):
            folder.rmdir()  # an empty one; only some systems rename over it
        beside.rename(folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def link_or_copy(source: Path, target: Path) -> None:
    """A hard link to a file, which takes no space, or a copy where the system or the owner allows no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)

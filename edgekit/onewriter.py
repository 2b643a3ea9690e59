"""A file that one process at a time may write. The system lets go of it when that process ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from edgekit.errors import ResultFileError


def hold(file: IO[bytes], path: Path) -> None:
    """Be the one that writes an open file, until it is closed.

    Where the system cannot tell, as Windows and some network file systems, everybody may.

    Raises:
        ResultFileError: another one writes it.
    """
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            msg = f"{path}: another run is writing it. Wait until it has ended, or choose another name."
            raise ResultFileError(msg) from error


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Be the one that writes what stands at a path, within the context; nothing where there is no file yet.

    Raises:
        ResultFileError: another one writes it.
        OSError: it cannot be read.
    """
    with contextlib.ExitStack() as stack:
        if path.is_file():
            hold(stack.enter_context(path.open("rb")), path)
        yield

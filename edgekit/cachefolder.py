"""The user's cache folder: what lies there may go at any time, and nothing depends on it."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder() -> Path | None:
    """Where edgekit may remember what it can find out again; it need not exist. None where the user has no home.

    Source: XDG Base Directory Specification; on macOS and Windows, what their programs use.
    """
    stated = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME", "")
    if Path(stated).is_absolute():  # the specification says to ignore one that is not
        return Path(stated) / "edgekit"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "edgekit"

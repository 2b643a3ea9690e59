import sys
from pathlib import Path

import pytest

from edgekit.cachefolder import cache_folder

pytestmark = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="these systems have places of their own")


def test_the_folder_that_the_user_states_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "edgekit"


@pytest.mark.parametrize("stated", [None, "", "relative/folder"])
def test_else_it_lies_in_the_home_folder(stated: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if stated is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", stated)
    assert cache_folder() == tmp_path / ".cache" / "edgekit"


def test_a_user_without_a_home_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", _unknown)
    assert cache_folder() is None


def _unknown(uid: int) -> None:
    raise KeyError(uid)

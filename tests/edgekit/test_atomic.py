"""Files that appear whole or not at all, whatever interrupts."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from edgekit.atomic import whole_file, write_whole

DATA = bytes(range(256)) * 1000


def raiser(error: BaseException) -> Any:
    def fail(*arguments: object, **options: object) -> NoReturn:
        raise error

    return fail


def test_a_file_is_written_whole_with_nothing_beside_it(tmp_path: Path) -> None:
    for path in (tmp_path / "a.tflite", str(tmp_path / "b.tflite")):
        write_whole(path, DATA)
        assert Path(path).read_bytes() == DATA
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tflite", "b.tflite"]


def test_an_existing_file_is_kept_without_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "a.tflite"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError, match=r"a\.tflite exists\. Pass --force to replace it, or choose another name"):
        write_whole(path, DATA)
    assert path.read_bytes() == b"old"
    write_whole(path, DATA, overwrite=True)
    assert path.read_bytes() == DATA


INTERRUPTIONS = [KeyboardInterrupt(), SystemExit(1), OSError(errno.ENOSPC, "No space left on device"), ValueError("x")]


@pytest.mark.parametrize("error", INTERRUPTIONS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
@pytest.mark.parametrize("old", [None, b"old"])
def test_an_interruption_leaves_no_part_and_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, step: str, old: bytes | None
) -> None:
    path = tmp_path / "a.tflite"
    if old is not None:
        path.write_bytes(old)
    monkeypatch.setattr(step, raiser(error))
    with pytest.raises(type(error)) as caught:
        write_whole(path, DATA, overwrite=True)
    assert caught.value is error
    assert [(p, p.read_bytes()) for p in tmp_path.iterdir()] == ([] if old is None else [(path, old)])


DISK_FULL = """
import resource, sys
from edgekit.atomic import write_whole
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_whole(sys.argv[1], bytes(200_000), overwrite=True)
except OSError as error:
    print(error.strerror)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs setrlimit")
def test_a_full_disk_leaves_no_part_and_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.tflite"
    path.write_bytes(b"old")
    worker = [sys.executable, "-c", DISK_FULL, str(path)]
    done = subprocess.run(worker, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == os.strerror(errno.EFBIG) + "\n"
    assert [(p, p.read_bytes()) for p in tmp_path.iterdir()] == [(path, b"old")]


@pytest.mark.parametrize("name", ["missing/a.tflite", "file/a.tflite", "folder", "."])
def test_a_place_that_takes_no_file_is_a_system_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=r"directory|denied|busy"):
        write_whole(name, DATA, overwrite=True)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "folder"]


def test_the_data_is_on_the_disk_before_the_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, flushed, real = tmp_path / "a.tflite", [], os.fsync

    def fsync(handle: int) -> None:
        real(handle)
        flushed.append((path.exists(), os.fstat(handle).st_size if not path.exists() else None))

    monkeypatch.setattr(os, "fsync", fsync)
    write_whole(path, DATA)
    assert flushed[0] == (False, len(DATA))


def test_a_folder_that_cannot_be_flushed_does_not_spoil_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on some network drives, and in folders that may be written but not listed."""
    monkeypatch.setattr(os, "open", raiser(PermissionError(errno.EACCES, "Permission denied")))
    write_whole(tmp_path / "a.tflite", DATA)
    assert (tmp_path / "a.tflite").read_bytes() == DATA


def test_a_file_written_in_pieces_appears_when_the_last_is_there(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_bytes(b"old")
    with whole_file(path, overwrite=True) as file:
        for piece in (b"new", b" and ", b"long"):
            file.write(piece)
            assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new and long"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_whose_writing_fails_stays_as_it_was(tmp_path: Path) -> None:
    def fail() -> None:
        with whole_file(path, overwrite=True) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    path = tmp_path / "answers.csv"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileExistsError), whole_file(path):
        pytest.fail("nothing may be written")

"""A file of answers that can be gone on with, wherever a power cut left it."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from edgekit import resultfile
from edgekit.answers import FORMATS
from edgekit.classifier import TimedPredictions, Timing
from edgekit.errors import ResultFileError
from edgekit.resultfile import RUN_SUFFIX, ResultFile
from edgekit.scores import Prediction

no_locks = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")
NAMES = ["a.jpg", "b,c.jpg", 'd "e".jpg', "f\ng.jpg", "größe 猫.jpg", "h\rj.jpg", "k.jpg"]
RESULT = TimedPredictions(
    [Prediction(2, "rust, bean", 0.5), Prediction(0, "spots", 0.25), Prediction(1, "healthy", 0.25)],
    Timing(1.0, 2.0, 3.0, 6.5),
)


@pytest.fixture(params=["csv", "json"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def path(tmp_path: Path, form: str) -> Path:
    return tmp_path / f"answers.{form}"


def made_by(form: str, **changes: Any) -> dict[str, Any]:
    return {"format": form, "top_k": 3, "model_sha256": "00ff", "labels": None, **changes}


def opened(path: Path, form: str, *, resume: bool = False, force: bool = False, **changes: Any) -> ResultFile:
    return ResultFile(path, made_by(form, **changes), FORMATS[form](False).header, resume=resume, force=force)


def rows(form: str, name: str) -> str:
    return FORMATS[form](False).success(name, RESULT)


def failure(form: str, name: str) -> str:
    return FORMATS[form](False).failure(name, f"{name}: damaged") or ""


def whole(form: str, names: list[str]) -> bytes:
    return (FORMATS[form](False).header + "".join(rows(form, name) for name in names)).encode()


def write(path: Path, form: str, names: list[str]) -> None:
    with opened(path, form) as file:
        for name in names:
            file.write(rows(form, name))


def test_a_file_holds_what_would_be_printed_and_says_beside_it_what_made_it(path: Path, form: str) -> None:
    write(path, form, NAMES)
    assert path.read_bytes() == whole(form, NAMES)
    run = json.loads(path.with_name(path.name + RUN_SUFFIX).read_text())
    assert run == {"schema": 1, "made_by": made_by(form), "size_bytes": path.stat().st_size}
    assert {beside.name for beside in path.parent.iterdir()} == {path.name, path.name + RUN_SUFFIX}


def test_a_photo_with_an_answer_is_known_however_its_path_is_written(path: Path, form: str) -> None:
    write(path, form, [*NAMES, "folder/../l.jpg", "./m.jpg"])
    with opened(path, form, resume=True) as file:
        assert file.kept == len(NAMES) + 2
        assert all(name in file for name in [*NAMES, "l.jpg", "m.jpg", "./a.jpg", "x//..//a.jpg"])
        assert not any(name in file for name in ["A.jpg", "b", "f", "/a.jpg", "", "z.jpg"])
    assert path.read_bytes() == whole(form, [*NAMES, "folder/../l.jpg", "./m.jpg"]), "nothing was changed"


def test_a_name_that_is_no_text_is_known_again(path: Path, form: str) -> None:
    name = b"leaf\xff.jpg".decode(errors="surrogateescape")
    write(path, form, [name])
    assert b"leaf\\udcff.jpg" in path.read_bytes().replace(b"\\\\", b"\\")
    with opened(path, form, resume=True) as file:
        assert name in file


def test_going_on_appends_behind_what_is_there(path: Path, form: str) -> None:
    write(path, form, NAMES[:3])
    for name in NAMES[3:]:
        with opened(path, form, resume=True) as file:
            assert name not in file
            file.write(rows(form, name))
    assert path.read_bytes() == whole(form, NAMES)


def test_going_on_with_a_file_that_is_not_there_begins_it(path: Path, form: str) -> None:
    with opened(path, form, resume=True) as file:
        assert (file.kept, "a.jpg" in file) == (0, False)
    assert path.read_bytes() == whole(form, [])


def test_wherever_the_power_went_the_rest_is_done_again_and_nothing_else(
    path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # a thousand times, it takes minutes
    write(path, form, NAMES)
    data = path.read_bytes()
    run = path.with_name(path.name + RUN_SUFFIX).read_bytes()
    ends = [len(whole(form, NAMES[:count])) for count in range(len(NAMES) + 1)]
    for size in sorted({*range(ends[0], len(data), 11), *ends[:-1], *(end - 1 for end in ends[1:])}):
        path.write_bytes(data[:size])
        path.with_name(path.name + RUN_SUFFIX).write_bytes(run)
        there = sum(end <= size for end in ends) - 1
        with opened(path, form, resume=True) as file:
            # The last one may have lost rows, so it is done again; of CSV, also one whose first rows are there.
            assert there - 1 <= file.kept <= there
            assert path.read_bytes() == whole(form, NAMES[: file.kept])
            missing = [name for name in NAMES if name not in file]
            assert missing == NAMES[file.kept :]
            for name in missing:
                file.write(rows(form, name))
        assert path.read_bytes() == data


@pytest.mark.parametrize("torn", [b"\0" * 5000, b"a.jpg,1,\xff\xfe", b'"' + b"x" * 3000, b"{" * 5000, b"\n", b"[]\n"])
def test_what_a_power_cut_leaves_at_the_end_is_cut(path: Path, form: str, torn: bytes) -> None:
    write(path, form, NAMES)
    path.write_bytes(path.read_bytes() + torn)
    with opened(path, form, resume=True) as file:
        assert [name for name in NAMES if name not in file] == NAMES[-1:]
    assert path.read_bytes() == whole(form, NAMES[:-1])


def test_a_run_that_ended_well_keeps_its_last_photo_also_where_it_ended_by_an_interrupt(path: Path, form: str) -> None:
    def interrupted() -> None:
        with opened(path, form) as file:
            file.write(rows(form, "a.jpg"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with opened(path, form, resume=True) as file:
        assert "a.jpg" in file


def test_photos_that_could_not_be_read_are_tried_again_and_their_rows_go(path: Path, form: str) -> None:
    with opened(path, form) as file:
        for name in NAMES[:4]:
            file.write(rows(form, name))
            file.write(failure(form, f"damaged {name}"))
    with opened(path, form, resume=True) as file:
        assert [name in file for name in NAMES[:4]] == [True] * 4
        assert not any(f"damaged {name}" in file for name in NAMES[:4])
    assert path.read_bytes() == whole(form, NAMES[:4])
    with opened(path, form, resume=True) as file:
        assert file.kept == 4, "no photo is lost when nothing was written meanwhile"


def test_one_photo_twice_in_a_row_is_two_answers(path: Path, form: str) -> None:
    write(path, form, ["a.jpg", "a.jpg"])
    with opened(path, form, resume=True) as file:
        assert file.kept == 2
    assert path.read_bytes() == whole(form, ["a.jpg", "a.jpg"])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"top_k": 5}, "made with top_k 3, now it is 5. Use the same again"),
        ({"model_sha256": "aa"}, 'made with model_sha256 "00ff", now it is "aa"'),
        ({"labels": ("a", "b")}, r'made with labels null, now it is \["a", "b"\]'),
        ({"new_option": 1}, "made with new_option null, now it is 1"),
    ],
)
def test_a_file_made_by_something_else_is_refused_and_left_alone(
    path: Path, form: str, changes: Mapping[str, Any], says: str
) -> None:
    write(path, form, NAMES)
    with pytest.raises(ResultFileError, match=says):
        opened(path, form, resume=True, **changes)
    assert path.read_bytes() == whole(form, NAMES)


def test_options_may_be_any_values_that_json_knows(path: Path, form: str) -> None:
    with opened(path, form, labels=("a", "größe")):
        pass
    with opened(path, form, resume=True, labels=("a", "größe")) as file:
        assert file.kept == 0


def test_the_other_format_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "answers", "csv", NAMES)
    with pytest.raises(ResultFileError, match='made with format "csv", now it is "json"'):
        opened(tmp_path / "answers", "json", resume=True)


def test_other_columns_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    write(path, "csv", NAMES)
    path.write_bytes(path.read_bytes().replace(b"error,decision", b"error;decision", 1))
    with pytest.raises(ResultFileError, match="its first line is not file,rank,class_id,label,score,error,decision"):
        opened(path, "csv", resume=True)


@pytest.mark.parametrize("damage", ["x", '"', "\x00", "a.jpg,7,0,spots,0.1,,\n", '{"file": 3, "error": "e"}\n'])
def test_a_file_that_somebody_damaged_is_refused_with_the_place(path: Path, form: str, damage: str) -> None:
    write(path, form, NAMES)
    run_path = path.with_name(path.name + RUN_SUFFIX)
    before, after = whole(form, NAMES[:3]), whole(form, NAMES)[len(whole(form, NAMES[:3])) :]
    data = before + damage.encode() + after
    path.write_bytes(data)
    run_path.write_text(json.dumps({"schema": 1, "made_by": made_by(form), "size_bytes": len(data)}))
    with pytest.raises(
        ResultFileError, match=r'damaged behind d "e"\.jpg\. Mend it, choose another name, or begin anew'
    ):
        opened(path, form, resume=True)
    assert path.read_bytes() == data


def test_no_more_is_cut_than_a_power_cut_can_have_torn(path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, form, NAMES)
    data = whole(form, NAMES[:2]) + b'"' + path.read_bytes()
    path.write_bytes(data)
    monkeypatch.setattr(resultfile, "_MOST_TORN", 100)
    with pytest.raises(ResultFileError, match=r"damaged behind a\.jpg"):
        opened(path, form, resume=True)
    assert path.read_bytes() == data


@pytest.mark.parametrize(
    ("run", "says"),
    [
        (None, r"nothing says what made it, as answers\.\w+\.run\.json is not beside it"),
        ("", r"answers\.\w+\.run\.json: damaged, so nothing says what made answers\."),
        ("[]", "damaged"),
        ("[" * 100_000, "damaged"),
        ("{}", "damaged"),
        ('{"schema": 1, "made_by": 3, "size_bytes": 3}', "damaged"),
        ('{"schema": 1, "made_by": {}, "size_bytes": "many"}', "damaged"),
        ('{"schema": 2, "made_by": {}, "size_bytes": 3}', "of schema 2, this version knows 1"),
    ],
)
def test_a_file_of_unknown_origin_is_refused(path: Path, form: str, run: str | None, says: str) -> None:
    write(path, form, NAMES)
    run_path = path.with_name(path.name + RUN_SUFFIX)
    run_path.unlink() if run is None else run_path.write_text(run)
    with pytest.raises(ResultFileError, match=says) as refused:
        opened(path, form, resume=True)
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == whole(form, NAMES)


def test_nothing_is_replaced_without_force(path: Path, form: str) -> None:
    write(path, form, NAMES)
    with pytest.raises(FileExistsError, match=r"exists\. Pass --resume to go on with it, --force to replace it"):
        opened(path, form)
    assert path.read_bytes() == whole(form, NAMES)
    with opened(path, form, force=True, top_k=9) as file:
        assert (file.kept, "a.jpg" in file) == (0, False)
    assert path.read_bytes() == whole(form, [])
    with opened(path, form, resume=True, top_k=9):
        pass


@no_locks
@pytest.mark.parametrize("how", [{"resume": True}, {"force": True}, {}])
def test_a_file_that_another_run_is_writing_is_left_alone(path: Path, form: str, how: dict[str, bool]) -> None:
    with opened(path, form) as file:
        file.write(rows(form, "a.jpg"))
        file.write(failure(form, "b.jpg"))
    with opened(path, form, resume=True) as file:  # has written it anew, without the failure
        with pytest.raises(ResultFileError, match=r"another run is writing it\. Wait until it has ended, or choose"):
            opened(path, form, **how)
        file.write(rows(form, "c.jpg"))
    assert path.read_bytes() == whole(form, ["a.jpg", "c.jpg"])
    with opened(path, form, resume=True) as file:
        assert file.kept == 2


@no_locks
def test_where_the_file_system_knows_no_locks_everybody_may_write(
    path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def unknown(file: Any, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", unknown)
    write(path, form, NAMES)
    assert path.read_bytes() == whole(form, NAMES)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"cannot be written: No such file or directory\. Choose another place"):
        opened(tmp_path / "none" / "answers.csv", "csv")
    with pytest.raises(IsADirectoryError, match="is a folder, expected the name of a file"):
        opened(tmp_path, "csv", force=True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_names_the_file(path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(path, form) as file:
        file.write(rows(form, "a.jpg"))
        with Path("/dev/full").open("ab", buffering=0) as full, monkeypatch.context() as patch:
            patch.setattr(file, "_file", full)
            with pytest.raises(OSError, match="No space left on device") as refused:
                file.write(rows(form, "b.jpg"))
    assert refused.value.filename == str(path)
    with opened(path, form, resume=True) as file:
        assert ("a.jpg" in file, "b.jpg" in file) == (True, False)


def test_a_write_of_which_only_a_part_fitted_is_cut_when_it_goes_on(
    path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Nearly:
        """A disk with room for one more byte."""

        def __init__(self, file: io.FileIO) -> None:
            self._file = file

        def write(self, data: bytes) -> int:
            return self._file.write(data[:1])

    with opened(path, form) as file:
        file.write(rows(form, "a.jpg"))
        file.write(rows(form, "b.jpg"))
        with monkeypatch.context() as patch:
            patch.setattr(file, "_file", Nearly(file._file))
            with pytest.raises(OSError, match="No space left on device"):
                file.write(rows(form, "c.jpg"))
    with opened(path, form, resume=True) as file:
        assert ("a.jpg" in file, "c.jpg" in file) == (True, False)


def test_rows_are_in_the_file_at_once_and_on_the_disk_now_and_then(
    path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    flushed: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with opened(path, form) as file:
        monkeypatch.setattr(os, "fsync", lambda _: flushed.append(now[0]))
        for second in range(20):
            now[0] = float(second)
            file.write(rows(form, f"{second}.jpg"))
            assert path.read_bytes() == whole(form, [f"{n}.jpg" for n in range(second + 1)])
        assert flushed == [6.0, 12.0, 18.0]
    assert flushed[3] == 19.0

"""Manifests: read as people write them, written in one way, and never a traceback."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_export.data.manifest import ManifestRow, manifest_text, parse_manifest, read_manifest
from edgekit_export.errors import PhotosError

PLAIN = "file,split,class,site\na/1.jpg,train,rust,Kabale\nb/2.jpg,,healthy,\n"
ROWS = (
    ManifestRow(2, "a/1.jpg", "rust", "train", {"site": "Kabale"}),
    ManifestRow(3, "b/2.jpg", "healthy", "", {"site": ""}),
)


def write(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "m.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        "\ufeff" + PLAIN,
        "\ufeff" + PLAIN.replace(",", ";").replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.rstrip("\n"),
        PLAIN.replace("file,split,class", " File ,SPLIT, Class"),
        PLAIN.replace("file,split,class", "filename,subset,label"),
        PLAIN.replace("file,split,class", "Image,fold,category"),
        PLAIN.replace("a/1.jpg", '"a/1.jpg"').replace("rust", '" rust "'),
        PLAIN.replace(",,healthy,", ",,healthy"),  # fewer cells than the header
    ],
)
def test_a_manifest_is_read_as_people_write_it(tmp_path: Path, text: str) -> None:
    manifest = read_manifest(write(tmp_path, text))
    assert manifest.rows == ROWS
    assert manifest.columns == ("site",)
    assert manifest.path == tmp_path / "m.csv"


def test_empty_lines_are_passed_over_and_lines_are_still_counted(tmp_path: Path) -> None:
    manifest = read_manifest(write(tmp_path, "\n\nfile\n\n ,\na.jpg\n"))
    assert manifest.rows == (ManifestRow(6, "a.jpg"),)


def test_quoted_cells_hold_commas_quotes_and_lines(tmp_path: Path) -> None:
    text = 'file,note\n"a,b.jpg","he said ""rust""\nand left"\nc.jpg,plain\n'
    first, second = read_manifest(write(tmp_path, text)).rows
    assert (first.file, first.columns["note"]) == ("a,b.jpg", 'he said "rust"\nand left')
    assert second.line == 4


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_the_one_that_shows_a_file_column(tmp_path: Path, delimiter: str) -> None:
    others = "".join(sign for sign in ",;\t" if sign != delimiter) * 3
    text = f'"{others}"{delimiter}file\nx{delimiter}a.jpg\n'
    assert read_manifest(write(tmp_path, text)).rows[0].file == "a.jpg"


def test_only_the_first_known_name_means_something(tmp_path: Path) -> None:
    manifest = read_manifest(write(tmp_path, "path,file,label,class\nx,a.jpg,y,rust\n"))
    assert manifest.rows == (ManifestRow(2, "a.jpg", "rust", "", {"path": "x", "label": "y"}),)
    assert manifest.columns == ("path", "label")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "empty, expected a header with a column named file"),
        ("\n , ,\n", "empty"),
        ("name,class\na.jpg,rust\n", "line 1: no column named file; found name, class"),
        ("file\na.jpg,rust\n", "line 2: 2 cells, the header has 1. Quote cells with commas"),
        ("file,class\n,rust\n", "line 2: no file is named"),
        ("file\na.jpg\nb.jpg\na.jpg\n", "line 4: a.jpg stands in line 2 already"),
        ("file\na/b.jpg\n./a//b.jpg\n", "line 3: ./a//b.jpg stands in line 2 already"),
        ("file\na/b.jpg\na\\b.jpg\n", "stands in line 2 already"),
        ("file\n../a.jpg\n", "line 2: found '../a.jpg', expected a path below the folder"),
        ("file\na/../../b.jpg\n", "expected a path below the folder"),
        ("file\na\\..\\b.jpg\n", "expected a path below the folder"),
        ("file,site,Site\na.jpg,1,2\n", "line 1: two columns are named Site"),
        ("file,file\na.jpg,b.jpg\n", "two columns are named file"),
        (b"file\na.jpg\0\n", "line 2: not text"),
        (b"file\na.jpg\n\xff\xfe.jpg\n", "line 3: not UTF-8"),
        ("file,class\n".encode("utf-16"), "not UTF-8. Save the file as CSV UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not UTF-8"),
        ('file\n"' + "a" * 200_000, "line 1: not CSV|line 2: not CSV"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, content: str | bytes, said: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(PhotosError, match=said.replace("(", r"\(")) as caught:
        read_manifest(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_manifest_is_a_system_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_manifest(tmp_path / "no.csv")


def test_damaged_manifests_end_in_one_kind_of_error(tmp_path: Path) -> None:
    whole = PLAIN.encode() * 3
    chance = random.Random(3)  # noqa: S311
    read = 0
    for _ in range(400):
        data = bytearray(whole[: chance.randrange(1, len(whole))])
        for _ in range(chance.randrange(4)):
            data[chance.randrange(len(data))] = chance.choice(b'\0\r\n",;\t\xc3\xff/.\\')
        try:
            read_manifest(write(tmp_path, bytes(data)))
            read += 1
        except PhotosError:
            pass
    assert 0 < read < 400


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0")).map(str.strip)
NAME = CELL.filter(lambda name: name not in ("", ".") and ".." not in name and "\\" not in name)


@given(st.lists(st.tuples(NAME, CELL, CELL, CELL), min_size=1, unique_by=lambda row: Path(row[0]).parts))
def test_what_is_written_reads_the_same(cells: list[tuple[str, str, str, str]]) -> None:
    rows = [ManifestRow(0, file, label, split, {"site": site}) for file, label, split, site in cells]
    back = parse_manifest(Path("m.csv"), manifest_text(rows, ["site"]))
    assert [(row.file, row.label, row.split, row.columns) for row in back.rows] == [
        (row.file, row.label, row.split, row.columns) for row in rows
    ]


def test_a_manifest_is_written_in_one_way() -> None:
    assert manifest_text(ROWS, ["site"]) == PLAIN
    assert manifest_text([ManifestRow(0, "a.jpg")], ["a,b"]) == 'file,split,class,"a,b"\na.jpg,,,\n'

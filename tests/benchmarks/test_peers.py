"""`peers.py` as a command, its environments, photos and models; nothing here needs a network."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit.errors import EdgekitError
from edgekit.modelfile import read_model_file
from tests.benchmarks.beside import environments, lineup, photos
from tests.benchmarks.beside.environments import Environment, NotAvailableError, find_python, make_environment
from tests.benchmarks.workers.jpeg_header import shorter_side

SCRIPT = Path(__file__).with_name("peers.py")
DIGITS = Path(__file__).parents[1] / "data" / "digits.tflite"
HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="makes POSIX environments")


def leaf(width: int, height: int, seed: int = 0) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def peers(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


# The command


@pytest.fixture
def ready_made(tmp_path: Path) -> Path:
    """A folder of environments where that of ai-edge-litert is this Python."""
    if not importlib.util.find_spec("ai_edge_litert"):
        pytest.skip("needs ai-edge-litert")
    entry = next(entry for entry in lineup.ENTRIES if entry.key == "litert")
    assert entry.environment is not None
    if HERE not in entry.environment.pythons:
        pytest.skip(f"ai-edge-litert is not installed for Python {HERE} there")
    place = tmp_path / "environments" / f"pillow-tflite-py{HERE}-{entry.environment.digest}"
    (place / "bin").mkdir(parents=True)
    python = place / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (place / "ready").touch()
    return tmp_path / "environments"


def test_another_program_stands_beside_edgekit_with_its_ratio_and_answers(
    ready_made: Path, tiny_path: Path, tmp_path: Path
) -> None:
    leaf(64, 48).save(tmp_path / "a.jpg")
    leaf(48, 48, 1).save(tmp_path / "b.png")
    arguments = (tiny_path, tmp_path / "a.jpg", tmp_path / "b.png", "--rounds", "2", "--only", "litert")
    done = peers(*arguments, "--environments", ready_made)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert [line.partition(" median")[0] for line in lines if " median " in line] == [
        "64x48, 1 photo",
        "48x48, 1 photo",
        "pictures of the model's own size, 2 photos",
    ]
    theirs = [line for line in lines if line.startswith("Pillow + ai-edge-litert") and " ms " in line]
    assert [line.split(") ")[1] for line in theirs] == ["1 of 1", "1 of 1", "2 of 2"]
    assert sum(" ms above the floor" in line for line in lines) == 2


def test_a_folder_is_classified_as_a_whole(ready_made: Path, tiny_path: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.jpg" for n in range(3)]
    for n, path in enumerate(paths):
        leaf(64, 48, n).save(path)
    options = ("--throughput", "--rounds", "1", "--json", "--only", "litert")
    done = peers(tiny_path, *paths, "--environments", ready_made, *options)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert {row["group"] for row in record["rows"]} == {"folder"}
    assert {(row["agreeing"], row["photos"]) for row in record["rows"]} == {(3, 3)}
    assert record["versions"]["edgekit, one at a time"].startswith("edgekit ")


@pytest.mark.parametrize("missing", ["model", "photo"])
def test_a_missing_file_is_one_line(missing: str, tiny_path: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "none"
    done = peers(nowhere if missing == "model" else tiny_path, nowhere, "--environments", tmp_path / "environments")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert str(nowhere) in done.stderr


def test_what_is_no_photo_is_one_line(tiny_path: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("no photo")
    done = peers(tiny_path, tmp_path / "notes.jpg")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: cannot identify image file")
    assert done.stderr.count("\n") == 1


# Environments


@pytest.fixture
def python_99(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """On the PATH, a Python 3.99 that makes environments of itself and logs what they install; broken ones before."""
    folders = [tmp_path / "shims", tmp_path / "bin"]
    for folder in folders:
        folder.mkdir()
    broken, whole = (folder / "python3.99" for folder in folders)
    broken.write_text("#!/bin/sh\necho 'command not found' >&2; exit 127\n")
    whole.write_text(
        '#!/bin/sh\ncase "$2" in\n*version_info*) echo 3.99 ;;\n'
        'venv) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;\n'
        f'pip) shift 5; echo "$@" >> {tmp_path}/installed; case "$*" in *nowhere*)\n'
        "echo 'Looking in indexes' >&2; echo 'ERROR: No matching distribution found for nowhere' >&2\n"
        "echo '[notice] A new release of pip' >&2; exit 1 ;; esac ;;\nesac\n"
    )
    for script in (broken, whole):
        script.chmod(0o755)
    paths = [*map(str, folders), os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(paths))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "no-pyenv"))
    return whole


def test_the_first_python_that_works_is_taken(python_99: Path) -> None:
    assert find_python(["3.98", "3.99"]) == ("3.99", str(python_99))
    assert find_python([HERE, "3.99"]) == (HERE, sys.executable)


def test_a_python_of_pyenv_needs_no_path(python_99: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = tmp_path / "pyenv" / "versions" / "3.99.1" / "bin"
    there.mkdir(parents=True)
    shutil.move(python_99, there / "python")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert find_python(["3.99"]) == ("3.99", str(there / "python"))


def test_without_such_a_python_the_reason_says_which(python_99: Path) -> None:
    with pytest.raises(NotAvailableError, match=r"^no Python 2\.1 or 2\.2 with its venv module is here$"):
        find_python(["2.1", "2.2"])


def test_an_environment_is_made_once_and_again_for_other_versions(python_99: Path, tmp_path: Path) -> None:
    old, new = (Environment((f"leaf=={n}", "numpy==1"), ("3.99",)) for n in (1, 2))
    pythons = [make_environment(one, "leaf", tmp_path / "there") for one in (old, old, new, old)]
    assert pythons[0] == pythons[1] == pythons[3] != pythons[2]
    installed = (tmp_path / "installed").read_text().splitlines()
    assert installed == ["--only-binary :all: leaf==1 numpy==1", "--only-binary :all: leaf==2 numpy==1"]


def test_what_cannot_be_installed_tells_why_and_is_tried_again(python_99: Path, tmp_path: Path) -> None:
    environment = Environment(("nowhere==1",), ("3.99",))
    for _ in range(2):
        with pytest.raises(NotAvailableError, match=r"^ERROR: No matching distribution found for nowhere$"):
            make_environment(environment, "leaf", tmp_path / "there")
    assert (tmp_path / "installed").read_text().count("nowhere") == 2


# Photos


@pytest.fixture
def on_pypi(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """Three photos where pip would download them from; the commands that asked for them."""
    asked: list[Sequence[str]] = []

    def download(command: Sequence[str]) -> None:
        asked.append(command)
        with zipfile.ZipFile(Path(command[command.index("--dest") + 1]) / "pyleafarea.whl", "w") as archive:
            for n, size in enumerate([(90, 60), (90, 60), (60, 40)]):
                file = io.BytesIO()
                leaf(*size, n).save(file, "JPEG")
                archive.writestr(f"pyleaf/limited_test_images/IMG_{n}.JPG", file.getvalue())
            archive.writestr("pyleaf/saved_images/IMG_0.JPG", b"another")

    monkeypatch.setattr(photos, "run", download)
    return asked


def test_photos_of_the_camera_are_downloaded_once_and_grouped_by_size(
    on_pypi: list[Sequence[str]], tmp_path: Path
) -> None:
    shots = photos.camera_shots(tmp_path / "there")
    assert photos.camera_shots(tmp_path / "there") == shots
    assert len(on_pypi) == 1
    assert on_pypi[0][-1] == "pyleafarea==2.3.1"
    groups = [(shot.path.name, *shot.groups) for shot in shots]
    assert groups == [
        ("IMG_0.JPG", "camera", "90x60"),
        ("IMG_1.JPG", "camera", "90x60"),
        ("IMG_2.JPG", "camera", "60x40"),
        ("small.jpg", "640x480"),
    ]


def test_a_download_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(command: Sequence[str]) -> None:
        raise NotAvailableError("no network")

    monkeypatch.setattr(photos, "run", fail)
    with pytest.raises(NotAvailableError, match="no network"):
        photos.camera_shots(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_has_as_many_photos_of_its_size_as_wanted(
    on_pypi: list[Sequence[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "FOLDER_SIZE", (71, 47))
    paths = photos.photo_folder(tmp_path, 45)
    assert len({path.name for path in paths}) == 45
    sizes = []
    for path in paths:
        with Image.open(path) as image:
            sizes.append(image.size)
    assert set(sizes) == {(71, 47)}
    assert len({path.read_bytes() for path in paths}) == 40
    assert photos.photo_folder(tmp_path, 3) == paths[:3]


def test_pictures_of_the_models_size_are_the_middle_of_each_photo(tmp_path: Path) -> None:
    leaf(64, 48).save(tmp_path / "a.png")
    (found,) = photos.pictures_of_size(photos.own_shots([tmp_path / "a.png"]), (12, 16), tmp_path)
    with Image.open(found) as image, Image.open(tmp_path / "a.png") as whole:
        assert image.tobytes() == whole.crop((26, 16, 38, 32)).tobytes()


@pytest.mark.parametrize("size", [(70, 40), (33, 90)])
@pytest.mark.parametrize("progressive", [False, True])
def test_the_shorter_side_of_a_jpeg_is_read_from_its_header(size: tuple[int, int], progressive: bool) -> None:
    file = io.BytesIO()
    leaf(*size).save(file, "JPEG", progressive=progressive, exif=Image.Exif(), comment="leaf")
    assert shorter_side(file.getvalue()) == min(size)


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n" + bytes(20), b"\xff\xd8\xff\xe0\x00"])
def test_what_is_no_whole_jpeg_has_no_shorter_side(data: bytes) -> None:
    assert shorter_side(data) == 0


# Models


def test_a_file_with_a_card_goes_to_all_as_it_is(tiny_path: Path, tmp_path: Path) -> None:
    subject = lineup.prepare_model(tiny_path, tmp_path)
    assert subject.path.read_bytes() == tiny_path.read_bytes()
    assert subject.size == (12, 16)


def test_a_file_without_a_card_gets_one_and_keeps_its_graph(tiny_graph: bytes, tmp_path: Path) -> None:
    file = io.BytesIO(tiny_graph)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("labels.txt", "ant\nbee\ncat\n")
    (tmp_path / "foreign.tflite").write_bytes(file.getvalue())
    found = read_model_file(lineup.prepare_model(tmp_path / "foreign.tflite", tmp_path).path)
    assert found.card is not None
    assert found.card.output.labels == ("ant", "bee", "cat")
    assert tiny_graph[4:] in found.data
    with zipfile.ZipFile(io.BytesIO(found.data)) as archive:
        assert archive.namelist() == ["labels.txt", "model_card.json"], "the labels stand there once"


def test_classes_without_labels_are_numbered(tiny_graph: bytes, tmp_path: Path) -> None:
    (tmp_path / "nameless.tflite").write_bytes(tiny_graph)
    found = read_model_file(lineup.prepare_model(tmp_path / "nameless.tflite", tmp_path).path)
    assert found.labels == ("class 0", "class 1", "class 2")


def test_a_model_that_the_others_cannot_be_given_is_refused(tiny_float: bytes, tmp_path: Path) -> None:
    (tmp_path / "float.tflite").write_bytes(tiny_float)
    with pytest.raises(EdgekitError, match=r"float\.tflite: "):
        lineup.prepare_model(tmp_path / "float.tflite", tmp_path)
    with pytest.raises(EdgekitError, match=r"digits\.tflite: the others are given colour photos"):
        lineup.prepare_model(DIGITS, tmp_path)


def test_contenders_can_be_chosen_and_edgekit_is_always_among_them() -> None:
    keys = [entry.key for entry in lineup.chosen(lineup.ENTRIES, ["expert"])]
    assert keys == ["edgekit", "expert", "decode", "interpreter"]
    assert lineup.chosen(lineup.ENTRIES, None) == list(lineup.ENTRIES)
    assert lineup.ENTRIES[0].key == "edgekit", "the first is what all are measured by"


def test_every_package_is_pinned() -> None:
    for entry in (*lineup.ENTRIES, *lineup.FOLDER_ENTRIES):
        for requirement in entry.environment.requirements if entry.environment else ():
            assert requirement.partition("==")[2], requirement
    assert environments.last_words("warning\nERROR: first\nnotice\n") == "ERROR: first"

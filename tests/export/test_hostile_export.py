"""Damaged and malicious files into every reader of the exporter: an answer or one of our errors, nothing else."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgekit.card import InputSpec
from edgekit.errors import EdgekitError
from edgekit.modelfile import parse_model_file
from edgekit.runtime import installed_runtimes
from edgekit_export.device import try_runtimes
from edgekit_export.errors import PhotosError
from edgekit_export.images import Amounts, drop_duplicates, plan_samples, read_labeled_folder
from edgekit_export.report import describe_inspection, inspection_record

if TYPE_CHECKING:
    from tests.export.conftest import MakePhotos, Nets

Mutate = Callable[[bytes, int], bytes]
SPEC = InputSpec(16, 12, 3, (0.0,), (1.0,))

KERAS = Path(__file__).parents[1] / "data" / "keras"

LOAD_ALL = """
import sys, tempfile
from pathlib import Path
from edgekit_export.errors import ModelLoadError
from edgekit_export.load import load_model
tempfile.tempdir = sys.argv[2]
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        load_model(path)
    except ModelLoadError as error:
        assert str(error).startswith(f"{path}: ") and "\\n" not in str(error), error
        print("refused")
    else:
        print("loaded")
    assert not [item for item in Path(sys.argv[2]).iterdir()], "a temporary file stayed"
"""


def load_all(folder: Path, scratch: Path) -> list[str]:
    """What becomes of each file in a folder. Native code reads them: a process apart."""
    scratch.mkdir()
    words = [sys.executable, "-c", LOAD_ALL, str(folder), str(scratch)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = done.stdout.split()
    assert len(answers) == len(list(folder.iterdir()))
    return answers


@pytest.mark.host
def test_mutated_keras_files(colour_file: Path, tmp_path: Path, mutate: Mutate) -> None:
    """Damage to the archive, and to its members under a correct checksum."""
    (tmp_path / "files").mkdir()
    with zipfile.ZipFile(colour_file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for seed in range(90):
        damaged = dict(members)
        name = ("config.json", "model.weights.h5", "")[seed % 3]
        if name:
            damaged[name] = mutate(members[name], seed)
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for member, data in damaged.items():
                archive.writestr(member, data)
        data = stream.getvalue() if name else mutate(colour_file.read_bytes(), seed)
        (tmp_path / "files" / f"{seed:02}.keras").write_bytes(data)
    answers = load_all(tmp_path / "files", tmp_path / "scratch")
    assert answers.count("refused") > 30
    assert answers.count("loaded") > 3


OTHERS = (
    ("tf-2.15/whole.h5", ""),
    ("keras-3.15/whole.h5", ""),
    ("tf-2.15/whole.keras", "config.json"),
    ("tf-2.15/saved_model", "saved_model.pb"),
    ("keras-2.2.4/saved_model", "saved_model.pb"),
    ("tf-2.15/plain_saved_model", "variables/variables.index"),
)


@pytest.mark.host
def test_mutated_files_of_other_kinds(nets: Nets, tmp_path: Path, mutate: Mutate) -> None:
    """All are loaded or refused, some of each."""
    each = 25
    for kind, (name, member) in enumerate(OTHERS):
        for seed in range(each):
            source, target = KERAS / name, tmp_path / "files" / f"{kind}-{seed:02}"
            target.parent.mkdir(exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target)
                (target / member).write_bytes(mutate((source / member).read_bytes(), seed))
            elif member:
                with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
                    for item in old.namelist():
                        data = old.read(item)
                        new.writestr(item, mutate(data, seed) if item == member else data)
            else:
                target.write_bytes(mutate(source.read_bytes(), seed))
    answers = load_all(tmp_path / "files", tmp_path / "scratch")
    for kind, (name, _) in enumerate(OTHERS):
        assert set(answers[kind * each : (kind + 1) * each]) == {"loaded", "refused"}, name


def test_mutated_tflite_files_are_inspected_or_refused(tiny_model: bytes, mutate: Mutate) -> None:
    pytest.importorskip("ai_edge_litert.schema_py_generated", reason="needs ai-edge-litert's schema")
    told = 0
    for seed in range(400):
        try:
            file = parse_model_file(mutate(tiny_model, seed))
            assert describe_inspection("x", file, [])
            assert inspection_record(file, [])
        except EdgekitError:
            continue
        told += 1
    assert 0 < told < 400


@pytest.mark.skipif("litert" not in installed_runtimes(), reason="ai-edge-litert is not installed")
def test_a_model_that_crashes_a_runtime_does_not_crash_us(tiny_graph: bytes, mutate: Mutate) -> None:
    for seed in (1, 6, 11):
        for name, reason in try_runtimes(mutate(tiny_graph, seed)):
            assert name
            assert reason is None or "\n" not in reason


def test_mutated_photos_are_read_or_skipped(tmp_path: Path, make_photos: MakePhotos, mutate: Mutate) -> None:
    make_photos(tmp_path, count=80)
    for seed, path in enumerate(sorted(tmp_path.rglob("*.*"))):
        data = path.read_bytes()
        path.write_bytes(mutate(data, seed) if seed % 4 else data[: 7 * seed])
    (folder,), _ = drop_duplicates([read_labeled_folder(tmp_path)])
    found = plan_samples(folder, None, None, Amounts(999, 999, 999), 0)
    everybody = (found.calibration, found.choice, found.verification)
    read = [photo for sample in everybody for photo in sample.read(SPEC)]
    skipped = [text for sample in everybody for text in sample.skipped]
    assert len(read) + len(skipped) == folder.images
    assert min(len(read), len(skipped)) > 30
    assert all(photo.pixels.shape == (16, 12, 3) for photo in read)
    assert not any("\n" in text for text in skipped)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are Unicode there")
def test_a_name_that_is_no_unicode_is_a_photo_but_no_label(tmp_path: Path, make_photos: MakePhotos) -> None:
    make_photos(tmp_path / "p", count=3)
    red = os.fsencode(tmp_path / "p" / "red")
    Path(os.fsdecode(red + b"/000.png")).rename(os.fsdecode(red + b"/gr\xfcn.png"))  # as in an old archive
    folder = read_labeled_folder(tmp_path / "p")
    found = plan_samples(folder, None, None, Amounts(9, 9, 9), 0)
    everybody = (found.calibration, found.choice, found.verification)
    assert sum(1 for sample in everybody for _ in sample.read(SPEC)) == 9
    Path(os.fsdecode(red)).rename(os.fsdecode(red + b"\xfc"))
    from edgekit_export.classes import possible_orders

    with pytest.raises(PhotosError):
        possible_orders(3, None, read_labeled_folder(tmp_path / "p"), None, one_unit=False)


def test_a_folder_that_links_to_itself_ends(tmp_path: Path, make_photos: MakePhotos) -> None:
    make_photos(tmp_path, count=2)
    (tmp_path / "red" / "again").symlink_to(tmp_path / "red", target_is_directory=True)
    assert len(read_labeled_folder(tmp_path).classes["red"]) == 2

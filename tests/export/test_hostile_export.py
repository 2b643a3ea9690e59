"""Damaged and malicious files into every reader of the exporter: an answer or one of our errors, nothing else."""

from __future__ import annotations

import io
import os
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
from edgekit_export.images import drop_duplicates, plan_samples, read_labeled_folder
from edgekit_export.report import describe_inspection, inspection_record

if TYPE_CHECKING:
    from tests.export.conftest import MakePhotos

Mutate = Callable[[bytes, int], bytes]
SPEC = InputSpec(16, 12, 3, (0.0,), (1.0,))

LOAD_ALL = """
import sys
from pathlib import Path
from edgekit_export.errors import ExportError
from edgekit_export.pipeline import _load
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        _load(path, None)
    except ExportError as error:
        assert str(error).startswith(f"{path}: ") and "\\n" not in str(error), error
        print("refused")
    else:
        print("loaded")
"""


@pytest.mark.host
def test_mutated_keras_files(colour_file: Path, tmp_path: Path, mutate: Mutate) -> None:
    """Damage to the archive, and to its members under a correct checksum. Native code reads them: a process apart."""
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
        (tmp_path / f"{seed:02}.keras").write_bytes(data)
    words = [sys.executable, "-c", LOAD_ALL, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = done.stdout.split()
    assert len(answers) == 90
    assert answers.count("refused") > 30
    assert answers.count("loaded") > 3


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
    calibration, verification = plan_samples(folder, None, calibration=999, verification=999, seed=0)
    read = [photo for sample in (calibration, verification) for photo in sample.read(SPEC)]
    skipped = calibration.skipped + verification.skipped
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
    calibration, verification = plan_samples(folder, None, calibration=9, verification=9, seed=0)
    assert len([*calibration.read(SPEC), *verification.read(SPEC)]) == 9
    Path(os.fsdecode(red)).rename(os.fsdecode(red + b"\xfc"))
    from edgekit_export.classes import match_labels

    with pytest.raises(PhotosError):
        match_labels(3, None, read_labeled_folder(tmp_path / "p"), None)


def test_a_folder_that_links_to_itself_ends(tmp_path: Path, make_photos: MakePhotos) -> None:
    make_photos(tmp_path, count=2)
    (tmp_path / "red" / "again").symlink_to(tmp_path / "red", target_is_directory=True)
    assert len(read_labeled_folder(tmp_path).classes["red"]) == 2

"""Folders and ZIP archives: which file in them is the model, and archives that no one should unpack."""

from __future__ import annotations

import io
import shutil
import struct
import zipfile
from pathlib import Path

import pytest

from edgekit_export.errors import ModelLoadError
from edgekit_export.sources import folders
from edgekit_export.sources.folders import files_below, is_keras_config, look_into, unpack, weights_beside

CONFIG = '{"class_name": "Functional", "config": {}}'
SEVERAL = "found a folder with 2 models (a.h5, b.keras). Name the one to export."


def fill(folder: Path, *names: str, **texts: str) -> Path:
    for name in (*names, *texts):
        path = folder / name.replace("__", "/").replace("_json", ".json").replace("_txt", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts.get(name, "x"))
    return folder


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.hdf5", "a.hdf", "a.tflite", "A.H5", "a.KERAS"])
def test_the_only_model_in_a_folder_is_found(tmp_path: Path, name: str) -> None:
    fill(tmp_path, name, "README.md", "photo.jpg", ".DS_Store")
    found = look_into(tmp_path)
    assert (found.model, found.weights, found.labels) == (tmp_path / name, None, None)


@pytest.mark.parametrize("name", ["saved_model.pb", "saved_model.pbtxt"])
def test_a_saved_model_is_found_at_any_depth_of_lonely_folders(tmp_path: Path, name: str) -> None:
    fill(tmp_path / "a" / "b", name, "variables/variables.index")
    fill(tmp_path, "__MACOSX/._b", ".hidden/x")
    assert look_into(tmp_path).model == tmp_path / "a" / "b"
    assert look_into(tmp_path / "a" / "b").model == tmp_path / "a" / "b"


def test_labels_beside_a_model_are_read(tmp_path: Path) -> None:
    fill(tmp_path / "model.savedmodel", "saved_model.pb")
    fill(tmp_path, labels_txt="0 blue\n1 green\n2 red\n")
    found = look_into(tmp_path)
    assert (found.model, found.labels) == (tmp_path / "model.savedmodel", ("blue", "green", "red"))


@pytest.mark.parametrize("name", ["labels.txt", "labels.json", "class_names.txt", "classes.txt", "metadata.json"])
def test_labels_have_several_names(tmp_path: Path, name: str) -> None:
    fill(tmp_path, "a.h5")
    (tmp_path / name).write_text('["blue", "red"]')
    assert look_into(tmp_path).labels == ("blue", "red")


def test_what_is_no_labels_file_is_passed_over(tmp_path: Path) -> None:
    fill(tmp_path, "a.h5", metadata_json='{"keras_version": "3.0"}', labels_txt="")
    assert look_into(tmp_path).labels is None


def test_a_configuration_and_its_weights_belong_together(tmp_path: Path) -> None:
    fill(tmp_path, "weights.h5", model_json=CONFIG, notes_json="{}")
    found = look_into(tmp_path)
    assert (found.model, found.weights) == (tmp_path / "model.json", tmp_path / "weights.h5")


def test_an_unpacked_keras_file_is_found(tmp_path: Path) -> None:
    fill(tmp_path, "model.weights.h5", config_json=CONFIG, metadata_json="{}")
    found = look_into(tmp_path)
    assert (found.model, found.weights) == (tmp_path / "config.json", tmp_path / "model.weights.h5")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a.h5", "b.keras"], SEVERAL),
        (["saved/saved_model.pb", "b.keras"], "found a folder with 2 models (b.keras, saved)."),
        (["checkpoint", "w.index", "w.data-00000-of-00001"], "found a TensorFlow checkpoint: weights without a net"),
        (["w.index", "w.data-00000-of-00001"], "found a TensorFlow checkpoint"),
        (["model.json", "weights.bin"], "found a TensorFlow.js model"),
        (["a.mlpackage/Manifest.json", "x"], "found a Core ML package"),
        (["a.mlmodel"], "found a Core ML package"),
        (["photo.jpg", "b.txt"], "found a folder with b.txt, photo.jpg; expected a SavedModel, a Teachable Machine"),
        (["a", "b", "c", "d", "e"], "found a folder with a, b, c, d; expected"),
        ([".hidden"], "found a folder with nothing; expected"),
    ],
)
def test_a_folder_without_one_model_says_what_it_is(tmp_path: Path, names: list[str], found: str) -> None:
    fill(tmp_path, *names)
    with pytest.raises(ModelLoadError) as caught:
        look_into(tmp_path)
    assert str(caught.value).startswith(found)


def test_weights_beside_a_configuration_are_found_by_their_name(tmp_path: Path) -> None:
    config = fill(tmp_path, "weights.h5", model_json=CONFIG) / "model.json"
    assert weights_beside(config) == tmp_path / "weights.h5"
    fill(tmp_path, "model.weights.h5")
    assert weights_beside(config) == tmp_path / "model.weights.h5"
    fill(tmp_path, "model_2.h5")
    with pytest.raises(ModelLoadError, match=r"model\.weights\.h5, model_2\.h5, weights\.h5 beside it\). Pass them:"):
        weights_beside(config)
    shutil.rmtree(tmp_path)
    fill(tmp_path, model_json=CONFIG)
    with pytest.raises(ModelLoadError, match=r"without its weights \(none beside it\)\. Pass them: --weights FILE\.h5"):
        weights_beside(config)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (CONFIG, True), ("{}", False), ("[1]", False), ('{"class_name": 1}', False), ("{", False), ("", False),
        ("[" * 100_000, False), ('"class_name config"', False),
    ],
)  # fmt: skip
def test_a_configuration_is_known_by_its_content(tmp_path: Path, text: str, is_one: bool) -> None:
    path = tmp_path / "any"
    path.write_text(text)
    assert is_keras_config(path) is is_one
    assert not is_keras_config(tmp_path / "missing")


def archive(tmp_path: Path, *names: str, data: bytes = b"x", method: int = zipfile.ZIP_STORED) -> Path:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as file:
        for name in names:
            file.writestr(name, data)
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "in" / "target"
    folder.mkdir(parents=True)
    return folder


def test_an_archive_is_unpacked_as_it_is(tmp_path: Path, target: Path) -> None:
    unpack(archive(tmp_path, "a/b/model.h5", "a/labels.txt", "empty/"), target)
    assert [path.relative_to(target).as_posix() for path in files_below(target)] == ["a/b/model.h5", "a/labels.txt"]


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/evil", "..\\evil", "a\\..\\..\\evil", "C:/evil", "C:\\evil", "a/x:y"]
)
def test_an_archive_that_leads_out_is_refused(tmp_path: Path, target: Path, name: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ModelLoadError, match=r"leads out of it\. Do not trust it\."):
        unpack(archive(tmp_path, name), target)
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "a.zip"])


def test_a_link_in_an_archive_becomes_no_link(tmp_path: Path, target: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc")
        file.writestr("link2", "x")
    unpack(path, target)
    assert not any(item.is_symlink() for item in target.rglob("*"))


def test_an_archive_that_would_fill_the_disk_is_refused(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive(tmp_path, "a", "b", data=bytes(2**20), method=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 5000
    monkeypatch.setattr(folders, "_MAX_UNPACKED_BYTES", 2**21 - 1)
    with pytest.raises(ModelLoadError, match="found a ZIP archive of 2097152 bytes unpacked, more than any model"):
        unpack(path, target)
    assert list(target.iterdir()) == []
    monkeypatch.setattr(folders, "_MAX_UNPACKED_BYTES", 2**21)
    unpack(path, target)


def test_an_archive_that_lies_about_its_size_fills_no_more_than_it_says(tmp_path: Path, target: Path) -> None:
    path = archive(tmp_path, "a", data=bytes(2**20), method=zipfile.ZIP_DEFLATED)
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", 2**20), struct.pack("<I", 100)))
    with pytest.raises(ModelLoadError, match="damaged ZIP archive"):
        unpack(path, target)
    assert sum(item.stat().st_size for item in files_below(target)) <= 100


def test_an_archive_with_a_password_is_to_be_unpacked_by_hand(tmp_path: Path, target: Path) -> None:
    data = bytearray(archive(tmp_path, "a").read_bytes())
    for signature, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + place] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(ModelLoadError, match=r"found a ZIP archive with a password\. Unpack it and give the folder\."):
        unpack(tmp_path / "a.zip", target)


def test_a_damaged_archive_is_to_be_copied_again(tmp_path: Path, target: Path) -> None:
    path = archive(tmp_path, "abc", data=b"content")
    path.write_bytes(path.read_bytes().replace(b"content", b"contest"))
    with pytest.raises(ModelLoadError, match=r"damaged ZIP archive \(Bad CRC-32.*\)\. Copy it again\."):
        unpack(path, target)
    path.write_bytes(io.BytesIO(b"PK\3\4").getvalue())
    with pytest.raises(ModelLoadError, match="damaged ZIP archive"):
        unpack(path, target)

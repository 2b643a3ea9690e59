"""Keras' own files: archives, HDF5 files, configurations with weights; damaged ones, and what they may not do."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edgekit_export.load import LoadOptions, load_model
from edgekit_export.sources import folders

if TYPE_CHECKING:
    from tests.export.conftest import Nets
    from tests.export.sources.conftest import Refusal

pytestmark = pytest.mark.host

IMAGE = np.random.default_rng(0).uniform(0, 1, (1, 16, 12, 3)).astype(np.float32)
ONLY_WEIGHTS = "found only the weights of a model, without its layers. Give the layers too: model.json"
Damage = Callable[[bytes], bytes]


def rewrite(source: Path, target: Path, **changes: bytes | None) -> Path:
    """A copy of an archive in which members, named with __ for a dot, are other ones or left out."""
    new = {name.replace("__", "."): data for name, data in changes.items()}
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as file:
        for name in dict.fromkeys((*old.namelist(), *new)):
            data = new[name] if name in new else old.read(name)
            if data is not None:
                file.writestr(name, data)
    return target


def member(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as file:
        return file.read(name)


@pytest.mark.parametrize("name", ["tf-2.4/mixed.h5", "keras-3.15/mixed.h5"])
def test_mixed_precision_becomes_float32(keras_files: Path, name: str) -> None:
    import h5py

    with h5py.File(keras_files / name) as file:
        assert "mixed_float16" in str(file.attrs["model_config"])
    model = load_model(keras_files / name).network.owner  # type: ignore[attr-defined]
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}


def test_mixed_precision_in_an_archive_becomes_float32(nets: Nets, tmp_path: Path) -> None:
    k = nets.keras
    half = k.layers.Conv2D(3, 3, dtype="mixed_float16")
    model = k.Sequential([k.Input((16, 12, 3)), half, k.layers.Flatten(dtype="mixed_float16")])
    model.save(tmp_path / "m.keras")
    network = load_model(tmp_path / "m.keras").network
    assert {layer.compute_dtype for layer in network.owner.layers} == {"float32"}  # type: ignore[attr-defined]
    assert network.outputs[0].dtype == "float32"
    assert np.allclose(network.answer(0, None)(IMAGE), np.asarray(model(IMAGE)).reshape(-1), atol=0.05)


@pytest.mark.parametrize("name", ["keras", "tf_keras"])
@pytest.mark.parametrize("form", ["keras", "h5", "json"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
def test_what_only_training_needs_is_not_asked_for(nets: Nets, tmp_path: Path, name: str, form: str) -> None:
    """A loss of the user's own, in the model and in a network that became part of it."""
    k: Any = pytest.importorskip(name)

    def focal(truth: Any, scores: Any) -> Any:
        return truth - scores

    inner = k.Sequential([k.Input((16, 12, 3)), k.layers.Flatten(), k.layers.Dense(4)])
    inner.compile("adam", focal)
    model = k.Sequential([k.Input((16, 12, 3)), inner, k.layers.Dense(3)])
    model.compile("adam", focal, metrics=[focal])
    path = tmp_path / f"model.{form}"
    if form == "json":
        path.write_text(model.to_json())
        model.save_weights(tmp_path / "model.weights.h5")
    else:
        model.save(path)
    found = load_model(path).network.answer(0, None)(IMAGE)
    assert np.allclose(found, np.asarray(model(IMAGE)).reshape(-1), atol=1e-5)


@pytest.mark.parametrize("metadata", [b"{}", b"[]", b'{"date_saved": 3}', b'{"date_saved": "soon"}', b"no", None])
def test_an_archive_that_does_not_say_when_it_was_saved_is_loaded_too(
    keras_files: Path, tmp_path: Path, metadata: bytes | None
) -> None:
    path = rewrite(keras_files / "keras-3.15" / "whole.keras", tmp_path / "m.keras", metadata__json=metadata)
    assert load_model(path).saved is None


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    place = data.index(b"class_name")
    return data[:place] + b"X" + data[place + 1 :]


@pytest.mark.parametrize(("damage", "found"), [(cut, "cut short or damaged"), (flipped, "damaged .keras file")])
def test_a_damaged_archive_is_to_be_copied_again(
    keras_files: Path, refusal: Refusal, tmp_path: Path, damage: Damage, found: str
) -> None:
    path = tmp_path / "m.keras"
    path.write_bytes(damage((keras_files / "keras-3.15" / "whole.keras").read_bytes()))
    text = refusal(path)
    assert found in text
    assert "Copy" in text


@pytest.mark.parametrize(
    ("config", "found"),
    [
        (b"", "config.json: no valid JSON"),
        (b"{", "config.json: no valid JSON"),
        (b"[" * 100_000, "config.json: no valid JSON"),
        (b"\xff\xfe", "damaged .keras file"),
        (b"[]", "cannot load it"),
        (b"{}", "cannot load it"),
        (b"3", "cannot load it"),
        (b'{"class_name": "Dense", "config": {}, "module": "keras.layers"}', "cannot load it"),
        (b'{"class_name": 3, "config": {}}', "code of your own"),
    ],
)
def test_a_configuration_that_is_none_is_refused(
    keras_files: Path, refusal: Refusal, tmp_path: Path, config: bytes, found: str
) -> None:
    path = rewrite(keras_files / "keras-3.15" / "whole.keras", tmp_path / "m.keras", config__json=config)
    assert found in refusal(path)


def test_an_archive_without_weights_is_refused(keras_files: Path, refusal: Refusal, tmp_path: Path) -> None:
    path = rewrite(keras_files / "keras-3.15" / "whole.keras", tmp_path / "m.keras", model__weights__h5=None)
    assert "cannot load it" in refusal(path)


def test_an_archive_with_a_password_or_of_any_size_is_refused(
    keras_files: Path, refusal: Refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.keras"
    data = bytearray((keras_files / "keras-3.15" / "whole.keras").read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    assert "found a ZIP archive with a password." in refusal(path)
    shutil.copyfile(keras_files / "keras-3.15" / "whole.keras", path)
    monkeypatch.setattr(folders, "_MAX_UNPACKED_BYTES", 1000)
    assert "bytes unpacked, more than any model for a small device." in refusal(path)


def elsewhere(kind: str, secret: Path) -> Callable[[Any], None]:
    """What makes a file of this machine part of an HDF5 file."""

    def change(file: Any) -> None:
        import h5py

        group = file.require_group("model_weights/normalize")
        if kind == "link":
            group["stolen"] = h5py.ExternalLink(str(secret), "/model_weights")
        elif kind == "storage":
            group.create_dataset("stolen", (4,), "u1", external=[(str(secret), 0, 4)])
        else:
            layout = h5py.VirtualLayout((4,), "u1")
            layout[:] = h5py.VirtualSource(str(secret), "x", (4,))
            group.create_virtual_dataset("stolen", layout)

    return change


@pytest.mark.parametrize("kind", ["link", "storage", "virtual"])
@pytest.mark.parametrize("form", ["h5", "keras", "json"])
def test_data_in_another_file_is_not_read(
    keras_files: Path, refusal: Refusal, tmp_path: Path, kind: str, form: str
) -> None:
    import h5py

    folder, path = keras_files / "keras-3.15", tmp_path / f"model.{form}"
    change = elsewhere(kind, keras_files / "tf-2.4" / "whole.h5")
    if form == "keras":
        stream = io.BytesIO(member(folder / "whole.keras", "model.weights.h5"))
        with h5py.File(stream, "r+") as file:
            change(file)
        rewrite(folder / "whole.keras", path, model__weights__h5=stream.getvalue())
    else:
        weights = path if form == "h5" else tmp_path / "model.weights.h5"
        source = "whole.h5" if form == "h5" else "json/model.weights.h5"
        shutil.copyfile(folder / source, weights)
        with h5py.File(weights, "r+") as file:
            change(file)
        if form == "json":
            shutil.copyfile(folder / "json" / "model.json", path)
    text = refusal(path)
    assert "'model_weights/normalize/stolen' lies in another file, which would be read." in text


@pytest.mark.parametrize(
    "name",
    [
        "keras-2.2.4/json/model.h5", "tf-2.4/json/model.h5", "tf-2.4/weights.h5", "tf-2.15/weights.h5",
        "tf-2.15/weights.weights.h5", "keras-3.15/weights.weights.h5", "keras-3.15/json/model.weights.h5",
    ],
)  # fmt: skip
def test_weights_alone_are_told_what_they_need(keras_files: Path, refusal: Refusal, name: str) -> None:
    text = refusal(keras_files / name)
    assert text.startswith(ONLY_WEIGHTS)
    assert "with --weights FILE; or build the model in Keras, load_weights, and call model.save('x.keras')." in text


def test_some_hdf5_file_is_named(nets: Nets, refusal: Refusal, tmp_path: Path) -> None:
    import h5py

    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as file:
        file["train_x"], file["train_y"] = [1], [2]
    assert refusal(path).startswith("found an HDF5 file with train_x, train_y, expected a model that Keras saved")
    with h5py.File(path, "w"):
        pass
    assert "an HDF5 file with nothing" in refusal(path)


@pytest.mark.parametrize("config", ["", "{", "[" * 5000, "null", "[]", '{"class_name": "Nothing", "config": {}}'])
def test_an_hdf5_file_with_another_configuration_is_refused(
    keras_files: Path, refusal: Refusal, tmp_path: Path, config: str
) -> None:
    import h5py

    for generation in ("tf-2.15", "keras-3.15"):
        path = tmp_path / "m.h5"
        shutil.copyfile(keras_files / generation / "whole.h5", path)
        with h5py.File(path, "r+") as file:
            file.attrs["model_config"] = config
        assert refusal(path)


@pytest.mark.parametrize("generation", ["keras-2.2.4", "tf-2.4", "tf-2.15", "keras-3.15"])
def test_weights_of_another_network_are_refused(
    keras_files: Path, refusal: Refusal, tmp_path: Path, generation: str
) -> None:
    config, other = keras_files / generation / "json" / "model.json", keras_files / "tf-2.4" / "nested.h5"
    assert "cannot load it" in refusal(config, LoadOptions(weights=other))
    photo = tmp_path / "w.h5"
    photo.write_bytes(b"\xff\xd8\xff")
    text = refusal(config, LoadOptions(weights=photo))
    assert text == "the weights in w.h5 are no HDF5 file. Save them with model.save_weights('x.weights.h5')."
    photo.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99))
    assert "the weights in w.h5: damaged HDF5 file" in refusal(config, LoadOptions(weights=photo))


def test_the_file_itself_stays_as_it_is(keras_files: Path, tmp_path: Path) -> None:
    for name in ("tf-2.4/mixed.h5", "tf-2.13/whole.keras"):
        path = tmp_path / Path(name).name
        shutil.copyfile(keras_files / name, path)
        path.chmod(0o444)
        load_model(path)
        assert path.read_bytes() == (keras_files / name).read_bytes()


def test_a_configuration_reaches_keras_as_it_was_checked(keras_files: Path, tmp_path: Path) -> None:
    """Of names that stand twice, which one counts is a matter of the reader: Keras gets only one."""
    text = member(keras_files / "keras-3.15" / "whole.keras", "config.json").decode()
    twice = json.dumps({"class_name": "Lambda"})[:-1] + ", " + text[1:]
    path = rewrite(keras_files / "keras-3.15" / "whole.keras", tmp_path / "m.keras", config__json=twice.encode())
    assert load_model(path).network.outputs[0].shape == (None, 3)

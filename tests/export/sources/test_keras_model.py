"""Which Keras reads a file, what is said when none can, and how a Keras model becomes a network."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edgekit_export.errors import MissingPackageError, ModelLoadError
from edgekit_export.load import load_model
from edgekit_export.sources import keras_model
from edgekit_export.sources.keras_model import network_of, read_keras

if TYPE_CHECKING:
    from tests.export.conftest import Nets

pytestmark = pytest.mark.host

TODAY = "keras-3.15/whole.keras keras-3.4/whole.keras keras-3.0/whole.keras keras-3.15/whole.h5 keras-2.2.4/whole.h5"
OLD = "tf-1.15/whole.h5 tf-2.4/whole.h5 tf-2.8/whole.h5 tf-2.13/whole.keras tf-2.15/whole.keras keras-2.2.4/nested.h5"


@pytest.mark.parametrize(
    ("name", "maker"), [*((n, "Keras 3.") for n in TODAY.split()), *((n, "tf_keras 2.") for n in OLD.split())]
)
def test_todays_keras_reads_what_it_can_and_the_old_one_the_rest(keras_files: Path, name: str, maker: str) -> None:
    assert load_model(keras_files / name).network.maker.startswith(maker)


@pytest.mark.parametrize("name", OLD.split())
def test_without_the_old_keras_the_install_line_is_shown(
    keras_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nets: Nets, name: str
) -> None:
    import tensorflow as tf

    real = importlib.util.find_spec
    util = SimpleNamespace(find_spec=lambda module: None if module == "tf_keras" else real(module))
    stand_in = SimpleNamespace(util=util, import_module=importlib.import_module)
    monkeypatch.setattr(keras_model, "importlib", stand_in)
    path = tmp_path / Path(name).name
    shutil.copyfile(keras_files / name, path)
    with pytest.raises(MissingPackageError) as caught:
        load_model(path)
    version = ".".join(tf.__version__.split(".")[:2])
    text = str(caught.value)
    assert text.endswith(f" The old Keras is not installed. Run: pip install --no-deps 'tf_keras=={version}.*'")
    assert text.startswith(f"{path}: Keras 2.")
    assert "today's Keras cannot load it" in text
    assert "\n" not in text
    assert len(text) < 420


def raising(error: BaseException) -> Any:
    def read(_: Any) -> Any:
        raise error

    return read


def test_the_old_keras_is_not_asked_about_a_file_of_today(nets: Nets) -> None:
    asked = []

    def read(keras: Any) -> Any:
        asked.append(keras.__name__)
        raise ValueError("Exception encountered: no such thing")

    with pytest.raises(ModelLoadError, match=r"keras 3\.[\d.]+ cannot load it: no such thing"):
        read_keras(read, "3.4.1")
    assert asked == ["keras"]
    with pytest.raises(ModelLoadError, match=r"tf_keras 2\.[\d.]+ cannot load it: no such thing"):
        read_keras(read, None)
    assert asked == ["keras", "keras", "tf_keras"]


def test_a_refusal_of_ours_is_final(nets: Nets) -> None:
    with pytest.raises(ModelLoadError, match=r"^ours$"):
        read_keras(raising(ModelLoadError("ours")), None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Could not locate class 'Squash'. Make sure", "it needs 'Squash', code of your own that is not in the file."),
        ("Could not locate function 'wave'. Make", "it needs 'wave', code of your own"),
        ("Unknown layer: 'Squash'. Please ensure", "it needs 'Squash', code of your own"),
        ("Unknown activation function: 'wave'. Please", "it needs 'wave', code of your own"),
        ("deep\nconfig={...}\nException encountered: the\nreason", "cannot load it: the reason"),
        ("", "cannot load it: ValueError"),
        ("x" * 999, "x" * 297 + "..."),
    ],
)
def test_the_reason_is_told_without_the_configuration(nets: Nets, text: str, found: str) -> None:
    with pytest.raises(ModelLoadError) as caught:
        read_keras(raising(ValueError(text)), "3.0")
    assert found in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["keras", "tf_keras"])
def test_names_and_shapes_of_inputs_and_outputs_are_the_models(nets: Nets, name: str) -> None:
    keras: Any = pytest.importorskip(name)
    image, number = keras.Input((16, 12, 3), name="image"), keras.Input((2,), name="number")
    flat = keras.layers.Flatten()(image)
    ends = [keras.layers.Dense(3, name="colour")(flat), keras.layers.Dense(2, name="extra")(number)]
    network = network_of(keras.Model([image, number], ends), keras)
    assert [(port.name, port.shape) for port in network.inputs] == [("image", (None, 16, 12, 3)), ("number", (None, 2))]
    assert [port.shape for port in network.outputs] == [(None, 3), (None, 2)]
    assert [port.dtype for port in (*network.inputs, *network.outputs)] == ["float32"] * 4
    assert network.divergence is None
    for i, length in enumerate((3, 2)):
        assert network.answer(i, None)(np.ones((1, 16, 12, 3), np.float32)).shape == (length,)


@pytest.mark.parametrize("name", ["keras", "tf_keras"])
def test_the_network_is_in_inference_mode(nets: Nets, name: str) -> None:
    keras: Any = pytest.importorskip(name)
    image = keras.Input((4, 4, 3))
    network = network_of(keras.Model(image, keras.layers.Dropout(0.9)(keras.layers.Flatten()(image))), keras)
    assert np.array_equal(network.answer(0, None)(np.ones((1, 4, 4, 3), np.float32)), np.ones(48))


def test_a_free_size_is_that_of_the_networks_own_resizing(nets: Nets) -> None:
    k = nets.keras
    image = k.Input((None, None, 3))
    inner = k.Sequential([k.layers.Resizing(16, 12), k.layers.Flatten()])
    network = network_of(k.Model(image, inner(image)), k)
    assert network.answer(0, None)(np.ones((1, 16, 12, 3), np.float32)).shape == (576,)
    free = network_of(k.Model(image, k.layers.GlobalAveragePooling2D()(image)), k)
    with pytest.raises(ModelLoadError, match=r"has no fixed size\. Pass the size it was trained on: --input-size"):
        free.answer(0, None)
    assert free.answer(0, (8, 6))(np.ones((1, 8, 6, 3), np.float32)).shape == (3,)


def test_a_model_that_was_never_built_is_told_so(nets: Nets) -> None:
    k = nets.keras
    with pytest.raises(ModelLoadError, match=r"does not say what its input is\. Build it before saving"):
        network_of(k.Sequential([k.layers.Flatten()]), k)
    built = k.Sequential([k.layers.Flatten()])
    built.build((None, 4, 4, 3))
    assert network_of(built, k).inputs[0].shape == (None, 4, 4, 3)

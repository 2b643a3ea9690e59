"""Objects of the user's own: they come from the module that the user names, and from nowhere else."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edgekit_export.errors import ModelLoadError
from edgekit_export.load import LoadOptions, load_model
from edgekit_export.sources.custom import load_custom_objects

if TYPE_CHECKING:
    from tests.export.conftest import Nets
    from tests.export.sources.conftest import Refusal

pytestmark = pytest.mark.host

GENERATIONS = ("tf-2.4", "keras-3.15")


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_layer_of_the_users_own_needs_the_module_that_defines_it(
    keras_files: Path, refusal: Refusal, generation: str
) -> None:
    path = keras_files / generation / "custom.h5"
    text = refusal(path)
    assert "it needs 'Squash', code of your own that is not in the file" in text
    assert "--custom-objects MODULE.py" in text
    loaded = load_model(path, LoadOptions(custom_objects=keras_files / "custom_layers.py"))
    assert [port.shape for port in loaded.network.outputs] == [(None, 3)]


def test_a_module_beside_the_model_is_not_run_when_nobody_names_it(
    keras_files: Path, refusal: Refusal, tmp_path: Path
) -> None:
    shutil.copyfile(keras_files / "keras-3.15" / "custom.h5", tmp_path / "custom.h5")
    (tmp_path / "custom_layers.py").write_text("open(__file__ + '.ran', 'w')\n")
    refusal(tmp_path / "custom.h5")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["custom.h5", "custom_layers.py"]


def test_what_a_module_defines_is_found_and_what_it_imports_is_not(nets: Nets, tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_edgekit.py").write_text("def borrowed(x):\n    return x\n")
    module = tmp_path / "mine.py"
    module.write_text(
        "import keras\nfrom neighbour_of_edgekit import borrowed\nLIMIT = 6\n"
        "class Squash(keras.layers.Layer):\n    pass\ndef wave(x):\n    return borrowed(x)\n"
    )
    path = list(sys.path)
    found = load_custom_objects(module, nets.keras)
    sys.modules.pop("neighbour_of_edgekit")
    assert sorted(found) == ["Squash", "wave"]
    assert found["wave"](3) == 3
    assert issubclass(found["Squash"], nets.keras.layers.Layer)
    assert sys.path == path
    assert not list(tmp_path.glob("*.pyc"))


@pytest.mark.parametrize("line", ["import keras", "from tensorflow import keras", "import tensorflow.keras as keras"])
def test_a_module_gets_the_keras_that_reads_the_file(nets: Nets, tmp_path: Path, line: str) -> None:
    import tensorflow as tf

    old: Any = pytest.importorskip("tf_keras")
    module = tmp_path / "mine.py"
    module.write_text(f"{line}\nclass Squash(keras.layers.Layer):\n    pass\n")
    today = tf.keras
    for keras in (old, nets.keras, old):
        assert issubclass(load_custom_objects(module, keras)["Squash"], keras.layers.Layer)
        assert tf.keras is today
        assert sys.modules["keras"] is nets.keras


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("raise RuntimeError('no\\nGPU')", "RuntimeError: no GPU"),
        ("import module_that_nobody_has", "ModuleNotFoundError: No module named 'module_that_nobody_has'"),
        ("def broken(:", "SyntaxError: "),
        ("\0", "Error: "),
        ("", "found no class and no function, expected the model's own layers."),
        ("from math import sin\nx = 3\nf = sin", "found no class and no function"),
    ],
)
def test_a_module_that_cannot_be_used_is_refused(
    keras_files: Path, tmp_path: Path, nets: Nets, text: str, found: str
) -> None:
    module = tmp_path / "mine.py"
    module.write_text(text)
    with pytest.raises(ModelLoadError) as caught:
        load_model(keras_files / "keras-3.15" / "custom.h5", LoadOptions(custom_objects=module))
    assert f"--custom-objects {module}: " in str(caught.value)
    assert found in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_module_that_is_missing_stays_an_os_error(keras_files: Path, tmp_path: Path, nets: Nets) -> None:
    with pytest.raises(FileNotFoundError):
        load_model(keras_files / "keras-3.15" / "custom.h5", LoadOptions(custom_objects=tmp_path / "no.py"))


def test_a_module_without_the_layer_that_the_model_needs_is_told_so(
    keras_files: Path, refusal: Refusal, tmp_path: Path
) -> None:
    module = tmp_path / "mine.py"
    module.write_text("class Other:\n    pass\n")
    for generation in GENERATIONS:
        text = refusal(keras_files / generation / "custom.h5", LoadOptions(custom_objects=module))
        assert "it needs 'Squash', code of your own" in text

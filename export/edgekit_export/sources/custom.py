"""`--custom-objects module.py`: the user's own layers, loaded because the user names their file."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edgekit.errors import one_line
from edgekit_export.errors import ModelLoadError

_MODULE_NAME = "edgekit_custom_objects"


def load_custom_objects(path: Path, keras: types.ModuleType) -> Mapping[str, Any]:
    """The classes and functions that a Python file defines, by name. Runs the file.

    Args:
        path: The file.
        keras: The Keras that the file gets where it imports `keras` or `tensorflow.keras`: a layer that derives from
            one Keras cannot be part of a model of the other.

    Raises:
        ModelLoadError: it is not Python, fails, or defines nothing.
        OSError: it cannot be read.
    """
    source = path.read_bytes()
    spec = importlib.util.spec_from_loader(_MODULE_NAME, loader=None, origin=str(path))
    assert spec is not None  # noqa: S101 - a spec without a loader is always made
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(path)
    try:
        with _importable(module, path), _standing_for_keras(keras):
            exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102 - the user asked for it by name
    except Exception as error:  # whatever the user's own code raises
        msg = f"--custom-objects {path}: {type(error).__name__}: {one_line(error)}"
        raise ModelLoadError(msg) from error
    found = {
        name: value
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == _MODULE_NAME and (inspect.isclass(value) or inspect.isfunction(value))
    }
    if not found:
        msg = f"--custom-objects {path}: found no class and no function, expected the model's own layers."
        raise ModelLoadError(msg)
    return found


@contextlib.contextmanager
def _importable(module: types.ModuleType, path: Path) -> Iterator[None]:
    """Classes find their module by name, and the file its neighbours."""
    sys.modules[_MODULE_NAME] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        yield
    finally:
        sys.path.pop(0)


@contextlib.contextmanager
def _standing_for_keras(keras: types.ModuleType) -> Iterator[None]:
    """While it lasts, `import keras` and `import tensorflow.keras` give another Keras than today's."""
    if keras.__name__ == "keras":
        yield
        return
    import tensorflow as tf

    own = {name: module for name, module in sys.modules.items() if f"{name}.".startswith(f"{keras.__name__}.")}
    aliases = {
        f"{other}{name.removeprefix(keras.__name__)}": module
        for name, module in own.items()
        for other in ("keras", "tensorflow.keras")
    }
    before = {name: sys.modules.get(name) for name in aliases}
    attribute = tf.keras
    sys.modules.update(aliases)
    tf.keras = keras
    try:
        yield
    finally:
        tf.keras = attribute
        for name, value in before.items():
            if value is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = value

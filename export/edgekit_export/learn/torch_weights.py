"""The arrays in a PyTorch checkpoint of the old format (before 1.6), read without torch and without running code.

Such a file is five pickles after another, a magic number first, then the raw storages. Only the few names that plain
tensors need are known to the unpickler; whatever else a file asks for is refused.

Source of the format: PyTorch, torch/serialization.py, `_legacy_save`.
"""

from __future__ import annotations

import io
import math
import operator
import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from edgekit_export.errors import ModelLoadError

_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
# What unpickling was seen to raise on damaged files.
_DAMAGE = (
    pickle.UnpicklingError, EOFError, struct.error, LookupError, ValueError, TypeError, AttributeError, ImportError,
    OverflowError, MemoryError, RecursionError, AssertionError,
)  # fmt: skip


@dataclass(frozen=True)
class _Tensor:
    """A view on a storage: where it starts, its shape, and its strides, all in elements."""

    storage: str
    kind: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def read_torch_weights(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a checkpoint by name, float32 or int64.

    Raises:
        ModelLoadError: not such a file, damaged, or with more in it than plain tensors.
        OSError: it cannot be read.
    """
    file = io.BytesIO(path.read_bytes())  # of which no more can be read than there is, whatever a length says
    try:
        if _Unpickler(file).load() != _MAGIC:
            msg = f"{path}: not a PyTorch checkpoint of the format before 1.6."
            raise ModelLoadError(msg)
        _Unpickler(file).load()  # protocol version
        _Unpickler(file).load()  # sizes and byte order of the machine that wrote it
        tensors = _tensors(_Unpickler(file).load())
        dtypes = {tensor.storage: _DTYPES[tensor.kind] for tensor in tensors.values()}
        keys: list[str] = _Unpickler(file).load()
        storages = {key: _read_storage(file, dtypes[key]) for key in keys}
        return {name: _view(storages[tensor.storage], tensor) for name, tensor in tensors.items()}
    except ModelLoadError:
        raise
    except _DAMAGE as error:
        msg = f"{path}: damaged, or not plain tensors ({error}). Install the package that it belongs to again."
        raise ModelLoadError(msg) from error


class _Unpickler(pickle.Unpickler):
    """Knows the names of plain tensors only: nothing in the file is executed."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            # A function of its own each time, and names for dtypes: a file may write on what it is given.
            return lambda *parts: _rebuild(*parts)  # noqa: PLW0108
        if module == "torch" and name in _DTYPES:
            return name
        msg = f"it asks for {module}.{name}"
        raise pickle.UnpicklingError(msg)

    def persistent_load(self, pid: Any) -> tuple[str, str]:
        kind, dtype, key, *_ = pid
        if kind != "storage" or dtype not in _DTYPES:
            msg = f"it asks for {kind!r}"
            raise pickle.UnpicklingError(msg)
        return str(key), dtype


def _rebuild(storage: tuple[str, str], offset: int, shape: Any, stride: Any, *_: Any) -> _Tensor:
    key, kind = storage
    return _Tensor(key, kind, operator.index(offset), _whole_numbers(shape), _whole_numbers(stride))


def _whole_numbers(values: Any) -> tuple[int, ...]:
    return tuple(operator.index(value) for value in values)


def _tensors(found: Any) -> dict[str, _Tensor]:
    if not isinstance(found, dict) or not all(isinstance(tensor, _Tensor) for tensor in found.values()):
        msg = "it holds other things than tensors with names"
        raise TypeError(msg)
    return {str(name): tensor for name, tensor in found.items()}


def _read_storage(file: IO[bytes], dtype: np.dtype[Any]) -> NDArray[Any]:
    (count,) = struct.unpack("<q", file.read(8))
    if count < 0:
        msg = f"a storage of {count} numbers"
        raise ValueError(msg)
    return np.frombuffer(file.read(count * dtype.itemsize), dtype, count)


def _view(storage: NDArray[Any], tensor: _Tensor) -> NDArray[Any]:
    if math.prod(tensor.shape) > len(storage):
        msg = f"a tensor of shape {tensor.shape} has more elements than its storage"
        raise ValueError(msg)
    steps = list(zip(tensor.shape, tensor.stride, strict=True))
    last = tensor.offset + sum((side - 1) * step for side, step in steps)
    if min((tensor.offset, *tensor.stride, *tensor.shape, 0)) < 0 or last >= len(storage):
        msg = f"a tensor of shape {tensor.shape} reaches beyond its storage"
        raise ValueError(msg)
    strides = [step * storage.itemsize for step in tensor.stride]
    view = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides, writeable=False)
    return np.ascontiguousarray(view).reshape(tensor.shape)

"""Checkpoints of PyTorch's old format: read without torch, and nothing in them is run."""

from __future__ import annotations

import io
import os
import pickle
import random
import struct
import subprocess
import sys
import tracemalloc
import types
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit_export.errors import ModelLoadError
from edgekit_export.learn import torch_weights
from edgekit_export.learn.torch_weights import read_torch_weights

MAGIC = 0x1950A86A20F9469CFC6C
STORAGES: dict[str, NDArray[Any]] = {
    "0": np.arange(24, dtype="<f4") / 7,
    "1": np.array([3, -1, 2**40], "<i8"),
}


class FakeTorch:
    """Writes what `torch.save` of torch 1.5 writes, from arrays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

        def _rebuild_tensor_v2(*_: object) -> None:
            raise AssertionError

        _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
        vars(utils)["_rebuild_tensor_v2"] = self.rebuild = _rebuild_tensor_v2
        self.kinds = {}
        for name in ("FloatStorage", "LongStorage", "HalfStorage"):
            vars(torch)[name] = self.kinds[name] = type(name, (), {"__module__": "torch", "__qualname__": name})
        monkeypatch.setitem(sys.modules, "torch", torch)
        monkeypatch.setitem(sys.modules, "torch._utils", utils)

    def tensor(self, key: str, kind: str, offset: Any, shape: Any, stride: Any) -> Any:
        rebuild, storage = self.rebuild, _Storage(self.kinds[kind], key)
        return _Reduced((rebuild, (storage, offset, shape, stride, False, OrderedDict())))

    def checkpoint(self, found: Any, *, magic: int = MAGIC, keys: Any = ("0", "1"), counts: Any = None) -> bytes:
        out = io.BytesIO()
        for part in (magic, 1001, {"little_endian": True}, found, list(keys)):
            _Pickler(out, protocol=2).dump(part)
        for key, values in STORAGES.items():
            out.write(struct.pack("<q", (counts or {}).get(key, len(values))) + values.tobytes())
        return out.getvalue()

    def usual(self) -> Any:
        return OrderedDict(
            whole=self.tensor("0", "FloatStorage", 0, (2, 3, 4), (12, 4, 1)),
            turned=self.tensor("0", "FloatStorage", 1, (4, 2), (1, 12)),
            steps=self.tensor("1", "LongStorage", 2, (), ()),
            none=self.tensor("1", "LongStorage", 0, (0, 3), (3, 1)),
        )


class _Storage:
    def __init__(self, kind: type, key: str) -> None:
        self.pid = ("storage", kind, key, "cpu", 24, None)


class _Reduced:
    def __init__(self, how: Any) -> None:
        self.how = how

    def __reduce__(self) -> Any:
        return self.how


class _Pickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> Any:
        return value.pid if isinstance(value, _Storage) else None


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> FakeTorch:
    return FakeTorch(monkeypatch)


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], dict[str, NDArray[Any]]]:
    def reading(data: bytes) -> dict[str, NDArray[Any]]:
        path = tmp_path / "weights.pth"
        path.write_bytes(data)
        return read_torch_weights(path)

    return reading


Read = Callable[[bytes], dict[str, NDArray[Any]]]


def test_tensors_are_views_on_storages(torch: FakeTorch, read: Read) -> None:
    found = read(torch.checkpoint(torch.usual()))
    assert list(found) == ["whole", "turned", "steps", "none"]
    np.testing.assert_array_equal(found["whole"], STORAGES["0"].reshape(2, 3, 4))
    np.testing.assert_array_equal(found["turned"], STORAGES["0"].reshape(2, 12).T[1:5])
    assert found["steps"].shape == ()
    assert found["steps"] == 2**40
    assert found["none"].shape == (0, 3)
    assert [array.dtype.str for array in found.values()] == ["<f4", "<f4", "<i8", "<i8"]


def test_the_last_element_may_be_used_and_none_behind_it(torch: FakeTorch, read: Read) -> None:
    fits = torch.checkpoint({"x": torch.tensor("0", "FloatStorage", 20, (2, 2), (2, 1))}, keys="0")
    np.testing.assert_array_equal(read(fits)["x"].ravel(), STORAGES["0"][20:])


Part = Callable[[FakeTorch], Any]
HOSTILE: dict[str, tuple[Part, str]] = {
    "beyond its storage": (lambda t: t.tensor("0", "FloatStorage", 21, (2, 2), (2, 1)), "reaches beyond its storage"),
    "far beyond": (lambda t: t.tensor("0", "FloatStorage", 0, (2,), (2**62,)), "reaches beyond its storage"),
    "before its storage": (lambda t: t.tensor("0", "FloatStorage", -1, (2,), (1,)), "reaches beyond its storage"),
    "backwards": (lambda t: t.tensor("0", "FloatStorage", 5, (3,), (-1,)), "reaches beyond its storage"),
    "a negative side": (lambda t: t.tensor("0", "FloatStorage", 0, (-2, -2), (1, 1)), "reaches beyond its storage"),
    "one number a million times": (
        lambda t: t.tensor("0", "FloatStorage", 0, (10**9, 10**9), (0, 0)),
        "has more elements than its storage",
    ),
    "sides without strides": (lambda t: t.tensor("0", "FloatStorage", 0, (2, 2), (1,)), "damaged"),
    "half a side": (lambda t: t.tensor("0", "FloatStorage", 0, (1.5,), (1,)), "damaged"),
    "a shape that is text": (lambda t: t.tensor("0", "FloatStorage", 0, "22", (1, 1)), "damaged"),
    "another kind of numbers": (lambda t: t.tensor("0", "HalfStorage", 0, (2,), (1,)), "asks for torch.HalfStorage"),
    "a storage that is not there": (lambda t: t.tensor("7", "FloatStorage", 0, (2,), (1,)), "damaged"),
    "two kinds in one storage": (lambda t: [t.tensor("0", "LongStorage", 0, (20,), (1,))], "other things than tensors"),
    "a number": (lambda _: 7, "holds other things than tensors"),
    "a command": (lambda _: _Reduced((os.system, ("touch {marker}",))), "asks for posix.system"),
    "eval": (lambda _: _Reduced((eval, ("open('{marker}', 'w')",))), "asks for .*builtin.*.eval"),
    "exec by name": (lambda _: _Reduced((exec, ("open('{marker}', 'w')",))), "asks for .*builtin.*.exec"),
    "a process": (lambda _: _Reduced((subprocess.Popen, (["touch", "{marker}"],))), "asks for .*.Popen"),
    "getattr": (lambda _: _Reduced((getattr, (OrderedDict, "mro"))), "asks for .*builtin.*.getattr"),
    "numpy": (lambda _: np.float32(1), "asks for numpy"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_whatever_a_checkpoint_asks_for_nothing_is_run(torch: FakeTorch, read: Read, tmp_path: Path, kind: str) -> None:
    part: Part
    part, said = HOSTILE[kind]
    marker = tmp_path / "ran"
    data = torch.checkpoint({"x": part(torch)}, keys="0").replace(b"{marker}", os.fsencode(marker))
    # The text is longer now; its length stands before it.
    data = data.replace(struct.pack("<I", len("touch {marker}")), struct.pack("<I", len(f"touch {marker}")))
    with pytest.raises(ModelLoadError, match=said) as caught:
        read(data)
    assert "weights.pth: " in str(caught.value)
    assert "Install the package that it belongs to again." in str(caught.value)
    assert not marker.exists()


def test_the_marker_would_show_that_something_ran(torch: FakeTorch, tmp_path: Path) -> None:
    """The test above can fail: the same command, read by Python's own unpickler, leaves its mark."""
    marker = tmp_path / "ran"
    pickle.loads(pickle.dumps(_Reduced((os.system, (f"touch {marker}",)))))  # noqa: S301
    assert marker.exists()


def test_what_a_file_writes_on_is_its_own(read: Read) -> None:
    """BUILD sets attributes on whatever was named: the next file must not meet them."""
    build = b"ctorch._utils\n_rebuild_tensor_v2\nN}X\x04\0\0\0markK\x07s\x86b."
    with pytest.raises(ModelLoadError, match="other things than tensors"):
        read(b"".join(pickle.dumps(part, protocol=2) for part in (MAGIC, 1001, dict[str, int]())) + b"\x80\x02" + build)
    assert not hasattr(torch_weights._rebuild, "mark")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"magic": 7}, "not a PyTorch checkpoint of the format before 1.6"),
        ({"keys": ("0", "9")}, "damaged"),
        ({"keys": (["0"],)}, "damaged"),
        ({"counts": {"0": -1}}, "a storage of -1 numbers"),
        ({"counts": {"0": 2**62}}, "damaged"),
        ({"counts": {"1": 4}}, "damaged"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    torch: FakeTorch, read: Read, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(ModelLoadError, match=said):
        read(torch.checkpoint(torch.usual(), **change))


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04 a newer checkpoint is a ZIP", b"\x89HDF\r\n\x1a\n", b"\x80\x02.", b"{}"]
)
def test_other_files_are_refused(read: Read, data: bytes) -> None:
    with pytest.raises(ModelLoadError, match=r"weights\.pth: "):
        read(data)


def test_a_missing_file_is_a_system_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_torch_weights(tmp_path / "no.pth")


def test_cut_files_are_refused_wherever_they_end(torch: FakeTorch, read: Read) -> None:
    whole = torch.checkpoint(torch.usual())
    for end in range(len(whole)):
        with pytest.raises(ModelLoadError):
            read(whole[:end])


def test_damaged_files_end_in_one_kind_of_error(
    torch: FakeTorch, read: Read, mutate: Callable[[bytes, int], bytes]
) -> None:
    whole = torch.checkpoint(torch.usual())
    refused = 0
    tracemalloc.start()
    for seed in range(1000):
        data = mutate(whole, seed)
        if random.Random(seed).random() < 0.2:  # noqa: S311
            data = data[: random.Random(seed).randrange(len(data))]  # noqa: S311
        try:
            found = read(data)
        except ModelLoadError:
            refused += 1
        else:
            assert all(array.size <= 24 for array in found.values())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 200 < refused < 1000
    assert most < 200_000_000

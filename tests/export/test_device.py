"""A runtime in a process of its own: right answers, and a crash told as what it is."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.card import Family
from edgekit.runtime import DISTRIBUTIONS, Engine, Kernels, RuntimeName, installed_runtimes
from edgekit.scores import dequantize
from edgekit_export import device
from edgekit_export.device import DeviceRuntime, open_family, try_runtimes
from edgekit_export.errors import VerificationError

needs_litert = pytest.mark.skipif("litert" not in installed_runtimes(), reason="ai-edge-litert is not installed")
pytestmark = needs_litert


def gone(pid: int) -> bool:
    """Whether a process has ended and its parent has taken note; a zombie still answers."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def use_worker(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(device, "start_code", lambda _: [sys.executable, "-c", code])


@pytest.mark.parametrize("kernels", ["default", "reference"])
def test_it_answers_as_an_engine_in_this_process(
    tiny_graph: bytes, photo: NDArray[np.uint8], runtime_name: RuntimeName, kernels: Kernels
) -> None:
    engine = Engine(tiny_graph, runtime=runtime_name, kernels=kernels)
    with DeviceRuntime(tiny_graph, runtime_name, kernels) as found:
        assert (found.version, found.input_size_bytes) == (engine.version, 16 * 12 * 3)
        assert (found.output_shape, found.output_dtype.name) == ((1, 3), "uint8")
        assert (found.output_scale, found.output_zero_point) == (1 / 256, 0)
        assert found.name == engine.description.replace(",", "")
        for pixels in (photo, photo[::-1]):
            wanted = engine.run(pixels[None])[0]
            assert np.array_equal(found.run(pixels, "a photo"), wanted)
            found.send(pixels, "a photo")
            assert np.array_equal(found.receive_scores("a photo"), dequantize(wanted, 1 / 256, 0))
        pid = found._process.pid
        assert not gone(pid)
    assert gone(pid)


def test_a_float_model_takes_and_gives_floats(
    tiny_float: bytes, photo: NDArray[np.uint8], runtime_name: RuntimeName
) -> None:
    engine = Engine(tiny_float, runtime=runtime_name)
    with DeviceRuntime(tiny_float, runtime_name, "default") as found:
        assert (found.input_size_bytes, found.output_shape) == (4 * 16 * 12 * 3, (1, 3))
        assert found.output_dtype == np.float32
        for pixels in (photo, photo[::-1]):
            tensor = pixels[None].astype(np.float32) / 255
            wanted = engine.run(tensor)[0]
            answer = found.run(tensor, "a photo")
            assert (answer.dtype.name, answer.shape) == ("float32", (3,))
            assert np.array_equal(answer, wanted)
            found.send(np.ascontiguousarray(tensor), "a photo")
            assert np.array_equal(found.receive_scores("a photo"), wanted)


def test_a_model_that_is_refused_names_the_runtime(
    runtime_name: RuntimeName, children: Callable[[int], list[int]]
) -> None:
    before = children(os.getpid())
    with pytest.raises(VerificationError, match=r"^(ai-edge-litert|tflite-runtime) [\d.]+ refuses the model: "):
        DeviceRuntime(b"\0\0\0\0TFL3 and then nothing", runtime_name, "default")
    assert children(os.getpid()) == before


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
@pytest.mark.parametrize("sent", [False, True])
def test_a_crash_names_runtime_signal_and_photo(
    tiny_graph: bytes, photo: NDArray[np.uint8], number: signal.Signals, sent: bool
) -> None:
    with DeviceRuntime(tiny_graph, "litert", "reference") as found:
        if sent:
            os.kill(found._process.pid, signal.SIGSTOP)  # it must not answer before it dies
            found.send(photo, "leaf.jpg")
        os.kill(found._process.pid, number)
        os.kill(found._process.pid, signal.SIGCONT)
        with pytest.raises(VerificationError) as caught:
            found.receive("leaf.jpg") if sent else found.run(photo, "leaf.jpg")
    assert str(caught.value) == (
        f"ai-edge-litert {found.version} reference kernels crashed (signal {number.name}) on leaf.jpg. "
        "The file would crash devices with this runtime."
    )
    assert gone(found._process.pid)


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("import sys; sys.exit(7)", r"\(exit code 7\)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", r"\(signal SIGSEGV\)"),
        ("print('{\"half\": ', end='')", r"\(exit code 0\)"),
    ],
)
@pytest.mark.parametrize("padding", [0, 1 << 20])
def test_a_crash_on_loading_says_so(
    tiny_graph: bytes,
    monkeypatch: pytest.MonkeyPatch,
    children: Callable[[int], list[int]],
    code: str,
    how: str,
    padding: int,
) -> None:
    use_worker(monkeypatch, code)
    before = children(os.getpid())
    with pytest.raises(VerificationError, match=rf"^ai-edge-litert of unknown version crashed {how} on loading the"):
        DeviceRuntime(tiny_graph + bytes(padding), "litert", "default")
    assert children(os.getpid()) == before


def test_a_worker_that_exits_between_photos_is_a_crash(
    tiny_graph: bytes, photo: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = f"import sys; sys.path[:] = {sys.path!r}; from edgekit_export import worker"
    use_worker(monkeypatch, f"{start}; worker._serve = lambda *a: sys.exit(3); worker.main()")
    with (
        DeviceRuntime(tiny_graph, "litert", "default") as found,
        pytest.raises(VerificationError, match=r"crashed \(exit code 3\) on leaf.jpg"),
    ):
        found.run(photo, "leaf.jpg")


def test_a_photo_that_fails_is_named_with_the_runtimes_reason(
    tiny_graph: bytes, photo: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = f"import sys; sys.path[:] = {sys.path!r}; from edgekit_export import worker"
    broken = "def run(*_): raise worker.EdgekitError('node 3 failed')\nworker.Engine.run = run\nworker.main()"
    use_worker(monkeypatch, f"{start}\n{broken}")
    with (
        DeviceRuntime(tiny_graph, "litert", "default") as found,
        pytest.raises(VerificationError, match=r"^leaf.jpg: node 3 failed$"),
    ):
        found.run(photo, "leaf.jpg")


def test_a_module_in_the_current_folder_shadows_nothing(
    tiny_graph: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("numpy", "json", "edgekit"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(99)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    DeviceRuntime(tiny_graph, "litert", "default").close()


def test_each_family_runs_in_the_runtime_nearest_to_devices(tiny_graph: bytes) -> None:
    for family, wanted in (("xnnpack", "litert"), ("reference", "tflite")):
        found, refused = open_family(tiny_graph, family)  # type: ignore[arg-type] # literals in a tuple
        with found:
            assert found.runtime == (wanted if wanted in installed_runtimes() else "litert")
            assert found.distribution == DISTRIBUTIONS[found.runtime]
            assert found.is_portable == (family == "xnnpack" or found.runtime == "tflite")
            assert found.kernels == device.FAMILY_KERNELS[family]  # type: ignore[index] # as above
        assert refused == {}


class Picky:
    """A DeviceRuntime that refuses in some runtimes."""

    refusing: tuple[str, ...] = ()

    def __init__(self, _model: bytes, runtime: str, kernels: str) -> None:
        if runtime in self.refusing:
            raise VerificationError(f"{runtime} refuses version 9 of CONV_2D")
        self.runtime, self.kernels = runtime, kernels


@pytest.mark.parametrize(
    ("family", "installed", "refusing", "wanted"),
    [
        ("reference", ("litert", "tflite"), (), ("tflite", "reference", {})),
        (
            "reference",
            ("litert", "tflite"),
            ("tflite",),
            ("litert", "reference", {"tflite-runtime": "tflite refuses version 9 of CONV_2D"}),
        ),
        ("reference", ("litert",), (), ("litert", "reference", {})),
        ("xnnpack", ("litert", "tflite"), (), ("litert", "default", {})),
    ],
)
def test_a_refusal_is_recorded_and_the_next_runtime_taken(
    monkeypatch: pytest.MonkeyPatch,
    family: Family,
    installed: tuple[str, ...],
    refusing: tuple[str, ...],
    wanted: tuple[str, str, dict[str, str]],
) -> None:
    monkeypatch.setattr(device, "DeviceRuntime", type("_", (Picky,), {"refusing": refusing}))
    monkeypatch.setattr(device, "installed_runtimes", lambda: installed)
    found, refused = open_family(b"", family)
    assert (found.runtime, found.kernels, refused) == wanted


@pytest.mark.parametrize(
    ("installed", "reason"),
    [
        (("litert", "tflite"), "tflite refuses version 9 of CONV_2D; litert refuses version 9 of CONV_2D"),
        ((), "no TFLite runtime is installed. Run: pip install ai-edge-litert"),
    ],
)
def test_where_no_runtime_takes_the_model_all_reasons_are_told(
    monkeypatch: pytest.MonkeyPatch, installed: tuple[str, ...], reason: str
) -> None:
    monkeypatch.setattr(device, "DeviceRuntime", type("_", (Picky,), {"refusing": ("litert", "tflite")}))
    monkeypatch.setattr(device, "installed_runtimes", lambda: installed)
    with pytest.raises(VerificationError) as caught:
        open_family(b"", "reference")
    assert str(caught.value) == reason


def test_every_installed_runtime_is_tried(tiny_graph: bytes, tiny_float: bytes) -> None:
    found = try_runtimes(tiny_graph)
    assert [name.split()[0] for name, _ in found] == [DISTRIBUTIONS[name] for name in installed_runtimes()]
    assert [reason for _, reason in found] == [None] * len(found)
    assert try_runtimes(tiny_float) == found
    assert all("refuses the model" in (reason or "") for _, reason in try_runtimes(b"\0\0\0\0TFL3, broken"))

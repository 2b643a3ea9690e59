import base64
import importlib.util
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.card import Golden, ModelCard
from edgekit.errors import InferenceError, RuntimeUnavailableError
from edgekit.golden import golden_input
from edgekit.runtime import DISTRIBUTIONS, Engine, Kernels, RuntimeName, installed_runtimes

EditGraph = Callable[[bytes, Callable[[Any], None]], bytes]


def golden_rows(engine: Engine, golden: Golden) -> tuple[str, ...]:
    outputs = (engine.run(golden_input(seed, 16, 12, 3)) for seed in golden.seeds)
    return tuple(base64.b64encode(output.tobytes()).decode() for output in outputs)


def test_the_engine_knows_its_runtime_and_tensors(runtime_name: RuntimeName, tiny_graph: bytes) -> None:
    engine = Engine(tiny_graph, runtime=runtime_name)
    assert engine.runtime == runtime_name
    assert engine.description == f"{DISTRIBUTIONS[runtime_name]} {engine.version}"
    assert (engine.input.shape, engine.input.dtype.name, engine.input.zero_point) == ((1, 16, 12, 3), "uint8", 0)
    assert (engine.output.shape, engine.output.dtype.name, engine.output.scale) == ((1, 3), "uint8", 1 / 256)
    reference = Engine(tiny_graph, runtime=runtime_name, kernels="reference")
    assert reference.description.endswith(", reference kernels")


def test_litert_computes_the_xnnpack_family(tiny_graph: bytes, tiny_card: ModelCard) -> None:
    pytest.importorskip("ai_edge_litert")
    golden = tiny_card.golden
    assert golden is not None
    assert golden_rows(Engine(tiny_graph, runtime="litert"), golden) == golden.outputs_base64["xnnpack"]


def test_reference_kernels_give_the_same_bits_in_every_runtime(
    runtime_name: RuntimeName, tiny_graph: bytes, tiny_card: ModelCard
) -> None:
    golden = tiny_card.golden
    assert golden is not None
    engine = Engine(tiny_graph, runtime=runtime_name, kernels="reference")
    assert golden_rows(engine, golden) == golden.outputs_base64["reference"]


@pytest.mark.parametrize("kernels", ["default", "reference"])
def test_more_threads_change_no_bit(
    kernels: Kernels, runtime_name: RuntimeName, tiny_graph: bytes, photo: NDArray[np.uint8]
) -> None:
    outputs = [
        Engine(tiny_graph, runtime=runtime_name, kernels=kernels, num_threads=n).run(photo[None]) for n in (1, 2, 4)
    ]
    assert np.array_equal(outputs[0], outputs[1])
    assert np.array_equal(outputs[0], outputs[2])


def test_the_runtime_is_asked_for_threads_and_kernels(tiny_graph: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    asked: dict[str, Any] = {}

    def refuse(**options: Any) -> None:
        asked.update(options)
        msg = "not today"
        raise ValueError(msg)

    monkeypatch.setattr(interpreter, "Interpreter", refuse)
    with pytest.raises(InferenceError, match="refuses the model: not today"):
        Engine(tiny_graph, runtime="litert", kernels="reference", num_threads=3)
    assert (asked["num_threads"], asked["model_content"]) == (3, tiny_graph)
    assert asked["experimental_op_resolver_type"] == interpreter.OpResolverType.BUILTIN_REF


@pytest.mark.parametrize("num_threads", [0, -1])
def test_fewer_than_one_thread_is_the_callers_error(num_threads: int, tiny_graph: bytes) -> None:
    with pytest.raises(ValueError, match=f"num_threads is {num_threads}, expected at least 1"):
        Engine(tiny_graph, num_threads=num_threads)


def test_a_result_stays_when_the_engine_runs_again(runtime_name: RuntimeName, tiny_graph: bytes) -> None:
    engine = Engine(tiny_graph, runtime=runtime_name)
    first = engine.run(golden_input(0, 16, 12, 3))
    kept = first.copy()
    assert not np.array_equal(engine.run(golden_input(1, 16, 12, 3)), kept)
    assert np.array_equal(first, kept)


@pytest.mark.parametrize("tensor", [np.zeros((1, 8, 8, 3), np.uint8), np.zeros((1, 16, 12, 3), np.float32)])
def test_a_tensor_that_does_not_fit_is_an_inference_error(
    tensor: NDArray[Any], runtime_name: RuntimeName, tiny_graph: bytes
) -> None:
    with pytest.raises(InferenceError, match=f"{DISTRIBUTIONS[runtime_name]} .* failed to run the model: ") as refused:
        Engine(tiny_graph, runtime=runtime_name).run(tensor)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("runtime", "kernels", "machine", "family"),
    [
        ("litert", "default", "x86_64", "xnnpack"),
        ("litert", "default", "aarch64", "xnnpack"),
        ("litert", "reference", "x86_64", None),
        ("tflite", "default", "aarch64", "reference"),
        ("tflite", "default", "armv7l", "reference"),
        ("tflite", "default", "arm64", "reference"),
        ("tflite", "default", "x86_64", None),
        ("tflite", "default", "AMD64", None),
        ("tflite", "reference", "x86_64", "reference"),
    ],
)
def test_the_expected_family_follows_runtime_and_machine(
    *,
    runtime: RuntimeName,
    kernels: Kernels,
    machine: str,
    family: str | None,
    tiny_graph: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if runtime not in installed_runtimes() or (runtime == "tflite" and np.__version__.startswith("2")):
        pytest.skip(f"{runtime} cannot work here")
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert Engine(tiny_graph, runtime=runtime, kernels=kernels).expected_family == family


def pretend_installed(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name in modules else None)


def test_litert_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_installed(monkeypatch, "tflite_runtime", "ai_edge_litert")
    assert installed_runtimes() == ("litert", "tflite")


@pytest.mark.parametrize(
    ("runtime", "words"),
    [
        ("auto", "no TFLite runtime is installed. Run: pip install ai-edge-litert"),
        ("litert", "ai-edge-litert is not installed. Run: pip install ai-edge-litert"),
        ("tflite", "tflite-runtime is not installed. Run: pip install tflite-runtime"),
    ],
)
def test_a_missing_runtime_is_named_with_the_command_to_type(
    runtime: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_installed(monkeypatch)
    with pytest.raises(RuntimeUnavailableError, match=words):
        Engine(b"", runtime=runtime)


def test_tflite_runtime_beside_numpy_2_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_installed(monkeypatch, "tflite_runtime")
    monkeypatch.setattr(np, "__version__", "2.1.0")
    with pytest.raises(RuntimeUnavailableError, match=r"cannot work with numpy 2\.1\.0\. Run: pip install 'numpy<2'"):
        Engine(b"")


@pytest.mark.parametrize(("runtime", "module"), [("litert", "ai_edge_litert"), ("tflite", "tflite_runtime")])
def test_an_installed_runtime_that_cannot_be_imported_is_named(
    runtime: RuntimeName, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_installed(monkeypatch, module)
    monkeypatch.setattr(np, "__version__", "1.26.4")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RuntimeUnavailableError, match=f"{DISTRIBUTIONS[runtime]} is installed but cannot be imported"):
        Engine(b"", runtime=runtime)


def test_a_model_too_large_for_the_memory_is_an_inference_error(
    tiny_graph: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")

    def refuse(**_: Any) -> None:
        msg = "std::bad_alloc"
        raise MemoryError(msg)

    monkeypatch.setattr(interpreter, "Interpreter", refuse)
    with pytest.raises(InferenceError, match="refuses the model: std::bad_alloc"):
        Engine(tiny_graph, runtime="litert")


def test_a_tensor_name_that_is_no_text_is_an_inference_error(
    runtime_name: RuntimeName, tiny_graph: bytes, edit_graph: EditGraph
) -> None:
    broken = edit_graph(tiny_graph, lambda model: setattr(model.subgraphs[0].tensors[0], "name", b"\xff\xfe"))
    with pytest.raises(InferenceError, match="refuses the model: 'utf-8' codec"):
        Engine(broken, runtime=runtime_name)


REFUSE = """
import sys
from edgekit.classifier import Classifier
from edgekit.errors import EdgekitError, InferenceError
from edgekit.runtime import Engine

runtime, graph = sys.argv[1], open(sys.argv[2], "rb").read()
for data in (b"", b"no model", b"\\0" * 5000):
    try:
        Engine(data, runtime=runtime)
    except InferenceError:
        print("refused")
for end in range(100, len(graph), 500):
    try:
        Classifier(graph[:end], runtime=runtime, labels=("a", "b", "c"))
    except EdgekitError:
        print("refused")
"""


def test_broken_models_are_refused_and_the_process_lives(
    runtime_name: RuntimeName, tiny_graph: bytes, tmp_path: Any
) -> None:
    path = tmp_path / "graph.tflite"
    path.write_bytes(tiny_graph)
    found = subprocess.run(
        [sys.executable, "-c", REFUSE, runtime_name, path], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("refused") == 3 + len(range(100, len(tiny_graph), 500))


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads take turns a thousand times as often as usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 1000)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("restless")
def test_threads_that_share_an_engine_get_the_outputs_that_one_gets(
    runtime_name: RuntimeName, tiny_graph: bytes
) -> None:
    engine = Engine(tiny_graph, runtime=runtime_name)
    inputs = [golden_input(seed, 16, 12, 3) for seed in range(8)] * 25
    wanted = [engine.run(tensor).tobytes() for tensor in inputs]
    assert len(set(wanted)) > 4
    with ThreadPoolExecutor(8) as pool:
        assert [output.tobytes() for output in pool.map(engine.run, inputs)] == wanted


def test_a_tensor_that_does_not_fit_leaves_the_engine_to_other_threads(
    runtime_name: RuntimeName, tiny_graph: bytes
) -> None:
    engine = Engine(tiny_graph, runtime=runtime_name)
    wanted = engine.run(golden_input(0, 16, 12, 3))
    with pytest.raises(InferenceError):
        engine.run(np.zeros((1, 8, 8, 3), np.uint8))
    with ThreadPoolExecutor(1) as pool:
        assert np.array_equal(pool.submit(engine.run, golden_input(0, 16, 12, 3)).result(timeout=60), wanted)

"""What several tests share: tiny graphs and a packed model file, the runtimes at hand, the command line, other data."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import importlib
import importlib.util
import io
import json
import os
import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from edgekit.card import Golden, InputSpec, ModelCard, OutputSpec
from edgekit.golden import GENERATOR, SEEDS
from edgekit.modelfile import pack_model_file
from edgekit.runtime import RuntimeName
from edgekit.tflite import Graph

DATA = Path(__file__).parent / "data"

# No property is about time, and a busy machine would break it at random; every run tries the same examples.
settings.register_profile("edgekit", deadline=None, derandomize=True)
settings.load_profile("edgekit")
# A shell's background jobs ignore Ctrl-C, and what they start inherits that; tests send it, to themselves and others.
signal.signal(signal.SIGINT, signal.default_int_handler)
LABELS = ("ant", "bee", "cat, big")
NUMPY_2 = int(np.__version__.partition(".")[0]) >= 2

if not NUMPY_2:
    with contextlib.suppress(ImportError):
        # Loaded after TensorFlow, which tests of the exporter import, it reads models wrongly; before, both work.
        importlib.import_module("tflite_runtime.interpreter")

EditGraph = Callable[[bytes, Callable[[Any], None]], bytes]
RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def tiny_graph() -> bytes:
    """A uint8 graph, 16x12x3 -> 3 probabilities, without metadata; see data/make_tiny.py."""
    return (DATA / "tiny_graph.tflite").read_bytes()


@pytest.fixture(scope="session")
def tiny_float() -> bytes:
    """The same network in float32, 0..1 -> 3 logits."""
    return (DATA / "tiny_float.tflite").read_bytes()


@pytest.fixture(scope="session")
def tiny_card(tiny_graph: bytes) -> ModelCard:
    outputs = json.loads((DATA / "tiny_golden.json").read_text())
    return ModelCard(
        name="tiny",
        input=InputSpec(16, 12, 3, mean=(0.0,), std=(1 / Graph(tiny_graph).inputs[0].scale,)),
        output=OutputSpec(kind="probabilities", activation="softmax", labels=LABELS),
        golden=Golden(GENERATOR, SEEDS, {family: tuple(rows) for family, rows in outputs.items()}),
    )


@pytest.fixture(scope="session")
def tiny_model(tiny_graph: bytes, tiny_card: ModelCard) -> bytes:
    """A whole model file, as the exporter writes it."""
    return pack_model_file(tiny_graph, tiny_card)


@pytest.fixture
def tiny_path(tmp_path: Path, tiny_model: bytes) -> Path:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny_model)
    return path


@pytest.fixture(scope="session")
def photo() -> NDArray[np.uint8]:
    """Pixels of the tiny graph's own size, so that nothing is resized."""
    return np.random.default_rng(0).integers(0, 256, (16, 12, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def edit_graph() -> EditGraph:
    """`edit_graph(data, change)`: the graph after `change` was called with its schema object (a `ModelT`)."""
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="needs ai-edge-litert's schema")
    import flatbuffers

    def edited(data: bytes, change: Callable[[Any], None]) -> bytes:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data))
        change(model)
        builder = flatbuffers.Builder(len(data))
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    return edited


@pytest.fixture(scope="session")
def agrees_with_schema() -> Callable[[bytes], None]:
    """`agrees_with_schema(data)` holds our reader against the classes that Google generates from the schema."""
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="needs ai-edge-litert's schema")

    def compare(data: bytes) -> None:
        ours, theirs = Graph(data), schema.ModelT.InitFromObj(schema.Model.GetRootAs(data))
        subgraph = theirs.subgraphs[0]
        assert [t.index for t in ours.inputs] == list(subgraph.inputs)
        assert [t.index for t in ours.outputs] == list(subgraph.outputs)
        assert len(ours.tensors) == len(subgraph.tensors)
        type_names = {v: k.lower() for k, v in vars(schema.TensorType).items() if isinstance(v, int)}
        for a, b in zip(ours.tensors, subgraph.tensors, strict=True):
            q = b.quantization
            assert (a.name, list(a.shape), a.buffer) == (b.name.decode(), list(_or_empty(b.shape)), b.buffer)
            assert a.dtype == type_names[b.type]
            assert list(a.scales) == list(_or_empty(q and q.scale))
            assert list(a.zero_points) == list(_or_empty(q and q.zeroPoint))
            assert a.quantized_dimension == (q.quantizedDimension if q else 0)
            assert bytes(ours.buffer(a.buffer)) == bytes(bytearray(_or_empty(theirs.buffers[a.buffer].data)))
        assert len(ours.operators) == len(subgraph.operators)
        for node, op in zip(ours.operators, subgraph.operators, strict=True):
            code = theirs.operatorCodes[op.opcodeIndex]
            assert node.code == max(code.builtinCode, code.deprecatedBuiltinCode)
            assert (node.version, node.custom_name) == (code.version, (code.customCode or b"").decode())
            assert (list(node.inputs), list(node.outputs)) == (list(op.inputs), list(op.outputs))
            assert node.options_type == op.builtinOptionsType
        entries = {m.name.decode(): bytes(theirs.buffers[m.buffer].data) for m in theirs.metadata or []}
        assert {name: bytes(blob) for name, blob in ours.metadata.items()} == entries

    return compare


def _or_empty(values: Any) -> Any:
    return () if values is None else values


@pytest.fixture(params=["litert", "tflite"])
def runtime_name(request: pytest.FixtureRequest) -> RuntimeName:
    """Each runtime in turn; skips one that cannot work here."""
    name: RuntimeName = request.param
    module = {"litert": "ai_edge_litert", "tflite": "tflite_runtime"}[name]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    if name == "tflite" and NUMPY_2:
        pytest.skip("tflite-runtime cannot work with numpy 2")
    return name


@pytest.fixture(scope="session")
def run_bare() -> Callable[[RuntimeName, bytes, NDArray[Any]], NDArray[Any]]:
    """`run_bare(runtime_name, data, tensor)`: the flat output of an interpreter without anything of ours."""

    def run(name: RuntimeName, data: bytes, tensor: NDArray[Any]) -> NDArray[Any]:
        module = importlib.import_module(
            {"litert": "ai_edge_litert", "tflite": "tflite_runtime"}[name] + ".interpreter"
        )
        interpreter = module.Interpreter(model_content=data, num_threads=1)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tensor)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])).reshape(-1)

    return run


@pytest.fixture
def run_edgekit(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> RunCommand:
    """`run_edgekit("info", path)` in this process: exit code, and what native code and Python wrote."""
    from edgekit.cli import main

    def run(*arguments: str | os.PathLike[str], stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfd.readouterr()
        words = [os.fspath(argument) for argument in arguments]
        with pytest.raises(SystemExit) as left:
            main(words)
        gc.unfreeze()  # the process of the tests goes on, other than that of a command
        out, err = capfd.readouterr()
        assert isinstance(left.value.code, int)
        return subprocess.CompletedProcess(words, left.value.code, out, err)

    return run


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Other people's models and photos, never part of the repository."""
    folder = Path(os.environ.get("EDGEKIT_DATA", Path(__file__).parents[2] / "shared"))
    if not (folder / "models" / "tflite").is_dir():
        pytest.skip(f"no third-party models in {folder}; set EDGEKIT_DATA to the folder that has models/tflite")
    return folder


@pytest.fixture(scope="session")
def third_party(shared_data: Path) -> Path:
    return shared_data / "models" / "tflite"


@pytest.fixture(scope="session")
def mutate() -> Callable[[bytes, int], bytes]:
    """`mutate(data, seed)`: the bytes with a few of them changed, the way damage and attackers do."""
    words = (0, 1, 2, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

    def damaged(data: bytes, seed: int) -> bytes:
        chance, found = random.Random(seed), bytearray(data)  # noqa: S311
        kind = chance.randrange(4)
        for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
            place = chance.randrange(len(found))
            if kind == 0:
                found[place] = chance.randrange(256)
            elif kind == 1:
                found[place] ^= 1 << chance.randrange(8)
            elif kind == 2:
                found[place] = chance.choice((0, 1, 127, 128, 255))
            else:
                place = min(place // 4 * 4, len(found) - 4)
                found[place : place + 4] = chance.choice((*words, chance.randrange(2**32))).to_bytes(4, "little")
        return bytes(found)

    return damaged


@pytest.fixture(scope="session")
def without_golden(tiny_graph: bytes, tiny_card: ModelCard) -> bytes:
    return pack_model_file(tiny_graph, dataclasses.replace(tiny_card, golden=None))

"""The shape of the runner: which file may import which, and what a fresh process loads."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import edgekit

PACKAGE = Path(edgekit.__file__).parent
# Arrows point down this list: a file imports only files above it.
ROOMS = (
    "version", "errors", "machine", "cachefolder", "sniff", "atomic", "records", "card", "labels", "labelfile",
    "inputrange", "flatbuffer", "tflite", "structure", "metadata", "graft", "modelfile", "foreign", "walk", "jpeg",
    "photo", "preprocess", "golden", "pixelcheck", "runtime", "threads", "scores", "thresholdfile", "decision", "ahead",
    "classifier", "answers", "onewriter", "resultfile", "selftest", "info", "console", "progress",
    "bench.spread", "bench.conditions", "bench.record", "bench.noise", "bench.samplephoto", "bench.worker",
    "bench.crew", "bench.run", "bench.text", "bench.compare",
    "cli",
)  # fmt: skip
HEAVY = ("numpy", "PIL", "tensorflow", "tflite_runtime", "ai_edge_litert", "flatbuffers", "edgekit_export")


def imported(path: Path) -> set[str]:
    """Full names of everything that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            names |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rooms_of(names: set[str]) -> set[str]:
    return {name.removeprefix("edgekit.") for name in names if name.startswith("edgekit.")} & all_rooms()


def all_rooms() -> set[str]:
    """Names of all files below the package, as they are imported; a folder's own file leads nowhere by itself."""
    paths = (path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py") if path.stem != "__init__")
    return {".".join(path.parts) for path in paths}


def test_every_file_has_a_place_in_the_list() -> None:
    assert all_rooms() == set(ROOMS), "a new file needs a place in ROOMS, below what it imports"


@pytest.mark.parametrize("room", ROOMS)
def test_a_file_imports_only_files_above_it(room: str) -> None:
    below = rooms_of(imported(PACKAGE / f"{room.replace('.', '/')}.py")) - set(ROOMS[: ROOMS.index(room)])
    assert not below, f"{room}.py imports {sorted(below)}"


def test_only_the_runtime_file_imports_a_runtime() -> None:
    for path in PACKAGE.rglob("*.py"):
        runtimes = {name for name in imported(path) if name.split(".")[0] in ("tflite_runtime", "ai_edge_litert")}
        assert not runtimes or path.name == "runtime.py"


def test_the_runner_needs_only_what_it_declares() -> None:
    allowed = {*sys.stdlib_module_names, "edgekit", "numpy", "PIL", "click", "flatbuffers"}
    for path in PACKAGE.rglob("*.py"):
        roots = {name.split(".")[0] for name in imported(path)} - {"tflite_runtime", "ai_edge_litert"}
        assert roots <= allowed, f"{path.name} imports {sorted(roots - allowed)}"


def loaded_after(code: str, *arguments: str) -> set[str]:
    """Which heavy packages a fresh process has loaded after running `code`."""
    report = f"\nimport sys; print('LOADED', *(name for name in {HEAVY} if name in sys.modules))"
    words = [sys.executable, "-c", code + report, *arguments]
    found = subprocess.run(words, capture_output=True, text=True, check=True)
    return set(found.stdout.splitlines()[-1].split()[1:])


RUN_COMMAND = "import sys\nfrom edgekit.cli import cli\ncli.main(sys.argv[1:], standalone_mode=False)"


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_after("import edgekit") == set()


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ("classify", "--help"), ("selftest", "--help"), ("bench", "--help")]
)
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert loaded_after(RUN_COMMAND, *arguments) == set()


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_info_loads_nothing_heavy(option: tuple[str, ...], tmp_path: Path, tiny_model: bytes) -> None:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny_model)
    path.with_name("tiny.thresholds.json").write_text('{"thresholds": {"ant": 0.5}}')
    assert loaded_after(RUN_COMMAND, "info", str(path), *option) == set()


def test_classifying_loads_one_runtime_and_no_writer(tmp_path: Path, tiny_model: bytes) -> None:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny_model)
    found = loaded_after("import sys\nfrom edgekit import Classifier\nClassifier(sys.argv[1])", str(path))
    assert len(found & {"tflite_runtime", "ai_edge_litert"}) == 1
    assert not found & {"tensorflow", "edgekit_export"}


def test_without_labels_of_its_own_a_model_needs_no_reader_of_label_files(tmp_path: Path, tiny_model: bytes) -> None:
    model, photo = tmp_path / "tiny.tflite", tmp_path / "photo.png"
    model.write_bytes(tiny_model)
    Image.new("RGB", (12, 16)).save(photo)
    report = "\nprint('LABELFILE' if 'edgekit.labelfile' in sys.modules else 'NONE')"
    words = [sys.executable, "-c", RUN_COMMAND + report, "classify", str(model), str(photo)]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()[-1] == "NONE"


def test_the_public_names_are_few_sorted_and_there() -> None:
    assert edgekit.__all__ == sorted(edgekit.__all__)
    assert len(edgekit.__all__) < 10
    for name in edgekit.__all__:
        assert getattr(edgekit, name) is not None
    home = set(edgekit._HOME) | {"__version__"}
    assert home == set(edgekit.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'edgekit' has no attribute 'Model'"):
        edgekit.Model  # noqa: B018

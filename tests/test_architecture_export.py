"""The exporter's rooms: who may import whom, where TensorFlow is let in, and what stays out of a fresh process."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import edgekit_export
from edgekit_export.cli import cli

PACKAGE = Path(edgekit_export.__file__).parent
# A file imports only files above it.
ORDER = (
    "errors", "needs", "statistics", "convert", "progress", "keras_note", "worker", "device",
    "schema", "rewire", "mapping",
    "sources.batchnorm", "sources.entry", "sources.network", "sources.keras_model", "sources.safety", "sources.custom",
    "sources.strangers", "sources.folders", "sources.keras_files", "sources.saved_model", "sources.tflite_file",
    "load", "frontend", "own_range", "graph",
    "recipes.network", "quantize", "recipes.recipe", "recipes.observer", "recipes.observe", "recipes.ranges",
    "recipes.draft", "recipes.simulate", "recipes.equalize", "recipes.bias", "recipes.distill", "recipes.sensitivity",
    "recipes.storage", "recipes.kitchen", "data.pixels", "images",
    "data.manifest", "data.dataset", "data.labeled", "classes", "evidence", "training", "understand",
    "provenance", "verify", "decoding", "notes", "probability.temperature", "probability.thresholds",
    "search.budget", "search.targets", "search.ladder", "search.trial", "search.climb", "search.confirm", "search.job",
    "assess.intervals", "assess.calibration", "proof.record",
    "proof.stored", "proof.layers", "proof.collect", "report", "pipeline",
    "data.clusters", "data.waves", "data.alignment", "data.twins", "data.new_folder",
    "data.stratify", "data.splitting", "data.leaks", "data.series", "data.dealing", "data.layout",
    "data.split_writer", "data.split_report",
    "page.figure", "page.matrix", "page.photos", "page.html",
    "learn.torch_weights", "learn.lite0", "learn.embed",
    "learn.settings", "learn.schedule", "learn.augment", "learn.photos", "learn.backbones",
    "learn.network",
    "learn.state", "learn.journal", "learn.run_folder", "learn.cluster", "learn.loop", "learn.parts", "learn.run",
    "learn.head", "learn.whole", "learn.trainer", "learn.report", "learn.page", "learn.save", "learn.tune",
    "learn.start",
    "assess.options", "assess.choice", "assess.source", "assess.predictor", "assess.answers",
    "assess.chance", "assess.measures", "assess.exif", "assess.columns", "assess.slices",
    "assess.corrupt", "assess.robustness", "assess.against", "assess.evaluate", "assess.wording", "assess.mistakes",
    "assess.advice", "assess.text", "assess.record", "assess.figures", "assess.sections", "assess.report",
    "baseline.crew", "baseline.features", "baseline.scaling", "baseline.belief", "baseline.algorithms",
    "baseline.shortlist", "baseline.clock", "baseline.extract", "baseline.cast", "baseline.entrants", "baseline.rivals",
    "baseline.contest", "baseline.wording", "baseline.verdict", "baseline.figures", "baseline.text", "baseline.report",
    "check.faces", "check.header", "check.look", "check.finding", "check.survey", "check.opinions", "check.judged",
    "check.labels", "check.files", "check.doubles", "check.classes", "check.quality", "check.privacy",
    "check.shortcut", "check.checkup", "check.wording", "check.text", "check.report", "check.place", "check.mending",
    "proof.sound", "proof.facts", "proof.wording", "proof.verdict", "proof.text", "proof.figures",
    "proof.answers", "proof.flips", "proof.search", "proof.inside", "proof.trust", "proof.origin", "proof.report",
    "commands.manners", "commands.model_options", "commands.search_options", "commands.convert",
    "commands.inspect", "commands.report", "commands.split",
    "commands.train", "commands.evaluate", "commands.compare", "commands.check",
    "cli",
)  # fmt: skip
FRONT_DOORS = tuple(
    f"{room}__init__"
    for room in (
        "", "assess.", "baseline.", "check.", "commands.", "data.", "learn.", "page.", "probability.",
        "proof.", "recipes.", "search.", "sources.",
    )
)  # fmt: skip
ROOMS = {f"edgekit_export.{room.removesuffix('.__init__')}" for room in FRONT_DOORS}
COMMANDS = tuple(sorted(cli.commands))
TENSORFLOW = {"tensorflow", "keras", "tf_keras"}
HEAVY = TENSORFLOW | {"numpy", "PIL", "flatbuffers", "h5py", "google", "ai_edge_litert", "tflite_runtime"}


def imports(node: ast.AST, *, inside: bool = False) -> Iterator[tuple[str, bool]]:
    """Names of the modules that a file imports, and whether inside a function; not what only type checkers see."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, inside) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            module = str(child.module)
            whole = "." in module and module not in ROOMS
            yield from ((module if whole else f"{module}.{alias.name}", inside) for alias in child.names)
        elif not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from imports(child, inside=inside or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)))


def parsed(name: str) -> ast.Module:
    return ast.parse((PACKAGE / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8"))


def imported(name: str) -> set[tuple[str, bool]]:
    return set(imports(parsed(name)))


def calls(name: str) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(parsed(name)) if isinstance(node, ast.Call)}


def run_fresh(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout


def test_every_file_has_its_place() -> None:
    files = [path.relative_to(PACKAGE).with_suffix("").parts for path in PACKAGE.rglob("*.py")]
    assert sorted(".".join(parts) for parts in files) == sorted((*ORDER, *FRONT_DOORS))


@pytest.mark.parametrize("name", ORDER)
def test_imports_point_one_way(name: str) -> None:
    above = {f"edgekit_export.{other}" for other in ORDER[: ORDER.index(name)]}
    assert {module for module, _ in imported(name) if module.startswith("edgekit_export")} <= above


def test_a_front_door_leads_nowhere_by_itself() -> None:
    assert {name for name in FRONT_DOORS for module, _ in imported(name) if module.startswith("edgekit")} == set()


def test_tensorflow_is_let_in_by_functions_of_few_files() -> None:
    found = {
        (name, inside)
        for name in (*ORDER, *FRONT_DOORS)
        for module, inside in imported(name)
        if module.split(".")[0] in TENSORFLOW
    }
    sources = ("entry", "network", "keras_model", "safety", "custom", "keras_files", "saved_model")
    learn = ("lite0", "embed", "backbones", "network", "journal", "cluster", "loop", "head", "trainer", "start")
    rooms = (*(f"sources.{name}" for name in sources), *(f"learn.{name}" for name in learn))
    recipes = ("recipes.simulate", "recipes.distill")
    files = ("convert", "quantize", *recipes, *rooms)
    assert found == {(name, True) for name in files}


def test_modules_are_imported_by_name_in_two_places_only() -> None:
    """Where it is asked which Keras, and where the package gives its public names."""
    ways = {"importlib.import_module", "import_module", "__import__", "importlib.__import__"}
    assert {name for name in (*ORDER, *FRONT_DOORS) if calls(name) & ways} == {"__init__", "sources.keras_model"}


def test_a_tflite_runtime_is_never_imported_beside_tensorflow() -> None:
    """Only the schema, which is plain Python; models run in workers, through `edgekit.runtime`."""
    found = {
        (name, module)
        for name in (*ORDER, *FRONT_DOORS)
        for module, _ in imported(name)
        if module.startswith(("ai_edge_litert", "tflite_runtime")) or module == "edgekit.runtime"
    }
    assert found == {
        ("schema", "ai_edge_litert.schema_py_generated"),
        ("recipes.observer", "ai_edge_litert.interpreter"),  # a worker, too
        ("worker", "edgekit.runtime"),
        ("device", "edgekit.runtime"),  # for its names
        ("baseline.clock", "edgekit.runtime"),  # used in a process of the crew only
    }


@pytest.mark.parametrize("command", ["--version", "--help", *(f"{name} --help" for name in COMMANDS)])
def test_help_is_instant(command: str) -> None:
    code = (
        f"import sys; sys.argv[:] = {['edgekit-export', *command.split()]}\n"
        "from edgekit_export.cli import main\n"
        "try: main()\n"
        "except SystemExit as left: print(left.code, *sys.modules)"
    )
    *text, last = run_fresh(code).splitlines()
    assert any("edgekit-export" in line for line in text)
    status, *modules = last.split()
    assert status == "0"
    assert not {module.split(".")[0] for module in modules} & HEAVY


def test_importing_the_package_loads_nothing_heavy_and_changes_nothing() -> None:
    code = "import os, sys; before = dict(os.environ); import edgekit_export; print(before == os.environ, *sys.modules)"
    same, *modules = run_fresh(code).split()
    assert same == "True"
    assert not {module.split(".")[0] for module in modules} & (HEAVY | {"click"})
    assert {module for module in modules if module.startswith("edgekit")} == {"edgekit_export"}


def test_the_public_names_are_sorted_few_and_there() -> None:
    names = edgekit_export.__all__
    assert names == sorted(names)
    assert len(names) < 10
    assert set(names) == set(edgekit_export._HOME)
    for name, home in edgekit_export._HOME.items():
        assert getattr(edgekit_export, name).__module__ == home
    with pytest.raises(AttributeError, match="has no attribute 'export_modle'"):
        _ = edgekit_export.export_modle


def test_only_the_command_line_prints() -> None:
    assert {name for name in (*ORDER, *FRONT_DOORS) if calls(name) & {"print", "click.echo"}} <= {
        name for name in ORDER if name.startswith("commands.")
    }

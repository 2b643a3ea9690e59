"""The README tells the truth: its options exist, its code runs, its sample output has today's form."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from edgekit.bench.record import RuntimeFigures
from edgekit.bench.spread import spread_of
from edgekit.bench.text import runtime_lines
from edgekit.bench.worker import STAGES
from edgekit.cli import cli as device
from edgekit.thresholdfile import EXAMPLE, parse_threshold_file
from edgekit_export.cli import cli as host

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DATA = ROOT / "tests" / "data"


def commands(group: click.Command) -> dict[str, click.Command]:
    assert isinstance(group, click.Group)
    return dict(group.commands)


def options(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


def test_every_command_that_the_readme_shows_exists_with_its_options() -> None:
    shown = re.findall(r"(?:^|/)(edgekit|edgekit-export) ([a-z]+)\b(.*)$", README, re.MULTILINE)
    assert len(shown) >= 6
    for program, name, rest in shown:
        known = commands(host if program == "edgekit-export" else device)
        assert name in known, f"{program} {name}"
        used = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*|-[a-z])\b", rest))
        assert used <= options(known[name]), f"{program} {name}: {used - options(known[name])}"


def test_every_option_named_in_the_text_exists() -> None:
    known = set().union(*(options(c) for group in (device, host) for c in commands(group).values()))
    others = {
        "--no-deps",
        "--strict",
        "--install-size",
        "--tensorflow",
        "--short-side",
        "--imports",
        "--throughput",
        "--rounds",
    }  # of pip, mypy and the benchmarks
    assert set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", README)) <= known | others


@pytest.mark.parametrize("group", [device, host], ids=["edgekit", "edgekit-export"])
def test_every_help_text_shows_an_example_that_parses(group: click.Command) -> None:
    for name, command in commands(group).items():
        assert command.epilog, name
        words = command.epilog.removeprefix("Example: ").split()
        assert words[:2] == [group.name if group.name != "cli" else words[0], name]
        command.make_context(name, words[2:], resilient_parsing=False)


def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    if not any(importlib.util.find_spec(name) for name in ("ai_edge_litert", "tflite_runtime")):
        pytest.skip("no TFLite runtime is installed")
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 3
    text = (
        "".join(blocks)
        .replace("leaf.tflite", str(DATA / "digits.tflite"))
        .replace("photo.jpg", str(DATA / "digit_7.png"))
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].endswith("  7")
    assert lines[-1] == "None", "this model has no thresholds"


def test_the_thresholds_of_the_readme_are_read() -> None:
    line = next(line for line in README.splitlines() if line.startswith('{"abstain_below"'))
    stated = parse_threshold_file(line.encode(), Path("leaf.thresholds.json"), ["bean_rust", "healthy"])
    assert (line, stated.abstain_below, stated.thresholds) == (EXAMPLE, 0.6, {"bean_rust": 0.8})


def test_the_json_sample_has_the_keys_that_classify_prints() -> None:
    sample = json.loads(next(line for line in README.splitlines() if line.startswith('{"file"')))
    assert list(sample) == ["file", "predictions", "timing_ms"]
    assert list(sample["predictions"][0]) == ["class_id", "label", "score"]
    assert list(sample["timing_ms"]) == ["decode", "preprocess", "invoke", "total"]


def test_the_sample_of_the_demo_is_what_the_demo_prints_today() -> None:
    sample = README[README.index("$ python") : README.index("latency here")]
    assert "edgekit-export convert demo-output/digits.keras" in sample
    assert "self-test passed" in sample
    assert "calibrated on 200 photos" in sample
    assert "verified on 333 photos" in sample


def test_the_sample_of_the_bench_has_todays_rows() -> None:
    sample = README[
        README.index("$ edgekit bench") : README.index("Where other programs are at work, it says")
    ].splitlines()
    head = next(i for i, line in enumerate(sample) if line.startswith("  milliseconds"))
    spread = spread_of([[1.0]] * 8)
    figures = RuntimeFigures(
        runtime="litert",
        description="ai-edge-litert 2.3.0",
        num_threads=1,
        load_ms=1.0,
        first_photo_ms=1.0,
        whole=spread,
        stages=dict.fromkeys(STAGES, spread),
        cold_start=spread,
        threads={"1": spread, "2": spread},
    )
    today = runtime_lines(figures)
    assert [line[:17] for line in sample[head : head + 10]] == [line[:17] for line in today[1:11]]
    assert sample[head].split() == today[1].split()
    assert sample[head + 10].startswith("  model loaded in ")

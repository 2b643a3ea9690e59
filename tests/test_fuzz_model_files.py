"""Damaged and crafted model files end in an edgekit error, in the reader and in the native runtimes behind it."""

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.errors import EdgekitError
from edgekit.info import describe_model, model_record
from edgekit.modelfile import parse_model_file
from edgekit.runtime import RuntimeName

Mutate = Callable[[bytes, int], bytes]


def read_or_refuse(data: bytes) -> bool:
    """Reads all that `edgekit info` shows; whether it could. Anything but an edgekit error is a failure."""
    text = ""
    try:
        file = parse_model_file(data)
        describe_model("x", file)
        json.dumps(model_record("x", file))
    except EdgekitError as error:
        text = str(error) or "\n"
    assert "\n" not in text
    return not text


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_are_refused(data: bytes) -> None:
    assert not read_or_refuse(data)
    read_or_refuse(struct.pack("<I", 8) + b"TFL3" + data)


@settings(derandomize=True, max_examples=400, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_damaged_model_files_are_refused_unless_the_damage_is_outside_of_the_graph(
    seed: int, tiny_model: bytes, mutate: Mutate
) -> None:
    card = parse_model_file(tiny_model).card
    assert card is not None
    assert card.graph is not None
    data = mutate(tiny_model, seed)
    if read_or_refuse(data):
        assert data[: card.graph.size_bytes] == tiny_model[: card.graph.size_bytes]


@settings(derandomize=True, max_examples=400, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_damaged_foreign_files_are_read_or_refused(seed: int, tiny_float: bytes, mutate: Mutate) -> None:
    read_or_refuse(mutate(tiny_float, seed))


@settings(derandomize=True, max_examples=100, deadline=None)
@given(start=st.integers(0, 6000), length=st.integers(1, 2000), fill=st.binary(max_size=20))
def test_model_files_with_parts_cut_out_or_put_in_are_refused(
    start: int, length: int, fill: bytes, tiny_model: bytes
) -> None:
    data = tiny_model[:start] + fill + tiny_model[start + length :]
    assert data == tiny_model or not read_or_refuse(data)


WORKER = """
import struct, sys
import numpy as np
from edgekit import Classifier
from edgekit.errors import EdgekitError

photo = np.random.default_rng(0).integers(0, 256, (16, 12, 3), dtype=np.uint8)
stream = sys.stdin.buffer
while header := stream.read(8):
    seed, size = struct.unpack("<II", header)
    data = stream.read(size)
    print("seed", seed, flush=True)
    try:
        Classifier(data, runtime=sys.argv[1], labels=("a", "b", "c"), input_range="0..1").predict(photo)
        print("classified")
    except EdgekitError:
        print("refused")
"""


@pytest.mark.parametrize("graph", ["tiny_graph", "tiny_float"])
def test_runtimes_survive_damaged_foreign_files(
    graph: str, runtime_name: RuntimeName, mutate: Mutate, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    data: bytes = request.getfixturevalue(graph)
    seeds = range(600)
    path = tmp_path / "mutations"
    with path.open("wb") as file:
        for seed in seeds:
            mutated = mutate(data, seed)
            file.write(struct.pack("<II", seed, len(mutated)) + mutated)
    with path.open("rb") as file:
        words = [sys.executable, "-c", WORKER, runtime_name]
        found = subprocess.run(words, stdin=file, capture_output=True, text=True, check=False)
    lines = found.stdout.splitlines()
    last = next(line for line in reversed(lines) if line.startswith("seed"))
    assert found.returncode == 0, f"{graph}, {last}: ended with {found.returncode}\n{found.stderr[-2000:]}"
    assert lines.count("classified") > 100
    assert lines.count("refused") > 100
    assert lines.count("classified") + lines.count("refused") == len(seeds)

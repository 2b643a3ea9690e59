import platform
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.card import Golden, ModelCard
from edgekit.errors import ModelFileError, UnsupportedModelError
from edgekit.modelfile import pack_model_file
from edgekit.runtime import RuntimeName
from edgekit.selftest import run_selftest

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, tiny_graph: bytes, tiny_card: ModelCard) -> Write:
    """`write(xnnpack=...)`: a model file whose golden part differs in what is named."""

    def write(*, generator: str = "shake256-grid-1", **outputs: Any) -> Path:
        golden = tiny_card.golden
        assert golden is not None
        rows = {family: rows for family, rows in {**golden.outputs_base64, **outputs}.items() if rows is not None}
        card = replace(tiny_card, golden=Golden(generator, golden.seeds, rows))
        path = tmp_path / "golden.tflite"
        path.write_bytes(pack_model_file(tiny_graph, card))
        return path

    return write


@pytest.fixture
def litert() -> None:
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert")


@pytest.fixture
def tflite_on_x86() -> None:
    """The only runtime and machine that compute in neither family."""
    pytest.importorskip("tflite_runtime", reason="needs tflite-runtime")
    if platform.machine() not in ("x86_64", "AMD64") or np.__version__.startswith("2"):
        pytest.skip("needs an x86 machine and numpy 1")


@pytest.mark.usefixtures("litert")
def test_litert_gives_the_proven_xnnpack_outputs(tiny_path: Path) -> None:
    found = run_selftest(tiny_path, runtime="litert")
    assert (found.passed, found.family, found.expected_family) == (True, "xnnpack", "xnnpack")
    assert (found.vectors, found.max_difference_steps, found.same_top1, found.reference_exact) == (8, 0, 8, None)
    assert found.message == "every output byte equals the proven ones: xnnpack kernels"
    assert found.runtime.startswith("ai-edge-litert ")


def test_more_threads_pass_too(tiny_path: Path, runtime_name: RuntimeName) -> None:
    assert run_selftest(tiny_path, runtime=runtime_name, num_threads=4).passed


@pytest.mark.usefixtures("tflite_on_x86")
def test_tflite_runtime_on_x86_is_told_apart_from_both_families(tiny_path: Path) -> None:
    found = run_selftest(tiny_path, runtime="tflite")
    assert (found.passed, found.family, found.expected_family, found.reference_exact) == (True, None, None, True)
    assert 1 <= found.max_difference_steps <= 3
    assert found.message.startswith("the reference kernels of this runtime give the proven outputs bit for bit.")
    assert f"up to {found.max_difference_steps} of 256 steps away, {found.same_top1} of 8" in found.message


@pytest.mark.usefixtures("tflite_on_x86")
def test_an_arm_board_is_held_to_the_reference_family(tiny_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    found = run_selftest(tiny_path, runtime="tflite")  # x86 kernels: not what an Arm board may compute
    assert (found.passed, found.family, found.expected_family, found.reference_exact) == (
        False,
        None,
        "reference",
        None,
    )
    assert found.message.endswith("Do not trust this runtime with this model.")


@pytest.mark.usefixtures("litert")
def test_where_both_families_agree_the_runtimes_own_is_named(write: Write, tiny_card: ModelCard) -> None:
    assert tiny_card.golden is not None
    path = write(reference=tiny_card.golden.outputs_base64["xnnpack"])
    assert run_selftest(path, runtime="litert").family == "xnnpack"


@pytest.mark.usefixtures("litert")
def test_one_step_off_in_one_output_fails(write: Write, tiny_card: ModelCard) -> None:
    assert tiny_card.golden is not None
    first, *rest = tiny_card.golden.outputs_base64["xnnpack"]
    assert first == "a0hN"  # 107, 72, 77
    found = run_selftest(write(xnnpack=("bEhN", *rest)), runtime="litert")  # 108
    assert (found.passed, found.family, found.max_difference_steps, found.same_top1) == (False, None, 1, 8)
    assert found.message.startswith("the outputs are not the proven ones: up to 1 of 256 steps away, 8 of 8")


def test_a_file_without_golden_vectors_is_unsupported(tmp_path: Path, tiny_float: bytes, without_golden: bytes) -> None:
    for data in (tiny_float, without_golden):
        path = tmp_path / "plain.tflite"
        path.write_bytes(data)
        with pytest.raises(UnsupportedModelError, match=r"plain\.tflite: it carries no golden vectors.*Export"):
            run_selftest(path)


@pytest.mark.usefixtures("litert")
def test_without_recorded_reference_outputs_litert_still_passes(write: Write) -> None:
    assert run_selftest(write(reference=None), runtime="litert").family == "xnnpack"


@pytest.mark.usefixtures("tflite_on_x86")
def test_without_recorded_reference_outputs_tflite_runtime_cannot_be_proven(write: Write) -> None:
    with pytest.raises(UnsupportedModelError, match=r"no proven outputs for tflite-runtime 2.*Export it"):
        run_selftest(write(reference=None), runtime="tflite")


def test_an_unknown_generator_asks_for_an_upgrade(write: Write) -> None:
    with pytest.raises(UnsupportedModelError, match=r"golden generator 'v2' is unknown here. Run: pip install --up"):
        run_selftest(write(generator="v2"))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ((), "golden: reference: expected 8 rows of 3 bytes"),
        (("a0hN",) * 7, "golden: reference: expected 8 rows of 3 bytes"),
        (("a0hNAA==",) * 8, "golden: reference: expected 8 rows of 3 bytes"),
        (("a0h",) * 8, "golden: reference: Incorrect padding"),
        (("!!!!",) * 8, "golden: reference: "),
        (("äöüß",) * 8, "golden: reference: "),
    ],
)
def test_malformed_golden_outputs_are_refused(rows: Any, words: str, write: Write) -> None:
    with pytest.raises(ModelFileError, match=rf"golden\.tflite: model_card\.json: {words}"):
        run_selftest(write(reference=rows))

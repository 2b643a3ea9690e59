"""A float `.tflite` is quantized again; one that lost its precision already is refused, with what to do."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edgekit.errors import EdgekitError
from edgekit.tflite import Graph
from edgekit_export.errors import ModelLoadError
from edgekit_export.load import load_model
from edgekit_export.sources.tflite_file import read_tflite

if TYPE_CHECKING:
    from tests.conftest import EditGraph
    from tests.export.conftest import Nets
    from tests.export.sources.conftest import Refusal

pytestmark = pytest.mark.host

QUANTIZED = "this .tflite is quantized already, and what it lost cannot be given back. Use it as it is with edgekit"
DYNAMIC = "the weights of this .tflite are int8 already (dynamic range quantization), and what they lost cannot be"


def convert(nets: Nets, **options: Any) -> bytes:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(nets.own())
    for name, value in options.items():
        target = converter.target_spec if name.startswith("supported") else converter
        setattr(target, name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of statistics that nothing here needs
        return bytes(converter.convert())


def representative() -> Any:
    for seed in range(4):
        yield [np.random.default_rng(seed).uniform(0, 255, (1, 16, 12, 3)).astype(np.float32)]


@pytest.mark.parametrize("half", [False, True])
def test_a_float_file_answers_and_converts(nets: Nets, tmp_path: Path, half: bool) -> None:
    import tensorflow as tf

    options = {"optimizations": [tf.lite.Optimize.DEFAULT], "supported_types": [tf.float16]} if half else {}
    data = convert(nets, **options)
    assert any(t.dtype == "float16" for t in Graph(data).tensors) == half
    path = tmp_path / "model.bin"
    path.write_bytes(data)
    loaded = load_model(path)
    assert (loaded.kind, loaded.labels, loaded.input_range) == ("float .tflite", None, None)
    assert "litert" in loaded.network.maker.lower()
    assert [port.shape for port in loaded.network.inputs] == [(1, 16, 12, 3)]
    answer = loaded.network.answer(0, None)
    pixels = np.full((1, 16, 12, 3), 50, np.float32)
    for index in range(3):
        pixels[:] = 50
        pixels[..., 2 - index] = 200
        expected = np.asarray(nets.own()(pixels)).reshape(-1)
        assert np.allclose(answer(pixels), expected, atol=1e-2 if half else 1e-5)
        assert answer(pixels).argmax() == index
    assert [t.shape for t in Graph(loaded.network.to_tflite(0, None)).outputs] == [(1, 3)]


@pytest.mark.parametrize("io", ["float32", "int8", "uint8"])
def test_a_file_in_full_integers_is_refused(nets: Nets, refusal: Refusal, tmp_path: Path, io: str) -> None:
    import tensorflow as tf

    data = convert(
        nets,
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=representative,
        supported_ops=[tf.lite.OpsSet.TFLITE_BUILTINS_INT8],
        inference_input_type=getattr(tf, io),
        inference_output_type=getattr(tf, io),
    )
    path = tmp_path / "model.keras"
    path.write_bytes(data)
    text = refusal(path)
    assert QUANTIZED in text
    assert "export from the float model it was made from." in text


def test_a_file_with_integer_weights_is_refused(nets: Nets) -> None:
    import tensorflow as tf

    k = nets.keras
    wide = k.Sequential([k.Input((16, 12, 3)), k.layers.Flatten(), k.layers.Dense(64), k.layers.Dense(3)])
    converter = tf.lite.TFLiteConverter.from_keras_model(wide)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    with pytest.raises(ModelLoadError) as caught:
        read_tflite(bytes(converter.convert()))
    assert DYNAMIC in str(caught.value)
    assert "convert that without optimizations." in str(caught.value)


def test_a_file_that_edgekit_wrote_is_used_as_it_is(tiny_path: Path, refusal: Refusal) -> None:
    assert refusal(tiny_path) == ("edgekit wrote this .tflite: it is int8 and verified. Use it with edgekit classify.")


@pytest.mark.parametrize("name", [b"edgetpu-custom-op", b"FlexWriteFile", b"TFLite_Detection_PostProcess"])
def test_a_file_with_operators_of_its_own_is_refused(
    tiny_float: bytes, edit_graph: EditGraph, refusal: Refusal, tmp_path: Path, name: bytes
) -> None:
    def customize(model: Any) -> None:
        code = model.operatorCodes[model.subgraphs[0].operators[0].opcodeIndex]
        code.builtinCode, code.deprecatedBuiltinCode, code.customCode = 32, 32, name

    path = tmp_path / "model.tflite"
    path.write_bytes(edit_graph(tiny_float, customize))
    assert name.decode() in refusal(path) or "Edge TPU" in refusal(path)


@pytest.mark.parametrize("length", [8, 100, 1000, -200])
def test_a_file_that_is_cut_short_is_refused(tiny_float: bytes, length: int) -> None:
    with pytest.raises(EdgekitError):
        read_tflite(tiny_float[:length])


def test_a_network_without_an_end_is_refused(tiny_float: bytes, edit_graph: EditGraph) -> None:
    def close(model: Any) -> None:
        model.subgraphs[0].outputs = []

    with pytest.raises(EdgekitError):
        read_tflite(edit_graph(tiny_float, close))

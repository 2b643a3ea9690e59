"""The converter kept in hand: one-line refusals, no noise, nothing left on disk, errors of photos as themselves."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.errors import ImageError
from edgekit.inputrange import parse_input_range
from edgekit.runtime import Engine
from edgekit.tflite import Graph
from edgekit_export.convert import as_conversion_error, convert_traced
from edgekit_export.errors import ConversionError, NotFullyQuantizedError, PhotosError
from edgekit_export.frontend import ExplicitModel, make_explicit
from edgekit_export.graph import check_full_integer
from edgekit_export.mapping import Mapping
from edgekit_export.sources.keras_model import network_of
from tests.export.conftest import plain_int8

if TYPE_CHECKING:
    from tests.export.conftest import Nets, See

pytestmark = pytest.mark.host

RANGE = Mapping(parse_input_range("0..1"))
PHOTOS = list(np.random.default_rng(0).integers(0, 256, (4, 16, 12, 3), dtype=np.uint8))
Stream = Callable[[], Iterator[NDArray[np.uint8]]]


class Fake:
    """A converter that fails, or prints and leaves things lying about."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
        self.left: list[Path] = []

    def convert(self) -> bytes:
        print("converting ...")
        self.left = [Path(tempfile.mkdtemp()), Path(tempfile.mkstemp()[1])]
        if self.error:
            raise self.error
        return b"tflite"


class ConverterError(Exception):
    """Named as TensorFlow's own."""


def model_of(nets: Nets, middle: Callable[[Any], Any] = lambda x: x) -> Any:
    k = nets.keras
    x = k.Input((16, 12, 3))
    y = k.layers.GlobalAveragePooling2D()(middle(k.layers.Conv2D(4, 3)(x)))
    return k.Model(x, k.layers.Dense(3, activation="softmax")(y))


def run_converter(nets: Nets, monkeypatch: pytest.MonkeyPatch, fake: Fake) -> bytes:
    import tensorflow as tf

    monkeypatch.setattr(tf.lite.TFLiteConverter, "from_concrete_functions", lambda _: fake)
    return convert_traced(None)


@pytest.fixture(scope="module")
def plain(nets: Nets, see: See) -> ExplicitModel:
    return make_explicit(see(model_of(nets)), RANGE)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, empty at first."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "error", [None, KeyboardInterrupt(), SystemExit(1), ValueError("x"), ConverterError("x"), OSError(28, "full")]
)
def test_temporary_files_are_swept_whatever_happens(
    nets: Nets,
    monkeypatch: pytest.MonkeyPatch,
    temporary: Path,
    capfd: pytest.CaptureFixture[str],
    error: BaseException | None,
) -> None:
    fake = Fake(error)
    if error is None:
        assert run_converter(nets, monkeypatch, fake) == b"tflite"
    else:
        with pytest.raises(BaseException) as caught:  # noqa: PT011 - of every kind
            run_converter(nets, monkeypatch, fake)
        assert caught.value is error or isinstance(caught.value, ConversionError)
    assert len(fake.left) == 2
    assert not any(path.exists() for path in fake.left)
    assert list(temporary.iterdir()) == []
    assert tempfile.tempdir == str(temporary)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("one\ntwo"), "one"),
        (RuntimeError("\n\nnoise\nloc(x): error: 'tf.X' op is bad\nmore"), "loc(x): error: 'tf.X' op is bad"),
        (ConverterError("a\nQuantization to 16x8-bit not supported yet\nb"), "Quantization to 16x8-bit not supported"),
        (ConverterError("x: error: y\nTF Select ops: Complex, FFT\nDetails:\n"), "no operator for Complex, FFT."),
        (KeyError(), "KeyError"),
    ],
)
def test_a_refusal_is_one_line(nets: Nets, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str) -> None:
    with pytest.raises(ConversionError) as caught:
        run_converter(nets, monkeypatch, Fake(error))
    text = str(caught.value)
    assert text.startswith("TensorFlow's converter refuses the model: ")
    assert reason in text
    assert "\n" not in text
    assert caught.value.__cause__ is error


def test_an_error_that_is_not_the_converters_stays_what_it_is(nets: Nets, monkeypatch: pytest.MonkeyPatch) -> None:
    error = ZeroDivisionError()
    assert as_conversion_error(error) is error
    with pytest.raises(ZeroDivisionError):
        run_converter(nets, monkeypatch, Fake(error))


@pytest.mark.parametrize(("name", "operators"), [("erf", "Erf"), ("sinh", "Sinh"), ("fft", "Complex, FFT")])
def test_an_operator_that_tflite_does_not_have_is_named(nets: Nets, temporary: Path, name: str, operators: str) -> None:
    ops = nets.keras.ops
    model = model_of(nets, lambda x: ops.fft((x, x * 0.0))[0] if name == "fft" else getattr(ops, name)(x))
    with pytest.raises(ConversionError) as caught:
        network_of(model, nets.keras).to_tflite(0, None)
    assert str(caught.value) == (
        f"TensorFlow's converter refuses the model: TFLite has no operator for {operators}. "
        "Replace the layers that compute it."
    )
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(("name", "operator"), [("elu", "ELU"), ("sin", "SIN"), ("floor", "FLOOR")])
def test_an_operator_with_only_a_float_kernel_is_named(nets: Nets, see: See, name: str, operator: str) -> None:
    model = make_explicit(see(model_of(nets, getattr(nets.keras.ops, name))), RANGE)
    tflite = plain_int8(model, lambda: iter(PHOTOS))
    with pytest.raises(NotFullyQuantizedError, match=rf"still computes with floats in .*{operator} \(float32"):
        check_full_integer(Graph(tflite), model)


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        PhotosError("none is readable"),
        ImageError("damaged"),
        FileNotFoundError(2, "gone", "x.png"),
        ZeroDivisionError("a bug"),
    ],
)
@pytest.mark.parametrize("after", [0, 2])
def test_what_happens_to_photos_comes_out_as_itself(
    plain: ExplicitModel, temporary: Path, error: BaseException, after: int
) -> None:
    def stream() -> Iterator[NDArray[np.uint8]]:
        yield from PHOTOS[:after]
        raise error

    with pytest.raises(type(error)) as caught:
        plain_int8(plain, stream)
    assert caught.value is error
    assert list(temporary.iterdir()) == []


def test_the_float_file_answers_as_the_model_and_nothing_is_left_or_said(
    nets: Nets, temporary: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = model_of(nets)
    data = network_of(model, nets.keras).to_tflite(0, None)
    assert capfd.readouterr().out == ""
    assert list(temporary.iterdir()) == []
    engine = Engine(data, runtime="litert", kernels="reference")
    for pixels in PHOTOS:
        tensor = RANGE.tensor(pixels)
        assert np.allclose(engine.run(tensor), np.asarray(model(tensor)), atol=1e-5)


def test_quantizing_writes_nothing_to_standard_output(
    plain: ExplicitModel, temporary: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert plain_int8(plain, lambda: iter(PHOTOS))[4:8] == b"TFL3"
    assert capfd.readouterr().out == ""
    assert list(temporary.iterdir()) == []


def test_a_model_that_the_quantizer_refuses_is_refused_in_one_line(
    nets: Nets, plain: ExplicitModel, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> bytes:
        raise RuntimeError("loc(x): error: 'tfl.x' is bad\nmore")

    monkeypatch.setattr(importlib.import_module("tensorflow.lite.python.convert"), "mlir_quantize", refuse)
    with pytest.raises(ConversionError) as caught:
        plain_int8(plain, lambda: iter(PHOTOS))
    assert str(caught.value) == "TensorFlow's converter refuses the model: loc(x): error: 'tfl.x' is bad"
    assert list(temporary.iterdir()) == []

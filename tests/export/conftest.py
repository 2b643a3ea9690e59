"""What tests of the exporter share: folders of generated photos, tiny networks that see colours, one export."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit.modelfile import parse_model_file
from edgekit_export.data.dataset import DataSet, read_dataset
from edgekit_export.frontend import Activation, ExplicitModel, ImageNetwork, see_network
from edgekit_export.pipeline import ExportResult, export_model
from edgekit_export.proof.record import RECORD_NAME
from edgekit_export.quantize import Photos, calibrate, quantize_int8
from edgekit_export.recipes.network import FloatNetwork
from edgekit_export.sources.keras_model import network_of

COLOURS = ("blue", "green", "red")
HEIGHT, WIDTH = 16, 12
COMMAND = (sys.executable, "-c", "from edgekit_export.cli import main; main()")

MakePhotos = Callable[..., Path]
RunExport = Callable[..., "subprocess.CompletedProcess[str]"]
See = Callable[..., ImageNetwork]
Until = Callable[[Callable[[], Any], str], Any]


def colour_pixels(index: int, seed: Sequence[int], height: int = 20, width: int = 15) -> NDArray[np.uint8]:
    """A photo dominated by blue (0), green (1) or red (2)."""
    rng = np.random.default_rng([index, *seed])
    level = np.full(3, rng.integers(30, 80))
    level[2 - index % 3] = rng.integers(170, 230)
    noise = rng.normal(0, 12, (height, width, 3))
    return np.asarray(np.clip(level + noise, 0, 255).astype(np.uint8))


def plain_int8(model: ExplicitModel, photos: Photos) -> bytes:
    """The file that TFLiteConverter would make: calibrated and quantized, nothing else."""
    return quantize_int8(FloatNetwork(model.tflite), calibrate(model, photos))


def essence(model_file: bytes) -> tuple[object, ...]:
    """All that a model file says and computes, but for the command that was typed to make it."""
    file = parse_model_file(model_file)
    assert file.card is not None
    assert file.card.graph is not None
    record = json.loads((file.entry(RECORD_NAME) or b"").decode())
    del record["command"], record["photos_root"]
    return file.card, model_file[: file.card.graph.size_bytes], record


def error(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """The text of the one `Error:` line, where that is all there is."""
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("Error: ").rstrip("\n")


FieldPhoto = Callable[..., Image.Image]
FieldPhotos = Callable[..., Path]


@pytest.fixture(scope="session")
def make_photos() -> MakePhotos:
    """`make_photos(root, count=4, classes=COLOURS, seed=0)`: PNG and JPEG photos, one sub-folder a class."""

    def make(root: Path, count: int = 4, classes: Sequence[str] = COLOURS, seed: int = 0) -> Path:
        for index, name in enumerate(classes):
            (root / name).mkdir(parents=True)
            for i in range(count):
                path = root / name / f"{i:03}{'.jpg' if i % 2 else '.png'}"
                Image.fromarray(colour_pixels(index, (seed, i))).save(path)
        return root

    return make


@dataclass(frozen=True)
class Nets:
    """Tiny Keras networks, 16 x 12 pixels, whose answer is the dominating colour: blue, green or red."""

    keras: Any

    def colour(
        self,
        *before: Any,
        mean: float | Sequence[float] = 0.0,
        std: float | Sequence[float] = 255.0,
        head: str = "softmax",
    ) -> Any:
        """A Sequential model whose first weights take ``(pixel - mean) / std``, behind the layers `before`."""
        k = self.keras
        layers = [k.layers.Conv2D(6, 3), k.layers.ReLU(), k.layers.GlobalAveragePooling2D(), k.layers.Dense(3)]
        model = k.Sequential([k.Input((HEIGHT, WIDTH, 3)), *before, *layers])
        rng = np.random.default_rng(0)
        kernel = rng.normal(0, 0.1, (3, 3, 3, 6))
        for i in range(3):
            kernel[:, :, :, i] = -0.5 / 9
            kernel[:, :, 2 - i, i] = 1 / 9
        scale, shift = np.broadcast_to(std, 3) / 255, np.broadcast_to(mean, 3) / 255
        layers[0].set_weights([kernel * scale[:, None], (kernel * shift[:, None]).sum(axis=(0, 1, 2))])
        layers[3].set_weights([np.concatenate([8 * np.eye(3), rng.normal(0, 0.3, (3, 3))]), np.zeros(3)])
        if head != "logits":
            model.add(k.layers.Activation(head))
        return model

    def own(self, **options: Any) -> Any:
        """The same with preprocessing of its own: it takes pixels 0..255."""
        return self.colour(self.keras.layers.Rescaling(1 / 255), **options)

    def brittle(self) -> Any:
        """Right in float, and cannot be in int8: one huge activation beside the small ones that decide."""
        model = self.own()
        conv, dense = model.layers[1], model.layers[4]
        kernel, bias = conv.get_weights()
        kernel[:, :, :, 3], bias[3] = 0, 1000
        conv.set_weights([kernel, bias])
        weights, offsets = dense.get_weights()
        weights[3] = 0
        dense.set_weights([weights, offsets])
        return model

    def uneven(self) -> Any:
        """Hard for int8, and not in itself: what decides is 500 times smaller than what does not, and weighs more."""
        model = self.own()
        conv, dense = model.layers[1], model.layers[4]
        factor = np.array([1, 1, 1, 500, 500, 500], np.float32)
        kernel, bias = conv.get_weights()
        conv.set_weights([kernel * factor, bias * factor])
        weights, offsets = dense.get_weights()
        dense.set_weights([weights / factor[:, None], offsets])
        return model


@pytest.fixture(scope="session")
def nets() -> Nets:
    for name in ("tensorflow", "ai_edge_litert"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whatever TensorFlow has to say about its own imports
        import keras
        import tensorflow as tf  # noqa: F401 - all of it, while its warnings are not errors
    return Nets(keras)


@pytest.fixture(scope="session")
def see(nets: Nets) -> See:
    """`see(model, activation=None)`: what the exporter sees in a Keras model, by way of its float `.tflite`."""

    def seen(model: Any, activation: Activation | None = None) -> ImageNetwork:
        return see_network(network_of(model, nets.keras).to_tflite(0, None), activation)

    return seen


@pytest.fixture(scope="session")
def colour_file(nets: Nets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .keras file with its own Rescaling."""
    path = tmp_path_factory.mktemp("keras") / "colour.keras"
    nets.own().save(path)
    return path


@pytest.fixture(scope="session")
def photos(make_photos: MakePhotos, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """36 photos: 4 of each class for calibration, 8 for verification."""
    return make_photos(tmp_path_factory.mktemp("photos"), count=12)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The folder that models are written to, empty."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture(scope="session")
def exported(colour_file: Path, photos: Path) -> ExportResult:
    """One finished export."""
    return export_model(colour_file, photos, license="CC0-1.0", author="nobody")


@pytest.fixture(scope="session")
def exported_path(exported: ExportResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "colour.tflite"
    path.write_bytes(exported.model_file)
    return path


@pytest.fixture(scope="session")
def graph_bytes(exported: ExportResult) -> bytes:
    """The graph part of the finished export."""
    assert exported.card.graph is None  # filled in when it is packed
    from edgekit.modelfile import parse_model_file

    card = parse_model_file(exported.model_file).card
    assert card is not None
    assert card.graph is not None
    return exported.model_file[: card.graph.size_bytes]


@pytest.fixture
def run_export(capfd: pytest.CaptureFixture[str]) -> Iterator[RunExport]:
    """`run_export("convert", ...)` in this process: exit code, and what native code and Python wrote."""
    from edgekit_export.cli import main

    before = signal.getsignal(signal.SIGTERM)

    def run(*arguments: str | os.PathLike[str]) -> subprocess.CompletedProcess[str]:
        capfd.readouterr()
        words = [os.fspath(argument) for argument in arguments]
        with pytest.raises(SystemExit) as left:
            main(words)
        out, err = capfd.readouterr()
        assert isinstance(left.value.code, int)
        return subprocess.CompletedProcess(words, left.value.code, out, err)

    yield run
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def until() -> Until:
    """`until(condition, what)` waits for an event: the first true value of `condition`, or a failure after a minute."""

    def wait(condition: Callable[[], Any], what: str) -> Any:
        deadline, tick = time.monotonic() + 60, threading.Event()
        while not (value := condition()):
            assert time.monotonic() < deadline, f"no {what} within a minute"
            tick.wait(0.01)
        return value

    return wait


@pytest.fixture(scope="session")
def children() -> Callable[[int], list[int]]:
    """`children(pid)`: the child processes of all threads of a process; needs Linux."""

    def find(pid: int) -> list[int]:
        found: list[int] = []
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        return found

    return find


@pytest.fixture(scope="session")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """72 noisy photos with a tint, 40x40, three classes: train 48, val 12, test 12."""
    root = tmp_path_factory.mktemp("coloured")
    for split, count in (("train", 16), ("val", 4), ("test", 4)):
        for index, label in enumerate(("blue", "green", "red")):
            folder = root / split / label
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = np.random.default_rng((index, i, len(split))).normal(110, 35, (40, 40, 3))
                pixels[..., 2 - index] += 40
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{i}.png")
    return read_dataset(root)


@pytest.fixture
def free_ports() -> list[int]:
    """Two ports of this machine that nobody listens on."""
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        return [one.getsockname()[1], other.getsockname()[1]]


def _field_photo(seed: int, height: int = 120, width: int = 160) -> Image.Image:
    """Soft shapes of every size, none like that of another seed: the finer, the fainter, as in real photos."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)) + 0.5 / width
    waves = np.fft.rfft2(rng.normal(size=(4, height, width))) / frequency
    fields = np.fft.irfft2(waves, s=(height, width))
    fields /= fields.std(axis=(1, 2), keepdims=True)
    pixels = 120 + 38 * fields[0][:, :, None] + 15 * fields[1:].transpose(1, 2, 0)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def field_photo() -> FieldPhoto:
    """`field_photo(seed, height=120, width=160)`."""
    return _field_photo


@pytest.fixture(scope="session")
def field_photos() -> FieldPhotos:
    """`field_photos(root, {"rust/a.png": 0, ...})`: for each name the photo of its seed, 60 x 80, and the root."""

    def write(root: Path, seeds: dict[str, int]) -> Path:
        for name, seed in seeds.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            _field_photo(seed, 60, 80).save(root / name)
        return root

    return write

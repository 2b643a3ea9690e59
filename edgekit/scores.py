"""Output tensor -> probabilities -> predictions. Plain functions on arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgekit.card import OutputSpec


class Prediction(NamedTuple):
    """One answer: the class, its label, and how probable it is, 0..1."""

    class_id: int
    label: str
    score: float


def dequantize(output: NDArray[Any], scale: float, zero_point: int) -> NDArray[np.float32]:
    """The real values of an output tensor, float32 of the same shape.

    A scale of 0.0 says that the tensor is not quantized. Source: TensorFlow Lite 8-bit quantization specification.

    >>> dequantize(np.array([0, 128, 255], np.uint8), 1 / 256, 0)
    array([0.        , 0.5       , 0.99609375], dtype=float32)
    """
    if scale == 0.0:
        return output.astype(np.float32, copy=False)
    return (output.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)


def probabilities(values: NDArray[np.float32], spec: OutputSpec) -> NDArray[np.float32]:
    """Probabilities, whatever the head was.

    Args:
        values: Real output values, shape (classes,).
        spec: Says whether they are probabilities already, or logits and of which activation.

    Returns:
        float32 of shape (classes,), each 0..1.
    """
    if spec.kind == "probabilities":
        return np.asarray(np.clip(values, 0.0, 1.0), np.float32)
    logits = values / np.float32(spec.temperature)
    if spec.activation == "sigmoid":
        return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)), np.float32)
    exponentials = np.exp(logits - logits.max())
    return np.asarray(exponentials / exponentials.sum(), np.float32)


def top_predictions(
    scores: NDArray[np.float32],
    labels: tuple[str, ...],
    top_k: int,
    *,
    all_from: float | NDArray[np.float64] | None = None,
) -> list[Prediction]:
    """The `top_k` best classes, best first; equal scores stand in order of class_id.

    Args:
        scores: Shape (classes,).
        labels: One for each class.
        top_k: How many, at most; 1 or more.
        all_from: Classes with this score or a higher one are never left out, even beyond `top_k`; one score, or one for
            each class, shape (classes,).

    Raises:
        ValueError: `top_k` below 1.
    """
    if top_k < 1:
        msg = f"top_k is {top_k}, expected at least 1"
        raise ValueError(msg)
    if all_from is None:
        order = _best(scores, top_k)
    else:
        order = np.argsort(-scores, kind="stable")
        kept = (scores >= all_from)[order]
        kept[:top_k] = True
        order = order[kept]
    return [Prediction(int(i), labels[i], float(scores[i])) for i in order]


def _best(scores: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """As a stable sort would find them; of a thousand classes only those are sorted that may be among the best."""
    if count >= len(scores):
        return np.argsort(-scores, kind="stable")
    least = np.partition(scores, -count)[-count]
    candidates = np.flatnonzero(scores >= least)  # in order of class_id, as ties are to stand
    return np.asarray(candidates[np.argsort(-scores[candidates], kind="stable")[:count]], np.intp)

"""One temperature for all scores, fitted on the int8 file's own logits and folded into it.

Logits divided by a temperature keep their order, so no answer changes; only how sure it sounds. In an int8 file that
division is free: the scales of the tensors that carry logits are divided, and no integer changes.

Few photos do not say how sure a model may be: where it is right on all of them, ever surer scores explain them better,
and photos that helped to choose the model look easier than others. So the fit is not to certainties but to what so many
photos can tell, as Platt's; on networks of four kinds and sets that came closer to the best on test than without.

Sources: C. Guo et al., On calibration of modern neural networks, 2017. J. Platt, Probabilistic outputs for support
vector machines, 1999, section 2.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from edgekit_export.schema import operator_code, operator_names, pack, schema, unpack

_LAYERS = ("FULLY_CONNECTED", "CONV_2D")
_LINEAR = ("RESHAPE", "SQUEEZE", "MEAN", "AVERAGE_POOL_2D", "QUANTIZE", "DEQUANTIZE")  # before the softmax
_LEAST, _MOST = 0.05, 20.0
_ROUNDS = 80  # of the golden section: the interval shrinks to a part in 10^16


def fit_temperature(logits: NDArray[np.float32], truth: NDArray[np.bool_], *, multi_label: bool) -> float:
    """The temperature with which the scores of photos are most probable.

    Args:
        logits: float32 (photos, classes).
        truth: bool (photos, classes): what the photos show.
        multi_label: Whether each class has a score of its own (sigmoid), or all share one (softmax).

    Returns:
        Within 0.05 to 20; 1.0 without photos.
    """
    if not len(logits):
        return 1.0
    values = logits.astype(np.float64)
    targets = smoothed_targets(truth, multi_label=multi_label)

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(values / math.exp(log_temperature), targets, multi_label=multi_label)

    return math.exp(_golden_section(loss, math.log(_LEAST), math.log(_MOST)))


def smoothed_targets(truth: NDArray[np.bool_], *, multi_label: bool) -> NDArray[np.float64]:
    """How probable each label of each photo should be: one more photo of a kind might have been of the other.

    Of n photos whose label is known, that is (n + 1) / (n + 2), and the rest is shared by the other labels. Where each
    label is present or not by itself, n are the photos that have it, or have it not.

    >>> smoothed_targets(np.array([[True, False, False], [False, True, False]]), multi_label=False)
    array([[0.75 , 0.125, 0.125],
           [0.125, 0.75 , 0.125]])
    """
    if multi_label:
        present, absent = truth.sum(axis=0), (~truth).sum(axis=0)
        return np.asarray(np.where(truth, (present + 1) / (present + 2), 1 / (absent + 2)), np.float64)
    wrong = 1 / (len(truth) + 2)
    return np.asarray(np.where(truth, 1 - wrong, wrong / max(1, truth.shape[1] - 1)), np.float64)


def negative_log_likelihood(logits: NDArray[np.float64], targets: NDArray[np.float64], *, multi_label: bool) -> float:
    """The mean over photos, in nats; of exclusive labels the targets of a photo sum up to 1."""
    if multi_label:
        return float((np.logaddexp(0.0, logits) - targets * logits).sum(axis=1).mean())
    top = logits.max(axis=1, keepdims=True)
    normalizer = top[:, 0] + np.log(np.exp(logits - top).sum(axis=1))
    return float((normalizer - (logits * targets).sum(axis=1)).mean())


def _golden_section(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley is smallest."""
    ratio = (math.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(_ROUNDS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = function(right)
    return (low + high) / 2


def logits_tensor(data: bytes) -> int | None:
    """The tensor that the last softmax or sigmoid of a file reads; None where there is none."""
    model = unpack(data)
    nodes = model.subgraphs[0].operators
    for node in reversed(nodes):
        kind = _kind(model, node)
        if kind in ("SOFTMAX", "LOGISTIC"):
            return int(node.inputs[0])
        if kind not in ("QUANTIZE", "DEQUANTIZE", "RESHAPE"):
            return None
    return None


def fold_temperature(data: bytes, temperature: float) -> bytes | None:
    """The file with its logits divided by a temperature, or None where its last layers do not allow it.

    No integer of an int8 layer changes: its weights, its bias and its output mean less, in proportion. The weights and
    the bias of a float layer are divided.
    """
    model = unpack(data)
    tensors = _carrying_logits(model, logits_tensor(data))
    if tensors is None:
        return None
    for index in tensors:
        tensor = model.subgraphs[0].tensors[index]
        told = tensor.quantization
        if told is not None and told.scale is not None and len(told.scale):
            told.scale = [float(np.float32(scale / temperature)) for scale in told.scale]
        else:
            _divide(model, tensor, temperature)
    return pack(model)


def _carrying_logits(model: object, logits: int | None) -> list[int] | None:
    """Every tensor from the last layer's weights to the logits; None where something else lies between."""
    graph = model.subgraphs[0]  # type: ignore[attr-defined]
    makers = {int(node.outputs[0]): node for node in graph.operators if len(node.outputs)}
    found: list[int] = []
    tensor = logits
    while tensor is not None and tensor in makers:
        node = makers[tensor]
        if _readers(graph, tensor) != 1:
            return None  # something else reads it, too
        kind = _kind(model, node)
        found.append(tensor)
        if kind in _LAYERS:
            if getattr(node.builtinOptions, "fusedActivationFunction", 0):
                return None
            weights = [_stored(model, makers, int(i)) for i in node.inputs[1:] if int(i) >= 0]
            alone = all(i is not None and _readers(graph, i) == 1 for i in weights)
            return found + [i for i in weights if i is not None] if alone else None
        if kind not in _LINEAR:
            return None
        tensor = int(node.inputs[0])
    return None


def _readers(graph: object, tensor: int) -> int:
    return sum(tensor in [int(i) for i in node.inputs] for node in graph.operators)  # type: ignore[attr-defined]


def _stored(model: object, makers: Mapping[int, object], tensor: int) -> int | None:
    """The constant behind a layer's weights: they may be stored as float16, behind a conversion."""
    node = makers.get(tensor)
    if node is None:
        return tensor
    return int(node.inputs[0]) if _kind(model, node) == "DEQUANTIZE" else None  # type: ignore[attr-defined]


def _divide(model: object, tensor: object, temperature: float) -> None:
    buffer = model.buffers[tensor.buffer]  # type: ignore[attr-defined]
    if buffer.data is None or not len(buffer.data):
        return  # computed
    kinds = {0: np.float32, 1: np.float16}
    dtype = kinds[tensor.type]  # type: ignore[attr-defined]
    values = np.frombuffer(bytes(buffer.data), dtype).astype(np.float32) / np.float32(temperature)
    own = schema().BufferT()  # equal constants share one
    own.data = np.frombuffer(values.astype(dtype).tobytes(), np.uint8)
    model.buffers.append(own)  # type: ignore[attr-defined]
    tensor.buffer = len(model.buffers) - 1  # type: ignore[attr-defined]


def _kind(model: object, node: object) -> str:
    return operator_names().get(operator_code(model, node), "")

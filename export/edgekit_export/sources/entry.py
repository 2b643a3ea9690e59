"""What enters the first weights of a network: the place where its own preprocessing ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Entry: TypeAlias = Callable[[NDArray[Any]], NDArray[np.float32]]
"""From a network's image input to the tensor that enters its first weights."""

# TensorFlow's operators that hold a network's weights, and which of their inputs is the activation.
_WEIGHTED = {"Conv2D": 0, "DepthwiseConv2dNative": 0, "MatMul": 0, "BatchMatMulV2": 0, "Conv2DBackpropInput": 2}
# Batch normalization counts as weights: its statistics fit 0..1 and -1..1 alike. Keras 3 writes it as arithmetic, in
# the scope that TensorFlow's own function opens.
_WEIGHTED |= {"FusedBatchNorm": 0, "FusedBatchNormV2": 0, "FusedBatchNormV3": 0}
_BATCHNORM_SCOPE = "/batchnorm/"


def entry_of(traced: Any, image: int) -> Entry | None:
    """The entry of a traced network; None where there is none, or several that get different tensors.

    Read from TensorFlow's own graph: the converter to TFLite may already have moved a rescaling into the weights.

    Args:
        traced: A TensorFlow `ConcreteFunction`.
        image: Which of its inputs is the image.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(traced)  # with the functions that it calls in place
    source = frozen.inputs[image]
    first = {tensor.name: tensor for tensor in _first_weighted_inputs(source)}
    if len(first) != 1:
        return None
    (tensor,) = first.values()
    if tensor is source:
        return lambda pixels: np.asarray(pixels, np.float32)
    pruned = frozen.prune(source, tensor)
    dtype = source.dtype
    return lambda pixels: np.asarray(pruned(tf.constant(pixels, dtype)), np.float32)


def _first_weighted_inputs(source: Any) -> Iterable[Any]:
    """What enters the operators with weights that are reached first from a tensor, on each way."""
    waiting, found = list(source.consumers()), []
    reached: set[str] = set()
    while waiting:
        node = waiting.pop(0)
        if node.name in reached:
            continue
        reached.add(node.name)
        place = 0 if _BATCHNORM_SCOPE in node.name else _WEIGHTED.get(node.type)
        if place is not None:
            found.append(node.inputs[place])
            continue
        for output in node.outputs:
            waiting += output.consumers()
    return found

"""A float network in TensorFlow, as it is and with the rounding of int8 in it: what recipes learn from.

The roundings are those of TFLite: weights symmetric per channel, activations per tensor, zero on the grid.

Source: TensorFlow Lite 8-bit quantization specification.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from edgekit_export.recipes.network import FloatNetwork, Layer, Node, Ranges

Values: TypeAlias = "dict[int, Any]"
"""TensorFlow tensors by their index in the network."""

# Their output is quantized like their input, or, for the last two, as the kernels want it whatever was seen.
_PASSED_ON = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "MAX_POOL_2D", "PAD"})
_FIXED = MappingProxyType({"SOFTMAX": (0.0, 255 / 256), "LOGISTIC": (0.0, 255 / 256), "TANH": (-1.0, 127 / 128)})
_PADDING = ("SAME", "VALID")


class Simulation:
    """A network that can be run in TensorFlow.

    Args:
        network: With constants for all that its layers multiply with.
        ranges: Of its computed tensors.
    """

    def __init__(self, network: FloatNetwork, ranges: Ranges) -> None:
        self.network, self.ranges = network, ranges
        self._layers = {layer.output: layer for layer in network.layers}
        self._last_use = {tensor: nodes[-1] for tensor, nodes in network.users.items()}

    @property
    def logits(self) -> int:
        """The tensor that the last activation turns into scores; the output where there is none."""
        last = self.network.nodes[-1]
        return last.inputs[0] if last.kind in ("SOFTMAX", "LOGISTIC") else self.network.output

    @property
    def features(self) -> int | None:
        """What the last layer with weights reads."""
        layers = self.network.layers
        return layers[-1].node.inputs[0] if layers else None

    def run(
        self,
        image: Any,
        *,
        rounded: Callable[[int], bool] = lambda _: False,
        weights: Mapping[int, tuple[Any, Any]] | None = None,
        keep: frozenset[int] = frozenset(),
        before_activation: Callable[[Layer, Any], Any] | None = None,
    ) -> Values:
        """The values of the tensors in `keep`, for a batch.

        Args:
            image: float32 (photos, height, width, channels), as the network takes it.
            rounded: Which nodes, by the tensors that they compute, round as int8 does.
            weights: Kernel and bias of layers that have others than the network's; None for no bias.
            keep: Tensors to keep; others are forgotten when no node needs them any more.
            before_activation: Told the sums of each layer before its activation; what it returns is gone on with.
        """
        values: Values = {self.network.input: image}
        for node in self.network.nodes:
            layer = self._layers.get(node.output)
            if layer is None:
                result = _OPERATORS[node.kind](self.network, node, self._inputs(node, values))
            else:
                result = self._layer(layer, values, rounded(node.output), weights or {})
                if before_activation is not None:
                    result = before_activation(layer, result)
            result = _activated(node, result)
            values[node.output] = self._rounded(node, result) if rounded(node.output) else result
            for tensor in node.inputs:
                if tensor in values and tensor not in keep and self._last_use[tensor] is node:
                    del values[tensor]
        return values

    def _inputs(self, node: Node, values: Values) -> list[Any]:
        import tensorflow as tf

        found = []
        for tensor in node.inputs:
            constant = None if tensor in values else self.network.constant(tensor)
            found.append(values.get(tensor) if constant is None else tf.constant(constant))
        return found

    def _layer(self, layer: Layer, values: Values, rounded: bool, changed: Mapping[int, tuple[Any, Any]]) -> Any:
        import tensorflow as tf

        own = self.network.weights(layer)
        kernel, bias = changed.get(layer.output, (own.kernel, own.bias))
        kernel = tf.convert_to_tensor(kernel)
        if rounded:
            kernel = round_kernel(kernel, layer.output_axis)
        sums = _SUMS[layer.node.kind](values[layer.node.inputs[0]], kernel, layer.node.options)
        return sums if bias is None else sums + bias

    def _rounded(self, node: Node, values: Any) -> Any:
        import tensorflow as tf

        if node.kind in _PASSED_ON:
            return values
        found = _FIXED.get(node.kind) or self.ranges.get(node.output)
        if found is None:
            return values
        low, high = min(found[0], 0.0), max(found[1], 0.0)
        return tf.quantization.fake_quant_with_min_max_args(values, low, high) if high > low else values


def unsupported(network: FloatNetwork) -> tuple[str, ...]:
    """The operators that cannot be simulated, in order of their names; empty where a network can be."""
    layers = {layer.output for layer in network.layers}
    return tuple(sorted({node.kind for node in network.nodes if node.output not in layers and not _known(node)}))


def _known(node: Node) -> bool:
    return node.kind in _OPERATORS and len(node.outputs) == 1


def round_kernel(kernel: Any, axis: int) -> Any:
    """A kernel as int8 keeps it, per channel along `axis`; gradients pass as if it were not rounded."""
    import tensorflow as tf

    others = [i for i in range(len(kernel.shape)) if i != axis]
    step = tf.stop_gradient(tf.maximum(tf.reduce_max(tf.abs(kernel), axis=others, keepdims=True), 1e-12)) / 127
    return kernel + tf.stop_gradient(tf.clip_by_value(tf.round(kernel / step), -127, 127) * step - kernel)


def _conv(image: Any, kernel: Any, options: Any) -> Any:
    import tensorflow as tf

    strides, dilations = _strides(options), [options.dilationHFactor, options.dilationWFactor]
    return tf.nn.conv2d(
        image, tf.transpose(kernel, [1, 2, 3, 0]), strides, _PADDING[options.padding], "NHWC", dilations
    )


def _depthwise(image: Any, kernel: Any, options: Any) -> Any:
    import tensorflow as tf

    channels = image.shape[-1]
    height, width, out = kernel.shape[1:]
    shaped = tf.reshape(kernel, [height, width, channels, out // channels])
    dilations = [options.dilationHFactor, options.dilationWFactor]
    return tf.nn.depthwise_conv2d(image, shaped, _strides(options), _PADDING[options.padding], "NHWC", dilations)


def _dense(values: Any, kernel: Any, options: Any) -> Any:
    import tensorflow as tf

    flat = values if options.keepNumDims else tf.reshape(values, [-1, kernel.shape[1]])
    return tf.linalg.matmul(flat, kernel, transpose_b=True)


_SUMS: Mapping[str, Callable[[Any, Any, Any], Any]] = MappingProxyType(
    {"CONV_2D": _conv, "DEPTHWISE_CONV_2D": _depthwise, "FULLY_CONNECTED": _dense}
)


def _strides(options: Any) -> list[int]:
    return [1, options.strideH, options.strideW, 1]


def _activated(node: Node, values: Any) -> Any:
    import tensorflow as tf

    kind = getattr(node.options, "fusedActivationFunction", 0)
    if kind == 2:
        return tf.clip_by_value(values, -1.0, 1.0)
    return {0: tf.identity, 1: tf.nn.relu, 3: tf.nn.relu6, 4: tf.nn.tanh}[kind](values)


def _pool(how: str) -> Callable[[FloatNetwork, Node, list[Any]], Any]:
    def run(_: FloatNetwork, node: Node, inputs: list[Any]) -> Any:
        import tensorflow as tf

        options = node.options
        size = [1, options.filterHeight, options.filterWidth, 1]
        pool = tf.nn.avg_pool2d if how == "mean" else tf.nn.max_pool2d
        return pool(inputs[0], size, _strides(options), _PADDING[options.padding])

    return run


def _reshape(network: FloatNetwork, node: Node, inputs: list[Any]) -> Any:
    import tensorflow as tf

    return tf.reshape(inputs[0], [-1, *network.shape(node.output)[1:]])


def _reduced(how: str) -> Callable[[FloatNetwork, Node, list[Any]], Any]:
    def run(network: FloatNetwork, node: Node, inputs: list[Any]) -> Any:
        import tensorflow as tf

        axes = np.ravel(np.asarray(network.constant(node.inputs[1])))
        reduce = {"mean": tf.reduce_mean, "sum": tf.reduce_sum, "max": tf.reduce_max}[how]
        return reduce(inputs[0], [int(a) for a in axes], keepdims=bool(node.options.keepDims))

    return run


def _simple(name: str) -> Callable[[FloatNetwork, Node, list[Any]], Any]:
    def run(_: FloatNetwork, node: Node, inputs: list[Any]) -> Any:
        import tensorflow as tf

        two: dict[str, Callable[..., Any]] = {
            "add": tf.add, "sub": tf.subtract, "mul": tf.multiply, "div": tf.divide, "max": tf.maximum,
            "min": tf.minimum, "softmax": lambda x: tf.nn.softmax(x * (node.options.beta or 1.0)),
            "sigmoid": tf.sigmoid, "tanh": tf.tanh, "relu": tf.nn.relu, "relu6": tf.nn.relu6, "elu": tf.nn.elu,
            "leaky": lambda x: tf.nn.leaky_relu(x, node.options.alpha), "prelu": lambda x, a: tf.maximum(x, 0.0)
            + a * tf.minimum(x, 0.0), "swish": lambda x: x * tf.nn.relu6(x + 3.0) / 6.0,
        }  # fmt: skip
        return two[name](*inputs)

    return run


def _concat(_: FloatNetwork, node: Node, inputs: list[Any]) -> Any:
    import tensorflow as tf

    return tf.concat(inputs, node.options.axis)


def _pad(_: FloatNetwork, node: Node, inputs: list[Any]) -> Any:  # noqa: ARG001 - as all operators
    import tensorflow as tf

    return tf.pad(inputs[0], inputs[1])


def _transpose(_: FloatNetwork, node: Node, inputs: list[Any]) -> Any:  # noqa: ARG001 - as all operators
    import tensorflow as tf

    return tf.transpose(inputs[0], inputs[1])


_OPERATORS: Mapping[str, Callable[[FloatNetwork, Node, list[Any]], Any]] = MappingProxyType(
    {
        "ADD": _simple("add"), "SUB": _simple("sub"), "MUL": _simple("mul"), "DIV": _simple("div"),
        "MAXIMUM": _simple("max"), "MINIMUM": _simple("min"),
        "SOFTMAX": _simple("softmax"), "LOGISTIC": _simple("sigmoid"), "TANH": _simple("tanh"),
        "RELU": _simple("relu"), "RELU6": _simple("relu6"), "ELU": _simple("elu"), "LEAKY_RELU": _simple("leaky"),
        "PRELU": _simple("prelu"), "HARD_SWISH": _simple("swish"),
        "AVERAGE_POOL_2D": _pool("mean"), "MAX_POOL_2D": _pool("max"),
        "MEAN": _reduced("mean"), "SUM": _reduced("sum"), "REDUCE_MAX": _reduced("max"),
        "RESHAPE": _reshape, "SQUEEZE": _reshape, "EXPAND_DIMS": _reshape,
        "CONCATENATION": _concat, "PAD": _pad, "TRANSPOSE": _transpose,
    }
)  # fmt: skip

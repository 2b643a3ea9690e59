"""A float `.tflite` as a recipe sees it: nodes in order, and the layers with weights, which it may change."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgekit_export.schema import operator_code, operator_names, pack, schema, unpack

Ranges: TypeAlias = "Mapping[int, tuple[float, float]]"
"""The smallest and the largest value of each computed tensor, by its index."""

_DTYPES = {0: np.dtype("float32"), 2: np.dtype("int32")}
_KERNEL, _BIAS = 1, 2  # places among a layer's inputs
_OUTPUT_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}


@dataclass(frozen=True)
class Node:
    """One operator: its name in the schema, its tensors (-1: left out), and its options as generated objects."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any

    @property
    def output(self) -> int:
        """The tensor that it computes."""
        return self.outputs[0]


@dataclass(frozen=True)
class Weights:
    """The constants of a layer.

    Attributes:
        kernel: float32, as TFLite keeps it: (out, height, width, in), (1, height, width, channels) or (out, in).
        bias: float32 (channels,); None where the layer has none.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32] | None


@dataclass(frozen=True)
class Layer:
    """A node with weights. `output_axis` is that of its kernel along which output channels lie."""

    node: Node
    output_axis: int

    @property
    def output(self) -> int:
        """The tensor that it computes, which also names the layer."""
        return self.node.output


class FloatNetwork:
    """A float `.tflite` of one image and one output, taken apart. It does not change: changes make another one.

    Args:
        data: Its bytes.
    """

    def __init__(self, data: bytes) -> None:
        self._model = unpack(data)
        graph = self._model.subgraphs[0]
        self._tensors = graph.tensors
        names = operator_names()
        self.nodes = tuple(
            Node(
                names.get(operator_code(self._model, node), "UNKNOWN"),
                tuple(int(i) for i in (node.inputs if node.inputs is not None else ())),
                tuple(int(i) for i in (node.outputs if node.outputs is not None else ())),
                node.builtinOptions,
            )
            for node in graph.operators
        )
        self.input, self.output = int(graph.inputs[0]), int(graph.outputs[0])

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The nodes with constant weights, in order."""
        return tuple(
            Layer(node, _OUTPUT_AXIS[node.kind])
            for node in self.nodes
            if node.kind in _OUTPUT_AXIS and self.constant(node.inputs[_KERNEL]) is not None
        )

    @cached_property
    def users(self) -> Mapping[int, tuple[Node, ...]]:
        """The nodes that read each tensor."""
        found: dict[int, list[Node]] = {}
        for node in self.nodes:
            for tensor in set(node.inputs):
                found.setdefault(tensor, []).append(node)
        return MappingProxyType({tensor: tuple(nodes) for tensor, nodes in found.items()})

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Of a tensor."""
        shape = self._tensors[tensor].shape
        return tuple(int(n) for n in shape) if shape is not None else ()

    def name(self, tensor: int) -> str:
        """Of a tensor, as the converter wrote it: the names of the layers that it comes from, joined."""
        name = self._tensors[tensor].name
        return name.decode(errors="replace") if isinstance(name, bytes) else str(name or "")

    def constant(self, tensor: int) -> NDArray[Any] | None:
        """The values of a constant of float32 or int32; None for a computed tensor, or one that is left out."""
        if tensor < 0:
            return None
        declared = self._tensors[tensor]
        data = self._model.buffers[declared.buffer].data
        if data is None or not len(data) or declared.type not in _DTYPES:
            return None
        return np.frombuffer(bytes(data), _DTYPES[declared.type]).reshape(self.shape(tensor))

    def weights(self, layer: Layer) -> Weights:
        """The constants of a layer."""
        kernel = self.constant(layer.node.inputs[_KERNEL])
        assert kernel is not None  # noqa: S101 - else it is no layer
        inputs = layer.node.inputs
        return Weights(kernel, self.constant(inputs[_BIAS]) if len(inputs) > _BIAS else None)

    def with_weights(self, changed: Mapping[int, Weights]) -> FloatNetwork:
        """The network with other constants in some layers, by the tensors that these compute.

        Each becomes a tensor of its own: the converter lets layers share equal constants.
        """
        model = copy.deepcopy(self._model)
        graph = model.subgraphs[0]
        for node in graph.operators:
            new = changed.get(int(node.outputs[0])) if len(node.outputs) else None
            if new is None:
                continue
            node.inputs = [int(i) for i in node.inputs]
            node.inputs[_KERNEL] = _replaced(model, node.inputs[_KERNEL], new.kernel)
            if new.bias is not None:
                node.inputs[_BIAS] = _replaced(model, node.inputs[_BIAS], new.bias)
        return FloatNetwork(pack(model))

    def with_activations(self, changed: Mapping[int, int]) -> FloatNetwork:
        """The network with other fused activations, by the tensors that their nodes compute."""
        model = copy.deepcopy(self._model)
        for node in model.subgraphs[0].operators:
            if len(node.outputs) and int(node.outputs[0]) in changed:
                node.builtinOptions.fusedActivationFunction = changed[int(node.outputs[0])]
        return FloatNetwork(pack(model))

    def bytes(self, ranges: Ranges | None = None) -> bytes:
        """The file; with `ranges`, as the converter's quantizer wants it."""
        model = copy.deepcopy(self._model) if ranges else self._model
        for tensor, (low, high) in (ranges or {}).items():
            told = schema().QuantizationParametersT()
            told.min, told.max = [low], [high]
            model.subgraphs[0].tensors[tensor].quantization = told
        return pack(model)


def _replaced(model: Any, tensor: int, values: NDArray[np.float32]) -> int:
    """A new constant like `tensor`, with other values."""
    graph = model.subgraphs[0]
    buffer = schema().BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(values, np.float32).tobytes(), np.uint8)
    model.buffers.append(buffer)
    new = copy.copy(graph.tensors[tensor])
    new.buffer = len(model.buffers) - 1
    graph.tensors.append(new)
    return len(graph.tensors) - 1


def ranges_in(data: bytes, like: FloatNetwork) -> dict[int, tuple[float, float]]:
    """The ranges that TensorFlow's calibrator wrote into a file of the same network; not those of constants."""
    found: dict[int, tuple[float, float]] = {}
    for tensor, declared in enumerate(unpack(data).subgraphs[0].tensors):
        told = declared.quantization
        if told is None or told.min is None or not len(told.min) or like.constant(tensor) is not None:
            continue
        found[tensor] = float(told.min[0]), float(told.max[0])
    return found


def layer_names(network: FloatNetwork, layers: Sequence[Layer]) -> tuple[str, ...]:
    """What people call these layers: the name that the author gave, without what the framework put around it."""
    return tuple(readable_name(network.name(layer.output)) for layer in layers)


def readable_name(tensor_name: str) -> str:
    """The author's name of the layer that a tensor comes from.

    The converter joins the names of all that it fused, the last first, each a path with the operator at its end.

    >>> readable_name("net_1/block_relu_1/Relu6;net_1/block_bn_1/batchnorm/add_1;net_1/block_conv_1/convolution")
    'block_conv'
    >>> readable_name("net_1/head_1/MatMul;net_1/head_1/BiasAdd")
    'head'
    """
    parts = [part for part in tensor_name.split(";") if part]
    if not parts:
        return "unnamed"
    weighty = [p for p in parts if p.rpartition("/")[2].lower().startswith(("conv", "depthwise", "matmul", "biasadd"))]
    path = (weighty[-1] if weighty else parts[0]).split("/")
    inner = [step for step in path[:-1] if step not in {"batchnorm", "convolution", "depthwise"}] or path
    name = inner[-1]
    stem, _, number = name.rpartition("_")
    return stem if stem and number == "1" else name

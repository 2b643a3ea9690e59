"""A float `.tflite` graph, rewired at its ends: what stands in front of the network, and what behind it.

Every kind of model comes here as a float `.tflite`, so what is done to its ends is done once, whoever made it. The
network itself, its weights and the order of its operators, stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgekit_export.schema import operator_code, operator_index, pack, schema, unpack

Options: TypeAlias = "tuple[str, dict[str, Any]] | None"

_NUMPY = {0: np.dtype("float32"), 1: np.dtype("float16"), 2: np.dtype("int32")}


class Rewiring:
    """One `.tflite` being changed; `finish` gives its bytes.

    Args:
        data: A `.tflite` with one subgraph, checked before: damage ends in errors of the flatbuffers package.
    """

    def __init__(self, data: bytes) -> None:
        self._model = unpack(data)
        self._graph = self._model.subgraphs[0]
        self._graph.inputs = [int(i) for i in self._graph.inputs]
        self._graph.outputs = [int(i) for i in self._graph.outputs]
        # Signatures and metadata tell of ends that are about to change.
        self._model.signatureDefs = None
        self._model.metadata, self._model.metadataBuffer = None, None
        for tensor in self._graph.tensors:
            tensor.shapeSignature = None  # a free batch becomes the batch of one that `shape` has

    def finish(self) -> bytes:
        """The bytes of the changed file."""
        self._drop_unused_codes()
        return pack(self._model)

    def _drop_unused_codes(self) -> None:
        """Leave out the operators that no node is any more: the calibrator trips over them."""
        used = sorted({node.opcodeIndex for node in self._graph.operators})
        self._model.operatorCodes = [self._model.operatorCodes[i] for i in used]
        for node in self._graph.operators:
            node.opcodeIndex = used.index(node.opcodeIndex)

    def keep_output(self, tensor: int) -> None:
        """Make a tensor the only output, and leave out the operators and inputs that it does not depend on."""
        needed, kept = {tensor}, []
        for node in reversed(list(self._graph.operators)):
            if needed.intersection(int(i) for i in node.outputs):
                needed.update(int(i) for i in node.inputs)
                kept.append(node)
        self._graph.operators = kept[::-1]
        self._graph.inputs = [i for i in self._graph.inputs if i in needed]
        self._graph.outputs = [tensor]

    def enter_at(self, tensor: int) -> None:
        """Make a computed tensor the only input: whatever computed it is left out."""
        outputs = list(self._graph.outputs)
        self._graph.operators = [n for n in self._graph.operators if tensor not in [int(i) for i in n.outputs]]
        self._graph.inputs = [tensor]
        self.keep_output(outputs[0])

    def unfold_half_weights(self) -> None:
        """Turn constants stored as float16, each behind a DEQUANTIZE, into float32 constants."""
        known, kept = schema(), []
        for node in self._graph.operators:
            source = self._graph.tensors[int(node.inputs[0])] if len(node.inputs) else None
            data = self._model.buffers[source.buffer].data if source is not None else None
            is_half = source is not None and source.type == known.TensorType.FLOAT16
            if (
                operator_code(self._model, node) == known.BuiltinOperator.DEQUANTIZE
                and is_half
                and data is not None
                and len(data)
            ):
                values = np.frombuffer(bytes(data), np.float16).astype(np.float32)
                self._graph.tensors[int(node.outputs[0])].buffer = self._add_buffer(values)
            else:
                kept.append(node)
        self._graph.operators = kept

    def prepend_reshape(self, shape: Sequence[int]) -> None:
        """Let the graph take (1, height, width, channels) where it took the same values in another shape."""
        old = self._only_input()
        new = self._add_tensor("image", shape)
        target = self._add_constant("edgekit/shape_in", np.array(old.shape, np.int32))
        reshape = self._reshape_options(old.shape)
        self._insert(0, "RESHAPE", [new, target], [self._graph.inputs[0]], reshape)
        self._graph.inputs = [new]

    def prepend_channels_last(self) -> None:
        """Let the graph take (1, height, width, channels) where it took (1, channels, height, width)."""
        batch, channels, height, width = self._only_input().shape
        new = self._add_tensor("image", (batch, height, width, channels))
        order = self._add_constant("edgekit/channels_first", np.array([0, 3, 1, 2], np.int32))
        self._insert(0, "TRANSPOSE", [new, order], [self._graph.inputs[0]], ("TransposeOptions", {}), version=1)
        self._graph.inputs = [new]

    def prepend_mapping(self, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        """Let the graph take pixels 0..255 where it took ``pixel @ weights + bias``.

        Args:
            weights: float32 of shape (channels in, channels out).
            bias: float32 of shape (channels out,).
        """
        shape = [int(n) for n in self._only_input().shape]
        new = self._add_tensor("pixels", (*shape[:3], len(weights)))
        options = {"padding": schema().Padding.VALID, "strideH": 1, "strideW": 1}
        diagonal = weights.shape[0] == weights.shape[1] and np.array_equal(weights, np.diag(np.diag(weights)))
        if diagonal:
            kernel = np.diag(weights).reshape(1, 1, 1, -1)
            options["depthMultiplier"] = 1
            name, table = "DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions"
        else:
            kernel = weights.T.reshape(weights.shape[1], 1, 1, weights.shape[0])
            name, table = "CONV_2D", "Conv2DOptions"
        constants = [
            self._add_constant("edgekit/mapping", np.ascontiguousarray(kernel, np.float32)),
            self._add_constant("edgekit/mapping_bias", np.asarray(bias, np.float32)),
        ]
        self._insert(0, name, [new, *constants], [self._graph.inputs[0]], (table, options))
        self._graph.inputs = [new]

    def prepend_bytes(self, scale: float, zero_point: int) -> None:
        """Let the graph take uint8 where it took ``(byte - zero_point) * scale``."""
        shape = [int(n) for n in self._only_input().shape]
        new = self._add_bytes("pixels", shape, scale, zero_point)
        self._insert(0, "DEQUANTIZE", [new], [self._graph.inputs[0]], None, version=2)
        self._graph.inputs = [new]

    def append_bytes(self, scale: float) -> None:
        """Let the graph give uint8, ``byte * scale``, where it gave floats."""
        old = self._graph.outputs[0]
        new = self._add_bytes("scores", [int(n) for n in self._graph.tensors[old].shape], scale, 0)
        self._insert(len(self._graph.operators), "QUANTIZE", [old], [new], None)
        self._graph.outputs = [new]

    def append_reshape(self, shape: Sequence[int]) -> None:
        """Let the graph give its values in another shape."""
        target = self._add_constant("edgekit/shape_out", np.array(shape, np.int32))
        self._append("RESHAPE", [target], shape, "scores", self._reshape_options(shape))

    def append_softmax(self) -> None:
        """Let the graph give probabilities where it gave logits of exclusive classes."""
        options = ("SoftmaxOptions", {"beta": 1.0})
        self._append("SOFTMAX", [], self._graph.tensors[self._graph.outputs[0]].shape, "probabilities", options)

    def append_sigmoid(self) -> None:
        """Let the graph give independent scores where it gave their logits."""
        self._append("LOGISTIC", [], self._graph.tensors[self._graph.outputs[0]].shape, "scores", None)

    def append_two_logits(self) -> None:
        """Let the graph give logits of two classes, (1, 2), where it gave the logit z of the second: -z/2 and z/2.

        The softmax of the two is ``1 - sigmoid(z)`` and ``sigmoid(z)``.
        """
        weights = self._add_constant("edgekit/two_classes", np.array([[-0.5], [0.5]], np.float32))
        bias = self._add_constant("edgekit/two_classes_bias", np.zeros(2, np.float32))
        self._append("FULLY_CONNECTED", [weights, bias], (1, 2), "logits", ("FullyConnectedOptions", {}))

    def _only_input(self) -> Any:
        (index,) = self._graph.inputs
        return self._graph.tensors[index]

    def _append(self, name: str, constants: list[int], shape: Sequence[int], tensor: str, options: Options) -> None:
        new = self._add_tensor(tensor, shape)
        self._insert(len(self._graph.operators), name, [self._graph.outputs[0], *constants], [new], options)
        self._graph.outputs = [new]

    def _insert(  # noqa: PLR0913, PLR0917 - the parts of a node
        self, place: int, name: str, inputs: list[int], outputs: list[int], options: Options, version: int = 1
    ) -> None:
        known = schema()
        node = known.OperatorT()
        node.opcodeIndex = operator_index(self._model, getattr(known.BuiltinOperator, name), version)
        node.inputs, node.outputs = inputs, outputs
        if options:
            table, values = options
            node.builtinOptionsType = getattr(known.BuiltinOptions, table)
            node.builtinOptions = getattr(known, f"{table}T")()
            for key, value in values.items():
                setattr(node.builtinOptions, key, value)
        self._graph.operators = [*self._graph.operators[:place], node, *self._graph.operators[place:]]

    def _reshape_options(self, shape: Sequence[int]) -> Options:
        return ("ReshapeOptions", {"newShape": [int(n) for n in shape]})

    def _add_tensor(self, name: str, shape: Sequence[int], dtype: int = 0, buffer: int = 0) -> int:
        tensor = schema().TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, [int(n) for n in shape], dtype, buffer
        self._graph.tensors = [*self._graph.tensors, tensor]
        return len(self._graph.tensors) - 1

    def _add_bytes(self, name: str, shape: Sequence[int], scale: float, zero_point: int) -> int:
        index = self._add_tensor(name, shape, schema().TensorType.UINT8)
        told = schema().QuantizationParametersT()
        told.scale, told.zeroPoint = [scale], [zero_point]
        self._graph.tensors[index].quantization = told
        return index

    def _add_constant(self, name: str, values: NDArray[Any]) -> int:
        dtype = next(code for code, known in _NUMPY.items() if known == values.dtype)
        assert math.prod(values.shape)  # noqa: S101 - an empty buffer would say: computed
        return self._add_tensor(name, values.shape, dtype, self._add_buffer(values))

    def _add_buffer(self, values: NDArray[Any]) -> int:
        buffer = schema().BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers = [*self._model.buffers, buffer]
        return len(self._model.buffers) - 1

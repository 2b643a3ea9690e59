"""A float `.tflite`, to be quantized again: as it comes from TensorFlow, from ONNX or from PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit import tflite
from edgekit.errors import EdgekitError
from edgekit.foreign import refuse_custom_operators
from edgekit.inputrange import InputRange
from edgekit.metadata import Metadata
from edgekit.modelfile import parse_model_file
from edgekit.structure import check_structure
from edgekit.tflite import Graph, Tensor
from edgekit_export.device import DeviceRuntime
from edgekit_export.errors import ModelLoadError
from edgekit_export.rewire import Rewiring
from edgekit_export.sources.batchnorm import Divergence
from edgekit_export.sources.entry import Entry
from edgekit_export.sources.network import Port, Size, image_port

# The operators that hold a network's weights, and which of their inputs is the activation.
_WEIGHTED = {tflite.CONV_2D: 0, tflite.DEPTHWISE_CONV_2D: 0, tflite.FULLY_CONNECTED: 0, tflite.TRANSPOSE_CONV: 2}
_QUANTIZED = ("int8", "uint8", "int16", "int4")


@dataclass(frozen=True)
class TfliteNetwork:
    """A float `.tflite`, answered by ai-edge-litert in a process of its own."""

    data: bytes
    maker: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    divergence: Divergence | None = None

    def to_tflite(self, output: int, size: Size | None) -> bytes:  # noqa: ARG002 - its size is fixed
        """See `Network.to_tflite`."""
        rewiring = Rewiring(self.data)
        rewiring.keep_output(Graph(self.data).outputs[output].index)
        return rewiring.finish()

    def entry(self, output: int, size: Size | None) -> Entry | None:
        """See `Network.entry`."""
        data = self.to_tflite(output, size)
        tensor = _first_weighted_input(Graph(data))
        if tensor is None:
            return None
        if Graph(data).producer(tensor) is None:
            return lambda pixels: np.asarray(pixels, np.float32)
        rewiring = Rewiring(data)
        rewiring.keep_output(tensor)
        device = DeviceRuntime(rewiring.finish(), "litert", "default")
        return lambda pixels: np.asarray(device.run(pixels, "a plain image").reshape(device.output_shape), np.float32)

    def answer(self, output: int, size: Size | None) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
        """See `Network.answer`."""
        data = self.to_tflite(output, size)
        dtype = np.dtype(self.inputs[image_port(self.inputs)].dtype)
        device = DeviceRuntime(data, "litert", "default")
        return lambda tensor: np.asarray(device.run(tensor.astype(dtype), "a photo"), np.float32)


@dataclass(frozen=True)
class Told:
    """What a file says beside its network: labels, and the range it was trained on. None where it says nothing."""

    labels: tuple[str, ...] | None = None
    input_range: InputRange | None = None


def read_tflite(data: bytes) -> tuple[TfliteNetwork, Told]:
    """The network in a float `.tflite`, and what its metadata tells.

    Raises:
        ModelLoadError: quantized already, or not a network that can be quantized.
        EdgekitError: damaged, or with operators that plain runtimes do not have.
    """
    file = parse_model_file(data)
    graph = file.graph
    refuse_custom_operators(graph)
    check_structure(graph)
    _refuse_quantized(graph, has_card=file.card is not None)
    inputs, outputs = tuple(map(_port, graph.inputs)), tuple(map(_port, graph.outputs))
    if not inputs or not outputs:
        msg = f"not an image classifier: found {len(inputs)} inputs and {len(outputs)} outputs, expected one of each."
        raise ModelLoadError(msg)
    try:
        with DeviceRuntime(data, "litert", "default") as device:
            maker = f"the .tflite itself in {device.name}"
    except EdgekitError as error:
        msg = f"no runtime here runs this .tflite: {error}"
        raise ModelLoadError(msg) from error
    return TfliteNetwork(data, maker, inputs, outputs), Told(file.labels, _told_range(file.metadata))


def _told_range(metadata: Metadata | None) -> InputRange | None:
    if metadata is None or not metadata.mean or not metadata.std or min(metadata.std) <= 0:
        return None
    if len(metadata.mean) not in (1, 3) or len(metadata.std) not in (1, 3):
        return None
    mean, std = (",".join(f"{value:.6g}" for value in values) for values in (metadata.mean, metadata.std))
    return InputRange(f"mean={mean}/std={std}", metadata.mean, metadata.std)


def _first_weighted_input(graph: Graph) -> int | None:
    for node in graph.operators:
        place = _WEIGHTED.get(node.code)
        if place is not None and len(node.inputs) > place:
            return node.inputs[place]
    return None


def _port(tensor: Tensor) -> Port:
    return Port(tensor.name, tensor.shape, tensor.dtype)


def _refuse_quantized(graph: Graph, *, has_card: bool) -> None:
    scaled = [t for t in graph.tensors if t.dtype in _QUANTIZED and t.scales]
    if not scaled:
        return
    if has_card:
        msg = "edgekit wrote this .tflite: it is int8 and verified. Use it with edgekit classify."
    elif any(t.dtype != "float32" for t in (*graph.inputs, *graph.outputs)) or len(scaled) > len(graph.tensors) / 2:
        msg = (
            "this .tflite is quantized already, and what it lost cannot be given back. Use it as it is with edgekit "
            "classify; or export from the float model it was made from."
        )
    else:
        msg = (
            "the weights of this .tflite are int8 already (dynamic range quantization), and what they lost cannot be "
            "given back. Export from the float model it was made from, or convert that without optimizations."
        )
    raise ModelLoadError(msg)

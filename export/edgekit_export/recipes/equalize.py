"""Cross-layer equalization: channels of uneven size share one scale badly, so their sizes are evened out.

What one layer makes smaller the next makes larger, and the network computes the same in float. How far is chosen from
what the channels hold on photos, and from the weights that read them.

Source of the idea: M. Nagel et al., Data-free quantization through weight equalization and bias correction, 2019; of
looking at activations: G. Xiao et al., SmoothQuant, 2022.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgekit_export.quantize import calibrate
from edgekit_export.recipes.draft import Draft, Material
from edgekit_export.recipes.network import FloatNetwork, Layer, Weights
from edgekit_export.recipes.simulate import Simulation

_ROUNDS = 2  # what evens out one pair changes its neighbours
_PHOTOS, _BATCH = 64, 8
_MOST = 1e4  # how far a channel is moved: beyond it is as good as dead
_LINEAR, _RELU = 0, 1
# Between two layers: what treats each channel by itself and, as ReLU does, keeps proportions.
_TRANSPARENT = frozenset({"MAX_POOL_2D", "AVERAGE_POOL_2D", "MEAN", "RESHAPE", "RELU", "LEAKY_RELU", "PAD"})


class Pair(NamedTuple):
    """Two layers of which the second alone reads what the first computes."""

    first: Layer
    second: Layer


def find_pairs(network: FloatNetwork) -> tuple[Pair, ...]:
    """The pairs whose sizes may be moved: not where an activation with a bound lies between, such as ReLU6."""
    layers = {layer.output: layer for layer in network.layers}
    return tuple(Pair(layer, second) for layer in network.layers if (second := _reader(network, layer, layers)))


def _reader(network: FloatNetwork, layer: Layer, layers: dict[int, Layer]) -> Layer | None:
    if getattr(layer.node.options, "fusedActivationFunction", 0) not in (_LINEAR, _RELU):
        return None
    tensor = layer.output
    while len(users := network.users.get(tensor, ())) == 1 and tensor != network.output:
        node = users[0]
        if node.output in layers:
            second = layers[node.output]
            reads = node.inputs[0] == tensor and node.inputs[1] != tensor
            return second if reads and _inputs(network, second) % _channels(network, layer) == 0 else None
        if node.kind not in _TRANSPARENT or network.shape(node.output)[-1] % _channels(network, layer):
            return None  # what mixes channels, too, leaves their number
        tensor = node.output
    return None


def equalize(draft: Draft, material: Material) -> Draft:
    """Even out the channels of every pair, and look at the ranges again.

    Raises:
        ConversionError: TensorFlow's calibrator refuses the changed network.
    """
    pairs = find_pairs(draft.network)
    network = draft.network
    if pairs:
        sizes = channel_sizes(draft, material)
        weights = {layer.output: network.weights(layer) for layer in network.layers}
        for _ in range(_ROUNDS):
            for pair in pairs:
                _even_out(pair, weights, sizes)
        network = network.with_weights({out: weights[out] for pair in pairs for out in (p.output for p in pair)})
    changed = replace(material.model, tflite=network.bytes())
    told = f"equalized the channels of {len(pairs)} pairs of layers"
    return replace(draft, network=network, ranges=calibrate(changed, material.photos), told=(*draft.told, told))


def channel_sizes(draft: Draft, material: Material) -> dict[int, NDArray[np.float64]]:
    """The largest size of each output channel of each layer before its activation, on photos for calibration."""
    simulation = Simulation(draft.network, draft.ranges)
    found: dict[int, NDArray[np.float64]] = {}

    def look(layer: Layer, sums: Any) -> Any:
        values = np.asarray(sums)
        kept = np.maximum(values, 0) if layer.node.options.fusedActivationFunction == _RELU else np.abs(values)
        sizes = kept.reshape(-1, values.shape[-1]).max(axis=0).astype(np.float64)
        found[layer.output] = np.maximum(found.get(layer.output, 0.0), sizes)
        return sums

    for pixels in batches(material.calibration[:_PHOTOS], _BATCH):
        simulation.run(material.batch(pixels), before_activation=look)
    return found


def batches(photos: Sequence[NDArray[np.uint8]], size: int) -> Iterator[NDArray[np.uint8]]:
    """Photos, `size` at a time."""
    for start in range(0, len(photos), size):
        yield np.stack(photos[start : start + size])


def _even_out(pair: Pair, weights: dict[int, Weights], sizes: dict[int, NDArray[np.float64]]) -> None:
    first, second = weights[pair.first.output], weights[pair.second.output]
    held = sizes[pair.first.output]
    # A depthwise layer has neighbours for the outputs of one channel; a flattened map has its channels in turns.
    depthwise = pair.second.node.kind == "DEPTHWISE_CONV_2D"
    times = second.kernel.shape[-1] // len(held)
    sizes_read = np.abs(second.kernel).reshape(-1, second.kernel.shape[-1]).max(axis=0).astype(np.float64)
    read = sizes_read.reshape(-1, times).max(axis=1) if depthwise else sizes_read.reshape(times, -1).max(axis=0)
    alive = (held > 0) & (read > 0)
    # A depthwise layer has a scale for each channel, so it can take all of the difference.
    wanted = held if depthwise else np.sqrt(held / np.where(alive, read, 1.0))
    middle = np.exp(np.mean(np.log(wanted[alive]))) if alive.any() else 1.0
    factor = np.where(alive, np.clip(wanted / middle, 1 / _MOST, _MOST), 1.0)
    smaller = (1 / factor).astype(np.float32)
    bias = None if first.bias is None else first.bias * smaller
    weights[pair.first.output] = Weights(
        first.kernel * _along(smaller, pair.first.output_axis, first.kernel.ndim), bias
    )
    larger = np.repeat(factor, times) if depthwise else np.tile(factor, times)
    kernel = second.kernel * larger.astype(np.float32)  # what is read lies on the last axis
    weights[pair.second.output] = Weights(kernel, second.bias)
    sizes[pair.first.output] = held / factor


def _along(values: NDArray[np.float32], axis: int, dimensions: int) -> NDArray[np.float32]:
    shape = [1] * dimensions
    shape[axis] = len(values)
    return values.reshape(shape)


def _channels(network: FloatNetwork, layer: Layer) -> int:
    return int(network.weights(layer).kernel.shape[layer.output_axis])


def _inputs(network: FloatNetwork, layer: Layer) -> int:
    return int(network.weights(layer).kernel.shape[-1])

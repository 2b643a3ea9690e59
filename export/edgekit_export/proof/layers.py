"""How far each layer's output in the file is from that of the float network, on real photos."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgekit.tflite import Graph
from edgekit_export.frontend import ExplicitModel
from edgekit_export.proof.record import LayerError
from edgekit_export.recipes.network import FloatNetwork, readable_name
from edgekit_export.recipes.observe import Observed


@dataclass
class _Sums:
    """Of one tensor, over photos."""

    signal: float = 0.0
    noise: float = 0.0
    product: float = 0.0
    found: float = 0.0

    def add(self, wanted: NDArray[np.float32], found: NDArray[np.float32]) -> None:
        a, b = wanted.astype(np.float64).ravel(), found.astype(np.float64).ravel()
        self.signal += float(a @ a)
        self.found += float(b @ b)
        self.product += float(a @ b)
        self.noise += float(np.square(a - b).sum())

    @property
    def sqnr_db(self) -> float | None:
        if not self.noise or not self.signal:
            return None
        return 10 * math.log10(self.signal / self.noise)

    @property
    def cosine(self) -> float:
        return self.product / math.sqrt(self.signal * self.found) if self.signal and self.found else 1.0


@dataclass(frozen=True)
class _Watched:
    """A tensor that both have, and what is summed of it."""

    name: str
    kind: str
    wanted: int
    found: int
    sums: _Sums = field(default_factory=_Sums)

    def error(self) -> LayerError:
        noise = self.sums.sqnr_db
        cosine = round(self.sums.cosine, 6)
        return LayerError(self.name, self.kind, cosine, None if noise is None else round(noise, 2))


def layer_errors(
    network: FloatNetwork,
    tflite: bytes,
    model: ExplicitModel,
    photos: Sequence[NDArray[np.uint8]],
    step: Callable[[], None],
) -> tuple[LayerError, ...]:
    """Of every computed tensor that both have, in the order of computing.

    Args:
        network: In float.
        tflite: The file's graph; its input takes bytes.
        model: How pixels become the network's input.
        photos: uint8 (height, width, channels).
        step: Called after each photo.

    Raises:
        VerificationError: a runtime refuses one of them, or crashed.
    """
    watched = _watched(network, Graph(tflite))
    with (
        Observed(network.bytes(), [one.wanted for one in watched]) as wanted,
        Observed(tflite, [one.found for one in watched]) as found,
    ):
        for pixels in photos:
            pairs = zip(watched, wanted.look(model.tensor(pixels)), found.look(pixels), strict=True)
            for one, a, b in pairs:
                one.sums.add(a, b)
            step()
    return tuple(one.error() for one in watched)


def _watched(network: FloatNetwork, graph: Graph) -> list[_Watched]:
    """By name: the quantizer keeps the names of tensors."""
    places = {tensor.name: tensor for tensor in graph.tensors if tensor.dtype in ("int8", "uint8", "int16", "float32")}
    found = []
    for node in network.nodes:
        name = network.name(node.output)
        other = places.get(name)
        if other is not None and other.shape == network.shape(node.output):
            found.append(_Watched(readable_name(name), node.kind, node.output, other.index))
    return found

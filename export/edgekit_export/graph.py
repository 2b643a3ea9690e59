"""What is in a `.tflite`: operators and versions, tensor types, float leftovers, parameters."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from edgekit.card import Requires
from edgekit.tflite import CUSTOM, Graph, Operator, Tensor
from edgekit_export.errors import NotFullyQuantizedError
from edgekit_export.frontend import ExplicitModel
from edgekit_export.schema import operator_names

_FLOATS = ("float16", "float32", "float64", "bfloat16", "complex64", "complex128")


@dataclass(frozen=True)
class OperatorUse:
    """An operator by name, the versions of it that the graph uses, and how often."""

    name: str
    versions: tuple[int, ...]
    count: int


def operator_name(operator: Operator) -> str:
    """The name of a node's operator, as TFLite's schema spells it."""
    return operator.custom_name if operator.code == CUSTOM else operator_names().get(operator.code, f"#{operator.code}")


def operators_used(graph: Graph) -> tuple[OperatorUse, ...]:
    """Every operator of a graph, most used first."""
    nodes = [(operator_name(node), node.version) for node in graph.operators]
    counts = Counter(name for name, _ in nodes)
    versions = {name: tuple(sorted({v for n, v in nodes if n == name})) for name in counts}
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    return tuple(OperatorUse(name, versions[name], counts[name]) for name in ordered)


def tensor_types(graph: Graph) -> dict[str, int]:
    """How many tensors there are of each type, most frequent first."""
    return dict(Counter(tensor.dtype for tensor in graph.tensors).most_common())


def parameter_count(graph: Graph) -> int:
    """How many constants (weights, biases and the like) the graph holds, counted in elements."""
    return sum(math.prod(tensor.shape) for tensor in graph.tensors if _is_constant(graph, tensor))


def _is_constant(graph: Graph, tensor: Tensor) -> bool:
    return bool(tensor.buffer) and len(graph.buffer(tensor.buffer)) > 0


def float_leftovers(graph: Graph) -> tuple[str, ...]:
    """The operators that touch float tensors, each with one such tensor; empty for a full-integer graph."""
    floats = {tensor.index: tensor for tensor in graph.tensors if tensor.dtype in _FLOATS}
    found = []
    for node in graph.operators:
        touched = [floats[i] for i in (*node.inputs, *node.outputs) if i in floats]
        if touched:
            found.append(f"{operator_name(node)} ({touched[0].dtype} {touched[0].name!r})")
    used = {i for node in graph.operators for i in (*node.inputs, *node.outputs)}
    ends = {tensor.index for tensor in (*graph.inputs, *graph.outputs)}
    found += [f"{t.dtype} tensor {t.name!r}" for i, t in floats.items() if i in ends and i not in used]
    return tuple(found)


def check_full_integer(graph: Graph, model: ExplicitModel) -> None:
    """Hold the produced file to the contract: integers only, uint8 both ends, raw pixels as its input.

    Raises:
        NotFullyQuantizedError: with the offending operators, or the tensor and what it should be.
    """
    leftovers = float_leftovers(graph)
    if leftovers:
        shown = ", ".join(leftovers[:5]) + (f" and {len(leftovers) - 5} more" if len(leftovers) > 5 else "")
        msg = f"the file still computes with floats in {shown}. Replace these layers with ones that TFLite has in int8."
        raise NotFullyQuantizedError(msg)
    check_ends(graph, model)


def check_ends(graph: Graph, model: ExplicitModel) -> None:
    """Hold a file that may compute in floats to the rest of the contract: uint8 both ends, raw pixels as its input.

    Raises:
        NotFullyQuantizedError: with the tensor and what it should be.
    """
    image, output = graph.inputs[0], graph.outputs[0]
    for role, tensor in (("input", image), ("output", output)):
        if tensor.dtype != "uint8" or len(tensor.scales) != 1:
            msg = f"the file's {role} is {tensor.dtype} with {len(tensor.scales)} scales, expected uint8 with one."
            raise NotFullyQuantizedError(msg)
    shape = (1, model.image.height, model.image.width, model.image.channels)
    if image.shape != shape or output.shape != (1, model.head.classes):
        msg = f"the file maps {image.shape} to {output.shape}, expected {shape} to (1, {model.head.classes})."
        raise NotFullyQuantizedError(msg)
    scale_is_exact = math.isclose(image.scale * model.std, 1.0, rel_tol=1e-5)
    if not scale_is_exact or abs(image.zero_point - model.mean) > 0.5:
        msg = (
            f"the file's input has scale {image.scale:.6g} and zero point {image.zero_point}, so raw pixels would be "
            f"misread; expected {1 / model.std:.6g} and {model.mean:g}."
        )
        raise NotFullyQuantizedError(msg)


def requirements(graph: Graph, ran_in: str | None, refused_by: dict[str, str]) -> Requires:
    """What a runtime must have to run a graph; `ran_in` is the oldest runtime that was seen running it."""
    operators = {use.name: max(use.versions) for use in sorted(operators_used(graph), key=lambda use: use.name)}
    return Requires(operators, ran_in, graph.declared_min_runtime or None, refused_by or None)

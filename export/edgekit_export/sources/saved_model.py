"""A SavedModel folder: from Keras 2, from Keras 3's `export`, or from plain TensorFlow with a serving signature.

It is loaded as a TensorFlow graph, never through Keras, which would unpickle code. A graph too can read and write
files, so what would be run is looked at first.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from edgekit.errors import one_line
from edgekit_export.errors import ModelLoadError
from edgekit_export.sources.network import Port, TracedNetwork, ports, shape_of
from edgekit_export.sources.safety import does_more_than_compute

_SIGNATURE = "serving_default"
# Collections of graphs of TensorFlow 1 with nodes that loading runs.
_RUN_BY_LOADING = ("legacy_init_op", "main_op", "saved_model_main_op", "table_initializer")
_VARIABLES = ("local_variables", "model_variables", "trainable_variables", "variables")


def read_saved_model(folder: Path) -> TracedNetwork:
    """The network behind the serving signature of a SavedModel folder.

    Raises:
        ModelLoadError: damaged, without such a signature, or with operators that touch files or run code.
    """
    import tensorflow as tf

    proto = _proto(folder)
    _refuse_side_effects(proto)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if not _is_object_based(proto):
                return _read_graph(folder, proto)
            loaded = tf.saved_model.load(str(folder), tags=["serve"])
            signatures = dict(loaded.signatures)
        except ModelLoadError:
            raise
        except Exception as error:  # loading fails in as many ways as graphs can be damaged
            msg = f"TensorFlow {tf.__version__} cannot load this SavedModel: {one_line(error)[:300]}"
            raise ModelLoadError(msg) from error
    function = signatures[_serving(signatures)]
    inputs, outputs = ports(function.structured_input_signature[1]), ports(function.structured_outputs)

    def call(tensors: Sequence[Any]) -> Sequence[Any]:
        given = {port.name: tensor for port, tensor in zip(inputs, tensors, strict=True)}
        found = function(**given)
        return [found[port.name] for port in outputs]

    return TracedNetwork(f"TensorFlow {tf.__version__} SavedModel", inputs, outputs, call, owner=loaded)


def _serving(signatures: Collection[str]) -> str:
    """The name of the signature that serves; internal ones begin with an underscore."""
    names = [name for name in signatures if not name.startswith("__")]
    if _SIGNATURE in names or len(names) == 1:
        return _SIGNATURE if _SIGNATURE in names else names[0]
    shown = ", ".join(map(repr, names)) or "none"
    msg = (
        f"this SavedModel has no signature {_SIGNATURE!r} (found: {shown}). Save it with "
        "signatures={'serving_default': model.call.get_concrete_function(...)}, or model.export() in Keras 3."
    )
    raise ModelLoadError(msg)


def _read_graph(folder: Path, proto: Any) -> TracedNetwork:
    """A SavedModel of TensorFlow 1: its variables, of a kind that TFLite has not, become constants."""
    import tensorflow as tf

    graph = _serving_graph(proto)
    signature = graph.signature_def[_serving(graph.signature_def)]
    names, wanted = [list(part) for part in (signature.inputs, signature.outputs)]
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.saved_model.load(session, ["serve"], str(folder))
        nodes = [_node_name(signature.outputs[name].name) for name in wanted]
        frozen = tf.compat.v1.graph_util.convert_variables_to_constants(session, session.graph_def, nodes)
    imported = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(frozen, name=""), [])
    ends = [imported.graph.as_graph_element(part[name].name) for part, keys in
            ((signature.inputs, names), (signature.outputs, wanted)) for name in keys]  # fmt: skip
    pruned = imported.prune(ends[: len(names)], ends[len(names) :])
    inputs, outputs = (
        tuple(Port(name, shape_of(end.shape), end.dtype.name) for name, end in zip(keys, part, strict=True))
        for keys, part in ((names, ends[: len(names)]), (wanted, ends[len(names) :]))
    )

    def call(tensors: Sequence[Any]) -> Sequence[Any]:
        return list(tf.nest.flatten(pruned(*tensors)))

    return TracedNetwork(f"TensorFlow {tf.__version__} SavedModel", inputs, outputs, call, owner=pruned)


def _serving_graph(proto: Any) -> Any:
    return next(graph for graph in proto.meta_graphs if "serve" in graph.meta_info_def.tags)


def _is_object_based(proto: Any) -> bool:
    """Whether TensorFlow 2 saved it, as objects beside the graph."""
    return bool(_serving_graph(proto).object_graph_def.nodes)


def _proto(folder: Path) -> Any:
    from google.protobuf import text_format
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    proto = SavedModel()
    try:
        if (folder / "saved_model.pb").is_file():
            proto.ParseFromString((folder / "saved_model.pb").read_bytes())
        else:
            text_format.Parse((folder / "saved_model.pbtxt").read_text(encoding="utf-8"), proto)
    except (DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        msg = f"damaged SavedModel ({one_line(error)}). Copy the whole folder again."
        raise ModelLoadError(msg) from error
    if not any("serve" in graph.meta_info_def.tags for graph in proto.meta_graphs):
        msg = "this SavedModel was not saved for serving (tag 'serve'). Save it again with tf.saved_model.save."
        raise ModelLoadError(msg)
    return proto


def _refuse_side_effects(proto: Any) -> None:
    for graph in proto.meta_graphs:
        if "serve" not in graph.meta_info_def.tags:
            continue
        for name in _run_operators(graph):
            if does_more_than_compute(name):
                msg = (
                    f"its graph has the operator {name}, which does more than compute (it could read or write files, "
                    "or run code). Export the plain classifier: images in, scores out."
                )
                raise ModelLoadError(msg)


def _run_operators(graph: Any) -> Iterator[str]:
    """Names of every operator that loading the graph, its objects, or calling its signatures can run.

    Which loader TensorFlow takes, that of graphs or that of objects, depends on the whole file; both are followed.
    """
    functions = {function.signature.name: function for function in graph.graph_def.library.function}
    nodes = {node.name: node for node in graph.graph_def.node}
    waiting, called = [_node_name(name) for name in _initial_nodes(graph)], list(_object_functions(graph))
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in nodes:
            continue
        seen.add(name)
        node = nodes[name]
        yield node.op
        called += _called(node)
        waiting += [_node_name(source) for source in node.input]
    done: set[str] = set()
    while called:
        name = called.pop()
        if name in done or name not in functions:
            continue
        done.add(name)
        called += _stand_ins(functions[name], functions.values())
        for node in functions[name].node_def:
            yield node.op
            called += _called(node)


def _node_name(tensor: str) -> str:
    return tensor.lstrip("^").partition(":")[0]


def _called(node: Any) -> list[str]:
    """Functions that a node names, and operators that are calls of functions by their own name."""
    names = [node.op]
    for attribute in node.attr.values():
        names += [attribute.func.name] if attribute.HasField("func") else []
        names += [function.name for function in attribute.list.func]
    return names


def _stand_ins(function: Any, others: Iterable[Any]) -> list[str]:
    """Functions that TensorFlow may put in the place of one, because they say that they implement the same."""
    key = "api_implements"
    if key not in function.attr:
        return []
    return [other.signature.name for other in others if key in other.attr and other.attr[key].s == function.attr[key].s]


def _object_functions(graph: Any) -> Iterator[str]:
    """Every function that an object has: loading calls some by their names, and signatures are objects too."""
    yield from graph.object_graph_def.concrete_functions
    for item in graph.object_graph_def.nodes:
        yield from item.function.concrete_functions
        yield item.bare_concrete_function.concrete_function_name


def _initial_nodes(graph: Any) -> Iterator[str]:
    """Tensors and nodes of the graph itself that are run: outputs of signatures, and what loading begins with."""
    yield graph.saver_def.restore_op_name
    for signature in graph.signature_def.values():
        for tensor in signature.outputs.values():
            yield from _tensor_names(tensor)
    for key in _RUN_BY_LOADING:
        yield from graph.collection_def[key].node_list.value if key in graph.collection_def else ()
    for key in _VARIABLES:
        for data in graph.collection_def[key].bytes_list.value if key in graph.collection_def else ():
            yield _initializer(data)


def _tensor_names(tensor: Any) -> Iterator[str]:
    sparse = tensor.coo_sparse
    yield from (tensor.name, sparse.values_tensor_name, sparse.indices_tensor_name, sparse.dense_shape_tensor_name)
    for component in tensor.composite_tensor.components:
        yield from _tensor_names(component)


def _initializer(data: bytes) -> str:
    from google.protobuf.message import DecodeError
    from tensorflow.core.framework.variable_pb2 import VariableDef

    try:
        return str(VariableDef.FromString(data).initializer_name)
    except DecodeError:
        return ""  # TensorFlow refuses it too

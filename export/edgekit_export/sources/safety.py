"""Nothing in a model file is executed: what a Keras configuration may name, and what it may not.

A Keras model file holds its layers as JSON, and loading it makes what that JSON names. Lambda layers carry Python
bytecode; other entries make Keras import modules, call functions by name, or read files. Keras has closed some of
these ways, release by release; here all of them are closed before Keras sees the file.

Sources: CVE-2024-3660 (Lambda), CVE-2025-1550 (modules by name), CVE-2025-8747 and CVE-2025-9906 (functions by name),
CVE-2025-9905 (Lambda in HDF5 files), CVE-2025-12058 (files by name).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from edgekit_export.errors import ModelLoadError

_LAYERS_WITH_CODE = {
    "Lambda": "a Lambda layer is Python code",
    "TorchModuleWrapper": "a TorchModuleWrapper layer holds pickled Python objects",
    "JaxLayer": "a JaxLayer is Python code",
    "FlaxLayer": "a FlaxLayer is Python code",
    "TFSMLayer": "a TFSMLayer loads another model from disk",
    "ClassMethod": "a ClassMethod layer calls whatever it names",
    "InstanceMethod": "an InstanceMethod layer calls whatever it names",
    "InstanceProperty": "an InstanceProperty layer calls whatever it names",
    "__lambda__": "a lambda is Python code",
    "__typespec__": "a type specification makes whatever it names",
}
_LIBRARY_MODULES = ("keras", "keras_cv", "keras_hub", "tf_keras", "tensorflow.keras", "tensorflow.python.keras")
_INITIALIZER_MODULES = ("tensorflow.python.ops.init_ops", "tensorflow.python.ops.init_ops_v2")
_NETWORK_LAYERS = ("LayerScale", "StochasticDepth")  # of ConvNeXt; beside them are functions that fetch files
_FUNCTION_MODULES = ("activations", "constraints", "initializers", "losses", "metrics", "ops", "regularizers")
_MODULES_FOR_LAYERS = (
    "activations", "constraints", "dtype_policies", "engine", "initializers", "layers", "losses",
    "metrics", "models", "ops", "optimizers", "quantizers", "random", "regularizers", "backend",
)  # fmt: skip
# Keras 2 stores calls of TensorFlow's functions by name: arithmetic on tensors, and nothing that touches a disk.
_TF_MODULES = ("__operators__", "bitwise", "compat.v1.image", "compat.v1.math", "compat.v1.nn", "image",
               "keras.activations", "keras.backend", "linalg", "math", "nn", "signal")  # fmt: skip
_TF_FUNCTIONS = frozenset((
    "abs", "add", "argmax", "argmin", "boolean_mask", "broadcast_to", "cast", "clip_by_value", "concat",
    "constant", "convert_to_tensor", "divide", "einsum", "equal", "exp", "expand_dims", "fill", "gather",
    "greater", "identity", "less", "matmul", "maximum", "minimum", "multiply", "norm", "one_hot", "ones",
    "ones_like", "pad", "pow", "range", "rank", "realdiv", "repeat", "reshape", "reverse", "round", "shape",
    "sigmoid", "size", "slice", "split", "sqrt", "square", "squeeze", "stack", "stop_gradient", "strided_slice",
    "subtract", "tanh", "tensordot", "tile", "transpose", "truediv", "unstack", "where", "zeros", "zeros_like",
    "reduce_mean", "reduce_sum", "reduce_max", "reduce_min", "reduce_prod",
))  # fmt: skip
_NAMES_A_FILE = re.compile(r"(?:^|_)(?:file|filename|filepath|path|directory|vocabulary|vocab|merges)(?:_|$)")

# TensorFlow marks operators that do more than compute as stateful. These are harmless: variables, calls of functions
# that are looked at themselves, and random ones that inference leaves out.
_HARMLESS = frozenset((
    "AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp", "IsVariableInitialized", "Placeholder",
    "ReadVariableOp", "VarHandleOp", "VarIsInitializedOp", "Variable", "VariableV2", "Assign", "PartitionedCall",
    "StatefulPartitionedCall", "StatefulIf", "StatefulWhile", "If", "While", "RandomUniform", "RandomStandardNormal",
    "RandomUniformInt", "TruncatedNormal", "StatelessRandomGetKeyCounter", "RngReadAndSkip", "NonDeterministicInts",
    "StatefulUniform", "RestoreV2", "Restore", "Assert",
))  # fmt: skip
# These do more and are not marked: they read files, copy tensors into files, or run what is registered elsewhere.
_NOT_MARKED = frozenset((
    "Copy", "CopyHost", "DebugIdentity", "DebugNanCount", "DebugNumericSummary", "DecodeProtoV2", "EncodeProto",
    "GenerateVocabRemapping", "InitializeTableFromTextFile", "MatchingFiles", "MergeV2Checkpoints", "PyFuncStateless",
    "ReadFile", "ShardedFilename", "SymbolicGradient", "TPUPartitionedCall", "XlaCustomCall", "XlaCustomCallV2",
    "XlaLaunchV2",
))  # fmt: skip


def refuse_code(config: object, *, trusted: bool, custom: Collection[str]) -> None:
    """Check everything that a Keras configuration names.

    Args:
        config: The configuration, as parsed JSON.
        trusted: The user takes the risk: nothing is refused.
        custom: Names of classes and functions that the user's own module gave.

    Raises:
        ModelLoadError: something in it would run code, import a module or read a file.
    """
    if trusted:
        return
    for entry in dicts(config):
        _check_entry(entry, custom)


def dicts(value: object) -> Iterator[dict[str, Any]]:
    """Every dict in parsed JSON, the outer ones first; one may be changed before the next is asked for."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            yield item
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def _check_entry(entry: dict[str, Any], custom: Collection[str]) -> None:
    _refuse_file_names(entry)
    if "class_name" not in entry:
        return
    name, module, config = entry["class_name"], entry.get("module"), entry.get("config")
    if not isinstance(name, str) or not _is_plain(name, config):
        raise ModelLoadError(_unknown(config if name == "function" else name))
    # Keras looks for a class by these names too.
    others = [entry[key] for key in ("registered_name", "spec_name") if isinstance(entry.get(key), str)]
    for known in (name, *others):
        what = _LAYERS_WITH_CODE.get(known.rpartition(">")[2])
        if what and known not in custom:
            msg = (
                f"{what}, and loading it would run whatever the file's author put there. Replace it by layers of "
                "Keras, such as Rescaling; or, for a file that you made yourself, pass --trust-model-code."
            )
            raise ModelLoadError(msg)
    if name in ("TFOpLambda", "SlicingOpLambda"):
        _check_tensorflow_function(config)
    if name == "TensorFlowOpLayer":
        _check_operator(config)
    if isinstance(module, str) and name.rpartition(">")[2] not in custom:
        _check_module(name, module, config, custom)


def _is_plain(name: str, config: object) -> bool:
    """Whether an entry names no attribute of something else: Keras would follow the dots, out of the module."""
    return "." not in (str(config) if name == "function" else name.rpartition(">")[2])


def _refuse_file_names(entry: dict[str, Any]) -> None:
    for key, value in entry.items():
        if isinstance(value, str) and value and _NAMES_A_FILE.search(key):
            msg = f"it would read the file {value!r} ({key}); an image classifier needs none. Build the model without."
            raise ModelLoadError(msg)


def _check_operator(config: object) -> None:
    """Check the operator that a file of TensorFlow 2.0 to 2.3 puts into the graph by its description."""
    node = config.get("node_def") if isinstance(config, dict) else None
    operator = node.get("op") if isinstance(node, dict) else None
    if isinstance(operator, str) and not does_more_than_compute(operator) and "func" not in str(node):
        return
    msg = f"it would call TensorFlow's {operator!r}, which is no arithmetic on tensors. Build the model without it."
    raise ModelLoadError(msg)


def does_more_than_compute(operator: str) -> bool:
    """Whether a TensorFlow operator could read or write files, run code, or otherwise reach out of its graph."""
    from tensorflow.python.framework import op_def_registry

    if operator in _NOT_MARKED or "Dataset" in operator:
        return True
    definition = op_def_registry.get(operator)
    return definition is not None and bool(definition.is_stateful) and operator not in _HARMLESS


def _check_tensorflow_function(config: object) -> None:
    function = config.get("function") if isinstance(config, dict) else None
    if function is None and isinstance(config, dict):
        return  # slicing
    module, _, name = str(function).rpartition(".")
    if (module in _TF_MODULES and "decode" not in name) or (not module and name in _TF_FUNCTIONS):
        return
    msg = f"it would call TensorFlow's {function!r}, which is no arithmetic on tensors. Build the model without it."
    raise ModelLoadError(msg)


def _check_module(name: str, module: str, config: object, custom: Collection[str]) -> None:
    if module == "builtins" and name in ("function", "bool", "int", "float", "str"):
        if name == "function" and str(config) not in custom:
            raise ModelLoadError(_unknown(config))
        return
    top, _, rest = module.partition(".")
    parts = [part for part in rest.split(".") if part not in ("", "src", "python", "keras", "api", "_tf_keras")]
    known = module == "keras" or top in _LIBRARY_MODULES or module.startswith(_LIBRARY_MODULES[-2:])
    allowed = _FUNCTION_MODULES if name == "function" else _MODULES_FOR_LAYERS
    is_class = name[:1].isupper() or ">" in name or name.startswith("_")
    if (module in _INITIALIZER_MODULES and is_class) or (
        known and parts[:1] == ["applications"] and name in _NETWORK_LAYERS
    ):
        return
    if known and (not parts or parts[0] in allowed) and (is_class or (name == "function" and parts)):
        return
    raise ModelLoadError(_unknown(config if name == "function" else name))


def _unknown(name: object) -> str:
    return (
        f"it needs {name!r}, code of your own that is not in the file. Pass the module that defines it: "
        "--custom-objects MODULE.py; or build the model from layers that Keras has."
    )

"""Nothing in a model file is executed: every way that Keras has of naming code, each tried with a file that does it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edgekit_export.errors import ModelLoadError
from edgekit_export.load import LoadOptions, load_model
from edgekit_export.sources.safety import does_more_than_compute, refuse_code

if TYPE_CHECKING:
    from tests.export.conftest import Nets
    from tests.export.sources.conftest import Refusal, WithConfig

pytestmark = pytest.mark.host

CODE = "is Python code, and loading it would run whatever the file's author put there. Replace it by layers of Keras"
UNKNOWN = "code of your own that is not in the file. Pass the module that defines it: --custom-objects MODULE.py"
Wrap = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture(scope="session")
def old_keras(nets: Nets) -> Any:
    return pytest.importorskip("tf_keras")


def entry(name: str, config: Any = None, **more: Any) -> dict[str, Any]:
    return {"class_name": name, "config": {"name": "x"} if config is None else config, **more}


def refused(config: object, custom: tuple[str, ...] = ()) -> str:
    with pytest.raises(ModelLoadError) as caught:
        refuse_code(config, trusted=False, custom=custom)
    refuse_code(config, trusted=True, custom=custom)
    return str(caught.value)


def lambda_config(old_keras: Any, marker: Path) -> Any:
    """A Lambda layer that writes a file, as the old Keras saves it."""
    place = str(marker)
    return old_keras.layers.Lambda(lambda x, place=place: [open(place, "w"), x][1]).get_config()  # noqa: PTH123


def sequential(layer: dict[str, Any]) -> dict[str, Any]:
    start = entry("InputLayer", {"batch_input_shape": [None, 16, 12, 3], "name": "inner_image"})
    return entry("Sequential", {"name": "inner", "layers": [start, layer]})


WRAPPERS: dict[str, Wrap] = {
    "plain": lambda layer: layer,
    "TimeDistributed": lambda layer: entry("TimeDistributed", {"name": "t", "layer": layer}),
    "a nested model": sequential,
    "a nested model twice": lambda layer: sequential(sequential(layer)),
}
DISGUISES: dict[str, Wrap] = {
    "name with dots": lambda layer: {
        **layer, "class_name": "layers.Lambda", "module": "keras", "registered_name": None
    },
    "registered name": lambda layer: {
        **layer, "class_name": "Other", "module": "tf_keras.layers", "registered_name": "Lambda"
    },
    "registered name in a module": lambda layer: {
        **layer, "class_name": "Other", "module": "keras.src.layers.core.lambda_layer", "registered_name": "Lambda"
    },
}  # fmt: skip


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_code_in_a_layer_of_an_hdf5_file_runs_only_when_the_user_trusts_it(
    old_keras: Any, hdf5_with: WithConfig, refusal: Refusal, tmp_path: Path, wrapper: str
) -> None:
    marker = tmp_path / "executed"
    path = hdf5_with(WRAPPERS[wrapper](entry("Lambda", lambda_config(old_keras, marker))))
    assert CODE in refusal(path)
    assert not marker.exists()
    with pytest.raises(ModelLoadError):  # the weights are another model's
        load_model(path, LoadOptions(trust_code=True))
    assert marker.exists(), "this test proves nothing: the file is harmless"


@pytest.mark.parametrize("disguise", DISGUISES)
def test_code_by_another_name_is_refused(
    old_keras: Any, hdf5_with: WithConfig, refusal: Refusal, tmp_path: Path, disguise: str
) -> None:
    layer = entry("Lambda", lambda_config(old_keras, tmp_path / "executed"))
    text = refusal(hdf5_with(DISGUISES[disguise](layer)))
    assert (CODE if disguise != "name with dots" else UNKNOWN) in text
    assert not (tmp_path / "executed").exists()


def test_a_file_with_a_lambda_layer_is_refused_with_the_option_that_trusts_it(keras_files: Path) -> None:
    for generation in ("tf-2.4", "keras-3.15"):
        path = keras_files / generation / "lambda.h5"
        with pytest.raises(ModelLoadError, match=r"a Lambda layer is Python code.*pass --trust-model-code"):
            load_model(path)


@pytest.mark.parametrize("form", ["keras", "h5"])
def test_code_of_this_python_runs_when_the_user_trusts_it(nets: Nets, tmp_path: Path, form: str) -> None:
    k, path = nets.keras, tmp_path / f"model.{form}"
    layer = k.layers.Lambda(lambda x: x * 2.0, output_shape=(8, 8, 3))
    k.Sequential([k.Input((8, 8, 3)), layer, k.layers.Flatten()]).save(path)
    loaded = load_model(path, LoadOptions(trust_code=True))
    assert [port.shape for port in loaded.network.outputs] == [(None, 192)]
    np.testing.assert_array_equal(loaded.network.answer(0, None)(np.ones((1, 8, 8, 3))), np.full(192, 2))


@pytest.mark.filterwarnings("ignore")
def test_code_that_crashes_python_is_told_in_one_line(nets: Nets, tmp_path: Path) -> None:
    """As the bytecode of another version does."""
    k, path = nets.keras, tmp_path / "model.keras"
    place = str(tmp_path / "armed")
    layer = k.layers.Lambda(lambda x: __import__("ctypes").string_at(0) if __import__("os").path.exists(place) else x)
    k.Sequential([k.Input((8, 8, 3)), layer, k.layers.Flatten()]).save(path)
    Path(place).touch()
    with pytest.raises(ModelLoadError, match=r"the code in it crashes Python 3\.\d+\.\d+ \(SIGSEGV\): most likely"):
        load_model(path, LoadOptions(trust_code=True))


@pytest.mark.parametrize("form", ["keras", "h5", "json"])
def test_a_lambda_layer_of_today_is_not_executed(
    nets: Nets, refusal: Refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    k, marker = nets.keras, tmp_path / "executed"
    place = str(marker)
    layer = k.layers.Lambda(lambda x: [open(place, "w"), x][1], output_shape=(8, 8, 3))  # noqa: PTH123, SIM115
    model = k.Sequential([k.Input((8, 8, 3)), k.Sequential([layer]), k.layers.Flatten()])
    path = tmp_path / f"model.{form}"
    if form == "json":
        path.write_text(model.to_json())
        model.save_weights(tmp_path / "model.weights.h5")
    else:
        model.save(path)
    marker.unlink(missing_ok=True)
    assert CODE in refusal(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        (entry("TorchModuleWrapper", {"module": "gASV", "name": "t"}), "pickled Python objects"),
        (entry("TFSMLayer", {"name": "t"}), "loads another model"),
        (entry("JaxLayer"), "a JaxLayer is Python code"),
        (entry("FlaxLayer"), "a FlaxLayer is Python code"),
        (entry("ClassMethod", {"cls_symbol": "io.gfile.GFile", "method_name": "x"}), "calls whatever it names"),
        (entry("InstanceMethod", {"method_name": "x"}), "calls whatever it names"),
        (entry("InstanceProperty", {"attr_name": "x"}), "calls whatever it names"),
        (entry("__lambda__", {"value": "4wAAAA=="}), "a lambda is Python code"),
        (entry("mine>Lambda"), "a Lambda layer is Python code"),
        (
            entry("__typespec__", ["touch x"], spec_name="system", registered_name=None, module="os"),
            "a type specification makes whatever it names",
        ),
        (entry("Fine", spec_name="Lambda", module="keras.layers"), "a Lambda layer is Python code"),
        (entry("TFOpLambda", {"function": "io.write_file"}), "TensorFlow's 'io.write_file', which is no arithmetic"),
        (entry("TFOpLambda", {"function": "io.read_file"}), "TensorFlow's 'io.read_file'"),
        (entry("TFOpLambda", {"function": "py_function"}), "TensorFlow's 'py_function'"),
        (entry("TFOpLambda", {"function": "image.decode_jpeg"}), "TensorFlow's 'image.decode_jpeg'"),
        (entry("TFOpLambda", {"function": "keras.utils.get_file"}), "TensorFlow's 'keras.utils.get_file'"),
        (entry("TFOpLambda", {"function": "keras.models.load_model"}), "TensorFlow's 'keras.models.load_model'"),
        (entry("TensorFlowOpLayer", {"node_def": {"op": "ReadFile"}}), "TensorFlow's 'ReadFile'"),
        (entry("TensorFlowOpLayer", {"node_def": "\n\x01w\x12\tWriteFile"}), "TensorFlow's None"),
        (
            entry("TensorFlowOpLayer", {"node_def": {"op": "PartitionedCall", "attr": {"f": {"func": {"name": "x"}}}}}),
            "TensorFlow's 'PartitionedCall'",
        ),
        (entry("StringLookup", {"vocabulary": "/etc/passwd"}), "would read the file '/etc/passwd'"),
        (entry("IntegerLookup", {"vocabulary": "/etc/passwd"}), "would read the file '/etc/passwd'"),
        (entry("TextVectorization", {"vocabulary": "secret.txt"}), "would read the file 'secret.txt'"),
        (entry("DenseFeatures", {"columns": [{"vocabulary_file": "secret.txt"}]}), "would read the file 'secret.txt'"),
        (entry("Anything", {"filepath": "secret.txt"}), "would read the file 'secret.txt'"),
        (entry("Anything", {"merges": "secret.txt"}), "would read the file 'secret.txt'"),
    ],
)
def test_a_layer_that_does_more_than_compute_is_refused_wherever_it_stands(layer: dict[str, Any], found: str) -> None:
    for wrap in ("plain", "TimeDistributed", "a nested model twice"):
        assert found in refused(WRAPPERS[wrap](layer))
    assert found in refused({"layers": [[], [{"deep": [layer]}]]})
    assert found in refused(entry("Bidirectional", {"backward_layer": layer, "layer": entry("LSTM")}))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("subprocess", "run"),
        ("keras.utils", "get_file"),
        ("keras.config", "enable_unsafe_deserialization"),
        ("keras.src.config", "enable_unsafe_deserialization"),
        ("keras.src.saving.saving_api", "load_model"),
        ("keras.models", "load_model"),
        ("keras.saving", "load_model"),
        ("keras.src.utils.file_utils", "get_file"),
        ("tensorflow.keras.utils", "get_file"),
        ("tensorflow.python.keras.utils.data_utils", "get_file"),
        ("tf_keras.src.utils.data_utils", "get_file"),
        ("keras.activations", "sys.exit"),
        ("keras", "utils.get_file"),
        ("keras", "load_model"),
        ("keras_evil.layers", "f"),
        ("kerasx", "f"),
        ("mine", "f"),
    ],
)
def test_a_function_by_the_name_of_its_module_is_refused(module: str, name: str) -> None:
    function = entry("function", name, module=module, registered_name=name)
    assert UNKNOWN in refused(entry("Dense", {"activation": function}, module="keras.layers"))
    assert UNKNOWN in refused(entry(name, {}, module=module, registered_name=None))  # a function as a class


@pytest.mark.parametrize(
    "spoiled",
    [
        entry("function", "relu", module="builtins", registered_name="relu"),
        {"class_name": None, "module": "os", "config": {}},
        {"class_name": ["Dense"], "module": "keras.layers", "config": {}},
        entry("Popen", {"args": ["true"]}, module="subprocess"),
        entry("MobileNetV2", {"weights": "imagenet"}, module="keras.applications"),
    ],
)
def test_other_ways_to_name_code_are_refused(spoiled: dict[str, Any]) -> None:
    assert UNKNOWN in refused(spoiled)


def test_what_the_user_gave_may_be_named() -> None:
    own = [
        entry("Squash", module="gone", registered_name="mine>Squash"),
        entry("mine>Squash"),
        entry("Dense", {"activation": entry("function", "wave", module="builtins", registered_name="wave")}),
    ]
    for config in own:
        refuse_code(config, trusted=False, custom=("Squash", "wave"))
    for config in (own[0], own[2]):
        assert UNKNOWN in refused(config)
    assert "a Lambda layer" in refused(entry("Lambda"), custom=("Squash",))
    refuse_code(entry("Lambda"), trusted=False, custom=("Lambda",))  # the user's own of that name
    assert UNKNOWN in refused(entry("Other", module="gone"), custom=("Squash",))


def test_a_loop_of_nested_lists_as_deep_as_json_allows_is_read() -> None:
    deep: Any = entry("Lambda")
    for _ in range(900):
        deep = [{"a": deep}]
    assert CODE in refused(deep)


@pytest.mark.parametrize(
    ("operator", "more"),
    [
        ("WriteFile", True),
        ("ReadFile", True),
        ("MatchingFiles", True),
        ("SaveV2", True),
        ("EagerPyFunc", True),
        ("PyFunc", True),
        ("PyFuncStateless", True),
        ("DebugIdentity", True),
        ("DecodeProtoV2", True),
        ("CacheDataset", True),
        ("TextLineDataset", True),
        ("HashTableV2", True),
        ("PrintV2", True),
        ("Conv2D", False),
        ("FusedBatchNormV3", False),
        ("ReadVariableOp", False),
        ("AssignSubVariableOp", False),
        ("StatefulPartitionedCall", False),
        ("StatelessRandomUniformV2", False),
        ("ResizeBilinear", False),
        ("RestoreV2", False),
        ("__inference_call_12", False),
    ],
)
def test_operators_that_reach_out_of_their_graph_are_known(nets: Nets, operator: str, more: bool) -> None:
    assert does_more_than_compute(operator) is more


def test_no_operator_that_names_a_file_passes_as_arithmetic(nets: Nets) -> None:
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session as session

    operators = op_def_pb2.OpList.FromString(session.TF_GetBuffer(session.TF_GetAllOpList()))
    assert len(operators.op) > 1000
    words = ("file", "_dir", "path", "url", "address", "descriptor_source")
    for operator in operators.op:
        names = [part.name for part in (*operator.input_arg, *operator.attr)]
        if any(word in name for name in names for word in words) and operator.name not in (
            "RestoreV2", "Restore",  # of the SavedModel's own variables
            "CTCBeamSearchDecoder", "_FusedConv2D",
        ):  # fmt: skip
            assert does_more_than_compute(operator.name), operator.name


def test_an_initializer_that_tensorflow_has_passes() -> None:
    module = "tensorflow.python.ops.init_ops_v2"  # as EfficientNetV2 names it since TensorFlow 2.12
    refuse_code(entry("Constant", {"value": 0}, module=module), trusted=False, custom=())
    assert UNKNOWN in refused(entry("constant_op", {}, module=module))
    assert UNKNOWN in refused(entry("function", "constant_op", module=module))
    assert UNKNOWN in refused(entry("Constant", {"value": 0}, module=f"{module}.os"))


def test_the_layers_of_convnext_pass() -> None:
    module = "keras.src.applications.convnext"
    refuse_code(entry("LayerScale", {"projection_dim": 3}, module=module), trusted=False, custom=())
    assert UNKNOWN in refused(entry("ConvNeXtTiny", {}, module=module))
    assert UNKNOWN in refused(entry("LayerScale", {}, module="evil.applications.convnext"))


NAMES = (
    "MobileNet", "MobileNetV2", "MobileNetV3Small", "EfficientNetB0", "EfficientNetV2B0", "NASNetMobile", "DenseNet121",
    "ResNet50",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the old Keras has its opinion of its own files
@pytest.mark.parametrize("name", NAMES)
def test_every_network_that_keras_has_passes_in_every_form(
    nets: Nets, old_keras: Any, tmp_path: Path, name: str
) -> None:
    import h5py

    for keras in (nets.keras, old_keras):
        model = getattr(keras.applications, name)(weights=None, input_shape=(32, 32, 3), classes=3)
        configs = [model.to_json()]
        model.save(tmp_path / "model.h5")
        with h5py.File(tmp_path / "model.h5") as file:
            configs.append(file.attrs["model_config"])
        if keras is nets.keras:
            model.save(tmp_path / "model.keras")
            configs.append(zipfile.ZipFile(tmp_path / "model.keras").read("config.json").decode())
        for text in configs:
            assert len(text) > 5000
            refuse_code(json.loads(text), trusted=False, custom=())


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet50", "densenet", "efficientnet"])
def test_preprocessing_that_is_part_of_the_network_passes(nets: Nets, old_keras: Any, name: str) -> None:
    for keras in (nets.keras, old_keras):
        image = keras.Input((32, 32, 3))
        scaled = getattr(keras.applications, name).preprocess_input(image)
        model = keras.Model(image, keras.layers.Flatten()(scaled))
        refuse_code(json.loads(model.to_json()), trusted=False, custom=())


def test_arithmetic_of_tensorflow_in_an_old_network_passes(nets: Nets, old_keras: Any) -> None:
    import tensorflow as tf

    image = old_keras.Input((32, 32, 3))
    x = old_keras.activations.swish(image)
    x = old_keras.backend.mean(x, axis=-1, keepdims=True)
    x = tf.math.truediv(x, 127.5) - 1.0
    x = tf.image.resize(x[:, ::2], (16, 16))
    x = tf.clip_by_value(tf.concat([tf.nn.relu6(x), x], -1), 0, 1)
    model = old_keras.Model(image, tf.reduce_max(tf.cast(x, tf.float32), -1))
    config = json.loads(model.to_json())
    assert {layer["class_name"] for layer in config["config"]["layers"]} >= {"TFOpLambda", "SlicingOpLambda"}
    refuse_code(config, trusted=False, custom=())
    division = {"name": "Div", "op": "RealDiv", "input": ["image", "y"], "attr": {"T": {"type": "DT_FLOAT"}}}
    refuse_code(entry("TensorFlowOpLayer", {"node_def": division}), trusted=False, custom=())  # of TensorFlow 2.2

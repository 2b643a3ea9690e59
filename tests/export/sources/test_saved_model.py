"""SavedModels: taken where they only compute, refused where loading or calling them could do anything else."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edgekit_export.errors import ModelLoadError
from edgekit_export.sources.saved_model import read_saved_model

if TYPE_CHECKING:
    from tests.export.conftest import Nets
    from tests.export.sources.conftest import Refusal

pytestmark = pytest.mark.host

Edit = Callable[[Any], None]
REFUSED = "its graph has the operator {}, which does more than compute (it could read or write files, or run code)."
FOLDERS = [
    f"{generation}/{name}"
    for generation in ("tf-2.4", "tf-2.15", "keras-3.15")
    for name in ("saved_model", "plain_saved_model")
]


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A file that a model writes if it can."""
    return tmp_path / "executed"


def save(folder: Path, serve: Callable[[Any], Any], *, root: Any = None, **functions: Any) -> Path:
    import tensorflow as tf

    root, spec = root or tf.Module(), tf.TensorSpec([None, 4, 4, 3], tf.float32, name="image")
    for name, function in functions.items():
        setattr(root, name, function)
    root.serve = tf.function(serve)
    tf.saved_model.save(root, str(folder), signatures={"serving_default": root.serve.get_concrete_function(spec)})
    return folder


def mean(image: Any) -> Any:
    import tensorflow as tf

    return {"scores": tf.reduce_mean(image, [1, 2])}


def edit(folder: Path, change: Edit) -> Path:
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    proto = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    change(proto)
    (folder / "saved_model.pb").write_bytes(proto.SerializeToString())
    return folder


def load_as_tensorflow_does(folder: Path) -> Any:
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tf.saved_model.load(str(folder), tags=["serve"])


@pytest.mark.parametrize("name", [*FOLDERS, "keras-2.2.4/saved_model"])
def test_the_network_behind_the_serving_signature_answers(keras_files: Path, name: str) -> None:
    network = read_saved_model(keras_files / name)
    assert [port.shape for port in network.inputs] == [(None, 16, 12, 3)]
    assert [port.shape for port in network.outputs] == [(None, 3)]
    answer = network.answer(0, None)
    for index in range(3):
        pixels = np.full((1, 16, 12, 3), 0.2, np.float32)
        pixels[..., 2 - index] = 0.8
        assert answer(pixels).argmax() == index


def test_a_saved_model_in_text_form_is_read(keras_files: Path, tmp_path: Path) -> None:
    from google.protobuf import text_format
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    folder = shutil.copytree(keras_files / "tf-2.15" / "plain_saved_model", tmp_path / "m")
    proto = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    (folder / "saved_model.pb").unlink()
    (folder / "saved_model.pbtxt").write_text(text_format.MessageToString(proto))
    assert read_saved_model(folder).outputs[0].shape == (None, 3)
    (folder / "saved_model.pbtxt").write_text("meta_graphs { nonsense")
    with pytest.raises(ModelLoadError, match=r"damaged SavedModel .* Copy the whole folder again\."):
        read_saved_model(folder)


def test_training_parts_of_an_old_network_are_no_side_effects(nets: Nets, tmp_path: Path) -> None:
    k = pytest.importorskip("tf_keras")
    layers = k.layers
    model = k.Sequential([
        layers.Input((16, 12, 3)), layers.RandomFlip(), layers.RandomRotation(0.1), layers.RandomZoom(0.1),
        layers.RandomContrast(0.1), layers.RandomTranslation(0.1, 0.1), layers.RandomBrightness(0.1),
        layers.Resizing(8, 8), layers.GaussianNoise(0.1), layers.Rescaling(1 / 255), layers.BatchNormalization(),
        layers.SpatialDropout2D(0.1), layers.Dropout(0.2), layers.AlphaDropout(0.1), layers.Flatten(), layers.Dense(3),
    ])  # fmt: skip
    model.compile("adam", "mse", metrics=["accuracy"])
    model.save(tmp_path / "m")
    assert read_saved_model(tmp_path / "m").outputs[0].shape == (None, 3)


def side_effects() -> dict[str, tuple[str, Callable[[Any, Path], Any]]]:
    """Names of operators, and what in a network runs them: from an image and the file to write or to read."""
    import tensorflow as tf

    raw = tf.raw_ops

    def touch(place: Path) -> Any:
        return lambda x: [place.write_text(""), x][1]

    return {
        "writes": ("WriteFile", lambda _, p: tf.io.write_file(str(p), "x")),
        "reads": ("ReadFile", lambda _, p: tf.io.read_file(str(p))),
        "looks for": ("MatchingFiles", lambda _, p: tf.io.matching_files(f"{p}*")),
        "prints": ("PrintV2", lambda x, p: tf.print(x, output_stream=f"file://{p}")),
        "calls Python": ("EagerPyFunc", lambda x, p: tf.py_function(touch(p), [x], tf.float32)),
        "calls Python plainly": ("PyFunc", lambda x, p: tf.numpy_function(touch(p), [x], tf.float32)),
        "calls Python statelessly": (
            "PyFuncStateless", lambda x, p: tf.numpy_function(touch(p), [x], tf.float32, stateful=False)
        ),
        "debugs": (
            "DebugIdentity",
            lambda x, p: raw.DebugIdentity(input=x, tensor_name="x:0", debug_urls=[f"file://{p}"]),
        ),
        "caches": (
            "CacheDataset",
            lambda x, p: raw.CacheDataset(
                input_dataset=raw.TensorSliceDataset(components=[x], output_shapes=[[4, 4, 3]]), filename=str(p),
                output_types=[tf.float32], output_shapes=[[4, 4, 3]],
            ),
        ),
        "saves": (
            "SaveV2", lambda x, p: raw.SaveV2(prefix=str(p), tensor_names=["x"], shape_and_slices=[""], tensors=[x])
        ),
        "in a branch": (
            "WriteFile",
            lambda x, p: tf.cond(
                tf.reduce_sum(x) > 1e9, lambda: [tf.io.write_file(str(p), "x"), x][1], lambda: x + 0.0
            ),
        ),
        "in a loop": (
            "WriteFile",
            lambda _, p: tf.while_loop(lambda i: i < 1, lambda i: [[tf.io.write_file(str(p), "x"), i + 1][1]], [0]),
        ),
        "in a function": ("WriteFile", lambda x, p: tf.function(lambda: [tf.io.write_file(str(p), "x"), x][1])()),
    }  # fmt: skip


SIDE_EFFECTS = (
    "writes", "reads", "looks for", "prints", "calls Python", "calls Python plainly", "calls Python statelessly",
    "debugs", "caches", "saves", "in a branch", "in a loop", "in a function",
)  # fmt: skip


@pytest.mark.parametrize("what", SIDE_EFFECTS)
def test_a_signature_that_does_more_than_compute_is_refused(
    nets: Nets, refusal: Refusal, tmp_path: Path, marker: Path, what: str
) -> None:
    operator, effect = side_effects()[what]

    def serve(image: Any) -> Any:
        effect(image, marker)
        return mean(image)

    folder = save(tmp_path / "m", serve)
    assert list(side_effects()) == list(SIDE_EFFECTS)
    text = refusal(folder)
    assert any(REFUSED.format(name) in text for name in (operator, "TensorSliceDataset"))
    assert not marker.exists()


def test_a_signature_that_writes_does_write_where_nobody_looks_before(nets: Nets, tmp_path: Path, marker: Path) -> None:
    import tensorflow as tf

    def serve(image: Any) -> Any:
        tf.io.write_file(str(marker), "x")
        return mean(image)

    loaded = load_as_tensorflow_does(save(tmp_path / "m", serve))
    assert not marker.exists()
    loaded.signatures["serving_default"](tf.zeros((1, 4, 4, 3)))
    assert marker.exists()


def resource(marker: Path, method: str) -> Any:
    """An object of which loading runs a method, which writes a file."""
    import tensorflow as tf

    def write(_: Any) -> Any:
        tf.io.write_file(str(marker), "x")
        return tf.constant(0.0)

    def nothing(_: Any) -> Any:
        return tf.constant(0.0)

    methods = dict.fromkeys(("_create_resource", "_initialize", "_destroy_resource"), nothing)
    base = tf.saved_model.experimental.TrackableResource
    return type("Resource", (base,), {**methods, method: write})()


@pytest.mark.parametrize("method", ["_create_resource", "_initialize", "_destroy_resource"])
def test_an_object_that_loading_starts_is_refused(
    nets: Nets, refusal: Refusal, tmp_path: Path, marker: Path, method: str
) -> None:
    own = resource(marker, method)
    handle = own.resource_handle if method == "_create_resource" else None
    folder = save(tmp_path / "m", lambda x: mean(x) if handle is None else {"scores": mean(x)["scores"] + handle},
                  own=own)  # fmt: skip
    marker.unlink(missing_ok=True)
    assert REFUSED.format("WriteFile") in refusal(folder)
    assert not marker.exists()
    if method == "_initialize":
        load_as_tensorflow_does(folder)
        assert marker.exists(), "this test proves nothing: the file is harmless"


def test_a_table_that_reads_a_file_is_refused(nets: Nets, refusal: Refusal, tmp_path: Path) -> None:
    import tensorflow as tf

    names = tmp_path / "labels.txt"
    names.write_text("blue\nred\n")
    start = tf.lookup.TextFileInitializer(
        str(names), tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE
    )
    table = tf.lookup.StaticHashTable(start, "?")
    folder = save(tmp_path / "m", lambda x: {**mean(x), "label": table.lookup(tf.argmax(mean(x)["scores"], 1))},
                  table=table)  # fmt: skip
    assert "which does more than compute" in refusal(folder)


@pytest.mark.parametrize("listed", [True, False])
def test_a_function_that_only_objects_name_is_refused(
    nets: Nets, refusal: Refusal, tmp_path: Path, marker: Path, listed: bool
) -> None:
    """The graph's signature is harmless, the one that is called is another: TensorFlow takes it from the objects."""
    import tensorflow as tf

    def write(image: Any) -> Any:
        tf.io.write_file(str(marker), "x")
        return mean(image)

    spec, root = tf.TensorSpec([None, 4, 4, 3], tf.float32, name="image"), tf.Module()
    root.good, root.evil = tf.function(mean), tf.function(write)
    signatures = {name: getattr(root, name).get_concrete_function(spec) for name in ("good", "evil")}
    tf.saved_model.save(root, str(tmp_path / "m"), signatures=signatures)

    def swap(proto: Any) -> None:
        graph = proto.meta_graphs[0]
        del graph.signature_def["evil"]
        nodes = graph.object_graph_def.nodes
        maps = next(nodes[child.node_id] for child in nodes[0].children if child.local_name == "signatures")
        ids = {child.local_name: child for child in maps.children}
        ids["good"].node_id = ids["evil"].node_id
        maps.children.remove(ids["evil"])
        if not listed:
            for name in [name for name in graph.object_graph_def.concrete_functions if "evil" in name or "sig" in name]:
                del graph.object_graph_def.concrete_functions[name]

    folder = edit(tmp_path / "m", swap)
    assert REFUSED.format("WriteFile") in refusal(folder)
    assert not marker.exists()
    if listed:
        load_as_tensorflow_does(folder).signatures["good"](image=tf.zeros((1, 4, 4, 3)))
        assert marker.exists(), "this test proves nothing: the file is harmless"


def test_a_function_that_stands_in_for_another_is_refused(
    nets: Nets, refusal: Refusal, tmp_path: Path, marker: Path
) -> None:
    import tensorflow as tf

    @tf.function  # type: ignore[untyped-decorator]
    def write(image: Any) -> Any:
        tf.io.write_file(str(marker), "x")
        return image

    @tf.function  # type: ignore[untyped-decorator]
    def keep(image: Any) -> Any:
        return image + 0.0

    folder = save(tmp_path / "m", lambda x: mean(keep(x)), write=write)
    spec = tf.TensorSpec([None, 4, 4, 3], tf.float32)
    evil = write.get_concrete_function(spec).function_def

    def stand_in(proto: Any) -> None:
        library = proto.meta_graphs[0].graph_def.library
        kept = next(function for function in library.function if "keep" in function.signature.name)
        library.function.add().CopyFrom(evil)
        for function in (kept, library.function[-1]):
            function.attr["api_implements"].s = b"the same"

    assert read_saved_model(folder).outputs[0].shape == (None, 3)
    edit(folder, stand_in)
    assert REFUSED.format("WriteFile") in refusal(folder)


def graph_of_tensorflow_1(folder: Path, marker: Path, how: str) -> Path:
    """A SavedModel of TensorFlow 1 that writes a file: when it is loaded, or in its signature."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        image = v1.placeholder(tf.float32, (None, 4, 4, 3), name="image")
        write = tf.raw_ops.WriteFile(filename=str(marker), contents="x")
        with tf.control_dependencies([write]):
            after = tf.identity(tf.reduce_mean(image, [1, 2]))
        scores = {"signature": after}.get(how, tf.reduce_mean(image, [1, 2]))
        info = v1.saved_model.build_tensor_info
        inputs, outputs = {"image": info(image)}, {"scores": info(scores)}
        if how == "sparse signature":
            sparse = outputs["scores"].coo_sparse
            for part in ("values_tensor_name", "indices_tensor_name", "dense_shape_tensor_name"):
                setattr(sparse, part, after.name)
        if how == "table":
            v1.add_to_collection(v1.GraphKeys.TABLE_INITIALIZERS, write)
        if how == "local variable":
            with tf.control_dependencies([write]):
                start = tf.identity(0.0)
            session.run(
                v1.get_variable("v", initializer=start, trainable=False, collections=["local_variables"]).initializer
            )
            marker.unlink()
        signature = v1.saved_model.build_signature_def(inputs, outputs, "tensorflow/serving/predict")
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {"serving_default": signature},
            main_op=write if how in ("main op", "two graphs") else None,
        )
        builder.save()
    if how == "legacy init op":
        return edit(
            folder, lambda p: p.meta_graphs[0].collection_def["legacy_init_op"].node_list.value.append(write.name)
        )
    if how == "two graphs":  # an object makes it look new, a second graph makes TensorFlow take the old loader
        edit(folder, lambda p: p.meta_graphs[0].object_graph_def.nodes.add().user_object.SetInParent())
        edit(folder, lambda p: p.meta_graphs.add().meta_info_def.tags.append("other"))
    return folder


@pytest.mark.parametrize(
    "how", ["main op", "legacy init op", "signature", "sparse signature", "table", "local variable", "two graphs"]
)
@pytest.mark.filterwarnings("ignore")
def test_a_graph_of_tensorflow_1_that_does_more_than_compute_is_refused(
    nets: Nets, refusal: Refusal, tmp_path: Path, marker: Path, how: str
) -> None:
    folder = graph_of_tensorflow_1(tmp_path / "m", marker, how)
    assert not marker.exists()
    assert REFUSED.format("WriteFile") in refusal(folder)
    assert not marker.exists()
    if "signature" not in how:
        load_as_tensorflow_does(folder)
        assert marker.exists(), "this test proves nothing: the file is harmless"


def test_a_graph_that_is_not_for_serving_is_none_of_ours(nets: Nets, refusal: Refusal, tmp_path: Path) -> None:
    folder = save(tmp_path / "m", mean)
    edit(folder, lambda proto: proto.meta_graphs[0].meta_info_def.ClearField("tags"))
    assert "this SavedModel was not saved for serving (tag 'serve')" in refusal(folder)


def test_a_saved_model_without_a_signature_is_told_how_to_get_one(nets: Nets, refusal: Refusal, tmp_path: Path) -> None:
    import tensorflow as tf

    tf.saved_model.save(tf.Module(), str(tmp_path / "none"))
    assert "this SavedModel has no signature 'serving_default' (found: none). Save it with" in refusal(
        tmp_path / "none"
    )
    root = tf.Module()
    root.serve = tf.function(mean)
    function = root.serve.get_concrete_function(tf.TensorSpec([None, 4, 4, 3], tf.float32, name="image"))
    tf.saved_model.save(root, str(tmp_path / "one"), signatures={"classify": function})
    assert read_saved_model(tmp_path / "one").outputs[0].name == "scores"
    tf.saved_model.save(root, str(tmp_path / "two"), signatures={"a": function, "b": function})
    assert "(found: 'a', 'b')" in refusal(tmp_path / "two")


@pytest.mark.parametrize("name", ["tf-2.15/saved_model", "keras-2.2.4/saved_model"])
def test_a_saved_model_that_is_damaged_or_not_whole_is_to_be_copied_again(
    keras_files: Path, refusal: Refusal, tmp_path: Path, name: str
) -> None:
    folder = shutil.copytree(keras_files / name, tmp_path / "m")
    data = (folder / "saved_model.pb").read_bytes()
    (folder / "saved_model.pb").write_bytes(data[: len(data) // 2])
    assert "damaged SavedModel" in refusal(folder)
    (folder / "saved_model.pb").write_bytes(data)
    shutil.rmtree(folder / "variables")
    assert "cannot load this SavedModel" in refusal(folder)

"""Make small model files with whatever Keras is installed: python tests/data/make_keras_files.py tests/data/keras.

Files that users bring come from ten years of Keras, and generations write the same thing differently. This script runs
unchanged under CPython 3.6 and later and every Keras from 2.2.4 on, so it avoids newer Python. It writes into a folder
named after the generation. To make all of them (Linux x86-64, a minute each; GEN is a folder for environments, and
PYTHON the version of the interpreter to make each with):

    NAME         PYTHON   PACKAGES
    keras-2.2.4  3.7.16   tensorflow==1.15.5 keras==2.2.4 "numpy<1.19" "protobuf<3.21" "h5py<3"
    tf-1.15      3.7.16   tensorflow==1.15.5 "numpy<1.19" "protobuf<3.21" "h5py<3"
    tf-2.4       3.8.18   tensorflow-cpu==2.4.4 "numpy<1.20" "protobuf<3.21" "h5py<3"
    tf-2.8       3.9.18   tensorflow-cpu==2.8.4 "numpy<1.24" "protobuf<3.20"
    tf-2.13      3.11.7   tensorflow-cpu==2.13.1
    tf-2.15      3.11.7   tensorflow-cpu==2.15.1
    keras-3.0    3.11.7   tensorflow-cpu==2.16.2 keras==3.0.5
    keras-3.4    3.11.7   tensorflow-cpu==2.16.2 keras==3.4.1
    keras-3.15   3.11.7   tensorflow==2.21.0 keras==3.15.1

    pythonPYTHON -m venv GEN/NAME      # such as python3.11
    GEN/NAME/bin/python -m pip install --upgrade pip "setuptools<70" wheel
    GEN/NAME/bin/python -m pip install --prefer-binary PACKAGES
    GEN/NAME/bin/python tests/data/make_keras_files.py tests/data/keras

Every network takes 16 x 12 RGB pixels and answers with the dominating colour: blue, green or red. Its weights are
written down below, not random: old numpy has no default_rng. It expects pixels 0..1, `augmented` alone 0..255. None
but `compiled` was compiled, so no file but that has the state of an optimizer.

Every generation: `whole.keras` (model.save) where that is a ZIP archive, as from TensorFlow 2.13 on, else `whole.h5`.
In the archives of 2.13 and 2.14 the weights lie under another name than since 2.15, which cannot read them.
The generations of FULL, so that the folder stays small:

    whole.h5, whole.keras     model.save; tf-2.4 writes HDF5 under both names
    weights.h5                model.save_weights; of Keras 2.2.4 there is json/model.h5, the same
    weights.weights.h5        another layout, of TensorFlow 2.13 and later
    json/                     model.to_json, and the weights beside it
    saved_model/              of Keras 2 (model.save), of Keras 3 (model.export), of TensorFlow 1 (simple_save)
    plain_saved_model/        of a tf.Module: no Keras in it
    checkpoint/               TensorFlow's own format, weights alone
    nested.h5                 the shape of Teachable Machine's models: Sequential of Sequential of functional
    augmented.h5 or .keras    random flips and rotations and its own rescaling in front

The generations of SPECIAL: heads (`sigmoid_one` says "other" or "red", `sigmoid_many`, `logits`, `conv_head` as in
Keras' first MobileNet, `two_outputs`), and what needs code or care (`lambda`, `custom` with custom_layers.py, `mixed`
precision, and of one generation `compiled` with a loss of its own).
"""

import importlib
import os
import shutil
import sys
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import numpy as np
import tensorflow as tf

keras: Any
try:
    from keras import layers  # TensorFlow 2.5 and older bring their own; the folder of files beside this is no Keras

    keras = importlib.import_module("keras")
except ImportError:
    keras = tf.keras
    layers = keras.layers

HEIGHT, WIDTH, CLASSES, FEATURES = 16, 12, 3, 4
FULL = ("keras-2.2.4", "tf-2.4", "tf-2.15", "keras-3.15")
SPECIAL = ("tf-2.4", "keras-3.15")
KERAS = tuple(int(part) for part in keras.__version__.split("-")[0].split(".")[:2])
TENSORFLOW = tuple(int(part) for part in tf.__version__.split(".")[:2])


def generation() -> str:
    if KERAS[0] >= 3:
        return "keras-{}.{}".format(*KERAS)
    if keras is not tf.keras and TENSORFLOW[0] < 2:
        return "keras-" + str(keras.__version__)  # the Keras that worked with several backends
    return "tf-{}.{}".format(*TENSORFLOW)


def weights(name: str) -> Any:
    """The weights of the layer `name`; each kind differs from its neighbours, so that no mix-up goes unseen."""
    colours = np.full((3, 3, 3, FEATURES), -0.5 / 9)  # own colour minus half of the others
    for index in range(CLASSES):
        colours[:, :, 2 - index, index] = 1 / 9
    colours[:, :, :, CLASSES] = 1 / 27  # brightness
    centre = np.zeros((3, 3, FEATURES, 1))
    centre[1, 1] = 1
    kernel = np.zeros((FEATURES, CLASSES))
    kernel[:CLASSES] = 16 * np.eye(CLASSES)
    kernel[CLASSES] = [0.2, 0, -0.2]
    one = np.ones(FEATURES)
    return {
        "conv": [colours, 0 * one],
        "depthwise": [centre, 0 * one],
        "normalize": [2 * one, 0.125 * one, 0.25 * one, 4 * one],  # gamma, beta, mean, variance: x - 0.125
        "colour": [kernel, np.zeros(CLASSES)],
        "conv_colour": [kernel[None, None], np.zeros(CLASSES)],
        "colours": [kernel, np.full(CLASSES, -2.0)],
        "red": [kernel[:, 2:], np.full(1, -2.0)],
        "extra": [kernel[:, :2], np.zeros(2)],
    }.get(name)


def fill(model: Any) -> Any:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            fill(layer)
        elif weights(layer.name) is not None:
            layer.set_weights(weights(layer.name))
    return model


def features(x: Any) -> Any:
    x = layers.Conv2D(FEATURES, 3, name="conv")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.BatchNormalization(name="normalize")(x)
    return layers.ReLU(name="relu")(x)


def few_features(x: Any) -> Any:
    """Without batch normalization: HDF5 takes 2 kB for a layer, however small."""
    x = layers.Conv2D(FEATURES, 3, name="conv")(x)
    return layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise")(x)


def head(x: Any, activation: Any = "softmax", name: str = "colour") -> Any:
    units = {"red": 1, "extra": 2}.get(name, CLASSES)
    return layers.Dense(units, activation=activation, name=name)(layers.GlobalAveragePooling2D(name="mean_" + name)(x))


def conv_head(x: Any) -> Any:
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    x = layers.Reshape((1, 1, FEATURES), name="reshape_1")(x)
    x = layers.Conv2D(CLASSES, 1, name="conv_colour")(x)
    x = layers.Reshape((CLASSES,), name="reshape_2")(x)
    return layers.Activation("softmax", name="act_softmax")(x)


def network(*before: Any, body: Any = few_features, end: Any = head) -> Any:
    image = x = layers.Input((HEIGHT, WIDTH, 3), name="image")
    for layer in before:
        x = layer(x)
    return fill(keras.models.Model(image, end(body(x)), name="colour_net"))


def nested() -> Any:
    image = layers.Input((HEIGHT, WIDTH, 3), name="image")
    body = keras.models.Model(image, features(image), name="body")
    front = keras.models.Sequential([body, layers.GlobalAveragePooling2D(name="mean")], name="front")
    dense = layers.Dense(CLASSES, activation="softmax", name="colour", input_shape=(FEATURES,))
    back = keras.models.Sequential([dense], name="back")
    return fill(keras.models.Sequential([front, back], name="nested"))


def augmented() -> Any:
    source = layers if hasattr(layers, "RandomFlip") else layers.experimental.preprocessing  # before TensorFlow 2.6
    return network(source.RandomFlip("horizontal"), source.RandomRotation(0.1), source.Rescaling(1 / 255))


def custom() -> Any:
    sys.path.insert(0, str(Path(__file__).parent / "keras"))
    return network(importlib.import_module("custom_layers").Squash(name="squash"))


def mixed() -> Any:
    precision = keras.mixed_precision
    set_policy = getattr(precision, "set_global_policy", None) or precision.set_dtype_policy
    set_policy("mixed_float16")
    try:
        return network(end=lambda x: layers.Activation("softmax", dtype="float32", name="softmax")(head(x, None)))
    finally:
        set_policy("float32")


def compiled() -> Any:
    """With the state of an optimizer, and a loss that Keras does not know."""

    def focal_colours(truth: Any, scores: Any) -> Any:
        return -tf.reduce_sum(truth * (1 - scores) * tf.math.log(scores + 1e-6), axis=-1)

    model = network()
    model.compile(optimizer="rmsprop", loss=focal_colours, metrics=["accuracy"])
    model.train_on_batch(np.zeros((1, HEIGHT, WIDTH, 3), np.float32), np.eye(CLASSES, dtype=np.float32)[:1])
    return fill(model)


class Plain(tf.Module):  # type: ignore[misc]
    """The network in TensorFlow's own operations."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = tf.Variable(weights("conv")[0], dtype=tf.float32)
        self.dense = tf.Variable(weights("colour")[0], dtype=tf.float32)

    def __call__(self, image: Any) -> Any:
        x = tf.nn.relu(tf.nn.conv2d(image, self.kernel, 1, "VALID") - 0.125)
        return {"scores": tf.nn.softmax(tf.reduce_mean(x, [1, 2]) @ self.dense)}


def save_weights(model: Any, folder: Path) -> None:
    (folder / "json").mkdir()
    (folder / "json" / "model.json").write_text(model.to_json())
    model.save_weights(str(folder / "json" / ("model.h5" if KERAS[0] < 3 else "model.weights.h5")))
    if (2, 4) <= KERAS < (3, 0):
        model.save_weights(str(folder / "weights.h5"))
    if KERAS >= (2, 13):
        model.save_weights(str(folder / "weights.weights.h5"))


def save_tensorflow(model: Any, folder: Path) -> None:
    """SavedModels and checkpoints, as far as this generation has them."""
    saved_model, checkpoint = str(folder / "saved_model"), str(folder / "checkpoint" / "weights")
    if TENSORFLOW[0] < 2:
        session = keras.backend.get_session()
        tf.saved_model.simple_save(session, saved_model, {"image": model.input}, {"scores": model.output})
        return
    (folder / "checkpoint").mkdir()
    if KERAS[0] < 3:
        model.save(saved_model)
        model.save_weights(checkpoint, save_format="tf")
    else:
        model.export(saved_model)
        tf.train.Checkpoint(model=model).write(checkpoint)
    plain = Plain()
    image = tf.TensorSpec([None, HEIGHT, WIDTH, 3], tf.float32, name="image")
    signature = tf.function(plain.__call__).get_concrete_function(image)
    tf.saved_model.save(plain, str(folder / "plain_saved_model"), signatures={"serving_default": signature})


def save_special(folder: Path) -> None:
    models = {
        "sigmoid_one": network(end=lambda x: head(x, "sigmoid", "red")),
        "sigmoid_many": network(end=lambda x: head(x, "sigmoid", "colours")),
        "logits": network(end=lambda x: head(x, None)),
        "conv_head": network(end=conv_head),
        "two_outputs": network(end=lambda x: [head(x), head(x, name="extra")]),
        "lambda": network(layers.Lambda(lambda x: x * 1.0, name="same")),
        "custom": custom(),
        "mixed": mixed(),
    }
    if folder.name == SPECIAL[0]:
        models["compiled"] = compiled()
    for name, model in models.items():
        model.save(str(folder / (name + ".h5")))


def main(root: Path) -> None:
    folder = root / generation()
    shutil.rmtree(str(folder), ignore_errors=True)
    folder.mkdir(parents=True)
    full, zipped = folder.name in FULL, KERAS >= (2, 13)
    model = network(body=features)
    if full or not zipped:
        model.save(str(folder / "whole.h5"))
    if zipped or folder.name == SPECIAL[0]:
        model.save(str(folder / "whole.keras"))
    if full:
        save_tensorflow(model, folder)  # first: TensorFlow 1 saves its whole graph, so what comes later too
        save_weights(model, folder)
        nested().save(str(folder / "nested.h5"))
    if full and KERAS >= (2, 4):
        augmented().save(str(folder / ("augmented.h5" if KERAS[0] < 3 else "augmented.keras")))
    if folder.name in SPECIAL:
        save_special(folder)
    files = [path for path in folder.rglob("*") if path.is_file()]
    print(folder, len(files), "files", sum(path.stat().st_size for path in files), "bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

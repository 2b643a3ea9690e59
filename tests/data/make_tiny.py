"""Make the tiny graphs that most tests of the runner use. Run where TensorFlow is: python tests/data/make_tiny.py.

`tiny_graph.tflite`: uint8 16x12x3 -> 3 classes, softmax; what the exporter gives to `pack_model_file`.
`tiny_float.tflite`: the same network before quantization, float32, ending in logits.
`tiny_golden.json`: what both portable kernel families of LiteRT compute for the golden inputs, base64.

Untrained. The seed was chosen so that golden inputs get different answers, and so that the two portable kernel
families and tflite-runtime's default on x86 give three different outputs, as they do for real models.
"""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from edgekit.golden import SEEDS, golden_input
from edgekit.runtime import Engine, Kernels

HEIGHT, WIDTH, CLASSES, SEED = 16, 12, 3, 11
FOLDER = Path(__file__).parent


def make_images() -> Any:
    return np.concatenate([golden_input(seed, HEIGHT, WIDTH, 3) for seed in SEEDS]).astype(np.float32) / 255


def make_network(*, seed: int = SEED) -> tuple[Any, Any]:
    """The network up to its logits, and with softmax."""
    layers = tf.keras.layers
    image = tf.keras.Input((HEIGHT, WIDTH, 3), batch_size=1)
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(image)
    y = layers.DepthwiseConv2D(3, padding="same", activation="relu6")(x)
    x = layers.Add()([x, layers.Conv2D(8, 1)(y)])
    head = layers.Dense(CLASSES)
    logits = head(layers.GlobalAveragePooling2D()(x))
    model = tf.keras.Model(image, logits)
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(0, 0.5, w.shape).astype(np.float32) for w in model.get_weights()])
    values = np.concatenate([model(row[None]).numpy() for row in make_images()])
    kernel, bias = head.get_weights()
    mean, std = values.mean(axis=0), values.std(axis=0)
    head.set_weights([kernel / std * 1.5, (bias - mean) / std * 1.5])
    return model, tf.keras.Model(image, layers.Softmax()(logits))


def convert(model: Any, *, quantized: bool) -> bytes:
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if quantized:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([row[None]] for row in make_images())
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    return bytes(converter.convert())


def golden_outputs(graph: bytes, kernels: Kernels) -> list[str]:
    engine = Engine(graph, runtime="litert", kernels=kernels)
    outputs = (engine.run(golden_input(seed, HEIGHT, WIDTH, 3)) for seed in SEEDS)
    return [base64.b64encode(output.tobytes()).decode() for output in outputs]


def main() -> None:
    with_logits, with_softmax = make_network()
    graph = convert(with_softmax, quantized=True)
    golden = {"xnnpack": golden_outputs(graph, "default"), "reference": golden_outputs(graph, "reference")}
    (FOLDER / "tiny_graph.tflite").write_bytes(graph)
    (FOLDER / "tiny_float.tflite").write_bytes(convert(with_logits, quantized=False))
    (FOLDER / "tiny_golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()

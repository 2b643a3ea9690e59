"""An exported file beside its original model in the Keras of its own time, in an environment of its own.

The export compares with the original as today's TensorFlow runs it (Keras 3, or tf_keras for older files). This goes
one step further back: the original file is loaded by the TensorFlow that it was saved with, or one near it.

    python tests/benchmarks/original_keras.py keras_model.h5 waste.tflite photos/ --tensorflow 2.15.1

makes a virtual environment with that TensorFlow beside the temporary files (a minute or two), or takes the interpreter
given with --python.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit.classifier import Classifier
from edgekit.inputrange import parse_input_range
from edgekit.modelfile import read_model_file
from edgekit.photo import load_photo
from edgekit.preprocess import fit_pixels
from edgekit.walk import find_photos
from edgekit_export.device import open_family
from edgekit_export.mapping import Mapping
from edgekit_export.statistics import wilson_interval
from edgekit_export.verify import FAMILIES

# Runs in the other environment, so it has to do with any Python and TensorFlow 2.
_ASK_THE_ORIGINAL = """
import json, sys
import numpy as np
import tensorflow as tf
model = tf.keras.models.load_model(sys.argv[1], compile=False)
answers = model.predict(np.load(sys.argv[2]), verbose=0)
np.save(sys.argv[3], np.asarray(answers).reshape(len(answers), -1))
keras = getattr(tf.keras, "__version__", tf.__version__)  # where Keras tells none, it has that of TensorFlow
print(json.dumps({"tensorflow": tf.__version__, "keras": keras}))
"""


def main() -> None:
    """Print the agreement of both kernel families with the original."""
    arguments = _arguments()
    card = read_model_file(arguments.exported).card
    assert card is not None, "only files that edgekit-export wrote say how they read photos"
    assert card.provenance is not None
    text, _, order = card.provenance.input_range.partition(" ")
    mapping = Mapping(parse_input_range(text), "BGR" if order == "BGR" else "RGB")
    paths = list(find_photos(arguments.photos))
    pixels = [fit_pixels(load_photo(path), card.input) for path in paths]
    with tempfile.TemporaryDirectory() as folder:
        python = arguments.python or _make_environment(Path(folder) / "venv", arguments.tensorflow)
        batch = np.concatenate([mapping.tensor(one) for one in pixels])
        original, versions = _ask_the_original(python, arguments.model, batch, Path(folder))
    print(
        f"{arguments.model} in Keras {versions['keras']} of TensorFlow {versions['tensorflow']}, {len(pixels)} photos"
    )
    wanted = _first(original)
    data = Path(arguments.exported).read_bytes()
    for family in FAMILIES:
        device, _ = open_family(data, family)
        with device:
            found = _first(np.stack([device.run(one, "a photo") for one in pixels]))
        _report(f"{family} ({device.name})", int((found == wanted).sum()), len(wanted))
    classifier = Classifier(arguments.exported)
    found = np.array([classifier.predict(str(path), top_k=1)[0].class_id for path in paths])
    _report(f"edgekit classify ({classifier.engine.description})", int((found == wanted).sum()), len(wanted))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="the original model file")
    parser.add_argument("exported", help="the .tflite that edgekit-export made of it")
    parser.add_argument("photos", help="a folder of photos")
    parser.add_argument("--tensorflow", default="2.15.1", help="the version to install (default: %(default)s)")
    parser.add_argument("--python", help="an interpreter that has the old TensorFlow already")
    return parser.parse_args()


def _make_environment(folder: Path, tensorflow: str) -> str:
    python = str(folder / "bin" / "python")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    wanted = [f"tensorflow-cpu=={tensorflow}", "numpy<2"]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
    return python


def _ask_the_original(
    python: str, model: str, batch: NDArray[np.float32], folder: Path
) -> tuple[NDArray[np.float32], dict[str, str]]:
    np.save(folder / "batch.npy", batch)
    words = [python, "-c", _ASK_THE_ORIGINAL, model, str(folder / "batch.npy"), str(folder / "answers.npy")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the original cannot be asked:\n{done.stderr[-2000:]}")
    versions: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return np.load(folder / "answers.npy"), versions


def _first(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """The first answer to each photo, of two classes where there is one unit; scores of shape (photos, units)."""
    return (scores[:, 0] > 0.5).astype(np.int64) if scores.shape[1] == 1 else scores.argmax(axis=1)


def _report(what: str, agreeing: int, photos: int) -> None:
    low, high = wilson_interval(agreeing, photos)
    print(f"  {what}: same answer on {agreeing} of {photos}, {agreeing / photos:.1%} ({low:.1%} to {high:.1%})")


if __name__ == "__main__":
    main()

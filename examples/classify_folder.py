"""The best label of every photo in a folder, in several threads.

On a board or a workstation:

    python examples/classify_folder.py leaf.tflite photos/

Prints a line for each photo, in order, as soon as it is known: `photos/a.jpg: bean_rust 91.2%`. Of a photo that cannot
be read it prints the reason, and goes on.
"""

import sys
from pathlib import Path

from edgekit import Classifier

classifier = Classifier(sys.argv[1])
photos = sorted(path for path in Path(sys.argv[2]).iterdir() if path.is_file())
for path, answer in zip(photos, classifier.predict_many(photos, top_k=1), strict=True):
    if answer.error is not None:
        print(answer.error)
    else:
        best = answer.predictions[0]
        print(f"{path}: {best.label} {best.score:.1%}")

"""Labels for one photo, in six lines of Python.

On a board or a workstation:

    python examples/classify_photo.py leaf.tflite photo.jpg

Prints one line for each of the three most probable labels: `91.2%  bean_rust`.
"""

import sys

from edgekit import Classifier

classifier = Classifier(sys.argv[1])
for p in classifier.predict(sys.argv[2], top_k=3):
    print(f"{p.score:6.1%}  {p.label}")

"""Export from Python, where the numbers are wanted and not just the file.

On a workstation with `pip install 'edgekit-tflite[export]'`:

    python examples/export_model.py cnn.keras photos/ leaf.tflite

Prints the accuracy of float and int8 and each photo whose answer changed, then writes the file.
"""

import sys

from edgekit import write_model_file
from edgekit_export import export_model

model, photos, output = sys.argv[1:4]
result = export_model(model, photos)

proof = result.comparison.verification
print(f"float: {proof.float_correct} of {proof.photos.images} right")
for family in proof.families:
    print(f"{family.family}: {family.correct} of {proof.photos.images} right")
for flip in result.comparison.flips:
    print(f"changed: {flip.file} from {flip.float_answer.label}")
write_model_file(output, result.model_file)

"""What to do next, from what an evaluation found."""

from __future__ import annotations

from collections.abc import Iterator

from edgekit_export.assess.evaluate import Evaluation
from edgekit_export.assess.wording import count, joined, percent

_FEW_PHOTOS = 20
_BOTH_WAYS = 3
_PAIRS = 3
_POOR = 0.5


def advice(evaluation: Evaluation) -> list[str]:
    """Sentences, the most telling first; none where nothing asks for work."""
    return [
        *_on_guessing(evaluation),
        *_on_classes(evaluation),
        *_on_pairs(evaluation),
        *_on_groups(evaluation),
        *_on_robustness(evaluation),
        *_on_scores(evaluation),
        *_on_photos(evaluation),
    ]


def _on_guessing(evaluation: Evaluation) -> Iterator[str]:
    figures = evaluation.figures
    poor = figures.accuracy.value < _POOR and not evaluation.answers.multi_label
    if poor or figures.accuracy.low <= figures.guess.value:
        yield (
            "Most answers are wrong. Before anything else, check that the model's labels stand in the order of its "
            "outputs and that it gets the pixels it was trained on: for a float model with --labels and --input-range, "
            "for a .tflite when it is exported."
        )


def _on_classes(evaluation: Evaluation) -> Iterator[str]:
    figures = evaluation.figures
    weak = [one for one in figures.classes if one.photos and one.recall.high < figures.mean_recall.value]
    if weak:
        names = joined([one.label for one in sorted(weak, key=lambda one: one.recall.value)])
        yield f"Recognised clearly less often than the rest: {names}. Add photos of them for training."


def _on_pairs(evaluation: Evaluation) -> Iterator[str]:
    found = {(one.label, one.answer): one.share.part for one in evaluation.figures.confused}
    mutual = [
        (label, answer)
        for (label, answer), times in found.items()
        if label < answer and min(times, found.get((answer, label), 0)) >= _BOTH_WAYS
    ]
    for label, answer in mutual[:_PAIRS]:
        yield (
            f"{label} and {answer} are taken for one another both ways. Look at the photos below: are all labels "
            "right? Could a person tell them apart? If the same is done in both cases, make them one class."
        )


def _on_groups(evaluation: Evaluation) -> Iterator[str]:
    for one in evaluation.slices:
        far = one.farthest
        if one.verdict == "gap" and far.right.value < far.others.value:
            yield f"Add photos of {one.name} {far.name} for training: the model fares worse there."


def _on_robustness(evaluation: Evaluation) -> Iterator[str]:
    curves = evaluation.robustness.curves if evaluation.robustness else ()
    hurt = [curve for curve in curves if curve.first_hurt]
    if hurt:
        yield f"Costs most: {hurt[0].title}. {hurt[0].advice}"


def _on_scores(evaluation: Evaluation) -> Iterator[str]:
    found = evaluation.calibration
    if found is None:
        return
    enough = next((one for one in found.trust if one.right.low >= 0.95), None)
    if found.deviates:
        yield "Do not read a score as the chance of being right; the table of thresholds says what a score is worth."
    if enough and enough.answered.part < enough.answered.whole:
        yield (
            f"Where a wrong answer is costly, believe answers from {percent(enough.threshold)} on, which is "
            f"{percent(enough.answered.value)} of them, and have a person look at the others."
        )


def _on_photos(evaluation: Evaluation) -> Iterator[str]:
    few = [one for one in evaluation.figures.classes if 0 < one.photos < _FEW_PHOTOS]
    if few:
        yield (
            f"{count(len(few), 'class has', 'classes have')} fewer than {_FEW_PHOTOS} photos here "
            f"({joined([one.label for one in few])}): what is said of them is uncertain. Collect more for the test."
        )

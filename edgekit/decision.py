"""Predictions -> the answer that counts: a label, or that the model is not sure enough of any.

Pure Python and no arithmetic on arrays, so that `edgekit info` can tell the rule without numpy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from edgekit.card import OutputSpec
from edgekit.thresholdfile import ThresholdFile

if TYPE_CHECKING:
    from edgekit.scores import Prediction

UNSURE = "unsure"
"""The decision where no label counts. A label of that name decides the same: do not act on this photo."""

PRESENT_FROM = 0.5
"""Score from which a label of a multi-label model is present where nothing else is said: where it is as probable as
not, Keras' threshold, too."""


class DecisionRule(NamedTuple):
    """From which score on an answer counts: 0..1 for each class, and 0..1 for all of them, whichever is higher."""

    thresholds: tuple[float, ...]
    abstain_below: float = 0.0

    @property
    def counts_from(self) -> tuple[float, ...]:
        """The score 0..1 from which each class counts, in order of class_id."""
        return tuple(max(self.abstain_below, threshold) for threshold in self.thresholds)

    def counts(self, prediction: Prediction) -> bool:
        """Whether the score of a prediction is high enough for its class."""
        return prediction.score >= self.abstain_below and prediction.score >= self.thresholds[prediction.class_id]

    def decide(self, predictions: Sequence[Prediction]) -> str:
        """The label of the best of predictions, or `UNSURE`.

        Where classes exclude each other, only the best may count: a second one with a lower threshold of its own is
        still less probable than the first.

        Args:
            predictions: Best first, at least one.
        """
        best = predictions[0]
        return best.label if self.counts(best) else UNSURE

    def present(self, predictions: Iterable[Prediction]) -> tuple[Prediction, ...]:
        """Those of a multi-label model's predictions whose label is present in the photo, in their order."""
        return tuple(prediction for prediction in predictions if self.counts(prediction))


def decision_rule(output: OutputSpec, stated: ThresholdFile | None = None) -> DecisionRule | None:
    """The rule that is in force for a model; None where nobody made one, then its best label is just its best label.

    A multi-label model always has one: without thresholds, a label is present from `PRESENT_FROM`.

    Args:
        output: What the card says.
        stated: The file of thresholds beside the model; what it states goes before the card. A label that several
            classes share means all of them.
    """
    changes = stated is not None and (stated.abstain_below is not None or bool(stated.thresholds))
    if not (output.multi_label or output.thresholds or output.abstain_below or changes):
        return None
    thresholds = output.thresholds or (PRESENT_FROM if output.multi_label else 0.0,) * len(output.labels)
    abstain_below = output.abstain_below
    if stated is not None:
        pairs = zip(output.labels, thresholds, strict=True)
        thresholds = tuple(stated.thresholds.get(label, threshold) for label, threshold in pairs)
        abstain_below = abstain_below if stated.abstain_below is None else stated.abstain_below
    return DecisionRule(thresholds, abstain_below)

"""How a model was trained, where its file does not tell: the pixel range, the channel order, the labels, the resize.

Everything is asked of the float model and the photos for calibration, never of those for verification.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.card import Evidence, Fit, ResizeKernel
from edgekit.inputrange import CHOICES, InputRange
from edgekit_export.classes import LabelOrder
from edgekit_export.device import DeviceRuntime
from edgekit_export.errors import InputRangeError
from edgekit_export.evidence import Answer, Trial, run_trials
from edgekit_export.frontend import ImageNetwork
from edgekit_export.mapping import Mapping
from edgekit_export.progress import Step
from edgekit_export.sources.batchnorm import Divergence

_CLOSE = 0.2  # from the statistics of training, as seen: 0.02 to 0.1 for the true range, 0.15 and more for others
_CLOSER = 1.5  # how many times closer to the training statistics the best range must be than the next
_PHOTOS_FOR_STATISTICS = 32
_CLEARLY_BEST = "clearly best on labelled photos"

RANGE_QUESTION = "what the model was trained on"
ORDER_QUESTION = "the order of the colour channels"
LABEL_QUESTION = "the order of the labels"
VIEW_QUESTION = "how training resized photos"

FITS: tuple[Fit, ...] = ("stretch", "crop")
KERNELS: tuple[ResizeKernel, ...] = ("bilinear", "tf-bilinear", "nearest")


@dataclass(frozen=True)
class LabeledPixels:
    """A photo at the model's size in each view, uint8 (height, width, channels), and the labels that it shows."""

    views: tuple[NDArray[np.uint8], ...]
    labels: frozenset[str]


@dataclass(frozen=True)
class View:
    """One way to bring a photo to the model's size."""

    fit: Fit
    resize_kernel: ResizeKernel

    @property
    def text(self) -> str:
        """For people."""
        return f"{self.fit}, {self.resize_kernel}"


@dataclass(frozen=True)
class Reading:
    """One way to read a model: which mapping of pixels, and which order of labels."""

    mapping: Mapping
    order: LabelOrder


@dataclass(frozen=True)
class FoundReading:
    """The reading to take, how it is known, and the table where photos decided."""

    reading: Reading
    how: str
    evidence: Evidence | None


def find_reading(  # noqa: PLR0913 - what is asked of what
    network: ImageNetwork,
    photos: Sequence[LabeledPixels],
    mappings: Sequence[Mapping],
    orders: Sequence[LabelOrder],
    *,
    divergence: Divergence | None,
    habit: InputRange | None,
    step: Step,
) -> FoundReading:
    """Which mapping and which order of labels a model was trained with.

    Args:
        network: The float network.
        photos: For calibration.
        mappings: Those that may be; one where it is known.
        orders: Those that may be, the most likely first; one where it is known.
        divergence: How far a batch of inputs is from what the network was trained on, where it remembers.
        habit: What the tool that made the file always does; it decides where photos do not.
        step: Called after each photo.

    Raises:
        InputRangeError: no mapping is clearly best; its `evidence` has the table.
    """
    range_is_known = len({mapping.range.text for mapping in mappings}) == 1
    trials = [Trial(_name(m, o, mappings, orders), Reading(m, o)) for m in mappings for o in orders]
    if len(trials) == 1:
        return FoundReading(trials[0].hypothesis, "", None)
    with _Asked(network) as asked:
        alive = run_trials(trials, photos, asked.answer, step)
    question = LABEL_QUESTION if len(mappings) == 1 else ORDER_QUESTION if range_is_known else RANGE_QUESTION
    chosen, how = _choose(alive, known=range_is_known)
    if chosen is None and divergence is not None and network.image.layout == "channels last":
        for trial in trials:
            trial.divergence = _divergence(divergence, trial.hypothesis.mapping, photos)
        # Photos of other things than the model's classes say nothing about it, so they rule nothing out either.
        possible = alive if any(trial.beats_chance for trial in alive) else trials
        chosen, how = _closest(possible), "closest to the statistics that its batch normalizations keep of its training"
    if chosen is None and habit is not None:
        chosen = next((t for t in alive if t.hypothesis.mapping.range == habit), None)
        how = "the habit of the tool that made it; the photos do not contradict"
    rows = tuple(trial.row() for trial in trials)
    if chosen is None:
        evidence = Evidence(question, "nothing is clearly best", rows)
        raise InputRangeError(_undecided(len(photos)), evidence)
    return FoundReading(chosen.hypothesis, how, Evidence(question, how, rows, chosen.name))


def _name(mapping: Mapping, order: LabelOrder, mappings: Sequence[Mapping], orders: Sequence[LabelOrder]) -> str:
    if len(mappings) == 1:
        return f"labels {order.text}"
    return mapping.text if order is orders[0] else f"{mapping.text}, labels {order.text}"


class _Asked:
    """The float network while it is asked; each photo is answered once for all orders of labels."""

    def __init__(self, network: ImageNetwork) -> None:
        self._network = network
        self._device = DeviceRuntime(network.tflite, "litert", "default")
        self._last: tuple[int, str] = (0, "")
        self._scores: NDArray[np.float32] = np.zeros(0, np.float32)

    def __enter__(self) -> _Asked:
        return self

    def __exit__(self, *_: object) -> None:
        self._device.close()

    def answer(self, reading: Reading, photo: LabeledPixels) -> Answer:
        key = (id(photo), reading.mapping.text)
        if key != self._last:
            self._last, self._scores = key, self.scores(reading.mapping, photo.views[0])
        truth = frozenset(reading.order.labels.index(label) for label in photo.labels)
        return Answer(self._scores, truth, self._network.head.multi_label)

    def scores(self, mapping: Mapping, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        values = self._device.run(mapping.tensor(pixels), "a photo for calibration")
        return np.nan_to_num(self._network.head.scores(values))  # a range far off may overflow


def _choose(alive: Sequence[Trial[Reading]], *, known: bool) -> tuple[Trial[Reading] | None, str]:
    """The first of the survivors where they agree in what matters."""
    first = alive[0]
    if known:
        return first, "the usual one: nothing is clearly better" if len(alive) > 1 else _CLEARLY_BEST
    if not first.beats_chance:
        return None, ""
    if len({trial.hypothesis.mapping.range.text for trial in alive}) == 1:
        tied = len({trial.hypothesis.mapping.order for trial in alive}) > 1
        return first, _CLEARLY_BEST + (", which do not tell RGB from BGR" if tied else "")
    return None, ""


def _divergence(divergence: Divergence, mapping: Mapping, photos: Sequence[LabeledPixels]) -> float | None:
    some = photos[:_PHOTOS_FOR_STATISTICS]
    return divergence(np.concatenate([mapping.tensor(photo.views[0]) for photo in some])) if some else None


def _closest(possible: Sequence[Trial[Reading]]) -> Trial[Reading] | None:
    """The one whose range is clearly the closest to what the network remembers of its training.

    Channel orders are not told apart this way: of one range in both orders, the first stands for it.
    """
    nearest: dict[str, float] = {}
    for trial in possible:
        text = trial.hypothesis.mapping.range.text
        known = math.inf if trial.divergence is None else trial.divergence
        nearest[text] = min(nearest.get(text, math.inf), known)
    best, *others = sorted(nearest, key=lambda text: nearest[text])
    if nearest[best] > _CLOSE or any(nearest[text] < _CLOSER * nearest[best] for text in others):
        return None
    return next(trial for trial in possible if trial.hypothesis.mapping.range.text == best)


def _common_view(default: View, best: Sequence[View]) -> View:
    """The default, unless it is not among the best, and these agree in the fit or in the kernel.

    Among many equals one is beaten by chance now and then; what beat it then agrees in nothing.
    """
    fits, kernels = {view.fit for view in best}, {view.resize_kernel for view in best}
    if default in best or min(len(fits), len(kernels)) > 1:
        return default
    wanted = View(
        default.fit if default.fit in fits else best[0].fit,
        default.resize_kernel if default.resize_kernel in kernels else best[0].resize_kernel,
    )
    return wanted if wanted in best else best[0]


def _is_new(index: int, photos: Sequence[LabeledPixels]) -> bool:
    """Whether a view of the photos is none of those before it: square photos, for instance, need no crop."""
    return not any(all(np.array_equal(p.views[index], p.views[i]) for p in photos) for i in range(index))


def _undecided(photos: int) -> str:
    return (
        "nothing in the model tells which pixel values it was trained on, and no range is clearly best on "
        f"{photos} photos for calibration; a wrong guess would cost accuracy silently. Give more labelled photos, or "
        f"pass --input-range: {CHOICES}."
    )


def find_view(
    network: ImageNetwork,
    reading: Reading,
    photos: Sequence[LabeledPixels],
    views: Sequence[View],
    step: Step,
) -> tuple[View, Evidence | None]:
    """How training brought photos to the model's size: the first of `views`, unless another is clearly better.

    Args:
        network: The float network.
        reading: What is known of it.
        photos: For calibration, in every view.
        views: Those that may be, the default first.
        step: Called after each photo.
    """
    trials = [Trial(view.text, i) for i, view in enumerate(views) if _is_new(i, photos)]
    if len(trials) == 1:
        return views[0], None
    with _Asked(network) as asked:

        def answer(index: int, photo: LabeledPixels) -> Answer:
            truth = frozenset(reading.order.labels.index(label) for label in photo.labels)
            return Answer(asked.scores(reading.mapping, photo.views[index]), truth, network.head.multi_label)

        alive = run_trials(trials, photos, answer, step)
    chosen = _common_view(views[0], [views[trial.hypothesis] for trial in alive])
    how = "the default: nothing is clearly better" if chosen == views[0] else "clearly better on labelled photos"
    return chosen, Evidence(VIEW_QUESTION, how, tuple(trial.row() for trial in trials), chosen.text)

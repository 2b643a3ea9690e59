"""`Classifier`: model file -> predictions for photos."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgekit.ahead import map_ahead, usable_workers
from edgekit.card import ModelCard, OutputSpec
from edgekit.decision import decision_rule
from edgekit.errors import EdgekitError, ImageError, InferenceError
from edgekit.modelfile import ModelFile, parse_model_file, read_model_file
from edgekit.photo import Photo, load_photo
from edgekit.preprocess import PixelTable, enough_for, fit_pixels
from edgekit.runtime import Engine, RuntimeName, TensorInfo
from edgekit.scores import Prediction, dequantize, probabilities, top_predictions
from edgekit.thresholdfile import read_threshold_file


class Timing(NamedTuple):
    """Where the time of one photo went, in milliseconds."""

    decode: float
    preprocess: float
    invoke: float
    total: float


class TimedPredictions(NamedTuple):
    """Predictions, the time they took, and what they come to.

    Where classes exclude each other, `decision` is the best label if it is probable enough, else `"unsure"`; None for
    a model without thresholds. Of a multi-label model, `present` are the predictions whose label is present.
    """

    predictions: list[Prediction]
    timing_ms: Timing
    decision: str | None = None
    present: tuple[Prediction, ...] = ()


@dataclass(frozen=True, eq=False)
class PhotoAnswer:
    """One of many photos, and what came of it: its predictions, or why it could not be read."""

    photo: Photo
    outcome: TimedPredictions | ImageError | OSError

    @property
    def error(self) -> ImageError | OSError | None:
        """Why the photo could not be read; None where it could."""
        return None if isinstance(self.outcome, TimedPredictions) else self.outcome

    @property
    def result(self) -> TimedPredictions:
        """As `Classifier.predict_timed` returns it.

        Raises:
            ImageError, OSError: the photo could not be read; this is `error`.
        """
        if isinstance(self.outcome, TimedPredictions):
            return self.outcome
        raise self.outcome

    @property
    def predictions(self) -> list[Prediction]:
        """As `Classifier.predict` returns them; raises as `result`."""
        return self.result.predictions


class Classifier:
    """A model file, ready to classify photos.

    Args:
        model: Path or bytes of a model file; also one that edgekit did not write, when it says enough.
        runtime: ``litert``, ``tflite``, or ``auto`` for LiteRT where it is installed, else tflite-runtime.
        num_threads: Threads of one inference. ``auto`` measures once, for a second or some inferences, which number is
            fastest here, and remembers it in the user's cache folder for this model, runtime and kind of machine.
        labels: Labels for a file that has none.
        input_range: What a file without a card was trained on: ``0..255``, ``0..1``, ``-1..1`` or
            ``mean=R,G,B/std=R,G,B`` in pixel units.

    Attributes:
        card: What the model promises; for a file that edgekit did not write, made up from what it says.
        assumptions: What had to be assumed about such a file, one sentence each.
        engine: The loaded runtime.
        threshold_file: What ``leaf.thresholds.json`` beside ``leaf.tflite`` states, which goes before the card; None
            where none lies there, and for bytes. It is read once.
        rule: From which score on an answer counts; None where neither card nor file say so.

    Raises:
        ModelFileError: not a model file, or damaged; or no file of thresholds for this model lies beside it.
        UnsupportedModelError: not an image classifier that this runner can run, or it says too little.
        RuntimeUnavailableError: no usable TFLite runtime.
        InferenceError: the runtime refuses the model.
        OSError: the file cannot be read.
        ValueError: a wrong argument, or `labels` or `input_range` for a file that carries its own.

    Several threads may use one classifier at once: each decodes and prepares its photo by itself, and only the
    inference is one thread's at a time (see `Engine.run`). Answers are those of one thread.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | bytes,
        *,
        runtime: RuntimeName | Literal["auto"] = "auto",
        num_threads: int | Literal["auto"] = 1,
        labels: Sequence[str] | None = None,
        input_range: str | None = None,
    ) -> None:
        name = "model" if isinstance(model, bytes) else os.fspath(model)
        file = parse_model_file(model) if isinstance(model, bytes) else read_model_file(model)
        try:
            self.card, self.assumptions = _card(file, labels, input_range)
            if num_threads == "auto":
                from edgekit.threads import auto_threads

                num_threads = auto_threads(file.data, runtime)
            self.engine = Engine(file.data, runtime=runtime, num_threads=num_threads)
        except EdgekitError as error:
            raise type(error)(f"{name}: {error}") from error
        tensor = self.engine.input
        self._table = PixelTable(self.card.input, tensor.dtype, tensor.scale, tensor.zero_point)
        self._enough = enough_for(self.card.input)
        output = self.card.output
        self._probability_of = _probability_of(self.engine.output, output)
        self.threshold_file = None if isinstance(model, bytes) else read_threshold_file(model, output.labels)
        self.rule = decision_rule(output, self.threshold_file)
        # Of exclusive classes, nothing is worth telling beyond top_k.
        self._all_from = np.array(self.rule.counts_from) if self.rule and output.multi_label else None

    def predict(self, photo: Photo, *, top_k: int = 3) -> list[Prediction]:
        """The most probable labels of a photo, best first.

        Where several labels may be present (`card.output.multi_label`), each score stands for itself, and all labels
        that are present come back, also more than `top_k`; `predict_timed` tells them from the others.

        Args:
            photo: A path, image bytes, a PIL image, or a uint8 array of shape (height, width, 3) in RGB order. A JPEG
                that comes as path or bytes is decoded as `card.input.decode` says, pixels are taken as they are.
            top_k: How many, at most.

        Raises:
            ImageError: the photo cannot be read.
            OSError: the file is missing or may not be read.
            InferenceError: the runtime failed.
            ValueError: `top_k` below 1.
        """
        return self.predict_timed(photo, top_k=top_k).predictions

    def predict_timed(self, photo: Photo, *, top_k: int = 3) -> TimedPredictions:
        """As `predict`, also what the predictions come to, and how long each step took."""
        start = time.perf_counter()
        image = photo if isinstance(photo, np.ndarray) else load_photo(photo, at_least=self._enough)
        decoded = time.perf_counter()
        tensor = self._table.apply(fit_pixels(image, self.card.input))
        prepared = time.perf_counter()
        output = self.engine.run(tensor)
        invoked = time.perf_counter()
        spec, rule = self.card.output, self.rule
        predictions = top_predictions(self._probabilities(output), spec.labels, top_k, all_from=self._all_from)
        decision = rule.decide(predictions) if rule and not spec.multi_label else None
        present = rule.present(predictions) if rule and spec.multi_label else ()
        end = time.perf_counter()
        milliseconds = (decoded - start, prepared - decoded, invoked - prepared, end - start)
        timing = Timing(*(1000 * seconds for seconds in milliseconds))
        return TimedPredictions(predictions, timing, decision, present)

    def predict_many(
        self, photos: Iterable[Photo], *, top_k: int = 3, workers: int | None = None
    ) -> Generator[PhotoAnswer, None, None]:
        """The answers for many photos, in their order, while others are decoded ahead; as `predict` gives them.

        A photo that cannot be read does not stop the others: its answer has an `error`. Memory is that of the photos
        in work, one for each worker, whatever their number.

            for answer in classifier.predict_many(["a.jpg", "b.jpg"]):
                if answer.error is None:
                    print(answer.photo, answer.predictions[0].label)

        Args:
            photos: As for `predict`, some more of them than answers are there; iterated in the caller's thread.
            top_k: How many predictions, at most, for each.
            workers: Threads; by default one for each processor, at most 8. With 1, photos are taken one at a time.
                `timing_ms.invoke` holds the waiting for another thread's inference, too.

        Raises:
            InferenceError: the runtime failed.
            TypeError: one of `photos` is none of the kinds of a photo.
            ValueError: `top_k` or `workers` below 1.
        """
        workers = usable_workers() if workers is None else workers
        for name, value in (("top_k", top_k), ("workers", workers)):
            if value < 1:
                msg = f"{name} is {value}, expected at least 1"
                raise ValueError(msg)
        return map_ahead(lambda photo: self._answer(photo, top_k), photos, workers=workers)

    def _answer(self, photo: Photo, top_k: int) -> PhotoAnswer:
        try:
            return PhotoAnswer(photo, self.predict_timed(photo, top_k=top_k))
        except (ImageError, OSError) as error:
            _let_go_of_pixels(error)
            return PhotoAnswer(photo, error)

    def _probabilities(self, output: NDArray[Any]) -> NDArray[np.float32]:
        tensor, steps = self.engine.output, output.reshape(-1)
        if len(steps) != len(self.card.output.labels):
            msg = f"the model gave {len(steps)} scores for {len(self.card.output.labels)} labels. Export it again."
            raise InferenceError(msg)
        if self._probability_of is not None:
            return self._probability_of.take(steps.view(np.uint8))
        values = dequantize(steps, tensor.scale, tensor.zero_point)
        if not np.isfinite(values).all():
            msg = "the model's output is not a number: the model is broken. Export it again."
            raise InferenceError(msg)
        return probabilities(values, self.card.output)


def _probability_of(tensor: TensorInfo, spec: OutputSpec) -> NDArray[np.float32] | None:
    """The probability that each byte of an output stands for, shape (256,); None where it depends on other bytes."""
    if tensor.dtype.itemsize != 1 or spec.kind != "probabilities":
        return None
    values = dequantize(np.arange(256, dtype=np.uint8).view(tensor.dtype), tensor.scale, tensor.zero_point)
    return probabilities(values, spec) if np.isfinite(values).all() else None


def _let_go_of_pixels(error: BaseException) -> None:
    """Empty the frames that an error has come through: somebody may keep it, and they hold the photo's bytes."""
    import traceback

    cause: BaseException | None = error
    while cause is not None:
        traceback.clear_frames(cause.__traceback__)
        cause = cause.__cause__ or cause.__context__


def _card(file: ModelFile, labels: Sequence[str] | None, input_range: str | None) -> tuple[ModelCard, tuple[str, ...]]:
    if file.card is None:
        from edgekit.foreign import describe_foreign
        from edgekit.inputrange import parse_input_range

        parsed = parse_input_range(input_range) if input_range is not None else None
        return describe_foreign(file, labels=labels, input_range=parsed)
    if labels is not None or input_range is not None:
        msg = "the model file carries its own labels and input range; leave --labels and --input-range out"
        raise ValueError(msg)
    return file.card, ()

"""What tests of evaluations share: answers from plain lists, and a model that needs no runtime."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.card import InputSpec
from edgekit_export.assess.answers import Answers
from edgekit_export.assess.evaluate import Evaluation, evaluate_model
from edgekit_export.data.dataset import read_dataset

HEIGHT, WIDTH = 16, 12


@dataclass
class ColourPredictor:
    """Answers with the dominating colour; `blind_below` is the brightness under which it always says blue."""

    labels: tuple[str, ...] = ("blue", "green", "red")
    blind_below: float = 0.0
    multi_label: bool = False
    spec: InputSpec = field(default_factory=lambda: InputSpec(HEIGHT, WIDTH, 3, (0.0,), (1.0,)))
    name: str = "colours"
    sha256: str = "0" * 64
    runs_in: str = "numpy"
    notes: tuple[str, ...] = ()
    asked: list[NDArray[np.uint8]] = field(default_factory=list)

    def predict(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert pixels.shape == (self.spec.height, self.spec.width, 3)
        assert pixels.dtype == np.uint8
        self.asked.append(pixels)
        means = pixels.reshape(-1, 3).mean(axis=0)[::-1]
        if means.mean() < self.blind_below:
            means = np.array([255.0, 0.0, 0.0])
        if self.multi_label:
            return np.asarray(means > 120, np.float32)
        powers = np.exp((means - means.max()) / 20)
        return np.asarray(powers / powers.sum(), np.float32)

    def predict_each(self, photos: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.float32]]:
        yield from map(self.predict, photos)


@pytest.fixture(scope="session")
def colours() -> type[ColourPredictor]:
    return ColourPredictor


MakeAnswers = Callable[..., Answers]


@pytest.fixture(scope="session")
def make_answers() -> MakeAnswers:
    """`make_answers(truth, scores)`: of class ids (photos,) and scores (photos, classes)."""

    def make(truth: Sequence[int], scores: Any, labels: Sequence[str] = ()) -> Answers:
        values = np.asarray(scores, np.float32)
        names = tuple(labels) or tuple(f"class{i}" for i in range(values.shape[1]))
        shown = np.zeros(values.shape, bool)
        shown[np.arange(len(truth)), list(truth)] = True
        return Answers(names, shown, values)

    return make


@pytest.fixture(scope="session")
def random_answers(make_answers: MakeAnswers) -> Callable[[int, int, int], Answers]:
    """`random_answers(seed, photos, classes)`: right about twice as often as by chance; some classes are rare."""

    def make(seed: int, photos: int, classes: int) -> Answers:
        rng = np.random.default_rng(seed)
        truth = (rng.random(photos) ** 2 * classes).astype(int)
        logits = rng.normal(0, 1, (photos, classes))
        logits[np.arange(photos), truth] += 1.0
        powers = np.exp(logits)
        return make_answers(truth.tolist(), powers / powers.sum(axis=1, keepdims=True))

    return make


Evaluate = Callable[..., Evaluation]


@pytest.fixture(scope="session")
def evaluate_colours() -> Evaluate:
    """`evaluate_colours(folder, predictor, other=None, **options)`: `evaluate_model` with models that need no file."""

    def run(
        folder: Path, predictor: ColourPredictor, other: ColourPredictor | None = None, **options: Any
    ) -> Evaluation:
        waiting = [predictor, *([other] if other else [])]

        @contextlib.contextmanager
        def opened(*_: object, **__: object) -> Iterator[ColourPredictor]:
            yield waiting.pop(0)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("edgekit_export.assess.evaluate.open_predictor", opened)
            against = Path("other.tflite") if other else None
            return evaluate_model(Path("colours.tflite"), read_dataset(folder), against=against, **options)

    return run

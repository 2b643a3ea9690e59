"""A whole search: from a model whose training is known, and photos, to the file that keeps what is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from edgekit.card import OutputSpec
from edgekit_export.errors import PhotosError
from edgekit_export.frontend import ExplicitModel, make_explicit
from edgekit_export.images import Sample, Samples
from edgekit_export.progress import Progress
from edgekit_export.recipes.draft import Material
from edgekit_export.recipes.kitchen import Kitchen
from edgekit_export.recipes.recipe import Recipe
from edgekit_export.search.budget import Budget
from edgekit_export.search.climb import Search, Step
from edgekit_export.search.confirm import Confirmation, Confirmed
from edgekit_export.search.ladder import Ladder
from edgekit_export.search.targets import Target
from edgekit_export.search.trial import Trials
from edgekit_export.understand import Source, Training

_MOST_BYTES = 256 * 2**20  # of decoded photos to learn from
_FEWEST = 64


@dataclass(frozen=True)
class Wish:
    """What a user wants of a search.

    Attributes:
        budget: What may be lost.
        targets: What the file must run on.
        ladder: The recipes to try, and how long.
        recipe: The one to take instead; None for a search.
        seed: Of everything random.
    """

    budget: Budget
    targets: tuple[Target, ...]
    ladder: Ladder
    recipe: Recipe | None = None
    seed: int = 0

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """Those to try."""
        return self.ladder.rungs if self.recipe is None else (self.recipe,)


@dataclass
class Job:
    """A search and what it works on.

    Attributes:
        source: The model.
        training: What is known of its training.
        samples: The photos.
        output: What the scores are.
        wish: What is wanted.
        progress: Where to show progress.
    """

    source: Source
    training: Training
    samples: Samples
    output: OutputSpec
    wish: Wish
    progress: Progress

    def run(self) -> tuple[Step, Confirmed] | None:
        """Search; the chosen recipe and its proof, or None where none keeps the budget.

        Raises:
            ExportError: no recipe gave a file that runtimes run: what the first said.
            PhotosError: no photo could be read.
        """
        found = self.search.climb(self.wish.recipes)
        errors = [step.error for step in self.search.steps if step.error is not None]
        if errors and all(step.trial is None or step.error is not None for step in self.search.steps):
            raise errors[0]
        return found

    @cached_property
    def model(self) -> ExplicitModel:
        """The float network with its ends made explicit."""
        return make_explicit(self.source.network, self.training.reading.mapping)

    @cached_property
    def kitchen(self) -> Kitchen:
        """Makes the files."""
        pixels = self.training.pixels or _read(self.samples.calibration, self)
        material = Material(self.model, pixels, lambda: _read(self.samples.tuning, self), self.wish.seed)
        return Kitchen(material, distill_steps=self.wish.ladder.distill_steps, progress=self.progress)

    @cached_property
    def search(self) -> Search[Confirmed]:
        """The search."""
        answer, runtime = _Remembered(self), self.source.loaded.network.maker
        choice, spec = self.choice, self.training.spec
        confirmation = Confirmation(
            answer, choice, self.samples.verification, spec, self.output, runtime, self.wish.budget,
            self.wish.targets, self.progress,
        )  # fmt: skip
        return Search(
            kitchen=self.kitchen,
            trials=Trials(answer, choice, spec, self.output, runtime, self.progress),
            budget=self.wish.budget,
            targets=self.wish.targets,
            confirm=confirmation.of,
            looks_on=self.wish.ladder.looks_on,
        )

    @property
    def choice(self) -> Sample:
        """The photos for choosing: those for calibration, where classes are too small to have some of their own."""
        return self.samples.choice if self.samples.choice.length else self.samples.calibration


class _Remembered:
    """The float model's answers: each photo is asked once, however many recipes are held against it."""

    def __init__(self, job: Job) -> None:
        self._answer = job.source.answers(job.training.reading.mapping)
        self._known: dict[bytes, NDArray[np.float32]] = {}

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        key = blake2b(pixels.tobytes(), digest_size=16).digest()
        if key not in self._known:
            self._known[key] = self._answer(pixels)
        return self._known[key]


def _read(sample: Sample, job: Job) -> tuple[NDArray[np.uint8], ...]:
    """Pixels of a sample's photos, as many as fit into memory."""
    spec = job.training.spec
    most = max(_FEWEST, _MOST_BYTES // (spec.height * spec.width * spec.channels))
    found: list[NDArray[np.uint8]] = []
    with job.progress.stage("reading photos", min(most, sample.length)) as step:
        for photo in sample.read(spec):
            found.append(photo.pixels)
            step()
            if len(found) == most:
                break  # the others are not read, and the card does not count them
    if not found:
        msg = f"{sample.root}: none of the photos for calibration could be read, the first: {_first(sample.skipped)}"
        raise PhotosError(msg)
    return tuple(found)


def _first(skipped: Sequence[str]) -> str:
    return skipped[0] if skipped else "there are none"

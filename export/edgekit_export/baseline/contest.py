"""Classic methods and CNNs on the same photos: some teach, some choose, some test, and a clock runs."""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edgekit_export.assess.intervals import Share
from edgekit_export.baseline.algorithms import ALGORITHMS, AlgorithmName
from edgekit_export.baseline.cast import choose_cast, require_enough
from edgekit_export.baseline.clock import Network, Race, Times, race
from edgekit_export.baseline.crew import Crew
from edgekit_export.baseline.entrants import Contest, Entrant, judge, listed
from edgekit_export.baseline.extract import Extracted, extract
from edgekit_export.baseline.features import FEATURES, FeatureName, HandMade, parts_of
from edgekit_export.baseline.rivals import Rival, ask_rivals
from edgekit_export.baseline.shortlist import Fitted, Pairing, Task, fit, write_features, write_targets
from edgekit_export.data.dataset import SPLITS, DataSet
from edgekit_export.learn.parts import Grouping
from edgekit_export.progress import Progress, Silent

MOST_PHOTOS = 5000
_TIMED_PHOTOS = 20


@dataclass(frozen=True)
class Wanted:
    """What to try.

    Attributes:
        features: Sets of features.
        algorithms: To train on each of them.
        models: `.tflite` files to compare with; the first is the one that the verdict is about.
        grouping: What keeps photos together where a split has to be made.
        most_photos: Take part, at most.
        seed: Of split, sample and training.
        processes: That work at the same time; 0 for one a core.
    """

    features: tuple[FeatureName, ...] = FEATURES
    algorithms: tuple[AlgorithmName, ...] = ALGORITHMS
    models: tuple[Path, ...] = ()
    grouping: Grouping = field(default_factory=Grouping)
    most_photos: int = MOST_PHOTOS
    seed: int = 0
    processes: int = 0


@dataclass(frozen=True)
class _Work:
    """What the stages share."""

    wanted: Wanted
    folder: Path
    crew: Crew
    progress: Progress


def compare_methods(dataset: DataSet, wanted: Wanted = Wanted(), progress: Progress | None = None) -> Contest:
    """Train on the train photos, choose by those of val, and ask methods and CNNs about those of test, once.

    Raises:
        PhotosError: too few photos or classes, or a CNN does not know them.
        EdgekitError: a model cannot be compared, or a process died.
        OSError: a file cannot be read, or the temporary folder not be written.
    """
    progress, seed = progress or Silent(), wanted.seed
    cast = choose_cast(dataset, wanted.grouping, most=wanted.most_photos, seed=seed)
    rivals = ask_rivals(wanted.models, cast.dataset, seed=seed, processes=wanted.processes, progress=progress)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgekit-export-")))
        work = _Work(wanted, folder, stack.enter_context(Crew(wanted.processes)), progress)
        found, embedder = _extract(work, cast.dataset)
        require_enough(cast.dataset, found.photos)
        readable = replace(cast.dataset, photos=found.photos)
        _leave_arrays(folder, readable, found)
        fitted = _train(work)
        times = _race(
            work,
            readable,
            Race(
                photos=(),
                fitted=tuple((one.pairing, one.model_path) for one in fitted),
                embedder=embedder,
                networks=tuple(rival.network for rival in rivals),
            ),
        )
        entrants = [
            _guess(readable),
            *_trained(readable, fitted, times, embedder),
            *_networks(readable, rivals, times),
        ]
    order = sorted(sorted(entrants, key=listed), key=lambda one: -one.test.part)
    return Contest(
        dataset=readable,
        entrants=tuple(order),
        feature_ms=dict(times.features),
        skipped=found.skipped,
        notes=(*cast.notes, *(note for rival in rivals for note in rival.notes)),
        seed=seed,
        first_model=rivals[0].name if rivals else None,
    )


def _extract(work: _Work, dataset: DataSet) -> tuple[Extracted, Network | None]:
    parts = parts_of(work.wanted.features)
    hand_made: list[HandMade] = [part for part in parts if part != "cnn"]
    if "cnn" not in parts:
        return extract(dataset.photos, hand_made, work.crew, None, work.progress), None
    from edgekit_export.learn.embed import Embedder

    with Embedder(processes=work.wanted.processes) as embedder:
        network = Network(work.folder / "embedder.tflite", embedder.spec)
        network.path.write_bytes(embedder.network)
        return extract(dataset.photos, hand_made, work.crew, embedder, work.progress), network


def _leave_arrays(folder: Path, readable: DataSet, found: Extracted) -> None:
    """Files for the tasks; not the classes of the test photos."""
    splits = np.array([photo.split for photo in found.photos])
    for split in SPLITS:
        for part, values in found.features.items():
            write_features(folder, part, split, values[splits == split])
    number = {label: i for i, label in enumerate(readable.labels)}
    write_targets(folder, "train", np.array([number[photo.label] for photo in readable.part("train")]))
    write_targets(folder, "val", np.array([number[photo.label] for photo in readable.part("val")]))


def _train(work: _Work) -> list[Fitted]:
    wanted = work.wanted
    # The sets with the most numbers are listed last: begun first, so that no core idles at the end.
    pairings = [Pairing(f, a) for f in reversed(wanted.features) for a in reversed(wanted.algorithms)]
    with work.progress.stage("training", len(pairings)) as step:
        return work.crew.run(fit, [Task(pairing, work.folder, wanted.seed) for pairing in pairings], step)


def _race(work: _Work, dataset: DataSet, job: Race) -> Times:
    """The times of `job` on some of the test photos, other ones for another seed."""
    photos = dataset.part("test")
    order = np.random.default_rng(work.wanted.seed).permutation(len(photos))
    paths = tuple(photos[i].path for i in order[:_TIMED_PHOTOS])
    with work.progress.stage("timing", 1) as step:
        return work.crew.run(race, [replace(job, photos=paths)], step)[0]


def _guess(dataset: DataSet) -> Entrant:
    counts = Counter(photo.label for photo in dataset.part("train"))
    label = min(counts, key=lambda name: (-counts[name], name))
    photos = dataset.part("test")
    found = judge(photos, [label] * len(photos))
    return Entrant("guess", f"always {label}", found.answers, found.right, found.macro_f1)


def _trained(dataset: DataSet, fitted: Sequence[Fitted], times: Times, embedder: Network | None) -> Iterator[Entrant]:
    train, val = len(dataset.part("train")), len(dataset.part("val"))
    for one, latency in zip(fitted, times.fitted, strict=True):
        of_cnn = one.pairing.features == "cnn"
        found = judge(dataset.part("test"), [dataset.labels[i] for i in one.answers])
        yield Entrant(
            "cnn features" if of_cnn else "classic",
            f"{one.pairing.features} + {one.pairing.algorithm}",
            found.answers,
            found.right,
            found.macro_f1,
            pairing=one.pairing,
            settings=one.settings,
            val=Share(one.val_correct, val),
            size_bytes=one.size_bytes + (embedder.path.stat().st_size if of_cnn and embedder else 0),
            latency_ms=latency,
            fit_s=one.fit_s,
            training_s=one.fit_s + train * times.features[one.pairing.features] / 1000,
        )


def _networks(dataset: DataSet, rivals: Sequence[Rival], times: Times) -> Iterator[Entrant]:
    photos = dataset.part("test")
    for rival, latency in zip(rivals, times.networks, strict=True):
        found = judge(photos, [rival.answers[photo.path] for photo in photos])
        yield Entrant(
            "cnn",
            rival.name,
            found.answers,
            found.right,
            found.macro_f1,
            size_bytes=rival.network.path.stat().st_size,
            latency_ms=latency,
            training_s=rival.training_s,
            runs_in=rival.runs_in,
        )

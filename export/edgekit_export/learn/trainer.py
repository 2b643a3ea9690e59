"""A training from photos to a Keras model: a head on the frozen backbone, then the whole network.

It can be killed at any moment. Every minute its whole state is written in one atomic step, and everything random is
decided by the seed and the number of the step; so a training that goes on ends with the weights of one that was
never stopped, on the same machine with the same versions.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.card import InputSpec
from edgekit.records import from_json, to_json
from edgekit_export.data.dataset import DataSet
from edgekit_export.data.pixels import Unreadable, read_views
from edgekit_export.errors import TrainingError
from edgekit_export.learn.backbones import Backbone, Photos, build_backbone
from edgekit_export.learn.cluster import Cluster
from edgekit_export.learn.head import train_head
from edgekit_export.learn.network import build_network, finished_model
from edgekit_export.learn.photos import PhotoPixels, fingerprint, pixel_folder, read_pixels
from edgekit_export.learn.run import Run, Watcher
from edgekit_export.learn.run_folder import STATE_NAME
from edgekit_export.learn.settings import TrainSettings
from edgekit_export.learn.state import Epoch, TrainState, read_state
from edgekit_export.learn.whole import train_whole
from edgekit_export.progress import Progress


@dataclass(frozen=True)
class TrainResult:
    """A finished training.

    Attributes:
        model: Keras, pixels 0..255 -> probabilities.
        labels: Of its outputs.
        spec: How photos become its pixels.
        backbone: What it started from.
        history: All epochs.
        best_epoch: Whose weights it has; -1 for those after the first phase.
        photos: How many each split had.
        correct: Right answers of the model in each split that training did not learn from.
        elapsed_seconds: Of all parts together.
        skipped: Unreadable photos with the reason.
    """

    model: Any
    labels: tuple[str, ...]
    spec: InputSpec
    backbone: str
    history: tuple[Epoch, ...]
    best_epoch: int
    photos: dict[str, int]
    correct: dict[str, int]
    elapsed_seconds: float
    skipped: tuple[str, ...]


def train_classifier(  # noqa: PLR0913 - what is trained on what, where, and who watches
    dataset: DataSet,
    settings: TrainSettings,
    cluster: Cluster,
    folder: Path,
    *,
    resume: bool,
    progress: Progress,
    watcher: Watcher,
) -> TrainResult:
    """Train an image classifier on the train split; val decides when it is best, test is only looked at in the end.

    Args:
        dataset: With a train and a val split.
        settings: How.
        cluster: Who takes part.
        folder: Of this training: state, log and, meanwhile, pixels. It exists.
        resume: Go on from the state in `folder`.
        progress: Where to show progress.
        watcher: Who hears of each epoch.

    Raises:
        TrainingError: it cannot start or go on; the text says why.
        ModelLoadError: a backbone's file cannot be read.
        OSError: a file cannot be read or written.
    """
    import keras

    identity = identity_of(dataset, settings)
    if cluster.agreed_text(identity) != identity:
        msg = "this worker has other settings, photos or TensorFlow than worker 0. Give all of them the same."
        raise TrainingError(msg)
    state, arrays = _start_or_resume(folder, identity, resume=resume) if cluster.is_chief else (TrainState(""), {})
    state = from_json(TrainState, json.loads(cluster.agreed_text(json.dumps(to_json(state)))), STATE_NAME)
    keras.utils.set_random_seed(settings.seed)  # of weights that start at random
    backbone = build_backbone(settings, _few_photos(dataset, settings))
    spec = _spec(backbone.height, backbone.width, settings)
    home = folder if cluster.is_chief else folder / "worker"
    home.mkdir(exist_ok=True)
    with pixel_folder(home) as place, cluster.strategy.scope(), cluster.telling_who_is_lost(folder):
        pixels = _read_all(dataset, spec, place, settings, progress)
        network = build_network(_in_scope(backbone), len(dataset.labels), settings.seed)
        run = Run(settings, cluster, folder, progress, watcher, spec, network, pixels, state, time.monotonic())
        if not state.planned_epochs and network.trained:
            train_head(run)
        correct = train_whole(run, arrays)
    return TrainResult(
        model=finished_model(network, "edgekit_classifier"),
        labels=dataset.labels,
        spec=spec,
        backbone=backbone.text,
        history=run.state.history,
        best_epoch=run.state.best_epoch,
        photos={split: len(part) for split, part in pixels.items()},
        correct=correct,
        elapsed_seconds=run.elapsed(),
        skipped=tuple(line for part in pixels.values() for line in part.skipped),
    )


def _in_scope(backbone: Backbone) -> Backbone:
    """The backbone with variables that the strategy knows; its own were made before."""
    import keras

    weights = backbone.model.get_weights()
    model = keras.models.clone_model(backbone.model)
    model.set_weights(weights)
    return replace(backbone, model=model)


def identity_of(dataset: DataSet, settings: TrainSettings) -> str:
    """All that decides the weights, as text: photos, settings and TensorFlow."""
    import tensorflow as tf

    about = {"photos": fingerprint(dataset.photos, dataset.root), "settings": to_json(settings), "tf": tf.__version__}
    return json.dumps(about, sort_keys=True)


def _start_or_resume(folder: Path, identity: str, *, resume: bool) -> tuple[TrainState, dict[str, NDArray[Any]]]:
    digest = hashlib.sha256(identity.encode()).hexdigest()
    path = folder / STATE_NAME
    if not resume or not path.exists():
        return TrainState(digest), {}
    state, arrays = read_state(path)
    if state.fingerprint != digest:
        msg = (
            f"{path}: the training that was stopped had other settings, photos or TensorFlow. Give the same command "
            "as then with --resume, or start again without it, with --force."
        )
        raise TrainingError(msg)
    return state, arrays


def _spec(height: int, width: int, settings: TrainSettings) -> InputSpec:
    return InputSpec(height, width, 3, (0.0,), (1.0,), fit=settings.fit, decode=settings.decode)


def _few_photos(dataset: DataSet, settings: TrainSettings) -> Photos:
    def read(height: int, width: int) -> NDArray[np.uint8]:
        spec = _spec(height, width, settings)
        some = [photo.path for photo in dataset.part("train")]
        some = some[:: max(1, len(some) // 64)]
        return np.stack([views[0] for views in read_views(some, [spec]) if not isinstance(views, Unreadable)])

    return read


def _read_all(
    dataset: DataSet, spec: InputSpec, place: Path, settings: TrainSettings, progress: Progress
) -> dict[str, PhotoPixels]:
    found = {}
    with progress.stage("reading photos", len(dataset.photos)) as step:
        for split in dataset.splits:
            vary = split == "train" and settings.augmentation != "none"
            found[str(split)] = read_pixels(dataset.part(split), dataset.labels, spec, place, vary=vary, step=step)
    missing = sorted(set(range(len(dataset.labels))) - set(found["train"].classes.tolist()))
    if missing:
        msg = f"{dataset.root}: no readable photo of class {dataset.labels[missing[0]]!r} in train. Add some."
        raise TrainingError(msg)
    return found

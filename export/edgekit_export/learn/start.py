"""A whole training, as a command starts it: who takes part, the search for settings, the training, what it leaves."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgekit.atomic import write_whole
from edgekit_export.data.dataset import DataSet
from edgekit_export.errors import TrainingError
from edgekit_export.learn.cluster import Cluster, open_cluster
from edgekit_export.learn.page import training_page
from edgekit_export.learn.report import next_command
from edgekit_export.learn.run import Watcher
from edgekit_export.learn.run_folder import PAGE_NAME, close_run_folder, open_run_folder
from edgekit_export.learn.save import keras_bytes
from edgekit_export.learn.settings import StrategyName, TrainSettings
from edgekit_export.learn.trainer import TrainResult, identity_of, train_classifier
from edgekit_export.learn.tune import Trial, tune
from edgekit_export.progress import Progress, Silent


@dataclass(frozen=True)
class Start:
    """How a training is started.

    Attributes:
        output: The `.keras` to write.
        folder: For log and state.
        strategy: Who takes part.
        trials: Of the search for settings; 0 for none.
        resume: Go on where `folder` says.
        force: Replace what is there.
    """

    output: Path
    folder: Path
    strategy: StrategyName = "one"
    trials: int = 0
    resume: bool = False
    force: bool = False


def start_training(  # noqa: PLR0913 - what is trained how, and who watches
    dataset: DataSet,
    settings: TrainSettings,
    start: Start,
    *,
    progress: Progress,
    watcher: Watcher,
    watch_trial: Callable[[Trial], None],
) -> TrainResult | None:
    """Train, and write model, log and page.

    Returns:
        The result; None in a worker that is not the chief.

    Raises:
        TrainingError: it cannot start or go on.
        OSError: a file cannot be read or written.
    """
    if start.trials and start.strategy == "multiworker":
        msg = "--tune: one machine only. Search there, and give the settings that it finds to all workers."
        raise TrainingError(msg)
    cluster = open_cluster(start.strategy)
    open_run_folder(start.folder, resume=start.resume, force=start.force, chief=cluster.is_chief)
    try:
        if start.trials:
            settings = _tuned(dataset, settings, start, cluster, watch_trial)
        result = train_classifier(
            dataset, settings, cluster, start.folder, resume=start.resume, progress=progress, watcher=watcher
        )
    except BaseException:
        with contextlib.suppress(OSError):
            start.folder.rmdir()  # of a training that never began: there is nothing in it to go on from
        raise
    if not cluster.is_chief:
        return None
    following = next_command(dataset, str(start.output))
    page = training_page(result, dataset, settings, str(start.output), following)
    write_whole(start.output, keras_bytes(result), overwrite=start.force or start.resume)
    write_whole(start.folder / PAGE_NAME, page.encode(), overwrite=True)
    close_run_folder(start.folder)
    return result


def _tuned(
    dataset: DataSet, settings: TrainSettings, start: Start, cluster: Cluster, watch: Callable[[Trial], None]
) -> TrainSettings:
    import keras

    def train(varied: TrainSettings, folder: Path, watcher: Watcher) -> None:
        keras.backend.clear_session()
        train_classifier(dataset, varied, cluster, folder, resume=False, progress=Silent(), watcher=watcher)

    found = tune(settings, start.trials, start.folder, identity_of(dataset, settings), train, watch)
    keras.backend.clear_session()
    return found

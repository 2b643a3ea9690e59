"""Short trainings that look for better settings; what they found is kept, so that the search can stop and go on.

Optuna's sampler (tree-structured Parzen estimator) proposes settings from what earlier trials brought, and ends
trials early that do worse than most did at the same epoch.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgekit_export.errors import TrainingError
from edgekit_export.learn.run import Watcher
from edgekit_export.learn.run_folder import TRIALS_NAME
from edgekit_export.learn.settings import TrainSettings
from edgekit_export.learn.state import Epoch

Train = Callable[[TrainSettings, Path, Watcher], None]
"""Train with these settings in this folder, telling the watcher of each epoch."""

_SHARE_OF_EPOCHS = 3  # a trial is a third as long as the training
_LOSS_WEIGHT = 1e-3  # decides between equal numbers of right answers only


@dataclass(frozen=True)
class Trial:
    """One short training: what it changed, and its best figure; pruned where it was ended early."""

    number: int
    changed: dict[str, float | str]
    val_accuracy: float | None
    pruned: bool


def tune(  # noqa: PLR0913, PLR0917 - what is varied, how often, where, and who trains and watches
    settings: TrainSettings,
    trials: int,
    folder: Path,
    identity: str,
    train: Train,
    watch: Callable[[Trial], None],
) -> TrainSettings:
    """The best settings of `trials` short trainings, those in `folder` counted in.

    Args:
        settings: Where the search starts; the first trial tries them as they are.
        trials: How many trainings, finished or ended early.
        folder: Where the search is written down.
        identity: Of photos and settings; a search of other ones is refused.
        train: Trains.
        watch: Called after each trial.

    Raises:
        TrainingError: `folder` holds another search.
    """
    study = _study(folder, identity, settings)
    while (done := len(_finished(study))) < trials:
        study.sampler = _sampler(settings.seed + done)
        study.optimize(lambda trial: _one(trial, settings, folder, train), n_trials=1)
        watch(_told(done, study.trials[-1]))
    return replace(settings, **study.best_trial.params)


def _study(folder: Path, identity: str, settings: TrainSettings) -> Any:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = JournalStorage(JournalFileBackend(str(folder / TRIALS_NAME)))
    study = optuna.create_study(
        storage=storage,
        study_name="edgekit",
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1),
    )
    known = study.user_attrs.get("identity")
    if known is None:
        study.set_user_attr("identity", identity)
    elif known != identity:
        msg = f"{folder / TRIALS_NAME}: a search with other settings or photos. Start again with --force."
        raise TrainingError(msg)
    if not _finished(study):
        study.enqueue_trial(_asked(settings))  # also where the first trial was interrupted
    return study


def _sampler(seed: int) -> Any:
    import optuna

    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=6)


def _one(trial: Any, settings: TrainSettings, folder: Path, train: Train) -> float:
    best = _Best(trial)
    with _scratch(folder / "trial") as place:
        train(_varied(trial, settings), place, best)
    return best.value


def _asked(settings: TrainSettings) -> dict[str, Any]:
    """The settings as they are, in the search's own words; a learning rate that suits is left to the search."""
    asked = {"dropout": settings.dropout, "label_smoothing": settings.label_smoothing}
    rate = {} if settings.learning_rate is None else {"learning_rate": settings.learning_rate}
    return {**asked, **rate, "augmentation": settings.augmentation, "weight_decay": settings.weight_decay}


def _varied(trial: Any, settings: TrainSettings) -> TrainSettings:
    choices = sorted({"field", "light", settings.augmentation})
    return replace(
        settings,
        learning_rate=trial.suggest_float("learning_rate", 3e-5, 3e-3, log=True),
        weight_decay=trial.suggest_float("weight_decay", 1e-5, 1e-2, log=True),
        dropout=trial.suggest_float("dropout", 0.0, 0.5),
        label_smoothing=trial.suggest_float("label_smoothing", 0.0, 0.2),
        augmentation=trial.suggest_categorical("augmentation", choices),
        epochs=max(2, settings.epochs // _SHARE_OF_EPOCHS),
        minutes=None,
    )


class _Best:
    """Listens to a trial: keeps its best figure, and ends it where most did better."""

    def __init__(self, trial: Any) -> None:
        self._trial = trial
        self.value = 0.0
        self._epoch = 0

    def epoch_done(self, row: Epoch, planned: int, *, best: bool) -> None:  # noqa: ARG002 - see `Watcher`
        """See `Watcher.epoch_done`."""
        import optuna

        self.value = max(self.value, row.val_accuracy - _LOSS_WEIGHT * row.val_loss)
        if row.phase == "head":
            return
        self._trial.report(self.value, self._epoch)
        self._epoch += 1
        if self._trial.should_prune():
            raise optuna.TrialPruned

    def said(self, text: str) -> None:
        """See `Watcher.said`."""


@contextlib.contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _finished(study: Any) -> list[Any]:
    """Trials that told something; an interrupted one counts as failed."""
    return [trial for trial in study.trials if trial.state.name in ("COMPLETE", "PRUNED")]


def _told(number: int, trial: Any) -> Trial:
    values = [trial.value] if trial.value is not None else list(trial.intermediate_values.values())[-1:]
    return Trial(number, dict(trial.params), values[0] if values else None, trial.state.name == "PRUNED")

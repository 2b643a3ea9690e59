"""The second phase: the whole network, on varied photos, until the plan, the patience or the minutes end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.card import InputSpec
from edgekit_export.learn.journal import write_log
from edgekit_export.learn.loop import Loop
from edgekit_export.learn.photos import batches, epoch_order
from edgekit_export.learn.run import Run, judge, objective_of
from edgekit_export.learn.run_folder import STATE_NAME
from edgekit_export.learn.schedule import WARM_UP_STEPS, learning_rate
from edgekit_export.learn.settings import Augmentation
from edgekit_export.learn.state import Epoch, TrainState, write_state

_SAVE_EVERY_SECONDS = 60.0
_CALM_SHARE = 5  # one epoch in so many, at the end
_PATIENCE = 10
_PROBE_STEPS = 6  # the first is slow: TensorFlow traces it. All lie in the warm-up.


@dataclass
class _Second:
    """The second phase's parts that its functions share."""

    loop: Loop
    best: list[NDArray[Any]]


def train_whole(run: Run, arrays: dict[str, NDArray[Any]]) -> dict[str, int]:
    """Train the whole network, from where it is, or from the arrays of a state, and leave it with the best weights.

    Returns:
        Right answers with these on each split that training did not learn from.
    """
    network, settings = run.network, run.settings
    loop = Loop(
        run.cluster,
        lambda x, training: network.features(x, training=training),
        network.head,
        [*network.body_variables, *network.head.trainable_variables],
        objective_of(run),
        settings.weight_decay,
        run.batch_size,
    )
    second = _Second(loop, [variable.numpy() for variable in network.variables])
    if run.state.planned_epochs:
        _restore(run, second, arrays)
    else:
        run.state = replace(run.state, planned_epochs=settings.epochs)
        _save(run, second)
    while not _is_over(run):
        _one_epoch(run, second)
    for variable, values in zip(network.variables, second.best, strict=True):
        variable.assign(values)
    run.cluster.agree_on_variables(network.variables)
    return {split: judge(run, loop, split)[1] for split in run.pixels if split != "train"}


def _is_over(run: Run) -> bool:
    state, settings = run.state, run.settings
    late = settings.minutes is not None and run.elapsed() > 60 * settings.minutes
    over = state.epoch >= state.planned_epochs or late
    return bool(run.cluster.agreed(np.array([float(over)]))[0])


def _one_epoch(run: Run, second: _Second) -> None:
    state, settings, train = run.state, run.settings, run.pixels["train"]
    size, steps = run.batch_size, run.steps
    order = epoch_order(len(train), state.epoch, settings.seed)
    parts = [np.resize(order[i * size : (i + 1) * size], size) for i in range(state.step, steps)]
    how, spec = _variation(run)
    varied = batches(train, spec, parts, state.epoch, how=how, seed=settings.seed)
    begun = saved = time.monotonic()
    rate = 0.0
    with contextlib.closing(varied), run.progress.stage(f"epoch {state.epoch + 1}", len(parts)) as step:
        for part, pixels in zip(parts, varied, strict=True):
            number = run.state.epoch * steps + run.state.step
            rate = learning_rate(number, run.state.planned_epochs * steps, run.peak)
            loss, correct = second.loop.train_step(pixels, train.classes[part], number, rate)
            run.state = replace(
                run.state,
                step=run.state.step + 1,
                loss_sum=run.state.loss_sum + loss,
                correct=run.state.correct + correct,
            )
            step()
            if settings.minutes is not None and number == _PROBE_STEPS - 1:
                _plan(run, (time.monotonic() - begun) / _PROBE_STEPS)
            if time.monotonic() - saved > _SAVE_EVERY_SECONDS:
                _save(run, second)
                saved = time.monotonic()
    _end_epoch(run, second, rate, time.monotonic() - begun)


def _variation(run: Run) -> tuple[Augmentation, InputSpec]:
    """How much photos are varied, and their size: the last fifth of the epochs ends on what the device sees.

    Until then photos are varied a lot and a seventh smaller: that costs a quarter less time, and the model sees things
    in crops as large as later in whole photos.

    Source: H. Touvron, A. Vedaldi, M. Douze and H. Jegou, Fixing the train-test resolution discrepancy, 2019.
    """
    wanted, small = run.settings.augmentation, run.network.small_size
    if not _calm_epochs(run):
        return wanted, run.spec
    if _is_calm(run):
        return "light", run.spec
    return wanted, replace(run.spec, height=small[0], width=small[1]) if small else run.spec


def _calm_epochs(run: Run) -> int:
    """How many epochs of the plan are calm, at its end."""
    return run.state.planned_epochs // _CALM_SHARE if run.settings.augmentation == "field" else 0


def _is_calm(run: Run) -> bool:
    return run.state.epoch >= run.state.planned_epochs - _calm_epochs(run)


def _patience(run: Run) -> int:
    """How many epochs without progress are enough."""
    if run.settings.patience is not None:
        return run.settings.patience
    return _PATIENCE if run.network.trained else run.state.planned_epochs


def _waited(state: TrainState) -> int:
    return state.epoch - 1 - max(state.progress_epoch, 0)


def _shorten(run: Run) -> None:
    """Where nothing got better for long, end; but not without the calm epochs, in which most is won."""
    state = run.state
    if _waited(state) < _patience(run) or (_calm_epochs(run) and _is_calm(run)):
        return
    # As many that a fifth of all is calm: in a plan of e + e // 4 epochs, the calm ones begin with number e.
    planned = state.epoch + (state.epoch // (_CALM_SHARE - 1) if _calm_epochs(run) else 0)
    run.state = replace(state, planned_epochs=min(planned, state.planned_epochs))


def _plan(run: Run, step_seconds: float) -> None:
    """As many epochs as the minutes allow, with the validation photos, which cost about a third of a step each.

    The steps that were timed may have had smaller photos than the last fifth of the epochs and validation have.
    """
    left = 60 * (run.settings.minutes or 0) - run.elapsed()
    timed = _variation(run)[1]
    larger = run.spec.height * run.spec.width / (timed.height * timed.width)
    judged = len(run.pixels["val"]) / max(1, len(run.pixels["train"])) / 3
    passes = 1 + (larger - 1) / _CALM_SHARE + larger * judged
    fit = int((left + step_seconds * _PROBE_STEPS) / (step_seconds * run.steps * passes))
    planned = int(run.cluster.agreed(np.array([float(max(1, min(run.settings.epochs, fit)))]))[0])
    if planned < run.settings.epochs and run.cluster.is_chief:
        run.watcher.said(f"{planned} epochs fit into {run.settings.minutes:g} minutes here")
    assert run.state.step < WARM_UP_STEPS  # noqa: S101 - so far no learning rate depended on the plan
    run.state = replace(run.state, planned_epochs=planned)


def _end_epoch(run: Run, second: _Second, rate: float, seconds: float) -> None:
    state, photos = run.state, run.steps * run.batch_size
    loss, correct = judge(run, second.loop, "val")
    row = Epoch(
        "all", state.epoch + 1, state.loss_sum / run.steps, state.correct / photos, loss,
        correct / len(run.pixels["val"]), rate, seconds,
    )  # fmt: skip
    best = state.is_as_good(correct, len(run.pixels["val"]))
    run.state = state.with_epoch(row)
    if state.is_progress(correct, loss):
        run.state = replace(run.state, best_correct=correct, best_loss=loss, progress_epoch=state.epoch)
    if best:
        second.best = [variable.numpy() for variable in run.network.variables]
        run.state = replace(run.state, best_epoch=state.epoch)
    _shorten(run)
    _save(run, second)
    if run.cluster.is_chief:
        run.watcher.epoch_done(row, run.state.planned_epochs, best=best)
        left = run.state.planned_epochs - run.state.epoch
        if left and run.state.planned_epochs < state.planned_epochs:
            run.watcher.said(f"nothing better for {_waited(run.state)} epochs: only the last {left} follow")


def _save(run: Run, second: _Second) -> None:
    """The whole state, in one file; where several machines train, the chief's."""
    run.state = replace(run.state, elapsed_seconds=run.elapsed())
    run.started = time.monotonic()
    if not run.cluster.is_chief:
        return
    parts = {
        "weight": [variable.numpy() for variable in run.network.variables],
        "optimizer": [variable.numpy() for variable in second.loop.optimizer.variables],
        "best": second.best,
    }
    write_state(run.folder / STATE_NAME, run.state, {f"{n}{i}": v for n, vs in parts.items() for i, v in enumerate(vs)})
    write_log(run.folder, run.state.history)


def _restore(run: Run, second: _Second, arrays: dict[str, NDArray[Any]]) -> None:
    """Go on from the chief's state; the others get it from there."""
    variables: Sequence[Any] = run.network.variables
    groups = {"weight": variables, "optimizer": second.loop.optimizer.variables}
    if run.cluster.is_chief:
        for name, group in groups.items():
            for index, variable in enumerate(group):
                variable.assign(arrays[f"{name}{index}"])
        second.best = [arrays[f"best{index}"] for index in range(len(variables))]
    for group in groups.values():
        run.cluster.agree_on_variables(group)

"""The first phase: a new head on the frozen backbone, on features that are computed once."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgekit_export.learn.loop import Loop
from edgekit_export.learn.photos import epoch_order
from edgekit_export.learn.run import Run, in_chunks, objective_of
from edgekit_export.learn.schedule import learning_rate
from edgekit_export.learn.state import Epoch

_BATCH = 64
_FIRST_EPOCH = 10_000  # epochs of the head have numbers of their own, and so orders


def train_head(run: Run) -> None:
    """The first phase: the head alone, on features of the plain photos that are computed once."""
    features = {split: _features(run, split) for split in ("train", "val")}
    classes = {split: run.pixels[split].classes for split in features}
    head, settings = run.network.head, run.settings
    size = max(run.cluster.replicas, min(_BATCH, len(classes["train"])) // run.cluster.replicas * run.cluster.replicas)
    loop = Loop(
        run.cluster, lambda x, _: x, head, head.trainable_variables, objective_of(run), settings.weight_decay, size
    )
    steps = max(1, len(classes["train"]) // size)
    begun, loss, correct = time.monotonic(), 0.0, 0
    with run.progress.stage("training the head", settings.head_epochs) as step:
        for epoch in range(settings.head_epochs):
            order = epoch_order(len(classes["train"]), _FIRST_EPOCH + epoch, settings.seed)
            loss, correct = 0.0, 0
            for number in range(steps):
                batch = np.resize(order[number * size : (number + 1) * size], size)
                total = epoch * steps + number
                rate = learning_rate(total, settings.head_epochs * steps, settings.head_learning_rate)
                one = loop.train_step(features["train"][batch], classes["train"][batch], total, rate)
                loss, correct = loss + one[0] / steps, correct + one[1]
            step()
    run.cluster.agree_on_variables(head.trainable_variables)
    val_loss, val_correct = loop.judge(in_chunks(features["val"], classes["val"], size))
    row = Epoch(
        "head", settings.head_epochs, loss, correct / (steps * size), val_loss, val_correct / len(classes["val"]),
        settings.head_learning_rate, time.monotonic() - begun,
    )  # fmt: skip
    run.state = replace(run.state, best_correct=val_correct, best_loss=val_loss, history=(row,))
    if run.cluster.is_chief:
        run.watcher.epoch_done(row, 0, best=True)


def _features(run: Run, split: str) -> NDArray[np.float32]:
    """Of the plain photos, in inference mode, (photos, features)."""
    import tensorflow as tf

    body = tf.function(lambda x: run.network.body(tf.cast(x, tf.float32), training=False), autograph=False)
    plain, size, found = run.pixels[split].plain, run.batch_size, []
    with run.progress.stage(f"looking at {split}", -(-len(plain) // size)) as step:
        for start in range(0, len(plain), size):
            part = plain[start : start + size]
            found.append(np.asarray(body(np.resize(part, (size, *part.shape[1:]))))[: len(part)])
            step()
    return np.concatenate(found)

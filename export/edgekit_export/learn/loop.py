"""Steps of training and passes of validation, on one replica or on many. Knows no files, photos or clocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit_export.learn.cluster import Cluster

Forward = Callable[[Any, bool], Any]
"""From a batch of inputs, and whether it is for training, to features."""


@dataclass(frozen=True)
class Objective:
    """What a step makes smaller.

    Attributes:
        classes: How many there are.
        label_smoothing: Share of a photo's label that goes to all classes alike.
        class_weights: float32 (classes,), how much a photo of each counts.
        dropout: Share of features that a step leaves out.
        seed: Of what is left out.
    """

    classes: int
    label_smoothing: float
    class_weights: NDArray[np.float32]
    dropout: float
    seed: int

    def losses(self, logits: Any, classes: Any) -> Any:
        """The weighted cross-entropy of each photo, (photos,)."""
        import tensorflow as tf

        wanted = tf.one_hot(classes, self.classes) * (1 - self.label_smoothing) + self.label_smoothing / self.classes
        plain = tf.nn.softmax_cross_entropy_with_logits(wanted, logits)
        return plain * tf.gather(tf.constant(self.class_weights), classes)


class Loop:
    """One phase: which inputs become features how, what is trained, and by which optimizer.

    Args:
        cluster: Who takes part.
        forward: From inputs to features.
        head: From features to logits.
        variables: What is trained.
        objective: What for.
        weight_decay: Of kernels.
        batch_size: Photos of a step, over all replicas.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a step
        self,
        cluster: Cluster,
        forward: Forward,
        head: Any,
        variables: Sequence[Any],
        objective: Objective,
        weight_decay: float,
        batch_size: int,
    ) -> None:
        import keras
        import tensorflow as tf

        self._cluster, self._forward, self._head = cluster, forward, head
        self._variables, self._objective, self._batch_size = list(variables), objective, batch_size
        with cluster.strategy.scope():
            self.optimizer = keras.optimizers.AdamW(1e-3, weight_decay=weight_decay)
            self.optimizer.exclude_from_weight_decay(var_list=[v for v in self._variables if len(v.shape) < 2])
            self.optimizer.build(self._variables)
        self._train = tf.function(lambda *values: cluster.strategy.run(self._train_one, values), autograph=False)
        self._judge = tf.function(lambda *values: cluster.strategy.run(self._judge_one, values), autograph=False)

    def train_step(
        self, inputs: NDArray[Any], classes: NDArray[np.int64], number: int, rate: float
    ) -> tuple[float, int]:
        """One step on one batch.

        Args:
            inputs: (batch, ...), as `forward` takes them.
            classes: (batch,).
            number: Of the step in the whole training: decides what dropout leaves out.
            rate: The learning rate.

        Returns:
            The batch's mean loss, and how many of its photos were right before the step.
        """
        import tensorflow as tf

        self.optimizer.learning_rate.assign(rate)
        found = self._train(self._cluster.share(inputs), self._cluster.share(classes), tf.constant(number, tf.int64))
        loss, correct = self._cluster.summed(found)
        return float(loss), round(float(correct))

    def judge(self, chunks: Iterable[tuple[NDArray[Any], NDArray[np.int64]]]) -> tuple[float, int]:
        """Mean cross-entropy, without smoothing and weights, and right answers on photos, in inference mode.

        Args:
            chunks: Inputs and classes; a last one may be short.
        """
        total = np.zeros(3)
        for inputs, classes in chunks:
            size = self._batch_size
            counts = (np.arange(size) < len(classes)).astype(np.float32)
            padded = np.resize(inputs, (size, *inputs.shape[1:])), np.resize(classes, size)
            shares = [self._cluster.share(values) for values in (*padded, counts)]
            total += self._cluster.summed(self._judge(*shares))
        return float(total[0] / max(1.0, total[2])), round(float(total[1]))

    def _train_one(self, inputs: Any, classes: Any, number: Any) -> Any:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            logits = self._head(self._dropped(self._forward(tf.cast(inputs, tf.float32), True), number))
            loss = tf.reduce_sum(self._objective.losses(logits, classes)) / self._batch_size
        gradients = tape.gradient(loss, [variable.value for variable in self._variables])
        self.optimizer.apply(gradients, self._variables)
        return tf.stack([loss, _correct(logits, classes, 1.0)])

    def _dropped(self, features: Any, number: Any) -> Any:
        """Dropout that step and replica decide, so that a training that goes on does as one that never stopped."""
        import tensorflow as tf

        if not self._objective.dropout:
            return features
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        seed = tf.stack([tf.constant(self._objective.seed, tf.int64), number * 1024 + tf.cast(replica, tf.int64)])
        return tf.nn.experimental.stateless_dropout(features, self._objective.dropout, seed=seed, rng_alg="philox")

    def _judge_one(self, inputs: Any, classes: Any, counts: Any) -> Any:
        import tensorflow as tf

        logits = self._head(self._forward(tf.cast(inputs, tf.float32), False))
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, logits) * counts
        return tf.stack([tf.reduce_sum(losses), _correct(logits, classes, counts), tf.reduce_sum(counts)])


def _correct(logits: Any, classes: Any, counts: Any) -> Any:
    import tensorflow as tf

    hits = tf.cast(tf.equal(tf.argmax(logits, axis=1), classes), tf.float32)
    return tf.reduce_sum(hits * counts)

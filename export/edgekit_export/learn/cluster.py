"""Who takes part in a training: this process alone, all GPUs of a machine, or several machines.

`tf.distribute` does the work; this says it in a few words that the loop needs, and checks TF_CONFIG before it waits
for anybody. Every replica computes a part of each step's photos; gradients and figures are summed over all.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit_export.errors import TrainingError
from edgekit_export.learn.settings import StrategyName

_EXPECTED = (
    'expected {"cluster": {"worker": ["host:port", "host:port"]}, "task": {"type": "worker", "index": 0}}, with an '
    "index of its own for each worker"
)


@dataclass(frozen=True)
class Cluster:
    """A strategy of TensorFlow, and this process's place in it. The chief alone writes files."""

    strategy: Any
    is_chief: bool = True
    workers: int = 1

    @contextlib.contextmanager
    def telling_who_is_lost(self, folder: Path) -> Iterator[None]:
        """Where another worker died, say so: TensorFlow's own words for it fill a page.

        Raises:
            TrainingError: a worker does not answer any more.
        """
        import tensorflow as tf

        try:
            yield
        except tf.errors.OpError as error:
            if self.workers == 1:
                raise
            msg = (
                f"another of the {self.workers} workers does not answer any more ({type(error).__name__}). What worker "
                f"0 saved in {folder} is whole: start all of them again with --resume."
            )
            raise TrainingError(msg) from error

    @property
    def replicas(self) -> int:
        """How many compute at the same time, over all machines."""
        return int(self.strategy.num_replicas_in_sync)

    def share(self, values: NDArray[Any]) -> Any:
        """`values`, as many for each replica, as the strategy wants them handed out."""
        import tensorflow as tf

        part = len(values) // self.replicas

        def of(context: Any) -> Any:
            start = context.replica_id_in_sync_group * part
            return tf.constant(values[start : start + part])

        return self.strategy.experimental_distribute_values_from_function(of)

    def summed(self, values: Any) -> NDArray[Any]:
        """The sum over all replicas of what each computed."""
        import tensorflow as tf

        return np.asarray(self.strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None))

    def agreed(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The chief's values, float64 of any shape, in every process."""
        if self.replicas == 1:
            return values
        import tensorflow as tf

        mine = tf.constant(values if self.is_chief else np.zeros_like(values))

        def one() -> Any:
            context = tf.distribute.get_replica_context()
            first = tf.equal(context.replica_id_in_sync_group, 0)
            return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.where(first, mine, tf.zeros_like(mine)))

        return np.asarray(self.strategy.experimental_local_results(self.strategy.run(tf.function(one)))[0])

    def agreed_text(self, text: str) -> str:
        """The chief's text in every process."""
        if self.replicas == 1:
            return text
        mine = np.frombuffer(text.encode(), np.uint8).astype(np.float64)
        length = int(self.agreed(np.array([float(len(mine))]))[0])
        return self.agreed(np.resize(mine, length)).astype(np.uint8).tobytes().decode()

    def agree_on_variables(self, variables: Sequence[Any]) -> None:
        """Give every process the chief's weights."""
        if self.replicas == 1:
            return
        values = [np.asarray(variable, np.float64).ravel() for variable in variables]
        found = self.agreed(np.concatenate(values))
        for variable, part in zip(variables, np.split(found, np.cumsum([len(v) for v in values])[:-1]), strict=True):
            variable.assign(part.reshape(variable.shape).astype(variable.dtype))


def open_cluster(kind: StrategyName) -> Cluster:
    """The processes and devices that train together; to be called before TensorFlow does anything else.

    Raises:
        TrainingError: TF_CONFIG is missing or wrong, or there is nothing to distribute over.
    """
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    if kind == "mirrored":
        return Cluster(tf.distribute.MirroredStrategy())
    if kind == "multiworker":
        index, workers = read_tf_config(os.environ.get("TF_CONFIG"))
        return Cluster(tf.distribute.MultiWorkerMirroredStrategy(), index == 0, workers)
    return Cluster(tf.distribute.get_strategy())


def read_tf_config(text: str | None) -> tuple[int, int]:
    """This worker's index and the number of workers, from TF_CONFIG as TensorFlow documents it.

    Raises:
        TrainingError: it is missing or says something else.
    """
    if not text:
        msg = f"--strategy multiworker: TF_CONFIG is not set; {_EXPECTED}."
        raise TrainingError(msg)
    try:
        config = json.loads(text)
        workers, task = config["cluster"]["worker"], config["task"]
        index = task["index"]
        known = set(config["cluster"]) == {"worker"} and task["type"] == "worker"
        good = known and all(isinstance(one, str) and ":" in one for one in workers) and 0 <= index < len(workers)
    except (ValueError, KeyError, TypeError, AttributeError):
        good = False
    if not good:
        msg = f"--strategy multiworker: TF_CONFIG is {text!r}; {_EXPECTED}."
        raise TrainingError(msg)
    return int(index), len(workers)

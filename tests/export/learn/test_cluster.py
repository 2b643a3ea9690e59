"""Who takes part: TF_CONFIG is checked before anybody is waited for, and a lost worker is told in one line."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgekit_export.errors import TrainingError
from edgekit_export.learn.cluster import Cluster, open_cluster, read_tf_config

pytestmark = pytest.mark.host
tf = pytest.importorskip("tensorflow", reason="needs TensorFlow")
WORKERS = ["10.0.0.1:2222", "10.0.0.2:2222"]


def config(**task: Any) -> str:
    return json.dumps({"cluster": {"worker": WORKERS}, "task": {"type": "worker", "index": 1, **task}})


def test_the_place_of_this_worker_is_read() -> None:
    assert read_tf_config(config()) == (1, 2)
    assert read_tf_config(config(index=0)) == (0, 2)


@pytest.mark.parametrize("text", [None, ""])
def test_without_tf_config_it_is_said_what_to_set(text: str | None) -> None:
    with pytest.raises(TrainingError, match=r"TF_CONFIG is not set; expected \{.cluster.: "):
        read_tf_config(text)


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", "5", '{"cluster": 3}', '{"cluster": {"worker": ["a:1"]}}', config(index=2), config(index=-1),
        config(index="1"), config(type="ps"), config().replace("10.0.0.1:2222", "10.0.0.1"),
        '{"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"type": "worker", "index": 0}}',
    ],
)  # fmt: skip
def test_a_wrong_tf_config_is_shown(text: str) -> None:
    with pytest.raises(TrainingError, match="TF_CONFIG is ") as caught:
        read_tf_config(text)
    assert repr(text) in str(caught.value)
    assert "expected" in str(caught.value)


def test_alone_everybody_agrees() -> None:
    cluster = open_cluster("one")
    assert (cluster.replicas, cluster.is_chief, cluster.workers) == (1, True, 1)
    values = np.array([1.5, -2.0])
    np.testing.assert_array_equal(cluster.agreed(values), values)
    assert cluster.agreed_text("leaf ü") == "leaf ü"


def test_one_replica_gets_all_photos() -> None:
    cluster = open_cluster("one")
    shared = cluster.share(np.arange(6).reshape(3, 2))
    np.testing.assert_array_equal(np.asarray(shared), [[0, 1], [2, 3], [4, 5]])
    assert cluster.summed(cluster.strategy.run(lambda: tf.constant([2.0, 3.0]))).tolist() == [2.0, 3.0]


def test_a_lost_worker_is_told_in_one_line(tmp_path: Path) -> None:
    cluster = Cluster(SimpleNamespace(num_replicas_in_sync=3), workers=3)
    with pytest.raises(TrainingError, match=r"another of the 3 workers does not answer") as caught:  # noqa: SIM117
        with cluster.telling_who_is_lost(tmp_path):
            raise tf.errors.UnavailableError(None, None, "Collective ops is aborted by: \n\n a page of text")
    assert str(tmp_path) in str(caught.value)
    assert "--resume" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_alone_an_error_of_tensorflow_is_its_own(tmp_path: Path) -> None:
    with pytest.raises(tf.errors.ResourceExhaustedError), open_cluster("one").telling_who_is_lost(tmp_path):
        raise tf.errors.ResourceExhaustedError(None, None, "out of memory")

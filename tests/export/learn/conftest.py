"""What tests of training share: a training of seconds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgekit_export.data.dataset import DataSet
from edgekit_export.learn.cluster import open_cluster
from edgekit_export.learn.settings import TrainSettings
from edgekit_export.learn.state import Epoch
from edgekit_export.learn.trainer import TrainResult, train_classifier
from edgekit_export.progress import Silent, Step

TINY = TrainSettings(backbone="small-cnn", height=32, width=32, epochs=3, head_epochs=2, batch_size=16, seed=3)

Train = Callable[..., TrainResult]


class Listener:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.rows: list[Epoch] = []
        self.words: list[str] = []

    def epoch_done(self, row: Epoch, planned: int, *, best: bool) -> None:
        self.rows.append(row)

    def said(self, text: str) -> None:
        self.words.append(text)


class StopAt(Silent):
    """Interrupts at the n-th step of whatever is done."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    @contextlib.contextmanager
    def stage(self, label: str, length: int) -> Iterator[Step]:
        def step() -> None:
            self._left -= 1
            if self._left == 0:
                raise KeyboardInterrupt

        yield step


@pytest.fixture(scope="session")
def train_tiny(coloured: DataSet) -> Train:
    """`train_tiny(folder, settings=TINY, resume=False, progress=Silent(), watcher=Listener())`."""

    def train(
        folder: Path,
        settings: TrainSettings = TINY,
        *,
        resume: bool = False,
        progress: Silent | None = None,
        watcher: Listener | None = None,
    ) -> TrainResult:
        folder.mkdir(exist_ok=True)
        return train_classifier(
            coloured,
            settings,
            open_cluster("one"),
            folder,
            resume=resume,
            progress=progress or Silent(),
            watcher=watcher or Listener(),
        )

    return train


@pytest.fixture(scope="session")
def trained(train_tiny: Train, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    """A training that nothing interrupted."""
    return train_tiny(tmp_path_factory.mktemp("trained"))

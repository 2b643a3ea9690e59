"""What tests of comparisons share: processes, one finished comparison, and comparisons made of plain lists."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgekit.card import ModelCard, OutputSpec
from edgekit.modelfile import pack_model_file

if importlib.util.find_spec("sklearn") is None or importlib.util.find_spec("skimage") is None:
    collect_ignore_glob = ["test_*.py"]
else:
    from edgekit_export.assess.intervals import Share
    from edgekit_export.baseline.contest import Wanted, compare_methods
    from edgekit_export.baseline.crew import Crew
    from edgekit_export.baseline.entrants import Contest, Entrant, Kind, judge
    from edgekit_export.baseline.shortlist import Pairing
    from edgekit_export.data.dataset import DataPhoto, DataSet, read_dataset

if TYPE_CHECKING:
    from edgekit_export.baseline.features import FeatureName
    from tests.export.conftest import MakePhotos

COLOURS = ("blue", "green", "red")
USED: tuple[FeatureName, ...] = ("colour", "glcm")

MakeContest = Callable[..., "Contest"]
MakeEntrant = Callable[..., "Entrant"]


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """As in the processes of a crew: several threads on few photos wait for each other most of the time."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def crew() -> Iterator[Crew]:
    with Crew(2) as processes:
        yield processes


@pytest.fixture(scope="session")
def split_photos(make_photos: MakePhotos, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8 photos of each colour to learn from, 4 to choose by, 5 to test with."""
    root = tmp_path_factory.mktemp("split")
    for seed, (split, count) in enumerate((("train", 8), ("val", 4), ("test", 5))):
        make_photos(root / split, count=count, seed=seed)
    return root


@pytest.fixture(scope="session")
def colour_model(tiny_graph: bytes, tiny_card: ModelCard, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file that names the three colours, more or less at random."""
    if importlib.util.find_spec("ai_edge_litert") is None:
        pytest.skip("ai-edge-litert is not installed")
    output = OutputSpec(kind="probabilities", activation="softmax", labels=COLOURS)
    path = tmp_path_factory.mktemp("model") / "colour.tflite"
    path.write_bytes(pack_model_file(tiny_graph, dataclasses.replace(tiny_card, output=output, golden=None)))
    return path


@pytest.fixture(scope="session")
def contest(split_photos: Path, colour_model: Path) -> Contest:
    """All algorithms on colours and on coarse texture, beside the model file."""
    return compare_methods(read_dataset(split_photos), Wanted(features=USED, models=(colour_model,), processes=2))


@pytest.fixture(scope="session")
def make_entrant() -> MakeEntrant:
    """`make_entrant(kind, right, ...)`: a method that got these of the test photos right."""

    def make(
        kind: Kind, right: Sequence[bool], *, name: str = "", pairing: Pairing | None = None, val: int = 0
    ) -> Entrant:
        answers = ["good" if one == (i % 2 == 0) else "bad" for i, one in enumerate(right)]
        judged = judge(_test_photos(Path("leaves"), len(right)), answers)
        assert judged.right.tolist() == list(right)
        one = Entrant(kind, name or kind, judged.answers, judged.right, judged.macro_f1, pairing)
        one = dataclasses.replace(one, size_bytes=2_500_000, latency_ms=12.0, training_s=3.0)
        return dataclasses.replace(one, val=Share(val, 50), settings="some", fit_s=0.5) if pairing else one

    return make


def _test_photos(root: Path, count: int) -> list[DataPhoto]:
    return [DataPhoto(root / f"{i:04}.jpg", "bad" if i % 2 else "good", "test") for i in range(count)]


@pytest.fixture(scope="session")
def make_contest(make_entrant: MakeEntrant) -> MakeContest:
    """`make_contest(entrants, train=40)`: entrants on photos of good and bad leaves; a guess is added."""

    def make(*entrants: Entrant, train: int = 40, root: Path = Path("leaves"), **fields: object) -> Contest:
        count = len(entrants[0].right)
        photos = [
            *(DataPhoto(root / f"t{i}.jpg", "bad" if i % 2 else "good", "train") for i in range(train)),
            *(DataPhoto(root / f"v{i}.jpg", "bad" if i % 2 else "good", "val") for i in range(50)),
            *_test_photos(root, count),
        ]
        guess = make_entrant("guess", [i % 2 == 0 for i in range(count)], name="always good")
        guess = dataclasses.replace(guess, size_bytes=None, latency_ms=None, training_s=None)
        order = sorted([*entrants, guess], key=lambda one: -one.test.part)
        first = next((one.name for one in entrants if one.kind == "cnn"), None)
        made = Contest(DataSet(root, tuple(photos), ("bad", "good")), tuple(order), {}, (), (), 0, first)
        return dataclasses.replace(made, **fields)  # type: ignore[arg-type]

    return make

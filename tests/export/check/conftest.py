"""What tests of the data doctor share: folders of photos, and a network that sees mean colours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import InputSpec
from edgekit_export.check.checkup import Checkup, check_photos
from edgekit_export.check.finding import Finding
from edgekit_export.check.survey import Survey, survey
from edgekit_export.data.dataset import read_dataset
from edgekit_export.progress import Silent

for package in ("skimage", "sklearn", "scipy"):
    pytest.importorskip(package, reason=f"{package} is not installed")

COLOURS = {"blue": (60, 90, 170), "green": (60, 150, 70), "red": (170, 80, 60)}


@dataclass
class ColourEmbedder:
    """Sees the mean colours of a photo in 4 x 4 fields."""

    spec: InputSpec = field(default_factory=lambda: InputSpec(16, 16, 3, (0.0,), (1.0,)))

    def embed(self, photos: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.float32]]:
        for pixels in photos:
            assert pixels.shape == (16, 16, 3)
            yield pixels.reshape(4, 4, 4, 4, 3).mean(axis=(1, 3)).ravel().astype(np.float32)


def photo_of(label: str, seed: int, *, side: int = 96, border: bool = False) -> Image.Image:
    """A thing of its class's colour on a ground that tells nothing, each another; with `border`, a ground that does."""
    rng = np.random.default_rng((sorted(COLOURS).index(label), seed))
    small = rng.normal(120, 45, (12, 12, 3)) if not border else rng.normal(COLOURS[label], 12, (12, 12, 3))
    small[3:9, 3:9] = np.array(COLOURS[label]) + rng.normal(0, 30, (6, 6, 3))
    soft = Image.fromarray(small.clip(0, 255).astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
    grain = rng.normal(0, 6, (side, side, 1))
    return Image.fromarray((np.asarray(soft) + grain).clip(0, 255).astype(np.uint8))


Garden = Callable[..., Path]


@pytest.fixture
def garden(tmp_path: Path) -> Garden:
    """`garden(count=12, splits=(), border=False)`: a clean data set of three colours, `count` photos each in each."""

    def make(count: int = 12, splits: tuple[str, ...] = (), *, border: bool = False) -> Path:
        root = tmp_path / "garden"
        for number, home in enumerate(splits or ("",)):
            for label in COLOURS:
                (root / home / label).mkdir(parents=True)
                for i in range(count):
                    photo = photo_of(label, 1000 * number + i, border=border)
                    photo.save(root / home / label / f"{label}{i:02}.jpg", quality=92)
        return root

    return make


Examine = Callable[[Path], Checkup]


@pytest.fixture(scope="session")
def examine() -> Examine:
    """`examine(root)`: a checkup with the network that sees colours."""
    pytest.importorskip("cleanlab", reason="cleanlab is not installed")
    return lambda root: check_photos(read_dataset(root), ColourEmbedder(), seed=0, progress=Silent())


@pytest.fixture(scope="session")
def look_over() -> Callable[[Path], Survey]:
    """`look_over(root)`: the survey alone."""
    return lambda root: survey(read_dataset(root), ColourEmbedder(), Silent())


def kinds(found: Iterable[Finding]) -> dict[str, Finding]:
    """Findings by kind; each comes once."""
    listed = list(found)
    assert len({one.kind for one in listed}) == len(listed)
    return {one.kind: one for one in listed}


@pytest.fixture(scope="session")
def by_kind() -> Callable[[Iterable[Finding]], dict[str, Finding]]:
    return kinds


@pytest.fixture(scope="session")
def names() -> Callable[[Any], list[str]]:
    """`names(finding)`: the files of a finding, without folders."""
    return lambda finding: [one.path.name for one in finding.suspects]

"""What is timed: every method on the same photos, from decoded photo to answer."""

from __future__ import annotations

import importlib.util
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import Decode, InputSpec
from edgekit.preprocess import fit_pixels, photo_pixels
from edgekit_export.baseline import clock
from edgekit_export.baseline.clock import Network, Race, race
from edgekit_export.baseline.crew import Crew
from edgekit_export.baseline.features import HAND_MADE, PIXELS, hand_made
from edgekit_export.baseline.shortlist import Pairing

seen: list[NDArray[np.float32]] = []


class Watched:
    """A fitted model that keeps what it is asked."""

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.int64]:
        seen.append(features)
        return np.zeros(1, np.int64)


@pytest.fixture
def photos(tmp_path: Path) -> tuple[Path, ...]:
    rng = np.random.default_rng(0)
    paths = tuple(tmp_path / f"{i}.png" for i in range(4))
    for path in paths:
        Image.fromarray(rng.integers(0, 255, (30, 20, 3), np.uint8)).save(path)
    return paths


def test_each_photo_takes_its_turn_with_the_features_that_training_saw(
    photos: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a clock that ticks once a look: first the features, then the answer."""
    ticks = iter(range(10**6))
    # The first looks, at photos that warm up, take a hundred times longer.
    monkeypatch.setattr("time.perf_counter", lambda: (n := next(ticks)) * (100.0 if n < 16 else 1.0))
    path = tmp_path / "model.pickle"
    path.write_bytes(pickle.dumps(Watched()))
    seen.clear()
    found = race(Race(photos[:2], ((Pairing("lbp", "svm"), path), (Pairing("classic", "knn"), path)), None, ()))
    assert len(seen) == 2 * (2 + 2)
    for place, photo in enumerate(photos[:2] * 2):
        with Image.open(photo) as image:
            pixels = fit_pixels(image, PIXELS)
        assert np.array_equal(seen[2 * place], hand_made("lbp", pixels)[None])
        whole = np.concatenate([hand_made(part, pixels) for part in HAND_MADE])
        assert np.array_equal(seen[2 * place + 1], whole[None])
    assert found.features == {"lbp": 1000, "classic": 1000}
    assert [found.fitted, found.networks] == [(2000, 2000), ()]


def test_the_median_does_not_mind_one_slow_photo() -> None:
    assert clock._medians([(1.0, 9.0), (2.0, 9.0), (3.0, 9.0), (4.0, 9.0), (800.0, 9.0)]) == (3.0, 9.0)
    assert clock._medians([()]) == ()


def test_networks_are_run_as_files_and_as_features(
    photos: tuple[Path, ...], tiny_path: Path, tiny_float_path: Path, crew: Crew, tmp_path: Path
) -> None:
    model = tmp_path / "model.pickle"
    from sklearn.neighbors import KNeighborsClassifier

    model.write_bytes(pickle.dumps(KNeighborsClassifier(1).fit(np.eye(3), [0, 1, 2])))
    raw = Network(tiny_path, InputSpec(16, 12, 3, (0.0,), (255.0,)))
    embedder = Network(tiny_float_path, InputSpec(16, 12, 3, (0.0,), (255.0,)))
    job = Race(photos, ((Pairing("cnn", "knn"), model),), embedder, (raw, raw))
    (found,) = crew.run(race, [job])
    assert len(found.networks) == 2
    assert min(*found.networks, *found.features.values()) > 0
    assert found.fitted[0] > found.features["cnn"]
    with pytest.raises(ValueError, match="need one"):
        clock._look("cnn", None)


@pytest.mark.parametrize("decode", ["fast", "exact"])
def test_what_the_network_is_given_is_what_edgekit_classify_gives_it(
    tmp_path: Path, tiny_path: Path, monkeypatch: pytest.MonkeyPatch, decode: Decode
) -> None:
    photo = tmp_path / "large.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 200, 3), np.uint8)).save(photo)
    given: list[NDArray[Any]] = []

    class Recorded:
        def __init__(self, data: bytes) -> None:
            assert data == tiny_path.read_bytes()

            class Tensor:
                dtype, scale, zero_point = np.dtype(np.uint8), 1 / 255, 0

            self.input = Tensor

        def run(self, tensor: NDArray[Any]) -> NDArray[Any]:
            given.append(tensor)
            return np.zeros(3)

    monkeypatch.setattr(clock, "Engine", Recorded)
    spec = InputSpec(16, 12, 3, (0.0,), (255.0,), fit="crop", decode=decode)
    race(Race((photo,), (), None, (Network(tiny_path, spec),)))
    assert np.array_equal(given[-1], photo_pixels(photo, [spec])[0][None])
    other = replace(spec, decode="exact" if decode == "fast" else "fast")
    assert not np.array_equal(given[-1], photo_pixels(photo, [other])[0][None])


@pytest.fixture
def tiny_float_path(tmp_path: Path, tiny_float: bytes) -> Path:
    if importlib.util.find_spec("ai_edge_litert") is None:
        pytest.skip("ai-edge-litert is not installed")
    path = tmp_path / "float.tflite"
    path.write_bytes(tiny_float)
    return path

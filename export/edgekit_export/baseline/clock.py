"""How long one photo takes: every method on the same photos, in one process, on one core, taking turns.

From decoded photo to answer: bring it to size, compute what the method looks at, answer. Decoding is left out; a
network gets the photo decoded as its card says, fast or exactly, everything else gets all of it. What a turn costs
varies with what else the computer does, and taking turns spreads that evenly.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import InputSpec
from edgekit.photo import load_photo
from edgekit.preprocess import PixelTable, enough_for, fit_pixels
from edgekit.runtime import Engine
from edgekit_export.baseline.features import PIXELS, FeatureName, HandMade, hand_made, made_of
from edgekit_export.baseline.shortlist import Pairing

_WARM_UP = 2  # photos whose times do not count


@dataclass(frozen=True)
class Network:
    """A `.tflite` and how a photo becomes its input."""

    path: Path
    spec: InputSpec


@dataclass(frozen=True)
class Race:
    """What to time.

    Attributes:
        photos: To take in turn, one or more; the first two warm up and are taken again.
        fitted: Pairings and the files of their models.
        embedder: The network whose values are the features ``cnn``, where they are used.
        networks: Whole classifiers.
    """

    photos: tuple[Path, ...]
    fitted: tuple[tuple[Pairing, Path], ...]
    embedder: Network | None
    networks: tuple[Network, ...]


@dataclass(frozen=True)
class Times:
    """Medians in milliseconds: of each kind of features, and of each method and network from photo to answer."""

    features: Mapping[FeatureName, float]
    fitted: tuple[float, ...]
    networks: tuple[float, ...]


Look = Callable[[Image.Image], NDArray[Any]]


def race(job: Race) -> Times:
    """Time everything; for a process of its own with one thread."""
    names = tuple(dict.fromkeys(pairing.features for pairing, _ in job.fitted))
    looks = {name: _look(name, job.embedder) for name in names}
    models = [pickle.loads(path.read_bytes()) for _, path in job.fitted]  # noqa: S301 - our own, of this run
    networks = [(_running(network), enough_for(network.spec)) for network in job.networks]
    wanted = {None, *(enough for _, enough in networks)}
    of_features: list[list[float]] = []
    of_models: list[list[float]] = []
    of_networks: list[list[float]] = []
    for path in [*job.photos[:_WARM_UP], *job.photos]:
        decoded = {one: load_photo(path, at_least=one) for one in wanted}
        seen, spent = {}, {}
        for name, look in looks.items():
            spent[name], seen[name] = _timed(look, decoded[None])
        answers = [
            spent[pairing.features] + _timed(model.predict, seen[pairing.features][None])[0]
            for (pairing, _), model in zip(job.fitted, models, strict=True)
        ]
        of_features.append(list(spent.values()))
        of_models.append(answers)
        of_networks.append([_timed(network, decoded[enough])[0] for network, enough in networks])
    counted = slice(-len(job.photos), None)
    features, fitted, whole = (_medians(rows[counted]) for rows in (of_features, of_models, of_networks))
    return Times(dict(zip(names, features, strict=True)), fitted, whole)


def _look(name: FeatureName, embedder: Network | None) -> Look:
    parts: list[HandMade] = [part for part in made_of(name) if part != "cnn"]
    if parts:
        return lambda image: _computed(parts, image)
    if embedder is None:
        msg = "features of a CNN need one"
        raise ValueError(msg)
    running = _running(embedder)
    return lambda image: running(image).reshape(-1)


def _computed(parts: Sequence[HandMade], image: Image.Image) -> NDArray[np.float32]:
    pixels = fit_pixels(image, PIXELS)
    return np.concatenate([hand_made(part, pixels) for part in parts])


def _running(network: Network) -> Look:
    engine = Engine(network.path.read_bytes())
    tensor = engine.input
    table = PixelTable(network.spec, tensor.dtype, tensor.scale, tensor.zero_point)
    return lambda image: engine.run(table.apply(fit_pixels(image, network.spec)))


def _timed(work: Callable[[Any], Any], item: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work(item)
    return 1000 * (time.perf_counter() - start), result


def _medians(rows: Sequence[Sequence[float]]) -> tuple[float, ...]:
    return tuple(float(value) for value in np.median(np.array(rows), axis=0)) if rows[0] else ()

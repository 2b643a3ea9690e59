"""The classic algorithms, each with the few settings that are tried: scikit-learn's, and the deep belief network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

AlgorithmName = Literal["svm", "knn", "forest", "boosting", "dbn"]

ALGORITHMS: tuple[AlgorithmName, ...] = get_args(AlgorithmName)

_TREES = 200
# Boosting grows a tree a round for each class: so many trees in all keep 100 classes within minutes.
_MOST_TREES, _MOST_ROUNDS, _FEWEST_ROUNDS = 1500, 120, 15
_USUAL_LEAF = 20  # photos

_Floats = NDArray[np.float32]


class Model(Protocol):
    """What learns from features, float32 (photos, numbers), and answers with class numbers (photos,)."""

    def fit(self, features: _Floats, targets: NDArray[np.int64], /) -> Any: ...  # noqa: D102
    def predict(self, features: _Floats, /) -> NDArray[np.int64]: ...  # noqa: D102


class _Scaler(Protocol):
    def fit(self, features: _Floats, /) -> Any: ...
    def transform(self, features: _Floats, /) -> _Floats: ...


@dataclass
class Scaled:
    """A model behind a scaler that learns from the same photos and from no others."""

    scaler: _Scaler
    model: Model

    def fit(self, features: _Floats, targets: NDArray[np.int64]) -> Scaled:
        """See `Model`."""
        self.model.fit(self.scaler.fit(features).transform(features), targets)
        return self

    def predict(self, features: _Floats) -> NDArray[np.int64]:
        """See `Model`."""
        return self.model.predict(self.scaler.transform(features))


@dataclass(frozen=True)
class Candidate:
    """Settings to try, for people to read, and what makes an untrained model with them."""

    settings: str
    build: Callable[[], Model]


def candidates(algorithm: AlgorithmName, *, photos: int, classes: int, seed: int) -> list[Candidate]:
    """What is tried of an algorithm, the simplest first.

    Args:
        algorithm: Which.
        photos: For training; neighbours cannot be more.
        classes: Of the photos; more of them get fewer rounds of boosting.
        seed: Of all that is drawn.
    """
    return _CANDIDATES[algorithm](photos, classes, seed)


def _svm(_photos: int, _classes: int, _seed: int) -> list[Candidate]:
    def candidate(kernel: str, penalty: float, narrow: float = 1.0) -> Candidate:
        shape = f"{kernel} kernel" + ("" if narrow == 1 else f" {narrow:g} as narrow")
        return Candidate(f"{shape}, C={penalty:g}", lambda: Scaled(_standard(), _Svm(kernel, penalty, narrow)))

    return [candidate("linear", 0.01), candidate("rbf", 1), candidate("rbf", 10, 0.2), candidate("rbf", 10)]


class _Svm:
    """scikit-learn's, with the width of its kernel given as a share of one over the number of features."""

    def __init__(self, kernel: str, penalty: float, narrow: float) -> None:
        self._kernel, self._penalty, self._narrow = kernel, penalty, narrow

    def fit(self, features: _Floats, targets: NDArray[np.int64]) -> _Svm:
        from sklearn.svm import SVC

        gamma = self._narrow / features.shape[1]
        self._machine = SVC(kernel=self._kernel, C=self._penalty, gamma=gamma).fit(features, targets)
        return self

    def predict(self, features: _Floats) -> NDArray[np.int64]:
        return np.asarray(self._machine.predict(features))


def _knn(photos: int, _classes: int, _seed: int) -> list[Candidate]:
    def candidate(neighbours: int, metric: str) -> Candidate:
        def build() -> Scaled:
            from sklearn.neighbors import KNeighborsClassifier

            return Scaled(
                _standard(), KNeighborsClassifier(neighbours, weights="distance", metric=metric, algorithm="brute")
            )

        what = "neighbour" if neighbours == 1 else "neighbours"
        return Candidate(f"{neighbours} {what}, {metric} distance", build)

    counts = sorted({min(neighbours, photos) for neighbours in (1, 5, 15)})
    return [candidate(count, metric) for count in counts for metric in ("euclidean", "manhattan")]


def _forest(_photos: int, _classes: int, seed: int) -> list[Candidate]:
    def candidate(leaf: int) -> Candidate:
        def build() -> Model:
            from sklearn.ensemble import RandomForestClassifier

            forest: Model = RandomForestClassifier(_TREES, min_samples_leaf=leaf, random_state=seed)
            return forest

        return Candidate(f"{_TREES} trees, leaves of {leaf} or more", build)

    return [candidate(3), candidate(1)]


def _boosting(photos: int, classes: int, seed: int) -> list[Candidate]:
    def candidate(rounds: int) -> Candidate:
        def build() -> Model:
            from sklearn.ensemble import HistGradientBoostingClassifier

            boosting: Model = HistGradientBoostingClassifier(
                learning_rate=0.2,
                max_iter=rounds,
                max_leaf_nodes=7,
                max_features=0.1,
                min_samples_leaf=leaf,
                early_stopping=False,
                random_state=seed,
            )
            return boosting

        return Candidate(f"{rounds} rounds of trees with 7 leaves", build)

    leaf = max(1, min(_USUAL_LEAF, photos // _USUAL_LEAF))  # leaves of 20, the usual, learn nothing from 30 photos
    most = min(_MOST_ROUNDS, max(_FEWEST_ROUNDS, _MOST_TREES // (classes if classes > 2 else 1)))
    return [candidate(most // 3), candidate(most)]


def _dbn(_photos: int, _classes: int, seed: int) -> list[Candidate]:
    def candidate(rate: float) -> Candidate:
        def build() -> Scaled:
            from edgekit_export.baseline.belief import DbnSettings, DeepBeliefNetwork
            from edgekit_export.baseline.scaling import RankScaler

            return Scaled(RankScaler(), DeepBeliefNetwork(DbnSettings(tune_rate=rate, seed=seed)))

        return Candidate(f"RBMs of 256 and 128 units, tuned at rate {rate:g}", build)

    return [candidate(0.01), candidate(0.04)]


def _standard() -> _Scaler:
    from sklearn.preprocessing import StandardScaler

    scaler: _Scaler = StandardScaler()
    return scaler


_CANDIDATES: Mapping[AlgorithmName, Callable[[int, int, int], list[Candidate]]] = {
    "svm": _svm, "knn": _knn, "forest": _forest, "boosting": _boosting, "dbn": _dbn,
}  # fmt: skip

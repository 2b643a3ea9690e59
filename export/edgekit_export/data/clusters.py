"""What hangs together: places that are joined two by two, and the clusters that come of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


class Clusters:
    """`count` places, each a cluster of its own until it is joined with another (a union-find forest)."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def join(self, i: int, j: int) -> bool:
        """Make one cluster of those of `i` and `j`; False where it is one already."""
        i, j = self.first(i), self.first(j)
        if i == j:
            return False
        self._above[max(i, j)] = min(i, j)
        return True

    def first(self, i: int) -> int:
        """The lowest place in the cluster of `i`."""
        above = self._above
        while above[i] != i:
            above[i] = above[above[i]]
            i = above[i]
        return i

    def firsts(self) -> tuple[int, ...]:
        """The lowest place in the cluster of each place."""
        return tuple(map(self.first, range(len(self._above))))

    def groups(self) -> list[tuple[int, ...]]:
        """The clusters of two or more places, each sorted."""
        return [group for group in places_of(self.firsts()).values() if len(group) > 1]


def places_of(values: Iterable[Key]) -> dict[Key, tuple[int, ...]]:
    """Where each value stands."""
    places: defaultdict[Key, list[int]] = defaultdict(list)
    for place, value in enumerate(values):
        places[value].append(place)
    return {value: tuple(found) for value, found in places.items()}


def clusters_of(count: int, together: Iterable[Sequence[int]]) -> Clusters:
    """The clusters among `count` places of which each of `together` hangs together."""
    clusters = Clusters(count)
    for places in together:
        for place in places[1:]:
            clusters.join(places[0], place)
    return clusters

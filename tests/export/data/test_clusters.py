"""Clusters of what is joined two by two."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgekit_export.data.clusters import Clusters, clusters_of, places_of

PAIRS = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30)


def reachable(pairs: list[tuple[int, int]], start: int) -> set[int]:
    found, before = {start}, set[int]()
    while found != before:
        before = set(found)
        found |= {j for pair in pairs for i, j in (pair, pair[::-1]) if i in before}
    return found


@given(PAIRS)
def test_what_can_be_reached_is_one_cluster(pairs: list[tuple[int, int]]) -> None:
    clusters = clusters_of(20, pairs)
    assert clusters.firsts() == tuple(min(reachable(pairs, i)) for i in range(20))
    groups = {tuple(sorted(reachable(pairs, i))) for i in range(20)}
    assert clusters.groups() == sorted(group for group in groups if len(group) > 1)


def test_joining_tells_whether_it_was_news() -> None:
    clusters = Clusters(3)
    assert clusters.join(2, 1)
    assert not clusters.join(1, 2)
    assert not clusters.join(0, 0)
    assert clusters.groups() == [(1, 2)]


def test_sets_of_any_size_hang_together() -> None:
    assert clusters_of(7, [(), (3,), (6, 0, 2), (4, 5)]).groups() == [(0, 2, 6), (4, 5)]


def test_a_long_chain_is_no_deep_recursion() -> None:
    count = 100_000
    clusters = clusters_of(count, [(i, i + 1) for i in reversed(range(count - 1))])
    assert clusters.first(count - 1) == 0


def test_places_are_in_order() -> None:
    assert places_of("abca") == {"a": (0, 3), "b": (1,), "c": (2,)}

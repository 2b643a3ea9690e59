"""Groups of photos -> splits, so that each class gets its share of each split as nearly as whole groups allow.

Groups are dealt from the largest down, each to where it is missed most, and then moved and exchanged as long as that
helps. Photos that are a group of their own fill up what is still missing, in their order, so that one more photo moves
hardly any other. Everything is decided in whole numbers: the same on every machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 50  # of moving groups, at most; it ends by itself after a few
_MOST_EXCHANGED = 1000  # groups; with more, moving alone comes close enough
_WORK = 60_000  # exchanges that are looked at to try again from another start, where there are few groups
_SCALE = 1e9  # makes whole numbers of the misses; with 2**63 above, a million photos have room

Counts = NDArray[np.int64]


def deal(counts: Counts, shares: NDArray[np.float64]) -> Counts:
    """The split of each group, as its place in `shares`.

    Args:
        counts: Photos of each class in each group, shape (groups, classes); groups of one photo come last.
        shares: Of the splits, above 0 and 1 together.
    """
    several = int((counts.sum(axis=1) > 1).sum())
    tries = (_deal_all(counts, shares, several, first) for first in range(_tries(several)))
    return min(tries, key=lambda deck: (int((deck.has == 0).sum()), deck.miss)).dealt  # of equals the first


def _tries(several: int) -> int:
    return min(several, max(1, _WORK // max(1, several) ** 2)) or 1


def _deal_all(counts: Counts, shares: NDArray[np.float64], several: int, first: int) -> _Deck:
    """Deal the groups of several photos, the largest first but for some, which come last; then single photos."""
    deck = _Deck(counts, shares)
    for unit in (*range(first, several), *range(first)):
        deck.put(unit, int(np.argmin(deck.misses(deck.has + _in_each(counts[unit], len(shares))))))
    for _ in range(_ROUNDS):
        moved = _move(deck, several)
        if not moved and not (several <= _MOST_EXCHANGED and _exchange(deck, several)):
            break
    _deal_single(deck, several)
    _bring_in(deck)
    return deck


class _Deck:
    """What has been dealt so far; `has` and `wanted` are photos, of shape (splits, classes)."""

    def __init__(self, counts: Counts, shares: NDArray[np.float64]) -> None:
        self.counts, self.wanted = counts, shares[:, None] * counts.sum(axis=0)
        self.dealt, self.has = np.zeros(len(counts), np.int64), np.zeros(self.wanted.shape, np.int64)
        self._weights = np.rint(_SCALE / self.wanted).astype(np.int64)

    @property
    def miss(self) -> int:
        """How far all is from what is wanted."""
        return int(self.misses(self.has))

    def misses(self, has: Counts) -> Counts:
        """How far the last two axes (splits, classes) are from what is wanted: chi-square, but for a constant."""
        return np.asarray((np.square(has) * self._weights).sum(axis=(-2, -1)))

    def put(self, unit: int, split: int) -> None:
        self.dealt[unit] = split
        self.has[split] += self.counts[unit]

    def take(self, unit: int) -> int:
        split = int(self.dealt[unit])
        self.has[split] -= self.counts[unit]
        return split


def _in_each(counts: Counts, splits: int) -> Counts:
    """(classes,) -> (splits, splits, classes): a group, in each split in turn."""
    return np.asarray(np.eye(splits, dtype=np.int64)[:, :, None] * counts)


def _move(deck: _Deck, several: int) -> bool:
    """Move each group to where it is missed most; whether any was moved."""
    moved = False
    for unit in range(several):
        here = deck.take(unit)
        misses = deck.misses(deck.has + _in_each(deck.counts[unit], len(deck.has)))
        best = int(np.argmin(misses))
        better = bool(misses[best] < misses[here])
        deck.put(unit, best if better else here)
        moved = moved or better
    return moved


def _exchange(deck: _Deck, several: int) -> bool:
    """Exchange each group with the one in another split where that helps most; whether any was exchanged."""
    moved, places = False, np.arange(several)
    counts, dealt = deck.counts[:several], deck.dealt[:several]
    for unit in range(several):
        after = np.repeat(deck.has[None], several, axis=0)
        after[:, dealt[unit]] += counts - counts[unit]
        after[places, dealt] += counts[unit] - counts
        misses = deck.misses(after)
        best = int(np.argmin(misses))
        if misses[best] < deck.miss:
            deck.has[:] = after[best]
            dealt[[unit, best]] = dealt[[best, unit]]
            moved = True
    return moved


def _deal_single(deck: _Deck, several: int) -> None:
    """Deal photos of their own, in their order: of each class what the last split misses first."""
    for label in range(deck.counts.shape[1]):
        units = several + np.flatnonzero(deck.counts[several:, label])
        quota = _quota(deck.wanted[:, label] - deck.has[:, label], len(units))
        deck.dealt[units] = np.repeat(np.arange(len(quota))[::-1], quota[::-1])
        deck.has[:, label] += quota


def _quota(missing: NDArray[np.float64], count: int) -> Counts:
    """Whole numbers with the sum `count`, in the proportions of what is missing, by largest remainder."""
    missing = missing.clip(0)
    exact = count * missing / missing.sum() if missing.sum() else np.eye(len(missing))[0] * count
    quota = np.floor(exact + 1e-9).astype(np.int64)
    for split in np.argsort(np.round(quota - exact, 9), kind="stable")[: count - quota.sum()]:
        quota[split] += 1
    return np.asarray(quota)


def _bring_in(deck: _Deck) -> None:
    """Where a class is missing from a split, move the group there that does least harm and leaves no gap behind."""
    for label in range(deck.counts.shape[1]):
        for split in np.flatnonzero(deck.has[:, label] == 0).tolist():
            candidates = []
            for unit in np.flatnonzero(deck.counts[:, label]).tolist():
                after = deck.has.copy()
                after[deck.dealt[unit]] -= deck.counts[unit]
                after[split] += deck.counts[unit]
                if not ((after == 0) & (deck.has > 0)).any():
                    candidates.append((int(deck.misses(after)), unit))
            if candidates:
                _, unit = min(candidates)
                deck.take(unit)
                deck.put(unit, split)

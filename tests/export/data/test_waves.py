"""Patterns of waves: exact under mirroring and turning, and compared in blocks as one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit_export.data import waves
from edgekit_export.data.waves import (
    TURNS,
    UNRELATED,
    Alike,
    alike_pairs,
    best_turns,
    distances,
    patterns_of,
    telling,
    turn_picture,
)

Pictures = NDArray[np.uint8]


def pictures(count: int, seed: int = 0) -> Pictures:
    """Like photos: the finer a wave, the less of it."""
    rng = np.random.default_rng(seed)
    place = np.hypot(*np.meshgrid(np.fft.fftfreq(32), np.fft.rfftfreq(32), indexing="ij")) + 1 / 32
    field = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(count, 32, 32))) / place, s=(32, 32))
    field /= field.std(axis=(1, 2), keepdims=True)
    return np.asarray((128 + 40 * field).clip(0, 255), np.uint8)


def in_every_way(picture: Pictures) -> Pictures:
    return np.stack([turn_picture(picture, turn) for turn in range(TURNS)])


def test_the_ways_to_lay_a_picture_are_eight_different_ones() -> None:
    picture = pictures(1)[0]
    flips = [np.rot90(side, times) for side in (picture, picture.T) for times in range(4)]
    laid = {np.ascontiguousarray(one).tobytes() for one in in_every_way(picture)}
    assert laid == {np.ascontiguousarray(one).tobytes() for one in flips}


def test_waves_are_those_of_the_discrete_cosine_transform() -> None:
    fft = pytest.importorskip("scipy.fft", reason="needs scipy")
    picture = pictures(1)[0]
    expected = fft.dctn(picture.astype(float), norm="ortho")[:16, :16]
    expected[0, 0] = 0
    expected *= np.hypot(*np.mgrid[:16, :16]) ** 0.8
    np.testing.assert_allclose(
        patterns_of(picture[None])[0], np.tanh(expected / np.median(np.abs(expected))), atol=1e-4
    )


def test_light_and_contrast_do_not_count() -> None:
    picture = pictures(1)
    np.testing.assert_allclose(patterns_of(picture // 2 + 60.0), patterns_of(picture // 2 * 1.0), atol=1e-4)
    np.testing.assert_allclose(patterns_of(picture * 0.5), patterns_of(picture), atol=1e-4)


def test_a_turned_picture_is_found_in_the_way_it_was_turned() -> None:
    picture = pictures(1)[0]
    laid = in_every_way(picture)
    ours = np.repeat(patterns_of(picture[None]), TURNS, axis=0)
    turns = best_turns(ours, patterns_of(laid))
    back = np.stack([turn_picture(one, int(turn)) for one, turn in zip(laid, turns, strict=True)])
    np.testing.assert_array_equal(back, np.repeat(picture[None], TURNS, axis=0))
    assert sorted(turns) == list(range(TURNS))


def brute_force(patterns: NDArray[np.float32], most: float) -> dict[tuple[int, int], float]:
    """Every pair in each of the eight ways, one by one."""
    signs = np.where(np.arange(16) % 2, -1, 1)
    found = {}
    for i in range(len(patterns)):
        for j in range(i + 1, len(patterns)):
            laid = [
                side * down * across
                for side in (patterns[j], patterns[j].T)
                for down in (1, signs[:, None])
                for across in (1, signs)
            ]
            length = np.linalg.norm(patterns[i]) * np.linalg.norm(patterns[j])
            apart = min(UNRELATED * (1 - float((patterns[i] * one).sum() / length)) for one in laid)
            if apart <= most:
                found[i, j] = max(0.0, apart)
    return found


@pytest.mark.parametrize(("rows", "columns"), [(256, 1024), (7, 11), (11, 7), (1, 1)])
def test_blocks_find_what_one_by_one_finds(monkeypatch: pytest.MonkeyPatch, rows: int, columns: int) -> None:
    monkeypatch.setattr(waves, "_ROWS", rows)
    monkeypatch.setattr(waves, "_COLUMNS", columns)
    some = pictures(8)
    patterns = patterns_of(np.concatenate([some, in_every_way(some[0])[1:], pictures(15, seed=1)]))
    expected = brute_force(patterns, 110)
    found: dict[tuple[int, int], float] = {}
    for alike in alike_pairs(patterns, 110):
        pairs = list(zip(*(column.tolist() for column in alike), strict=True))
        assert not found.keys() & {(i, j) for i, j, _ in pairs}
        found |= {(i, j): apart for i, j, apart in pairs}
    assert found.keys() == expected.keys()
    assert len(found) > 30
    assert max(abs(found[pair] - expected[pair]) for pair in expected) < 0.01


def test_pictures_that_have_nothing_in_common_are_about_128_apart() -> None:
    a, b = patterns_of(pictures(200)), patterns_of(pictures(200, seed=1))
    apart = distances(a, b)
    assert 120 < apart.mean() < 136
    assert apart.min() > 90
    np.testing.assert_allclose(distances(a, a), 0, atol=1e-3)


@pytest.mark.parametrize("level", [0, 7, 128, 255])
def test_there_is_nothing_to_compare_in_a_plain_picture(level: int) -> None:
    plain = np.full((32, 32), level, np.uint8)
    assert telling(patterns_of(plain[None])[0]) < 1e-6
    slope = np.clip(plain + np.arange(32) * 0.5, 0, 255)
    assert telling(patterns_of(slope[None])[0]) < 0.1
    assert telling(patterns_of(pictures(1))[0]) > 0.4


def alike(*rows: tuple[int, int, float]) -> Alike:
    columns: list[Any] = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    return Alike(np.array(columns[0], int), np.array(columns[1], int), np.array(columns[2], np.float32))


def as_rows(pairs: Alike) -> list[tuple[Any, ...]]:
    return list(zip(*(column.tolist() for column in pairs), strict=True))


def test_of_each_row_the_nearest_are_kept() -> None:
    pairs = alike((5, 6, 3), (1, 2, 9), (5, 9, 1), (5, 7, 2), (5, 8, 2))
    assert as_rows(pairs.nearest(3)) == [(1, 2, 9), (5, 9, 1), (5, 7, 2), (5, 8, 2)]
    assert as_rows(alike().nearest(3)) == []


def test_pairs_come_in_batches_and_can_be_put_together() -> None:
    pairs = alike((0, 1, 1), (0, 2, 2)).and_also(alike((1, 2, 3)))
    assert as_rows(pairs) == [(0, 1, 1), (0, 2, 2), (1, 2, 3)]
    assert [as_rows(batch) for batch in pairs.batches(2)] == [[(0, 1, 1), (0, 2, 2)], [(1, 2, 3)]]
    assert as_rows(pairs.only(pairs.distances > 1.5)) == [(0, 2, 2), (1, 2, 3)]

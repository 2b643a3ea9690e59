"""Hypotheses on trial: what is clearly better, what is chance, and what is given up when."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgekit.card import EvidenceRow
from edgekit_export.evidence import Answer, Trial, clearly_better, run_trials
from edgekit_export.statistics import sign_test

CLASSES = 4
Right = Sequence[bool]


def answer(confidence: float, truth: int = 0, first: int = 0, classes: int = CLASSES) -> Answer:
    """An answer for class `first` with that confidence, the others alike; to a photo of `truth`."""
    scores = np.full(classes, (1 - confidence) / (classes - 1), np.float32)
    scores[first] = confidence
    return Answer(scores, frozenset({truth}), multi_label=False)


def trial(right: Right, likelihood: Sequence[float] | float = 0.0) -> Trial[str]:
    """A trial that has gone so."""
    values = [likelihood] * len(right) if isinstance(likelihood, float) else list(likelihood)
    return Trial("x", "x", list(right), [0.5] * len(right), values, [frozenset({0})] * len(right))


def lottery(seed: Sequence[int], photos: int, easy: float, sharpness: float, count: int) -> list[Trial[int]]:
    """What `run_trials` leaves of hypotheses that are equally good: all answer with scores of one distribution."""
    rng = np.random.default_rng(seed)
    truths = rng.integers(CLASSES, size=photos)
    logits = rng.normal(0, sharpness, (count, photos, CLASSES))
    logits[:, np.arange(photos), truths] += easy * sharpness
    scores = np.exp(logits - logits.max(axis=-1, keepdims=True))
    scores = (scores / scores.sum(axis=-1, keepdims=True)).astype(np.float32)

    def drawn(hypothesis: int, photo: int) -> Answer:
        return Answer(scores[hypothesis, photo], frozenset({int(truths[photo])}), multi_label=False)

    return run_trials([Trial(str(i), i) for i in range(count)], range(photos), drawn, lambda: None)


def test_the_sign_test_is_the_tail_of_fair_coins() -> None:
    """Counted: all outcomes of so many coins, and those with as many heads or more."""
    for count in range(1, 9):
        outcomes = list(itertools.product((0, 1), repeat=count))
        for wins in range(count + 1):
            tail = sum(sum(outcome) >= wins for outcome in outcomes) / len(outcomes)
            assert sign_test(wins, count - wins) == tail
    assert sign_test(0, 0) == 1
    assert sign_test(40, 0) == 2**-40


def test_eight_photos_that_only_one_gets_right_decide_and_seven_do_not() -> None:
    """The chance of such a lead between equals is 1 in 256, or 1 in 128; one in 200 is the limit."""
    for wins, decided in ((8, True), (7, False)):
        one, other = trial([True] * 12), trial([True] * (12 - wins) + [False] * wins)
        assert clearly_better(one, other) is decided
        assert not clearly_better(other, one)


def test_wins_and_losses_are_counted_against_each_other() -> None:
    """20 to 5 decides, 20 to 7 does not: the rest, right or wrong in both, is no matter."""
    assert sign_test(20, 5) < 0.005 < sign_test(20, 7)
    for losses, decided in ((5, True), (7, False)):
        same = [True, False] * 30
        one = trial([True] * 20 + [False] * losses + same)
        other = trial([False] * 20 + [True] * losses + same)
        assert clearly_better(one, other) is decided


def test_fewer_than_twelve_photos_decide_nothing() -> None:
    for photos, decided in ((11, False), (12, True)):
        always, never = trial([True] * photos, -0.01), trial([False] * photos, -9.0)
        assert clearly_better(always, never) is decided
        assert not clearly_better(never, always)


MOSTLY = [True] * 22 + [False] * 2


def test_the_likelihood_decides_between_equally_many_right() -> None:
    spread = np.linspace(-1, 1, 24)
    sigma = spread.std(ddof=1) / np.sqrt(24)
    for lead, decided in ((2.9, False), (3.1, True)):
        one, other = trial(MOSTLY, list(spread + lead * sigma)), trial(MOSTLY, 0.0)
        assert clearly_better(one, other) is decided
        assert not clearly_better(other, one)


def test_the_likelihood_never_decides_against_the_accuracy() -> None:
    surely, barely = trial([True] * 17 + [False] * 3, -0.001), trial([True] * 18 + [False] * 2, -1.3)
    assert not clearly_better(surely, barely)
    assert not clearly_better(barely, surely)
    assert clearly_better(trial([True] * 18 + [False] * 2, -0.001), barely)


def test_one_that_is_always_right_is_not_preferred_for_being_surer() -> None:
    """Pixels that are too large make a network without normalization more confident, and no better."""
    for mistakes, decided in ((0, False), (1, False), (2, True)):
        right = [True] * (40 - mistakes) + [False] * mistakes
        assert clearly_better(trial(right, -0.001), trial(right, -0.9)) is decided


def test_the_likelihood_is_compared_photo_by_photo() -> None:
    """A small lead on every photo is seen, however much the photos differ among themselves."""
    hard = np.random.default_rng(0).uniform(-13, 0, 24)
    noise = np.random.default_rng(1).normal(0, 0.01, 24)
    assert clearly_better(trial(MOSTLY, list(hard + 0.05)), trial(MOSTLY, list(hard + noise)))


def test_only_photos_that_both_saw_count() -> None:
    long, short = trial([True] * 12 + [False] * 30), trial([False] * 12)
    assert clearly_better(long, short)
    assert not clearly_better(trial([False] * 12 + [True] * 30), trial([False] * 12))


@pytest.mark.parametrize(("photos", "draws"), [(12, 600), (24, 400), (96, 200)])
@pytest.mark.parametrize(("easy", "sharpness"), [(0.0, 1.0), (1.0, 1.0), (2.0, 8.0)])
def test_equals_are_seldom_told_apart(photos: int, draws: int, easy: float, sharpness: float) -> None:
    """A lead of either counts in 1 of 200 cases, by each of two tests and in each round; and luck on top."""
    rounds = 1 + sum(end < photos for end in (24, 48, 96))
    expected = draws * 2 * 2 * rounds * 0.005
    told = sum(len(lottery([seed, photos], photos, easy, sharpness, 2)) == 1 for seed in range(draws))
    assert told <= expected + 2 * expected**0.5


def test_of_many_equals_none_is_ever_chosen_and_the_first_seldom_falls() -> None:
    """What is tried is never told apart into one winner; and the default loses to chance in few of a hundred cases."""
    left = [lottery([seed], 100, 1.0, 1.0, 6) for seed in range(60)]
    assert min(map(len, left)) > 1
    assert sum(all(one.hypothesis != 0 for one in alive) for alive in left) <= 6


def run(script: Mapping[str, Sequence[Answer]]) -> tuple[dict[str, Trial[str]], list[str], int]:
    """The trials of scripted hypotheses, the names of those that are left, and how many steps there were."""
    trials = {name: Trial(name, name) for name in script}
    steps: list[int] = []
    photos = list(range(max(map(len, script.values()))))
    alive = run_trials(list(trials.values()), photos, lambda name, i: script[name][i], lambda: steps.append(1))
    return trials, [one.name for one in alive], len(steps)


def test_what_is_clearly_worse_is_given_up_after_a_round() -> None:
    good, twin, bad, late = answer(0.9), answer(0.9), answer(0.9, first=1), answer(0.1, first=0)
    trials, alive, steps = run(
        {
            "good": [good] * 120,
            "bad": [bad] * 120,
            "late": [good] * 30 + [late] * 90,  # good at first, then wrong
            "twin": [twin] * 120,
        }
    )
    assert alive == ["good", "twin"]
    assert {name: len(one.correct) for name, one in trials.items()} == {"good": 120, "bad": 24, "late": 48, "twin": 120}
    assert steps == 120


def test_it_ends_when_one_is_left() -> None:
    trials, alive, steps = run({"bad": [answer(0.9, first=1)] * 120, "good": [answer(0.9)] * 120})
    assert (alive, steps) == (["good"], 24)
    assert {len(one.correct) for one in trials.values()} == {24}


@pytest.mark.parametrize("photos", [1, 11, 12, 24, 25, 96, 97])
def test_every_photo_is_asked_once_where_nothing_decides(photos: int) -> None:
    trials, alive, steps = run({"a": [answer(0.9)] * photos, "b": [answer(0.9)] * photos})
    assert (alive, steps) == (["a", "b"], photos)
    assert {len(one.correct) for one in trials.values()} == {photos}


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(0, 60))
def test_somebody_always_survives_and_nobody_beats_each_other(seed: int, count: int, photos: int) -> None:
    rng = np.random.default_rng(seed)
    script = {
        str(i): [answer(float(rng.choice([0.3, 0.6, 0.99])), first=int(rng.random() < 0.4)) for _ in range(photos)]
        for i in range(count)
    }
    trials, alive, _ = run(script)
    assert alive
    for one, other in itertools.combinations(trials.values(), 2):
        assert not (clearly_better(one, other) and clearly_better(other, one))
        assert not (one.name in alive and other.name in alive and (clearly_better(one, other)))


@pytest.mark.parametrize(
    ("right", "truths", "beats"),
    [
        (12, [0] * 6 + [1] * 6, True),
        (6, [0] * 6 + [1] * 6, False),
        (10, [0] * 6 + [1] * 6, True),  # at least 55 % in 95 of 100 cases
        (9, [0] * 6 + [1] * 6, False),
        (12, [0] * 9 + [1] * 3, True),  # at least 76 %: more than always giving the frequent answer
        (12, [0] * 10 + [1] * 2, False),
        (12, [0] * 12, False),
        (12, [0, 1, 2] * 4, True),
    ],
)
def test_chance_is_the_most_frequent_answer(right: int, truths: list[int], beats: bool) -> None:
    found = Trial(
        "x", "x", [True] * right + [False] * (len(truths) - right), truths=[frozenset({truth}) for truth in truths]
    )
    assert found.beats_chance is beats


def test_a_photo_is_counted_by_its_first_answer() -> None:
    found = Trial("x", "x")
    found.add(answer(0.7, truth=2, first=2))
    found.add(answer(0.7, truth=1, first=2))
    found.add(Answer(np.array([0, 1, 0, 0], np.float32), frozenset({0}), multi_label=False))
    assert found.correct == [True, False, False]
    assert found.confidence == pytest.approx([0.7, 0.7, 1.0])
    assert found.log_likelihood == pytest.approx([np.log(0.7), np.log(0.1), np.log(1e-6)])  # not minus infinity


def both(*scores: float) -> NDArray[np.float32]:
    return np.array(scores, np.float32)


def test_of_several_labels_all_have_to_be_right() -> None:
    found = Trial("x", "x")
    for scores in (both(0.8, 0.5, 0.1), both(0.8, 0.4, 0.1), both(0.8, 0.9, 0.6), both(0.1, 0.9, 0.1)):
        found.add(Answer(scores, frozenset({0, 1}), multi_label=True))
    found.add(Answer(both(0.1, 0.2, 0.3), frozenset(), multi_label=True))
    assert found.correct == [True, False, False, False, True]
    assert found.confidence[0] == pytest.approx((0.8 + 0.5 + 0.9) / 3)
    assert found.log_likelihood[0] == pytest.approx(np.log(0.8) + np.log(0.5) + np.log(0.9))
    assert found.log_likelihood[3] == pytest.approx(np.log(0.1) + np.log(0.9) + np.log(0.9))


def test_the_most_frequent_of_several_labels_are_all_of_them() -> None:
    truths = [frozenset({0, 1})] * 7 + [frozenset({0})] * 5
    assert Trial("x", "x", [True] * 12, truths=truths).beats_chance
    assert not Trial("x", "x", [True] * 10 + [False] * 2, truths=truths).beats_chance


def test_a_row_has_the_counts() -> None:
    found = Trial("0..1", 1)
    for first in (0, 0, 1):
        found.add(answer(0.75, first=first))
    assert found.row() == EvidenceRow("0..1", 3, 2, 75.0, None)
    found.divergence = 0.12345
    assert found.row().divergence == 0.123

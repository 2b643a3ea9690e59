"""Is a CNN worth it here? In plain words, and no surer than the test photos allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgekit_export.assess.chance import SURE, mcnemar
from edgekit_export.assess.intervals import Pairs, paired_interval, pairs_of
from edgekit_export.assess.wording import between, chance, count, percent, points
from edgekit_export.baseline.entrants import Contest, Entrant
from edgekit_export.baseline.wording import bytes_text, ms_text, name_of
from edgekit_export.page.html import Mood

_CLOSE = 0.03  # a lead of fewer points than this is called as good
_FEW_PHOTOS = 100  # to test with
_FEW_TO_LEARN = 10  # of a class
_TELLING_COLOURS = 0.8  # what colours alone have to reach to be worth a warning


@dataclass(frozen=True)
class Duel:
    """A CNN, or what stands for one, against the best classic method on the same test photos.

    Attributes:
        network: The one.
        classic: The other.
        pairs: Photos that both got right, only the network, only the classic method, neither.
        low: Where the 95 % interval of the network's lead begins, as a fraction.
        high: Where it ends.
        p: McNemar's exact p-value.
    """

    network: Entrant
    classic: Entrant
    pairs: Pairs
    low: float
    high: float
    p: float

    @property
    def is_sure(self) -> bool:
        """Whether the difference is more than chance."""
        return self.p < SURE


@dataclass(frozen=True)
class Verdict:
    """What the reader came for.

    Attributes:
        mood: Of its box.
        headline: In one sentence.
        explanation: What it rests on.
        advice: What else the figures say, and what to do; whole sentences.
        duel: The comparison behind it, where there are both.
    """

    mood: Mood
    headline: str
    explanation: str
    advice: tuple[str, ...]
    duel: Duel | None


def duel_of(network: Entrant, classic: Entrant) -> Duel:
    """Two methods on the same photos."""
    pairs = pairs_of(network.right, classic.right)
    low, high = paired_interval(pairs)
    return Duel(network, classic, pairs, low, high, mcnemar(pairs.first, pairs.second))


def network_of(contest: Contest) -> Entrant | None:
    """The CNN that was named first; without any, the best algorithm on the features of a ready-made one."""
    cnns = [one for one in contest.entrants if one.kind == "cnn"]
    first = next((one for one in cnns if one.name == contest.first_model), None)
    return first or contest.chosen("cnn features")


def verdict_of(contest: Contest) -> Verdict:
    """What the comparison says."""
    network, classic = network_of(contest), contest.chosen("classic")
    if network is None or classic is None:
        return _alone(contest, network or classic)
    duel = duel_of(network, classic)
    mood, headline, explanation = _judged(duel)
    return Verdict(mood, headline, f"{explanation} {_basis(duel)}", tuple(_advice(contest, duel)), duel)


def _alone(contest: Contest, only: Entrant | None) -> Verdict:
    if only is None:
        msg = "a comparison has at least one method"
        raise ValueError(msg)
    headline = f"{name_of(only)}: right on {percent(only.test.value, digits=1)} of {_photos(only)}"
    explanation = "There is nothing to hold it against: " + (
        "leave --features out, or name a classic one." if only.kind != "classic" else "pass a CNN with --model."
    )
    return Verdict("plain", headline, explanation, tuple(_on_photos(contest, only)), None)


def _judged(duel: Duel) -> tuple[Mood, str, str]:
    network, classic = duel.network, duel.classic
    theirs, ours = percent(network.test.value, digits=1), percent(classic.test.value, digits=1)
    best = f"the best classic method ({name_of(classic)})"
    if network.kind == "cnn":
        who, lead = f"The CNN ({network.name})", "A CNN is worth it here"
    else:
        who = f"A ready-made CNN that was not trained on these photos, with {name_of(network).partition(' + ')[2]},"
        lead = "A CNN is likely worth it here"
    figures = f"{who} gets {theirs} of {_photos(network)} right, {best} {ours}."
    if duel.is_sure and duel.pairs.first > duel.pairs.second:
        return "good", f"{lead}: {theirs} right, against {ours} without one", figures
    if duel.is_sure:
        return "bad", f"A classic method beats this CNN: {ours} right, against {theirs}", figures
    if duel.high < _CLOSE:
        return "warn", f"A classic method does as well here: {ours} right, the CNN {theirs}", figures
    return "plain", f"{_photos(network, first=True)} cannot tell whether a CNN is better", figures


def _basis(duel: Duel) -> str:
    lead = f"The CNN's lead of {points(duel.pairs.difference)}"
    if duel.pairs.difference < 0:
        lead = f"The CNN's deficit of {points(-duel.pairs.difference)}"
    surely = "is more than chance" if duel.is_sure else "may be chance"
    low, high = (f"{100 * value:+.1f}" for value in (duel.low, duel.high))
    return f"{lead} {surely} ({chance(duel.p)}); for all photos like these it lies between {low} and {high} points."


def _photos(one: Entrant, *, first: bool = False) -> str:
    text = count(one.test.whole, "test photo")
    return f"These {text}" if first else text


def _advice(contest: Contest, duel: Duel) -> Iterator[str]:
    yield from _on_outcome(duel)
    yield from _on_ready_made(contest, duel)
    yield from _on_colours(contest)
    yield from _on_guessing(contest, duel)
    yield from _on_photos(contest, duel.network)


def _on_outcome(duel: Duel) -> Iterator[str]:
    network, classic = duel.network, duel.classic
    cost = (
        f"{name_of(classic)} needs {ms_text(classic.latency_ms)} for a photo here and {bytes_text(classic.size_bytes)}"
    )
    if network.kind == "cnn":
        cost += f", the CNN {ms_text(network.latency_ms)} and {bytes_text(network.size_bytes)}"
    if duel.is_sure and duel.pairs.first < duel.pairs.second:
        yield (
            "Look at the CNN before you trust either: edgekit-export evaluate shows what it gets wrong. It may have "
            "been trained too shortly, on too few photos, or on other pixels than it gets."
            if network.kind == "cnn"
            else "Train a CNN on these photos (edgekit-export train) and pass it with --model to know for sure."
        )
    elif not duel.is_sure and duel.high < _CLOSE:
        yield f"Think before you train or deploy a CNN: {cost}. Fewer parts, fewer surprises."
    elif not duel.is_sure:
        yield "Collect more test photos: four times as many halve that range. Until then the simpler way is no mistake."
    elif network.kind != "cnn":
        yield "Train a CNN on these photos (edgekit-export train): it is smaller and usually better still."
    else:
        yield f"{cost}. Whether that much more is right is worth it depends on what a wrong answer costs."


def _on_ready_made(contest: Contest, duel: Duel) -> Iterator[str]:
    ready = contest.chosen("cnn features")
    if ready is None or duel.network.kind != "cnn":
        return
    against = duel_of(duel.network, ready)
    behind = name_of(ready).partition(" + ")[2]
    what = f"A ready-made CNN with {behind} behind it gets {percent(ready.test.value, digits=1)}"
    if against.is_sure and against.pairs.first < against.pairs.second:
        yield f"{what}, more than {duel.network.name}: training that CNN on your photos can be improved."
    elif against.is_sure:
        yield f"{what}, less than {duel.network.name}: training the network itself on your photos pays."
    else:
        yield (
            f"{what}; these photos cannot tell that from {duel.network.name}. It trains in seconds, but takes "
            f"{bytes_text(ready.size_bytes)}, and edgekit does not run it: it tells what to expect, not what to deploy."
        )


def _on_colours(contest: Contest) -> Iterator[str]:
    colours = contest.chosen("classic", "colour")
    if colours and colours.test.value >= _TELLING_COLOURS:
        yield (
            f"Colours alone, without any shape, are right on {percent(colours.test.value)}. If the photos of a class "
            "were taken at one place, in one light or on one background, that gives the class away here and nowhere "
            f"else: edgekit-export check {contest.dataset.root} looks for it."
        )


def _on_guessing(contest: Contest, duel: Duel) -> Iterator[str]:
    guess = next(one for one in contest.entrants if one.kind == "guess")
    if max(duel.classic.test.low, duel.network.test.low) <= guess.test.value:
        yield (
            f"Nothing here is clearly better than always giving the same answer ({guess.answers[0]}), which is right "
            f"on {percent(guess.test.value)}. Check the labels: edgekit-export check {contest.dataset.root}."
        )


def _on_photos(contest: Contest, one: Entrant) -> Iterator[str]:
    whole = one.test.whole
    if whole < _FEW_PHOTOS:
        yield (
            f"There are only {count(whole, 'test photo')}: one of them is {points(1 / whole)}, and "
            f"{percent(one.test.value)} means anything from {between(one.test.low, one.test.high)}."
        )
    few = [
        label for label, found in contest.dataset.counts(contest.dataset.part("train")).items() if found < _FEW_TO_LEARN
    ]
    if few:
        yield f"{count(len(few), 'class has', 'classes have')} fewer than {_FEW_TO_LEARN} photos to learn from."

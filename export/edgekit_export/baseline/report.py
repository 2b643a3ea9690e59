"""The page of a comparison."""

from __future__ import annotations

from collections.abc import Iterator

from edgekit.version import __version__
from edgekit_export.assess.choice import shown_name
from edgekit_export.assess.intervals import Share
from edgekit_export.assess.wording import between, count, percent
from edgekit_export.baseline.entrants import Contest, Entrant, recall_of
from edgekit_export.baseline.features import FEATURES, SIDE
from edgekit_export.baseline.figures import accuracy_figure, cost_figure
from edgekit_export.baseline.text import about_photos
from edgekit_export.baseline.verdict import Duel, verdict_of
from edgekit_export.baseline.wording import (
    ALGORITHM_SENTENCES,
    ALGORITHM_TITLES,
    FEATURE_SENTENCES,
    FEATURE_TITLES,
    bytes_text,
    ms_text,
    name_of,
    seconds_text,
)
from edgekit_export.page.html import Mood, Page, Shown

_SHOWN_PHOTOS = 8
_SHOWN_CLASSES = 60
_SHOWN_SKIPPED = 20


def contest_page(contest: Contest, *, command: str) -> str:
    """The page as HTML; `command` is what was typed."""
    page = Page("Is a CNN needed here?", f"{contest.dataset.root}: {about_photos(contest)}")
    verdict = verdict_of(contest)
    page.verdict(verdict.mood, verdict.headline, verdict.explanation)
    if verdict.advice:
        page.heading("What to do")
        page.items(verdict.advice)
    if contest.notes:
        page.heading("Before you trust these figures")
        page.items([_sentence(note) for note in contest.notes])
    named = _notable(contest, verdict.duel)
    _accuracy(page, contest, named)
    _costs(page, contest, named)
    _classes(page, contest, named)
    if verdict.duel:
        _photos(page, contest, verdict.duel)
    _explained(page, contest)
    _origin(page, contest, command)
    return page.html()


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _notable(contest: Contest, duel: Duel | None) -> list[Entrant]:
    """The best classic method, the best on a ready-made CNN's features, and the CNNs: by the validation photos."""
    found = [contest.chosen("classic"), contest.chosen("cnn features"), duel.network if duel else None]
    found += contest.of("cnn")[:2]
    names: dict[str, Entrant] = {one.name: one for one in found if one}
    return list(names.values())


def _accuracy(page: Page, contest: Contest, named: list[Entrant]) -> None:
    page.section(
        "How often each method is right",
        "Every method learned from the same training photos and was asked about the same test photos. The bars are the "
        "range in which its accuracy lies, with 95 % certainty, for all photos like these: where bars overlap widely, "
        "the order of two methods may be chance.",
    )
    page.figure(
        accuracy_figure(contest),
        "Right answers of each method with their 95 % range. Blue: classic. Orange: classic algorithms on what a "
        "ready-made CNN sees. Green: CNNs. The dashed line is always giving the most frequent answer.",
    )
    page.table(
        ("method", "right", "95 % range", "macro F1", "time for a photo", "size", "training"),
        [_row(one) for one in contest.entrants],
        moods=["good" if one in named else "plain" for one in contest.entrants],
    )
    page.text(
        "In colour: the CNNs, and the methods that the validation photos prefer among the classic ones and among those "
        "on ready-made features; the verdict is about these. The best line of a long table is always partly luck, and "
        "what the validation photos chose is not. Macro F1 is the mean over the classes of a figure that counts "
        "missed photos and false alarms alike; it is far below accuracy where rare classes are not recognised."
    )


def _row(one: Entrant) -> tuple[str, ...]:
    return (
        name_of(one),
        percent(one.test.value, digits=1),
        between(one.test.low, one.test.high),
        f"{one.macro_f1:.3f}",
        ms_text(one.latency_ms),
        bytes_text(one.size_bytes),
        seconds_text(one.training_s) or ("" if one.kind == "guess" else "not known"),
    )


def _costs(page: Page, contest: Contest, named: list[Entrant]) -> None:
    page.section("What a right answer costs")
    page.figure(
        cost_figure(contest, named),
        "Up is better, left is faster: note that the scale below doubles from line to line, or a little more. The "
        "larger the circle, the more has to be stored.",
    )
    page.items(list(_about_costs()))


def _about_costs() -> Iterator[str]:
    yield (
        "Time: from the decoded photo to the answer, features included, one photo after another on one core, all "
        "methods taking turns, median. It is this computer's time, with scikit-learn and scikit-image for the classic "
        "methods: believe ratios, not milliseconds."
    )
    yield (
        "Size: the model as Python stores it (pickle), with what it needs to scale features; behind a ready-made CNN, "
        "that network too. scikit-learn with SciPy would come on top (over 100 MB); a CNN's runtime has 7 MB or more."
    )
    yield (
        "Training: one core, the features of all training photos and one fit with the settings chosen; trying the "
        "others took longer. Of a CNN, what the log of edgekit-export train says, where it lies beside the file: all "
        "cores of the computer that trained it."
    )


def _classes(page: Page, contest: Contest, named: list[Entrant]) -> None:
    recalls = {one.name: recall_of(contest.test_photos, one) for one in named}
    labels = list(next(iter(recalls.values()))) if recalls else []
    page.section(
        "Class by class",
        "Of the test photos of each class, how many were recognised. The class that the first of these methods "
        "recognises least stands first.",
    )
    first = recalls[named[0].name]
    labels = sorted(labels, key=lambda label: (first[label].value, label))
    rows: list[tuple[str | int, ...]] = [
        (label, first[label].whole, *(_recalled(recalls[one.name][label]) for one in named))
        for label in labels[:_SHOWN_CLASSES]
    ]
    page.table(("class", "photos", *(name_of(one) for one in named)), rows)
    if len(labels) > _SHOWN_CLASSES:
        page.text(f"{len(labels) - _SHOWN_CLASSES} more are recognised better; --json has every figure.")


def _recalled(share: Share) -> str:
    return percent(share.value)


def _photos(page: Page, contest: Contest, duel: Duel) -> None:
    network, classic = name_of(duel.network), name_of(duel.classic)
    page.section(
        "Photos on which they differ",
        f"Both are right on {duel.pairs.both}, only {network} on {duel.pairs.first}, only {classic} on "
        f"{duel.pairs.second}, neither on {duel.pairs.neither}.",
    )
    for winner, loser in ((duel.network, duel.classic), (duel.classic, duel.network)):
        shown = list(_only_right(contest, winner, loser))
        if shown:
            page.heading(f"Only {name_of(winner)} is right")
            page.photos(shown)


def _only_right(contest: Contest, winner: Entrant, loser: Entrant) -> Iterator[Shown]:
    """Some of them, spread over all: the photos are sorted by class."""
    places = [i for i, right in enumerate(winner.right & ~loser.right) if right]
    step = max(1, len(places) / _SHOWN_PHOTOS)
    mood: Mood = "plain"
    for i in range(min(_SHOWN_PHOTOS, len(places))):
        place = places[int(i * step)]
        photo = contest.test_photos[place]
        lines = (photo.label, f"the other says {loser.answers[place]}", shown_name(photo.path, contest.dataset.root))
        yield Shown(photo.path, lines, mood)


def _explained(page: Page, contest: Contest) -> None:
    pairings = [one.pairing for one in contest.entrants if one.pairing]
    page.section("What each method looks at", f"Classic features are computed on the photo at {SIDE} x {SIDE} pixels.")
    used = [name for name in FEATURES if name in {pairing.features for pairing in pairings}]
    page.items([f"{FEATURE_TITLES[name]}: {FEATURE_SENTENCES[name]}" for name in used])
    page.heading("And how it learns")
    algorithms = {pairing.algorithm for pairing in pairings}
    page.items([f"{ALGORITHM_TITLES[n]}: {text}" for n, text in ALGORITHM_SENTENCES.items() if n in algorithms])
    page.text("A CNN, a convolutional neural network, learns both from the photos: what to look at, and how to decide.")
    with page.folded("The settings that the validation photos chose"):
        page.table(
            ("method", "settings", "right on val", "right on test"),
            [
                (name_of(one), one.settings, percent(one.val.value, digits=1), percent(one.test.value, digits=1))
                for one in contest.entrants
                if one.val
            ],
        )


def _origin(page: Page, contest: Contest, command: str) -> None:
    page.section("How this was made")
    page.command(command)
    models = [(one.name, f"computed by {one.runs_in}") for one in contest.of("cnn")]
    page.facts(
        [
            ("photos", str(contest.dataset.root)),
            ("split", about_photos(contest)),
            ("seed", str(contest.seed)),
            *models,
            ("edgekit", __version__),
        ]
    )
    if contest.skipped:
        page.text(f"Left out: {count(len(contest.skipped), 'photo')} that cannot be read.")
        page.items([f"{one.path}: {one.reason}" for one in contest.skipped[:_SHOWN_SKIPPED]])

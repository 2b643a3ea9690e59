"""The part of the page about answers: kernel families, classes, and which classes are taken for which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from edgekit.card import ClassResult, DecodeCheck, FamilyResult, Verification
from edgekit_export.assess.intervals import Share
from edgekit_export.assess.wording import count, percent, sentence, with_interval
from edgekit_export.page.html import Cell, Mood, Page
from edgekit_export.page.matrix import matrix_figure
from edgekit_export.proof.facts import Proof, lost_photos, lost_share
from edgekit_export.proof.figures import classes_figure
from edgekit_export.proof.record import Confusion
from edgekit_export.proof.wording import FAMILY_MEANINGS, classes_text, half_width, loss_text, who_text

MANY_CLASSES = 40
"""More are not drawn, and stand in tables that open when asked."""

_PAIRS = 15


def add_families(page: Page, proof: Proof) -> None:
    """Accuracy and agreement of each kernel family."""
    found = proof.verification
    page.section("Right answers, and the same answers")
    if not found or not proof.accuracy:
        page.text("No file was put to the photos for confirming, so there are no figures here.")
        return
    page.text(
        f"Asked about {count(found.photos.images, 'photo')} that no step of the export saw. There are two kinds of "
        "integer arithmetic, called kernel families, that a device may have; each gives the same answers on every "
        "device of its kind, so these figures hold there too. The float model is the one before the export. The same "
        "answer says more than what is lost: it also counts wrong answers that became other wrong ones. If it is low "
        f"although little is lost, answers on unclear photos are a matter of luck. {half_width(proof.accuracy)}"
    )
    measure = "all labels right" if proof.multi_label else "right"
    float_share = Share(found.float_correct, found.photos.images)
    rows: list[list[Cell]] = [
        ["float model", with_interval(float_share, digits=1), "", "", found.float_runtime or ""],
        *(_family_row(proof, found, one) for one in found.families),
    ]
    page.table(("", measure, "lost", "same answer", "measured in"), rows)
    page.items([f"{one.family}: computed so by {FAMILY_MEANINGS[one.family]}." for one in found.families])
    if found.decode:
        page.text(_decode_text(found.decode))


def _decode_text(check: DecodeCheck) -> str:
    if not check.reduced:
        return (
            "Large JPEGs are decoded at a part of their size (fast decode); none of these photos was large enough for "
            "that, so how such photos fare was not measured here."
        )
    same, fast, exact = (
        Share(photos, check.images) for photos in (check.agreeing, check.fast_correct, check.exact_correct)
    )
    return (
        f"Large JPEGs are decoded at a part of their size (fast decode), here {count(check.reduced, 'photo')}. Decoded "
        f"as they are (exact decode), photos get the same answer in {with_interval(same, digits=1)}; right are "
        f"{percent(fast.value, digits=1)} with fast and {percent(exact.value, digits=1)} with exact decode."
    )


def _family_row(proof: Proof, found: Verification, one: FamilyResult) -> list[Cell]:
    images = found.photos.images
    return [
        f"file, {one.family}",
        with_interval(Share(one.correct, images), digits=1),
        loss_text(proof.lost(one)),
        with_interval(Share(one.agreeing, images), digits=1),
        f"{one.runtime} {one.runtime_version}",
    ]


def add_classes(page: Page, proof: Proof) -> None:
    """Every class, the one that lost most first."""
    found = proof.verification
    if not found or not found.classes:
        return
    page.section(
        "Class by class",
        f"{classes_text(proof)} With few photos of a class one changed answer is many points, so look at the number of "
        "photos first. If a class that matters to you lost more than one or two, look at its flipped photos below, "
        "limit the loss with --max-class-drop and export again.",
    )
    classes = sorted(found.classes, key=lambda one: (-lost_share(one), one.label))
    if len(classes) <= MANY_CLASSES:
        rows = [(one.label, Share(one.float_correct, one.images), _worst(one)) for one in classes]
        page.figure(
            classes_figure(rows),
            "Full: the file in its worse kernel family, with its 95 % range; red where it lost. Hollow: the float "
            "model. In brackets: photos.",
        )
        _class_table(page, found, classes)
        return
    changed = [one for one in classes if lost_photos(one) > 0]
    if changed:
        _class_table(page, found, changed[:MANY_CLASSES])
    with page.folded(f"All {len(classes):,} classes"):
        _class_table(page, found, classes)


def _worst(one: ClassResult) -> Share:
    return Share(min(one.correct.values(), default=one.float_correct), one.images)


def _class_table(page: Page, found: Verification, classes: Sequence[ClassResult]) -> None:
    families = [one.family for one in found.families]
    rows: list[list[Cell]] = [
        [
            one.label,
            one.images,
            percent(Share(one.float_correct, one.images).value),
            *(
                with_interval(Share(one.correct[family], one.images)) if family in one.correct else ""
                for family in families
            ),
            f"{-lost_photos(one):+d}" if lost_photos(one) else "0",
        ]
        for one in classes
    ]
    header = ("class", "photos", "float right", *(f"{one} right" for one in families), "change, photos")
    page.table(header, rows, moods=[_mood(one) for one in classes])


def _mood(one: ClassResult) -> Mood:
    lost = lost_photos(one)
    return "bad" if lost >= 3 and lost_share(one) >= 0.1 else "warn" if lost > 0 else "plain"


def add_confusions(page: Page, proof: Proof) -> None:
    """Which classes are taken for which, by the float model and by the file; a multi-label model has no such table."""
    confusions = [one for one in proof.record.confusions if one.cells]
    if proof.multi_label or not confusions:
        return
    labels = proof.card.output.labels
    page.section(
        "Which classes are taken for one another",
        "Each row is a class and shows what its photos were called. Green stands on the diagonal and is right, orange "
        "is wrong; the fuller the colour, the larger the share of the row. They should look alike: what is "
        "wrong in all, the model has learned wrongly; what is wrong in the file alone, int8 has cost.",
    )
    if len(labels) <= MANY_CLASSES:
        worst = proof.worst.family if proof.worst else None
        others = [one for one in confusions if one.who in FAMILY_MEANINGS and one.who != worst]
        for one in confusions:
            if one not in others:
                _matrix(page, one, labels)
        for one in others:
            with page.folded(f"The same of the {who_text(one.who)}"):
                _matrix(page, one, labels)
    _pairs_table(page, confusions, labels)


def _matrix(page: Page, one: Confusion, labels: Sequence[str]) -> None:
    matrix = np.zeros((len(labels), len(labels)), int)
    for row, column, photos in one.cells:
        matrix[row, column] += photos
    drawn = matrix_figure(matrix, labels)
    caption = sentence(f"{who_text(one.who)}: photos of each class, by answer")
    page.figure(drawn.svg, caption, least_rem=drawn.least_rem)


def _pairs_table(page: Page, confusions: Sequence[Confusion], labels: Sequence[str]) -> None:
    counts = [_wrong(one) for one in confusions]
    pairs = sorted(
        {pair for one in counts for pair in one},
        key=lambda pair: (
            min(one[pair] for one in counts) - max(one[pair] for one in counts),
            -max(one[pair] for one in counts),
            pair,
        ),
    )
    if not pairs:
        page.text("Every answer is right.")
        return
    page.heading("Taken for one another, those that changed most first")
    rows: list[list[Cell]] = [[labels[a], labels[b], *(one[a, b] for one in counts)] for a, b in pairs[:_PAIRS]]
    page.table(("photos of", "called", *(who_text(one.who) for one in confusions)), rows)
    if len(pairs) > _PAIRS:
        with page.folded(f"{len(pairs) - _PAIRS:,} more"):
            rest: list[list[Cell]] = [[labels[a], labels[b], *(one[a, b] for one in counts)] for a, b in pairs[_PAIRS:]]
            page.table(("photos of", "called", *(who_text(one.who) for one in confusions)), rest)


def _wrong(one: Confusion) -> Counter[tuple[int, int]]:
    found: Counter[tuple[int, int]] = Counter()
    for row, column, photos in one.cells:
        if row != column:
            found[row, column] += photos
    return found

"""The second half of an evaluation's page: groups of photos, worse photos, and another model."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit_export.assess.against import Against, only_right
from edgekit_export.assess.answers import Answers
from edgekit_export.assess.choice import shown_name
from edgekit_export.assess.evaluate import Evaluation
from edgekit_export.assess.figures import curve_figure, intervals_figure
from edgekit_export.assess.robustness import Robustness
from edgekit_export.assess.slices import Slice
from edgekit_export.assess.wording import (
    about_against,
    about_curve,
    about_robustness,
    about_slice,
    chance,
    count,
    percent,
    sentence,
    with_interval,
)
from edgekit_export.page.html import Page, Shown

_ONLY_RIGHT = 12


def shown_answer(evaluation: Evaluation, answers: Answers, place: int) -> Shown:
    """A photo with what it is and what it was called."""
    photo = evaluation.asked.photos[place]
    truth, given = (answers.named(rows[place : place + 1])[0] for rows in (answers.truth, answers.given))
    score = percent(float(answers.confidence[place]))
    name = shown_name(photo.path, evaluation.dataset.root)
    return Shown(photo.path, (f"is {truth}", f"called {given}, {score}", name), "bad")


def add_groups(page: Page, slices: Sequence[Slice]) -> None:
    """Groups of photos side by side, those with a gap first."""
    gaps = [one for one in slices if one.verdict == "gap"]
    page.section(
        "Groups of photos",
        "Does the model fare alike everywhere? Photos were grouped by every column of the manifest, by what their "
        "files tell and by how they look. A gap is called real when dealing the photos of each class out anew seldom "
        "makes one as large; so a group is not blamed for holding more photos of a hard class.",
    )
    page.items([sentence(about_slice(one)) for one in slices if one.verdict != "chance"] or
               ["No group fares differently beyond chance."])  # fmt: skip
    for one in gaps:
        page.heading(one.name)
        page.figure(
            intervals_figure([(g.name, g.right) for g in one.groups], line=_mean(one), about="right answers, %"),
            f"Accuracy by {one.name} with 95 % ranges. The dashed line is that of all.",
        )
        _group_table(page, one)
    others = [one for one in slices if one.verdict != "gap"]
    for one in others:
        with page.folded(sentence(about_slice(one))):
            _group_table(page, one)


def _mean(one: Slice) -> float:
    return sum(g.right.part for g in one.groups) / sum(g.right.whole for g in one.groups)


def _group_table(page: Page, one: Slice) -> None:
    rows = [
        (group.name, group.right.whole, with_interval(group.right), percent(group.expected), chance(group.p))
        for group in one.groups
    ]
    page.table(("group", "photos", "right", "expected from its classes", "by chance"), rows)
    if one.untold:
        page.text(f"{count(one.untold, 'photo')} without a value left out.")


def add_worse_photos(page: Page, found: Robustness) -> None:
    """What damage costs, as curves, and what it looks like."""
    page.section(
        "Worse photos",
        f"{count(found.unchanged.whole, 'photo')} were made worse in five strengths of everything that happens in the "
        f"field. As they are, {with_interval(found.unchanged)} are answered right.",
    )
    page.items([sentence(line) for line in about_robustness(found)])
    lowest = max(0.0, 100 * min(level.right.low for curve in found.curves for level in curve.levels) - 3)
    page.figures([(curve_figure(one, found.unchanged, lowest), sentence(about_curve(one))) for one in found.curves])
    page.heading("What that looks like")
    page.text("One photo in the middle strength of each, the costliest first:")
    page.photos(
        [
            Shown(image, (curve.title, curve.levels[2].text, f"{percent(curve.levels[2].right.value)} right"))
            for curve, image in zip(found.curves, found.examples, strict=True)
        ]
    )
    helped = [curve for curve in found.curves if curve.first_hurt]
    if helped:
        page.heading("What helps")
        page.items([f"{sentence(curve.title)[:-1]}: {curve.advice}" for curve in helped])
    with page.folded("All strengths as a table"):
        page.table(
            ("", "as is", *(f"strength {i}" for i in range(1, 6))),
            [
                (
                    curve.title,
                    percent(found.unchanged.value),
                    *(f"{percent(level.right.value)} ({level.text})" for level in curve.levels),
                )
                for curve in found.curves
            ],
        )


def add_other_model(page: Page, evaluation: Evaluation, against: Against) -> None:
    """Two models side by side, and the photos that only one of them gets right."""
    ours, theirs, name = evaluation.figures, against.figures, evaluation.model.name
    page.section(f"Against {against.name}", sentence(about_against(name, against)))
    rows = [
        ("accuracy", *(with_interval(one.accuracy, digits=1) for one in (ours, theirs))),
        ("mean recall", *(with_interval(one.mean_recall, digits=1) for one in (ours, theirs))),
        ("macro F1", *(with_interval(one.macro_f1, digits=1) for one in (ours, theirs))),
        ("log loss", *(f"{one.log_loss:.3f}" for one in (ours, theirs))),
    ]
    page.table(("", name, against.name), rows)
    both = against.pairs
    page.table(
        ("", f"{against.name} right", f"{against.name} wrong"),
        [(f"{name} right", both.both, both.first), (f"{name} wrong", both.second, both.neither)],
    )
    page.text(
        "Only the photos that one of them got right and the other did not can tell which is better. McNemar's test "
        f"asks how often a fair coin would split them so unequally: {chance(against.p)}. The answers themselves are "
        f"the same on {percent(against.same / both.photos, digits=1)} of the photos."
    )
    mine, others = only_right(evaluation.answers, against.answers)
    for who, places, answers in (
        (name, mine, against.answers),
        (against.name, others, evaluation.answers),
    ):
        if places:
            with page.folded(f"Only {who} is right: {count(len(places), 'photo')}"):
                page.photos([shown_answer(evaluation, answers, i) for i in places[:_ONLY_RIGHT]])

"""The page of a checkup."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.version import __version__
from edgekit_export.assess.choice import shown_name
from edgekit_export.assess.wording import count, sentence
from edgekit_export.check.checkup import SEVERITIES, Checkup
from edgekit_export.check.finding import Finding, Suspect
from edgekit_export.check.look import border_alone
from edgekit_export.check.shortcut import Shortcut
from edgekit_export.check.wording import HEADINGS, MOODS, clean_kinds, facts, not_judged, verdict
from edgekit_export.page.figure import SERIES, draw
from edgekit_export.page.html import Cell, Page, Shown

_SETS, _OF_A_SET, _LISTED = 18, 4, 200
_CLASSES_SHOWN = 40
_ENLARGED = 6  # times
_MIDDLE_GRAY = 128


def checkup_page(checkup: Checkup, *, command: str) -> str:
    """The page as HTML; `command` is what was typed."""
    page = Page("Checkup of photos", str(checkup.survey.whole.root))
    mood, text = verdict(checkup)
    page.verdict(mood, sentence(text), _gist(checkup))
    page.facts(facts(checkup))
    for severity in SEVERITIES:
        found = checkup.of(severity)
        if found:
            page.section(HEADINGS[severity], mood=MOODS[severity])
        for finding in found:
            _finding(page, checkup, finding)
    _classes(page, checkup)
    if checkup.shortcut:
        _border(page, checkup.shortcut)
    page.section("Looked for, and not found")
    page.items([sentence(text) for text in clean_kinds(checkup)] or ["Nothing: each kind of trouble was found."])
    if text := not_judged(checkup):
        page.text(sentence(text))
    page.section("Where this comes from")
    page.facts([("edgekit", __version__), ("photos", str(checkup.survey.whole.root))])
    page.command(command)
    return page.html()


def _gist(checkup: Checkup) -> str:
    worst = [sentence(one.headline) for severity in SEVERITIES[:2] for one in checkup.of(severity)]
    return " ".join(worst[:4]) + (f" And {len(worst) - 4} more." if len(worst) > 4 else "")


def _finding(page: Page, checkup: Checkup, finding: Finding) -> None:
    page.heading(sentence(finding.headline)[:-1], mood=MOODS[finding.severity])
    page.facts(
        [
            ("why it matters", finding.why),
            ("how sure", finding.sure),
            ("what to do", finding.advice),
        ]
    )
    shown = finding.sets[:_SETS]
    if all(len(together) == 1 for together in shown):
        page.photos([_shown(checkup, together[0], finding) for together in shown])
    else:
        page.groups(
            [
                (_caption(together), [_shown(checkup, one, finding) for one in together[:_OF_A_SET]])
                for together in shown
            ]
        )
    rest = finding.sets[_SETS:]
    if rest:
        with page.folded(f"{count(len(rest), 'more')}, by name" if len(rest) == 1 else f"{len(rest):,} more, by name"):
            page.items([" = ".join(_line(checkup, one) for one in together) for together in rest[:_LISTED]])
            if len(rest) > _LISTED:
                page.text(f"And {len(rest) - _LISTED:,} more; --csv FILE.csv lists all.")


def _caption(together: tuple[Suspect, ...]) -> str:
    more = f", {_OF_A_SET} of {len(together)}" if len(together) > _OF_A_SET else ""
    return " and ".join(sorted({one.label for one in together if one.label})) + more


def _shown(checkup: Checkup, one: Suspect, finding: Finding) -> Shown:
    name = shown_name(one.path, checkup.survey.whole.root)
    label = f"is {one.label}" if finding.kind == "wrong_label" else one.label
    return Shown(one.path, tuple(filter(None, (label, one.detail, name))), MOODS[finding.severity])


def _line(checkup: Checkup, one: Suspect) -> str:
    name = shown_name(one.path, checkup.survey.whole.root)
    return f"{name} ({one.detail})" if one.detail else name


def _classes(page: Page, checkup: Checkup) -> None:
    data = checkup.survey.whole
    page.section("Photos of each class")
    parts = [(str(split), data.counts(data.part(split))) for split in data.splits]
    untold = data.counts(photo for photo in data.photos if photo.split is None)
    if sum(untold.values()):
        parts.append(("photos" if not parts else "no split", untold))
    if len(data.labels) <= _CLASSES_SHOWN:
        page.figure(_bars(data.labels, parts), "Photos of each class" + (", by split." if len(parts) > 1 else "."))
    with page.folded("As a table"):
        rows: list[list[Cell]] = [[label, *(counts[label] for _, counts in parts)] for label in data.labels]
        page.table(("class", *(name for name, _ in parts)), rows)


def _bars(labels: tuple[str, ...], parts: list[tuple[str, dict[str, int]]]) -> str:
    def plot(axes: Any) -> None:
        left = np.zeros(len(labels))
        for (name, counts), colour in zip(parts, SERIES, strict=False):
            values = np.array([counts[label] for label in labels], float)
            axes.barh(range(len(labels)), values, left=left, color=colour, label=name, height=0.7)
            left += values
        names = [label if len(label) <= 30 else f"{label[:29]}…" for label in labels]
        axes.set_yticks(range(len(labels)), names, parse_math=False)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("photos")
        axes.grid(visible=True, axis="x")
        if len(parts) > 1:
            axes.legend(ncols=len(parts), loc="lower left", bbox_to_anchor=(0, 1.0))

    return draw(plot, height_inches=0.9 + 0.24 * len(labels))


def _border(page: Page, shortcut: Shortcut) -> None:
    page.section(
        "What the border tells",
        "The mean border of the photos of each class, as the simple model sees it; the middle is hidden. Where they "
        "differ clearly, a model can tell the classes by the background.",
    )
    some = list(zip(shortcut.labels, shortcut.means, strict=True))[:_CLASSES_SHOWN]
    page.photos([Shown(_enlarged(border_alone(mean, _MIDDLE_GRAY)), (label,)) for label, mean in some])


def _enlarged(miniature: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return miniature.repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1)

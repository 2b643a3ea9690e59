"""Figures as words, for the terminal and the page alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgekit_export.assess.against import Against
from edgekit_export.assess.calibration import Calibration
from edgekit_export.assess.evaluate import Evaluation
from edgekit_export.assess.intervals import Measured, Share
from edgekit_export.assess.measures import ClassFigures
from edgekit_export.assess.robustness import Curve, Robustness
from edgekit_export.assess.slices import Slice
from edgekit_export.page.html import Mood

WEAK_BELOW = 0.8  # a class that is recognised in fewer of its photos is worth a warning
_WIDE = 0.2  # an interval that says little


def percent(value: float, *, digits: int = 0) -> str:
    """A fraction in percent; more digits where rounding would say all or none."""
    if math.isnan(value):
        return ""
    value = round(value, 9)  # the end of an interval at 1 is not exactly 1
    text = f"{100 * value:.{digits}f}"
    while digits < 3 and float(text) in (0.0, 100.0) and value not in (0.0, 1.0):
        digits += 1
        text = f"{100 * value:.{digits}f}"
    return f"{text} %"


def between(low: float, high: float, *, digits: int = 0) -> str:
    """An interval in percent."""
    return f"{percent(low, digits=digits).removesuffix(' %')} to {percent(high, digits=digits)}"


def with_interval(figure: Share | Measured, *, digits: int = 0) -> str:
    """A figure and its interval."""
    if math.isnan(figure.value):
        return ""
    return f"{percent(figure.value, digits=digits)} ({between(figure.low, figure.high, digits=digits)})"


def points(value: float) -> str:
    """A difference in percentage points."""
    text = f"{100 * value:.1f}"
    return f"{'0.0' if text == '-0.0' else text} points"


def chance(p: float) -> str:
    """A p-value."""
    return f"p = {p:.2f}" if p >= 0.1 else f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"


def count(number: int, noun: str, plural: str = "") -> str:
    """So many of them."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def joined(words: Sequence[str], *, most: int = 6) -> str:
    """As in a sentence: a, b and c."""
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def sentence(text: str) -> str:
    """A line as a sentence of its own."""
    return f"{text[:1].upper()}{text[1:]}."


def headline(evaluation: Evaluation) -> str:
    """The accuracy in words."""
    share = evaluation.figures.accuracy
    what = "all labels right on" if evaluation.answers.multi_label else "right on"
    return (
        f"{what} {percent(share.value, digits=1)} of {count(share.whole, 'photo')}; of all such photos "
        f"{between(share.low, share.high, digits=1)}"
    )


def mood(evaluation: Evaluation) -> Mood:
    """Bad where it does not clearly beat guessing, warning where something needs work."""
    figures = evaluation.figures
    if figures.accuracy.low <= figures.guess.value:
        return "bad"
    wide = figures.accuracy.high - figures.accuracy.low > _WIDE
    trained_on = any(photo.split == "train" for photo in evaluation.asked.photos)
    return "warn" if wide or trained_on or figures.weakest.recall.value < WEAK_BELOW else "good"


def about_guessing(evaluation: Evaluation) -> str:
    """How it compares with somebody who does not look."""
    figures = evaluation.figures
    beats = "clearly better than" if figures.accuracy.low > figures.guess.value else "not clearly better than"
    return f"{beats} always giving the most frequent answer, which is right on {percent(figures.guess.value)}"


def about_weakest(weakest: ClassFigures) -> str:
    """The class that is recognised least."""
    recall, precision = weakest.recall, weakest.precision
    if recall.part == recall.whole == precision.whole:
        return "no class has a wrong answer"
    text = (
        f"weakest class: {weakest.label}, recognised on {percent(recall.value)} of its {count(recall.whole, 'photo')}"
    )
    text += f" ({between(recall.low, recall.high)})"
    if recall.value > precision.value:
        text += f"; of the photos that were called it {percent(precision.value)} are it"
    return text


def about_width(share: Share) -> str:
    """What more photos would give."""
    half = 50 * (share.high - share.low)
    return (
        f"The interval is about {half:.1f} points to either side. Four times as many photos would halve it; that is "
        "the only way to know more exactly."
    )


def about_calibration(found: Calibration) -> str:
    """Whether scores can be taken at their word."""
    off, excess = points(found.error.value), points(abs(found.excess.value))
    if not found.deviates:
        return f"scores are off by {off} on average, no more than chance gives on this many photos"
    if found.excess.low > 0:
        return f"scores are too high, by {excess} on average: the model is too sure"
    if found.excess.high < 0:
        return f"scores are too low, by {excess} on average: the model is too modest"
    return f"scores are off by {off} on average, too high in some places and too low in others"


def about_slice(one: Slice) -> str:
    """What the groups of a column tell."""
    far = one.farthest
    told = (
        f"{one.name} {far.name}: {percent(far.right.value)} right ({between(far.right.low, far.right.high)}, "
        f"{count(far.right.whole, 'photo')}), all others {percent(far.others.value)}"
    )
    if one.verdict == "gap":
        return f"{told}; its classes let expect {percent(far.expected)}: more than chance ({chance(one.corrected_p)})"
    if one.verdict == "classes":
        return f"{one.name}: the gap of {points(one.gap)} comes from which classes the groups hold, not from the groups"
    if one.verdict == "unknown":
        return f"{one.name}: nearly every class stands in one group only, so class and group cannot be told apart"
    return f"{one.name}: no more than chance ({chance(one.corrected_p)})"


def about_slices(slices: Sequence[Slice]) -> list[str]:
    """Columns with something to say, one line each; the others in one line."""
    lines = [about_slice(one) for one in slices if one.verdict in ("gap", "classes", "unknown")]
    quiet = [one.name for one in slices if one.verdict == "chance"]
    if quiet:
        lines.append(f"no difference beyond chance by {joined(quiet, most=12)}")
    return lines


def about_robustness(found: Robustness) -> list[str]:
    """What costs most, and from which strength on."""
    hurting = [curve for curve in found.curves if curve.first_hurt]
    if not hurting:
        return ["nothing that was tried costs clearly more than 3 points"]
    lines = [about_curve(curve) for curve in hurting[:3]]
    rest = [curve.name for curve in hurting[3:]]
    fine = [curve.name for curve in found.curves if not curve.first_hurt]
    if rest:
        lines.append(f"also hurt by {joined(rest, most=12)}")
    if fine:
        lines.append(f"not clearly hurt by {joined(fine, most=12)}")
    return lines


def about_curve(curve: Curve) -> str:
    """Where a kind of damage begins to hurt, and how far it goes."""
    first = curve.first_hurt
    if first is None:
        return f"{curve.title}: no clear loss"
    last = curve.levels[-1]
    worst = "" if first is last else f", {percent(last.right.value)} at {last.text}"
    return f"{curve.title}: {percent(first.right.value)} right from {first.text} on{worst}"


def about_against(model: str, found: Against) -> str:
    """Which of two models is better, if any."""
    both = found.pairs
    lead = both.difference
    only = f"only {model} is right on {count(both.first, 'photo')}, only {found.name} on {count(both.second, 'photo')}"
    if not found.is_sure:
        limits = f"the difference lies between {points(found.low)} and {points(found.high)}"
        verdict = "no difference beyond chance" if found.low <= 0 <= found.high else "too close to call"
        return f"{verdict}: {only} ({chance(found.p)}); {limits}"
    better = model if lead > 0 else found.name
    low, high = (found.low, found.high) if lead > 0 else (-found.high, -found.low)
    return f"{better} is better by {points(abs(lead))} ({points(low)} to {points(high)}): {only} ({chance(found.p)})"

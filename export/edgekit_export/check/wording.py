"""A checkup in words, for the terminal and the page alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from edgekit_export.assess.wording import count, joined, percent
from edgekit_export.check.checkup import KINDS, Checkup
from edgekit_export.check.finding import Kind, Severity
from edgekit_export.check.opinions import FOLDS
from edgekit_export.errors import CheckupError
from edgekit_export.page.html import Mood

HEADINGS: Mapping[Severity, str] = MappingProxyType(
    {"bad": "Mend before training", "warn": "Worth a look", "note": "Good to know"}
)
MOODS: Mapping[Severity, Mood] = MappingProxyType({"bad": "bad", "warn": "warn", "note": "plain"})

_LOOKED_FOR: Mapping[Kind, str] = MappingProxyType(
    {
        "unreadable": "files that cannot be read",
        "contradiction": "the same photo in several classes",
        "exact_leak": "the same photo in several splits",
        "near_leak": "near-duplicates in several splits",
        "small_class": "classes with few photos",
        "absent_class": "splits that lack classes",
        "cut_off": "photos of which a part is gone",
        "wrong_label": "labels that are likely wrong",
        "border_shortcut": "backgrounds that give the class away",
        "near_across_classes": "near-duplicates in several classes",
        "exact_copies": "exact copies",
        "wrong_ending": "wrong endings",
        "hidden_photo": "photos that nobody finds because of their names",
        "unbalanced": "classes with many times the photos of others",
        "dark": "dark photos",
        "overexposed": "over-exposed photos",
        "blurred": "blurred photos",
        "low_resolution": "photos much smaller than the others",
        "odd_shape": "photos much longer than wide",
        "near_copies": "near-duplicates inside a class",
        "orientation": "photos upright only by EXIF",
        "place": "GPS positions",
        "faces": "faces",
    }
)
_ACROSS_SPLITS: frozenset[Kind] = frozenset({"exact_leak", "near_leak", "absent_class"})
_JUDGED: frozenset[Kind] = frozenset({"wrong_label", "border_shortcut"})


def verdict(checkup: Checkup) -> tuple[Mood, str]:
    """What the reader came for."""
    bad, warn = len(checkup.of("bad")), len(checkup.of("warn"))
    if bad:
        more = f"; {count(warn, 'more is', 'more are')} worth a look" if warn else ""
        return "bad", f"{count(bad, 'thing')} to mend before you train on these photos{more}"
    if warn:
        return "warn", f"nothing that forbids training; {count(warn, 'thing is', 'things are')} worth a look"
    return "good", "nothing was found that would spoil a training or its test"


def checkup_error(checkup: Checkup) -> CheckupError:
    """What a strict checkup ends with."""
    worst = "; ".join(one.headline for one in checkup.of("bad"))
    return CheckupError(f"{checkup.survey.whole.root}: to be mended before training: {worst}.")


def clean_kinds(checkup: Checkup) -> list[str]:
    """What was looked for and not found."""
    found = {one.kind for one in checkup.findings}
    several = len(checkup.survey.dataset.splits) > 1
    return [
        _LOOKED_FOR[kind]
        for kind in KINDS
        if kind in _LOOKED_FOR
        and kind not in found
        and (several or kind not in _ACROSS_SPLITS)
        and (checkup.labels is not None or kind not in _JUDGED)
    ]


def not_judged(checkup: Checkup) -> str:
    """Why labels and backgrounds were not judged; nothing where they were."""
    if checkup.labels is not None:
        return ""
    return f"labels and backgrounds were not judged: that takes two classes of {2 * FOLDS} readable photos each"


def facts(checkup: Checkup) -> list[tuple[str, str]]:
    """What there is."""
    return [(name, text) for name, text in _facts(checkup) if text]


def _facts(checkup: Checkup) -> Iterator[tuple[str, str]]:
    seen = checkup.survey
    data = seen.whole
    parts = ", ".join(f"{split} {len(data.part(split)):,}" for split in data.splits)
    lost = sum(photo.split is None for photo in data.photos) if data.splits else 0
    yield "photos", f"{len(data.photos):,}"
    yield "classes", f"{len(data.labels)}: {joined(list(data.labels), most=20)}"
    yield "splits", (parts + (f", none {lost:,}" if lost else "")) or "none"
    if seen.looks:
        kinds = Counter(look.kind.removesuffix(" image") for look in seen.looks)
        yield "formats", ", ".join(f"{kind} {number:,}" for kind, number in kinds.most_common())
        sizes = Counter((look.header.width, look.header.height) for look in seen.looks)
        (width, height), most = sizes.most_common(1)[0]
        others = f"; {len(sizes) - 1:,} other sizes" if len(sizes) > 1 else ""
        yield "size in pixels", f"{width}x{height} ({percent(most / len(seen.looks))}){others}"
        yield "on the disk", f"{sum(look.size_bytes for look in seen.looks) / 1e6:,.0f} MB"
    if checkup.labels is not None:
        accuracy = percent(checkup.labels.opinions.accuracy)
        text = f"a quick model is right on {accuracy} of photos that it has not seen; a good training is better"
        yield "how well the photos tell the classes apart", text
    if checkup.shortcut is not None:
        border = checkup.shortcut.border
        yield (
            "how well the border alone tells them apart",
            f"{percent(border.accuracy)}; guessing the most frequent class: {percent(border.chance)}",
        )

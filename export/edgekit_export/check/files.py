"""Files that are not what their names say, that cannot be read, or that nobody finds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from edgekit.sniff import kind_of_bytes
from edgekit.walk import PHOTO_SUFFIXES
from edgekit_export.assess.wording import count, joined
from edgekit_export.check.finding import Finding, Suspect, alone, suspect
from edgekit_export.check.survey import Survey
from edgekit_export.data.dataset import DataSet

ENDINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "JPEG image": (".jpg", ".jpeg", ".jpe", ".jfif"),
        "PNG image": (".png",),
        "WebP image": (".webp",),
        "GIF image": (".gif",),
        "BMP image": (".bmp", ".dib"),
        "TIFF image": (".tif", ".tiff"),
        "AVIF image": (".avif",),
        "HEIC image": (".heic", ".heif"),
    }
)
"""How files of each kind are called; the first is the usual one."""

_HEAD = 512  # bytes that tell what a file is


def file_findings(survey: Survey) -> Iterator[Finding]:
    """What is wrong with files, whatever they show."""
    yield from _unreadable(survey)
    yield from _missing(survey.whole)
    yield from _wrong_endings(survey)
    yield from _hidden(survey.whole)
    yield from _unlisted(survey.whole)


def _unreadable(survey: Survey) -> Iterator[Finding]:
    if not survey.unreadable:
        return
    labels = {photo.path: photo.label for photo in survey.whole.photos}
    lost = [label for label, number in survey.dataset.counts().items() if not number]
    yield Finding(
        kind="unreadable",
        severity="bad",
        headline=f"{count(len(survey.unreadable), 'file')} cannot be read as a photo",
        why="A training skips them or stops. A file that was cut off while it was copied may have lost only a part."
        + (f" No photo is left of {joined([repr(label) for label in lost])}." if lost else ""),
        sure="Certain: decoding failed.",
        advice="Copy them again from the camera or the source, or remove them.",
        sets=alone([Suspect(one.path, labels[one.path], one.reason) for one in survey.unreadable]),
    )


def _missing(dataset: DataSet) -> Iterator[Finding]:
    if dataset.missing:
        number = len(dataset.missing)
        yield Finding(
            kind="missing",
            severity="bad",
            headline=f"{count(number, 'photo')} of the manifest {'does' if number == 1 else 'do'} not exist",
            why="Commands refuse a manifest that names what is not there.",
            sure="Certain.",
            advice=f"Bring them back, or remove their lines from {dataset.manifest}.",
            sets=alone([Suspect(path) for path in dataset.missing]),
        )


def _wrong_endings(survey: Survey) -> Iterator[Finding]:
    found = [
        suspect(photo, f"a {look.kind} called {photo.path.suffix}")
        for photo, look in zip(survey.photos, survey.looks, strict=True)
        if photo.path.suffix.lower() not in ENDINGS.get(look.kind, (photo.path.suffix.lower(),))
    ]
    if found:
        yield Finding(
            kind="wrong_ending",
            severity="note",
            headline=f"{count(len(found), 'photo has', 'photos have')} the ending of another format",
            why="edgekit goes by the content, but other programs go by the name and fail on them.",
            sure="Certain: the first bytes of a file say what it is.",
            advice="Rename them; --fix does it in the copy.",
            sets=alone(found),
        )


def _hidden(dataset: DataSet) -> Iterator[Finding]:
    found = hidden_photos(dataset)
    if found:
        yield Finding(
            kind="hidden_photo",
            severity="warn",
            headline=f"{count(len(found), 'photo')} nobody finds, because of {'its' if len(found) == 1 else 'their'} "
            f"{'name' if len(found) == 1 else 'names'}",
            why="Their content is a photo, but their names end otherwise, so every program passes them by.",
            sure="Certain: the first bytes of a file say what it is.",
            advice="Give them the right ending; --fix does it in the copy.",
            sets=alone([Suspect(path, path.parent.name, f"a {kind}") for path, kind in found.items()]),
        )


def hidden_photos(dataset: DataSet) -> dict[Path, str]:
    """Files in the folders of photos that are photos by content and not by name, with what they are."""
    folders = sorted({photo.path.parent for photo in dataset.photos})
    found = {}
    for folder in folders:
        for entry in sorted(folder.iterdir()):
            if entry.suffix.lower() not in PHOTO_SUFFIXES and entry.is_file() and not entry.name.startswith("."):
                kind = _kind(entry)
                if kind in ENDINGS:
                    found[entry] = kind
    return found


def _kind(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return kind_of_bytes(stream.read(_HEAD))
    except OSError:
        return ""


def _unlisted(dataset: DataSet) -> Iterator[Finding]:
    if dataset.unlisted:
        number = len(dataset.unlisted)
        yield Finding(
            kind="unlisted",
            severity="note",
            headline=f"{count(number, 'photo')} {'is' if number == 1 else 'are'} not in the manifest",
            why="They take no part in anything.",
            sure="Certain.",
            advice=f"Add lines for them to {os.fspath(dataset.manifest or 'the manifest')}, or move them elsewhere.",
            sets=alone([Suspect(path) for path in dataset.unlisted]),
        )

"""The part of the page with the photos whose answer flipped. A photo is shown only if it is still the one of then."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from edgekit_export.assess.wording import count
from edgekit_export.page.html import Mood, Page, Shown
from edgekit_export.proof.facts import Proof
from edgekit_export.proof.record import Flipped, Given

_SHOWN, _LISTED = 48, 1000
_UNSURE_PERCENT = 60
_LARGEST_FILE = 2**28  # no photo is larger; a folder may hold anything
_HEADINGS: dict[Mood, str] = {
    "bad": "Right in the float model, wrong in the file",
    "good": "Wrong in the float model, right in the file",
    "warn": "Wrong in both, or not the same in all kernel families",
}


def add_flips(page: Page, proof: Proof, photos: Path | None) -> None:
    """Photos with both answers and the true label; names alone where there is no folder of photos."""
    flipped = proof.record.flipped
    if not proof.verification and not flipped:
        return
    page.section("Photos whose answer flipped")
    if not flipped:
        told = proof.agreement is None or proof.agreement.part == proof.agreement.whole
        page.text("None: every answer is the same." if told else "The record does not name them.")
        return
    unsure = sum(one.float_answer.score_percent < _UNSURE_PERCENT for one in flipped)
    page.text(
        f"{_how_many(proof)} On {unsure} of them the float model itself was less than {_UNSURE_PERCENT} % sure; that "
        "such answers change is harmless. Worth a look are those that it was sure of and right about, which stand "
        "first: if they have something in common, such as a class, a camera or the light, add such photos to those "
        "for calibration."
    )
    if photos is None:
        page.text("This page was made without photos.")
    for mood, heading in _HEADINGS.items():
        of_mood = [one for one in flipped if _mood(one, proof) == mood]
        if not of_mood:
            continue
        of_mood.sort(key=lambda one: -one.float_answer.score_percent)
        page.heading(f"{heading}: {count(len(of_mood), 'photo')}", mood=mood)
        if photos is None:
            _table(page, of_mood[:_LISTED])
            continue
        page.photos([_shown(one, photos, mood) for one in of_mood[:_SHOWN]])
        if len(of_mood) > _SHOWN:
            with page.folded(f"{len(of_mood) - _SHOWN:,} more, by name"):
                _table(page, of_mood[_SHOWN : _SHOWN + _LISTED])


def _how_many(proof: Proof) -> str:
    found, named = proof.verification, len(proof.record.flipped)
    most = max((found.photos.images - one.agreeing for one in found.families), default=0) if found else 0
    if most > named:
        return f"{count(most, 'photo')} got another answer from the file than from the float model; here are {named}."
    return f"{count(named, 'photo')} got another answer from the file than from the float model."


def _mood(one: Flipped, proof: Proof) -> Mood:
    if proof.multi_label:
        return "warn"  # the record has the folder of a photo, not all its labels
    was_right = one.float_answer.label == one.label
    now = {given.label == one.label for given in one.answers.values()}
    if was_right:
        return "bad"
    return "good" if now == {True} else "warn"


def _lines(one: Flipped) -> list[tuple[str, str]]:
    """Who answered what; families with one answer in one line."""
    grouped: dict[str, list[tuple[str, Given]]] = {}
    for family, given in one.answers.items():
        grouped.setdefault(given.label, []).append((family, given))
    lines = [("float", _given(one.float_answer))]
    for answers in grouped.values():
        who = "file" if len(answers) == len(one.answers) else f"file, {' and '.join(name for name, _ in answers)}"
        lines.append((who, _given(answers[0][1])))
    return lines


def _given(given: Given) -> str:
    return f"{given.score_percent:.0f}\N{NO-BREAK SPACE}% {given.label}"


def _shown(one: Flipped, photos: Path, mood: Mood) -> Shown:
    data, instead = _photo(one, photos)
    lines = (f"is {one.label}", *(f"{who}: {answer}" for who, answer in _lines(one)), one.file)
    return Shown(data, lines, mood, instead)


def _photo(one: Flipped, photos: Path) -> tuple[bytes | None, str]:
    """The file's bytes if they are those of the export; else why not."""
    path = photos / one.file  # wherever that leads: without the right checksum nothing of it is shown
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_FILE:
            return None, "missing"
        data = path.read_bytes()
    except (OSError, ValueError):  # it may not be read, or no file can have such a name
        return None, "missing"
    if hashlib.sha256(data).hexdigest() != one.sha256.lower():
        return None, "changed since the export"
    return data, "cannot be read"


def _table(page: Page, flipped: Sequence[Flipped]) -> None:
    rows = [(one.file, one.label, *(_rest(one))) for one in flipped]
    page.table(("photo", "is", "float model", "file"), rows)


def _rest(one: Flipped) -> tuple[str, str]:
    (_, before), *after = _lines(one)
    return before, "; ".join(answer if who == "file" else f"{who}: {answer}" for who, answer in after)

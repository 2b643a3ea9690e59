"""Is a record possible at all? A file of a stranger may claim 700 right answers to 580 photos."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from edgekit.card import ModelCard, Verification
from edgekit.errors import ModelFileError
from edgekit_export.proof.record import RECORD_NAME, ExportRecord

_LARGEST = 1e12  # no weight, time or size is larger; a plot of larger numbers fails
_Counts = tuple[str, int, int]


def check_record(card: ModelCard, record: ExportRecord) -> None:
    """Refuse counts and numbers that cannot be.

    Raises:
        ModelFileError: the text names the place.
    """
    for where, part, whole in _counts(card, record):
        if not 0 <= part <= whole <= _LARGEST:
            msg = f"{where}: {part} of {whole} photos cannot be. Export the model again."
            raise ModelFileError(msg)
    for where, value in _numbers(record, RECORD_NAME):
        if abs(value) > _LARGEST:
            msg = f"{where}: found {value:g}, no such number is measured. Export the model again."
            raise ModelFileError(msg)
    classes = len(card.output.labels)
    for one in record.confusions:
        if any(not 0 <= place < classes for row, column, _ in one.cells for place in (row, column)):
            msg = f"{RECORD_NAME}: confusions: a cell lies outside of the {classes} classes. Export the model again."
            raise ModelFileError(msg)


def _counts(card: ModelCard, record: ExportRecord) -> Iterator[_Counts]:
    if card.verification:
        yield from _of_verification(card.verification)
    for rung in record.rungs:
        for part in (rung.correct, rung.float_correct, rung.agreeing):
            yield f"{RECORD_NAME}: rungs: {rung.recipe}", part, rung.images
    for scored in record.scores.scored if record.scores else ():
        for one in scored.bins:
            yield f"{RECORD_NAME}: scores: {scored.who}", one.right, one.photos
    for decided in record.decisions.classes if record.decisions else ():
        yield f"{RECORD_NAME}: decisions: {decided.label}", decided.right, decided.answered
    for confusion in record.confusions:
        cells: Sequence[Sequence[int]] = confusion.cells  # in a file they may have other lengths
        for cell in cells:
            if len(cell) != 3:
                msg = f"{RECORD_NAME}: confusions: {len(cell)} numbers, expected 3. Export the model again."
                raise ModelFileError(msg)
            yield f"{RECORD_NAME}: confusions: {confusion.who}", 0, cell[2]


def _of_verification(found: Verification) -> Iterator[_Counts]:
    images = found.photos.images
    yield "model_card.json: verification: float_correct", found.float_correct, images
    for family in found.families:
        yield f"model_card.json: verification: {family.family}", family.correct, images
        yield f"model_card.json: verification: {family.family}", family.agreeing, images
    if check := found.decode:
        for part in (check.reduced, check.agreeing, check.fast_correct, check.exact_correct):
            yield "model_card.json: verification: decode", part, check.images
    for one in found.classes:
        for part in (one.float_correct, *one.correct.values()):
            yield f"model_card.json: verification: {one.label}", part, one.images


def _numbers(value: object, where: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, (int, float)):
        yield where, value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _numbers(item, where)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _numbers(getattr(value, field.name), f"{where}: {field.name}")

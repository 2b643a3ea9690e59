"""The answer for a photo as text: a line for people, an object of JSON, or rows of CSV. Nothing is printed here."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Protocol

from edgekit.classifier import TimedPredictions
from edgekit.decision import UNSURE
from edgekit.scores import Prediction


class AnswerFormat(Protocol):
    """How answers are written; every text is whole lines with their ends. `header` is the first line, or nothing."""

    header: str

    def success(self, source: str, result: TimedPredictions) -> str:
        """What came of a photo."""

    def failure(self, source: str, reason: str) -> str | None:
        """That a photo could not be read, for what reason; None where such does not stand among the answers."""


class TextFormat:
    """One line a photo, for people."""

    header = ""

    def __init__(self, multi_label: bool) -> None:
        self._multi_label = multi_label

    def success(self, source: str, result: TimedPredictions) -> str:
        """``photo.jpg: healthy 91.0%, rust 9.0%``."""
        if self._multi_label:
            text = _joined(result.present, [p for p in result.predictions if p not in result.present])
        elif result.decision == UNSURE:
            text = f"{UNSURE} {_joined((), result.predictions)}"
        else:
            text = _joined(result.predictions, ())
        return f"{source}: {text}\n"

    def failure(self, source: str, reason: str) -> None:
        """Nothing: people read it on standard error."""


def _joined(counting: Sequence[Prediction], others: Sequence[Prediction]) -> str:
    answers, rest = ([f"{p.label} {p.score:.1%}" for p in some] for some in (counting, others))
    return ", ".join(answers + ([f"({', '.join(rest)})"] if rest else []))


class JsonFormat:
    """One object a line and photo."""

    header = ""

    def __init__(self, multi_label: bool) -> None:
        self._multi_label = multi_label

    def success(self, source: str, result: TimedPredictions) -> str:
        """An object with ``file``, ``predictions`` and ``timing_ms``."""
        predictions = [
            {"class_id": p.class_id, "label": p.label, "score": round(p.score, 6)} for p in result.predictions
        ]
        timing = {name: round(value, 3) for name, value in result.timing_ms._asdict().items()}
        found: dict[str, object] = {"decision": result.decision} if result.decision is not None else {}
        if self._multi_label:
            found = {"present": [p.label for p in result.present]}
        return _json_line({"file": source, "predictions": predictions, **found, "timing_ms": timing})

    def failure(self, source: str, reason: str) -> str:
        """An object with ``file`` and ``error``."""
        return _json_line({"file": source, "error": reason})


def _json_line(record: dict[str, object]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


class CsvFormat:
    """One row an answer. `decision` is the last column, so that the others stand where they always stood.

    It repeats the decision about the photo; of a multi-label model, it is the row's label where that is present.
    """

    columns = ("file", "rank", "class_id", "label", "score", "error", "decision")
    header = ",".join(columns) + "\n"

    def __init__(self, multi_label: bool) -> None:
        self._multi_label = multi_label

    def success(self, source: str, result: TimedPredictions) -> str:
        """A row for each prediction, with ranks from 1."""
        return _csv_rows(
            [
                [source, rank, p.class_id, p.label, f"{p.score:.6f}", "", self._decision(p, result)]
                for rank, p in enumerate(result.predictions, start=1)
            ]
        )

    def failure(self, source: str, reason: str) -> str:
        """A row with the reason, and without a rank."""
        return _csv_rows([[source, "", "", "", "", reason, ""]])

    def _decision(self, prediction: Prediction, result: TimedPredictions) -> str | None:
        if self._multi_label:
            return prediction.label if prediction in result.present else ""
        return result.decision


def _csv_rows(rows: Sequence[Sequence[object]]) -> str:
    lines = []
    for row in rows:
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerow(row)  # so that a name with either sign in it is quoted
        lines.append(text.getvalue().removesuffix("\r\n") + "\n")
    return "".join(lines)


FORMATS: dict[str, type[TextFormat | JsonFormat | CsvFormat]] = {
    "text": TextFormat,
    "json": JsonFormat,
    "csv": CsvFormat,
}

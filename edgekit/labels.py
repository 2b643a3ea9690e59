"""`labels.txt`: one label a line, the line number counted from 0 is the class_id."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.errors import ModelFileError


def parse_labels(data: bytes, where: str) -> tuple[str, ...]:
    """Labels from the bytes of a labels file (UTF-8, with or without a byte order mark, any line ending).

    Raises:
        ModelFileError: not UTF-8 text, no label at all, or an empty line between labels.
    """
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        msg = f"{where}: byte {error.start} is not UTF-8 text. Save the labels as UTF-8, one a line."
        raise ModelFileError(msg) from error
    labels = [line.strip() for line in lines]
    while labels and not labels[-1]:
        labels.pop()
    if not labels:
        msg = f"{where}: found no label, expected one a line."
        raise ModelFileError(msg)
    if "" in labels:
        line = labels.index("") + 1
        msg = f"{where} line {line}: empty label; every line names one class. Remove the line or name the class."
        raise ModelFileError(msg)
    return tuple(labels)


def format_labels(labels: Sequence[str]) -> bytes:
    """The bytes of a labels file.

    Raises:
        ValueError: labels that `parse_labels` would not give back: none at all, or one that is empty, has a line
            break, begins or ends with a space, or begins with a byte order mark.
    """
    text = "".join(f"{label}\n" for label in labels)
    if not labels or text.startswith("\ufeff"):
        msg = "there is no label, or the first begins with a byte order mark; name the classes in plain text."
        raise ValueError(msg)
    if tuple(text.splitlines()) != tuple(labels) or any(not x or x != x.strip() for x in labels):
        msg = "a label is empty, has a line break, or begins or ends with a space; rename it."
        raise ValueError(msg)
    return text.encode()

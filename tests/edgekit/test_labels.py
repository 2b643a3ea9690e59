"""`labels.txt`: what is read, what is refused, and that what is written is read again."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgekit.errors import ModelFileError
from edgekit.labels import format_labels, parse_labels


@pytest.mark.parametrize(
    ("data", "labels"),
    [
        (b"cat\ndog\n", ("cat", "dog")),
        (b"cat\ndog", ("cat", "dog")),
        (b"cat\r\ndog\r\n", ("cat", "dog")),
        (b"cat\rdog\r", ("cat", "dog")),
        (b"\xef\xbb\xbfcat\n", ("cat",)),
        (b"  cat \t\ndog\n\n \n", ("cat", "dog")),
        ("größe\n猫\nbean rust\n".encode(), ("größe", "猫", "bean rust")),
        (b"same\nsame\n", ("same", "same")),
        (b"0 cat\n1 dog\n", ("0 cat", "1 dog")),
    ],
)
def test_a_label_stands_on_every_line(data: bytes, labels: tuple[str, ...]) -> None:
    assert parse_labels(data, "labels.txt") == labels


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "labels.txt: found no label, expected one a line."),
        (b"\xef\xbb\xbf\n \r\n", "labels.txt: found no label, expected one a line."),
        (
            b"cat\n\ndog\n",
            "labels.txt line 2: empty label; every line names one class. Remove the line or name the class.",
        ),
        (b"cat\nd\xf6g\n", "labels.txt: byte 5 is not UTF-8 text. Save the labels as UTF-8, one a line."),
        ("cat\n".encode("utf-16"), "labels.txt: byte 0 is not UTF-8 text. Save the labels as UTF-8, one a line."),
    ],
)
def test_a_file_that_is_no_list_of_labels_is_refused_with_the_place(data: bytes, message: str) -> None:
    with pytest.raises(ModelFileError) as caught:
        parse_labels(data, "labels.txt")
    assert str(caught.value) == message


@settings(derandomize=True, deadline=None)
@given(st.binary(max_size=60))
def test_random_bytes_are_labels_or_a_model_file_error(data: bytes) -> None:
    try:
        labels = parse_labels(data, "labels.txt")
    except ModelFileError:
        return
    assert labels
    assert all(label and label == label.strip() for label in labels)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=4))
@example(["\ufeffcat"])
@example(["cat\x85dog"])
@example(["cat\x1f"])
@example([])
def test_written_labels_are_read_again_or_refused(labels: list[str]) -> None:
    try:
        data = format_labels(labels)
    except ValueError:
        assert any(
            not x.strip() or x != x.strip() or len(x.splitlines()) > 1 or x[0] == "\ufeff" for x in labels or [""]
        )
    else:
        assert parse_labels(data, "labels.txt") == tuple(labels)


def test_labels_are_written_one_a_line_in_utf_8() -> None:
    assert format_labels(["cat", "größe"]) == b"cat\ngr\xc3\xb6\xc3\x9fe\n"


@pytest.mark.parametrize("labels", [[], [""], ["a\nb"], [" a"], ["a", "b\t"], ["\u2028"], ["\ud800"], ["\ufeffa"]])
def test_labels_that_would_not_be_read_again_are_refused(labels: list[str]) -> None:
    with pytest.raises(ValueError, match=r"label|surrogates"):
        format_labels(labels)

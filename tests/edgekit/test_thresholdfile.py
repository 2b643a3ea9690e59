"""The file of thresholds beside a model: what it may say, and what a hostile one gets for an answer."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.errors import ModelFileError
from edgekit.thresholdfile import (
    EXAMPLE,
    MAX_BYTES,
    ThresholdFile,
    parse_threshold_file,
    read_threshold_file,
    threshold_file_path,
)

LABELS = ("ant", "bee", "cat, big")
HERE = Path("leaf.thresholds.json")


def parse(value: Any, labels: tuple[str, ...] | None = LABELS) -> ThresholdFile:
    return parse_threshold_file(value if isinstance(value, bytes) else json.dumps(value).encode(), HERE, labels)


def refused(value: Any) -> str:
    with pytest.raises(ModelFileError) as error:
        parse(value)
    text = str(error.value)
    assert text.startswith("leaf.thresholds.json: ")
    assert "\n" not in text
    assert len(text) < 500
    return text.removeprefix("leaf.thresholds.json: ")


@pytest.mark.parametrize(
    ("model", "file"),
    [
        ("leaf.tflite", "leaf.thresholds.json"),
        ("models/leaf.v2.tflite", "models/leaf.v2.thresholds.json"),
        ("leaf.TFLITE", "leaf.thresholds.json"),
        ("leaf.v2", "leaf.v2.thresholds.json"),
        ("leaf", "leaf.thresholds.json"),
    ],
)
def test_the_file_has_the_models_name(model: str, file: str) -> None:
    assert threshold_file_path(model) == Path(file)
    assert threshold_file_path(Path(model)) == Path(file)


def test_both_keys_are_read_and_both_are_optional() -> None:
    both = parse({"abstain_below": 0.6, "thresholds": {"bee": 0.8, "cat, big": 1}})
    assert both == ThresholdFile(HERE, 0.6, {"bee": 0.8, "cat, big": 1.0})
    assert parse({"abstain_below": 0}) == ThresholdFile(HERE, 0.0, {})
    assert parse({"thresholds": {"ant": 0}}) == ThresholdFile(HERE, None, {"ant": 0.0})
    assert parse({"thresholds": {}}) == parse({}) == ThresholdFile(HERE)
    assert {type(score) for score in both.thresholds.values()} == {float}


def test_the_example_of_the_error_texts_is_right() -> None:
    assert parse(EXAMPLE.encode(), ("bean_rust",)) == ThresholdFile(HERE, 0.6, {"bean_rust": 0.8})


def test_a_byte_order_mark_and_labels_in_any_language_are_read() -> None:
    text = '\ufeff{"thresholds": {"grün": 0.5, "\\u65e5本": 0.25}}'.encode()
    assert parse(text, ("grün", "日本")).thresholds == {"grün": 0.5, "日本": 0.25}


def test_a_model_that_does_not_say_its_labels_may_have_any() -> None:
    assert parse({"thresholds": {"whatever": 0.5}}, None).thresholds == {"whatever": 0.5}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"", f"not JSON in UTF-8 (Expecting value: line 1 column 1 (char 0)). Expected for instance {EXAMPLE}."),
        (b"{'abstain_below': 0.6}", "not JSON in UTF-8 (Expecting property name"),
        (b"\xff\xfe{\x00}\x00", "not JSON in UTF-8 ('utf-8' codec can't decode byte 0xff in position 0"),
        (b"[" * 100_000, "not JSON in UTF-8 ("),
        (b'{"abstain_below": ' + b"1" * 100_000 + b"}", "xpected "),  # newer Pythons refuse it, older take it
        ([0.6], f"found [0.6], expected an object. An example: {EXAMPLE}."),
        (0.6, "found 0.6, expected an object"),
        (None, "found None, expected an object"),
        ({"threshold": {"bee": 1}}, "unknown key 'threshold', expected abstain_below or thresholds."),
        ({"abstain_below": 0.5, "Thresholds": {}}, "unknown key 'Thresholds', expected"),
        ({"thresholds": {"wasp": 0.5}}, "thresholds: unknown label 'wasp', expected one of 'ant', 'bee', 'cat, big'."),
        ({"thresholds": {"Bee": 0.5}}, "thresholds: unknown label 'Bee', expected"),
        ({"thresholds": {"bee ": 0.5}}, "thresholds: unknown label 'bee ', expected"),
        ({"thresholds": {"\ud800\n": 0.5}}, "thresholds: unknown label '\\ud800\\n', expected"),
        ({"thresholds": [0.5, 0.5, 0.5]}, "thresholds: found [0.5, 0.5, 0.5], expected an object"),
        ({"thresholds": None}, "thresholds: found None, expected an object"),
        ({"thresholds": {"bee": 80}}, "thresholds: 'bee': found 80, expected a number from 0 to 1; 60 % is 0.6."),
        ({"thresholds": {"bee": None}}, "thresholds: 'bee': found None, expected a number"),
        ({"thresholds": {"bee": {"from": 1}}}, "thresholds: 'bee': found {'from': 1}, expected a number"),
        ({"abstain_below": -0.01}, "abstain_below: found -0.01, expected a number from 0 to 1"),
        ({"abstain_below": 1.000001}, "abstain_below: found 1.000001, expected"),
        ({"abstain_below": "0.6"}, "abstain_below: found '0.6', expected"),
        ({"abstain_below": True}, "abstain_below: found True, expected"),
        ({"abstain_below": None}, "abstain_below: found None, expected"),
        ({"abstain_below": math.nan}, "abstain_below: found nan, expected"),
        ({"abstain_below": math.inf}, "abstain_below: found inf, expected"),
        ({"abstain_below": 10**400}, "..., expected a number from 0 to 1"),
        (b'{"abstain_below": 1e999}', "abstain_below: found inf, expected"),
        (b'{"abstain_below": 0.5, "abstain_below": 0.9}', "key 'abstain_below' stands twice. Keep the right one only."),
        (b'{"thresholds": {"bee": 0.5, "bee": 0.9}}', "key 'bee' stands twice."),
        ({"thresholds": {"x" * 5000: 1}}, "..., expected one of"),
        (b" " * (MAX_BYTES + 1), f"more than {MAX_BYTES} bytes, no file of thresholds is so large. Expected"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(value: Any, text: str) -> None:
    assert text in refused(value)


def test_of_many_labels_the_first_are_told() -> None:
    with pytest.raises(ModelFileError, match=r"expected one of '0', '1', '2', '3', '4' and 995 more\."):
        parse({"thresholds": {"x": 0.5}}, tuple(map(str, range(1000))))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(LABELS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from((*LABELS, "abstain_below", "thresholds", "")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_thresholds_or_one_refusal_that_names_the_file(data: bytes) -> None:
    try:
        found = parse(data)
    except ModelFileError as error:
        text = str(error)
        assert text.startswith("leaf.thresholds.json: ")
        assert "\n" not in text
        return
    assert found.abstain_below is None or 0 <= found.abstain_below <= 1
    assert set(found.thresholds) <= set(LABELS)
    assert all(0 <= score <= 1 for score in found.thresholds.values())


@given(st.dictionaries(st.sampled_from(LABELS), st.floats(0, 1)), st.none() | st.floats(0, 1))
def test_what_was_written_is_read(thresholds: dict[str, float], abstain_below: float | None) -> None:
    value = {"thresholds": thresholds} | ({} if abstain_below is None else {"abstain_below": abstain_below})
    assert parse(value) == ThresholdFile(HERE, abstain_below, thresholds)


def test_no_file_is_none_also_where_the_name_would_be_too_long(tmp_path: Path) -> None:
    assert read_threshold_file(tmp_path / "leaf.tflite", LABELS) is None
    assert read_threshold_file(tmp_path / ("x" * 248 + ".tflite"), LABELS) is None


def test_a_file_beside_the_model_is_read(tmp_path: Path) -> None:
    file = tmp_path / "leaf.thresholds.json"
    file.write_text('{"abstain_below": 0.6}\n')
    expected = ThresholdFile(file, 0.6)
    assert read_threshold_file(tmp_path / "leaf.tflite", LABELS) == expected
    assert read_threshold_file(str(tmp_path / "leaf.tflite"), None) == expected
    assert read_threshold_file(tmp_path / "other.tflite", LABELS) is None


def test_one_that_is_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "leaf.thresholds.json"
    with file.open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(ModelFileError, match=r"leaf\.thresholds\.json: more than 1048576 bytes"):
        read_threshold_file(tmp_path / "leaf.tflite", LABELS)


def test_one_that_cannot_be_read_is_never_passed_over(tmp_path: Path) -> None:
    model, file = tmp_path / "leaf.tflite", tmp_path / "leaf.thresholds.json"
    file.mkdir()
    with pytest.raises(IsADirectoryError):
        read_threshold_file(model, LABELS)
    file.rmdir()
    file.symlink_to(tmp_path / "nowhere.json")
    with pytest.raises(FileNotFoundError):
        read_threshold_file(model, LABELS)
    file.unlink()
    file.symlink_to(file)
    with pytest.raises(OSError, match=r"leaf\.thresholds\.json"):
        read_threshold_file(model, LABELS)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_does_not_keep_the_runner_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "leaf.thresholds.json")
    with pytest.raises(ModelFileError, match=r"leaf\.thresholds\.json: found no regular file, expected one"):
        read_threshold_file(tmp_path / "leaf.tflite", LABELS)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom permissions stop")
def test_one_without_permission_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "leaf.thresholds.json"
    file.write_text("{}")
    file.chmod(0)
    with pytest.raises(PermissionError):
        read_threshold_file(tmp_path / "leaf.tflite", LABELS)

import math
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from edgekit.errors import ModelFileError
from edgekit.records import from_json, to_json


@dataclass(frozen=True)
class Inner:
    ratio: float

    def __post_init__(self) -> None:
        if self.ratio < 0:
            msg = "ratio is negative"
            raise ValueError(msg)


@dataclass(frozen=True)
class Outer:
    name: str
    count: int
    flag: bool
    kind: Literal["a", "b"]
    inner: Inner
    level: Literal[1, 2] = 1
    values: tuple[float, ...] = ()
    inners: tuple[Inner, ...] = ()
    counts: dict[str, int] | None = None
    note: str | None = None


GOOD: dict[str, Any] = {"name": "x", "count": 3, "flag": True, "kind": "a", "inner": {"ratio": 1}}
FULL = Outer("x", 3, True, "b", Inner(0.5), 2, (1.0, 2.5), (Inner(1.0),), {"leaf": 7}, "hi")


def test_a_record_comes_back_from_its_json() -> None:
    assert from_json(Outer, to_json(FULL), "here") == FULL


def test_parts_that_are_none_are_left_out_and_may_be_missing() -> None:
    record = from_json(Outer, GOOD, "here")
    assert record == Outer("x", 3, True, "a", Inner(1.0))
    assert "note" not in to_json(record)


def test_null_stands_for_an_optional_part() -> None:
    assert from_json(Outer, {**GOOD, "note": None}, "here").note is None


def test_integers_are_taken_as_numbers() -> None:
    ratio = from_json(Inner, {"ratio": 2}, "here").ratio
    assert isinstance(ratio, float)


def test_unknown_keys_are_ignored() -> None:
    assert from_json(Outer, {**GOOD, "newer": [1], "inner": {"ratio": 1, "newer": 2}}, "here") == from_json(
        Outer, GOOD, "here"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": 5}, "here: name: found 5, expected a string"),
        ({"name": None}, "here: name: found None, expected a string"),
        ({"count": 2.0}, "here: count: found 2.0, expected an integer"),
        ({"count": True}, "here: count: found True, expected an integer"),
        ({"count": "3"}, "here: count: found '3', expected an integer"),
        ({"flag": 1}, "here: flag: found 1, expected true or false"),
        ({"kind": "c"}, "here: kind: found 'c', expected one of a, b"),
        ({"kind": ["a"]}, "here: kind: found ['a'], expected one of a, b"),
        ({"kind": {}}, "here: kind: found {}, expected one of a, b"),
        ({"level": True}, "here: level: found True, expected one of 1, 2"),
        ({"inner": 5}, "here: inner: found 5, expected an object"),
        ({"inner": {}}, "here: inner: ratio is missing"),
        ({"inner": {"ratio": "1"}}, "here: inner: ratio: found '1', expected a number"),
        ({"inner": {"ratio": False}}, "here: inner: ratio: found False, expected a number"),
        ({"inner": {"ratio": math.nan}}, "here: inner: ratio: found nan, expected a finite number"),
        ({"inner": {"ratio": -math.inf}}, "here: inner: ratio: found -inf, expected a finite number"),
        ({"inner": {"ratio": 10**400}}, "expected a finite number"),
        ({"inner": {"ratio": -1}}, "here: inner: ratio is negative"),
        ({"values": "12"}, "here: values: found '12', expected a list"),
        ({"values": [1, None]}, "here: values[1]: found None, expected a number"),
        ({"values": [math.inf]}, "here: values[0]: found inf, expected a finite number"),
        ({"inners": [{"ratio": 1}, 2]}, "here: inners[1]: found 2, expected an object"),
        ({"counts": [1]}, "here: counts: found [1], expected an object"),
        ({"counts": {"leaf": "7"}}, "here: counts.leaf: found '7', expected an integer"),
        ({"note": 1}, "here: note: found 1, expected a string"),
        ({"name": list(range(1000))}, "..., expected a string"),
    ],
)
def test_wrong_values_are_refused_by_place(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelFileError) as refused:
        from_json(Outer, {**GOOD, **change}, "here")
    assert words in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("key", GOOD)
def test_a_missing_part_without_default_is_named(key: str) -> None:
    with pytest.raises(ModelFileError, match=f"here: {key} is missing"):
        from_json(Outer, {k: v for k, v in GOOD.items() if k != key}, "here")


@pytest.mark.parametrize("value", [None, 1, "text", [], [GOOD]])
def test_what_is_no_object_is_no_record(value: Any) -> None:
    with pytest.raises(ModelFileError, match="expected an object"):
        from_json(Outer, value, "here")

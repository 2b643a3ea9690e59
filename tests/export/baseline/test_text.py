"""A comparison as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgekit_export.baseline.shortlist import Pairing
from edgekit_export.baseline.text import contest_record, describe_contest
from edgekit_export.baseline.wording import bytes_text, ms_text, name_of, seconds_text
from edgekit_export.data.pixels import Unreadable
from edgekit_export.statistics import wilson_interval

if TYPE_CHECKING:
    from edgekit_export.baseline.entrants import Contest
    from tests.export.baseline.conftest import MakeContest, MakeEntrant


@pytest.fixture
def small(make_contest: MakeContest, make_entrant: MakeEntrant) -> Contest:
    return make_contest(
        make_entrant("cnn", [True] * 15 + [False], name="leaf.tflite"),
        make_entrant("classic", [True] * 12 + [False] * 4, pairing=Pairing("lbp", "dbn"), val=30),
        skipped=tuple(Unreadable(Path(f"leaves/{i}.jpg"), "an empty file") for i in range(7)),
    )


def test_the_summary_has_verdict_table_and_what_to_do_next(small: Contest) -> None:
    lines = describe_contest(small, report=None).splitlines()
    assert lines[0] == "These 16 test photos cannot tell whether a CNN is better"
    assert "2 classes; 40 photos taught, 50 photos chose the settings, 16 photos tested, once" in lines
    header = next(i for i, line in enumerate(lines) if "macro F1" in line)
    assert lines[header + 1].split() == [
        "leaf.tflite",
        "93.8",
        "%",
        "72",
        "to",
        "99",
        "%",
        "0.937",
        "12",
        "ms",
        "2.5",
        "MB",
        "3.0",
        "s",
    ]
    assert lines[header + 2].startswith("fine texture + belief network  75.0 %  51 to 90 %")
    assert lines[header + 3].split() == ["always", "good", "50.0", "%", "28", "to", "72", "%", "0.333"]
    assert len({line.index("%") for line in lines[header + 1 : header + 4]}) == 1
    assert "skipped 7 unreadable photos:" in lines
    assert sum("an empty file" in line for line in lines) == 5
    assert lines[-1].startswith("-o REPORT.html")
    assert describe_contest(small, report="r.html").splitlines()[-1] == "Report: r.html"


def test_the_record_has_everything_and_is_json(small: Contest) -> None:
    record = json.loads(json.dumps(contest_record(small), allow_nan=False))
    assert list(record) == [
        "photos", "classes", "counts", "seed", "verdict", "methods", "feature_ms", "skipped", "notes",
    ]  # fmt: skip
    assert record["counts"] == {split: {"bad": n, "good": n} for split, n in (("train", 20), ("val", 25), ("test", 8))}
    cnn, classic, guess = record["methods"]
    low, high = wilson_interval(15, 16)
    assert cnn["test"] == {
        "part": 15,
        "whole": 16,
        "value": 0.9375,
        "low": pytest.approx(low, abs=1e-6),
        "high": pytest.approx(high, abs=1e-6),
    }
    assert (cnn["kind"], cnn["features"], cnn["val"]) == ("cnn", None, None)
    assert (classic["features"], classic["algorithm"], classic["settings"]) == ("lbp", "dbn", "some")
    assert classic["val"]["part"] == 30
    assert (guess["kind"], guess["size_bytes"], guess["training_s"]) == ("guess", None, None)
    duel = record["verdict"]["duel"]
    assert (duel["network"], duel["classic"]) == ("leaf.tflite", "fine texture + belief network")
    assert [duel[f"{who}_right"] for who in ("both", "only_network", "only_classic", "neither")] == [12, 3, 0, 1]
    assert len(record["skipped"]) == 7
    assert record["skipped"][0] == {"file": "0.jpg", "error": "an empty file"}


def test_sizes_and_times_have_the_digits_that_count() -> None:
    assert [bytes_text(n) for n in (None, 0, 499, 655_175, 999_600, 1_000_000, 15_413_310)] == [
        "", "1 kB", "1 kB", "655 kB", "1,000 kB", "1.0 MB", "15.4 MB",
    ]  # fmt: skip
    assert [ms_text(x) for x in (None, 0.04, 9.94, 10.4, 1234.0)] == ["", "0.0 ms", "9.9 ms", "10 ms", "1,234 ms"]
    assert [seconds_text(x) for x in (None, 0.12, 9.0, 2345.6)] == ["", "0.1 s", "9.0 s", "2,346 s"]


def test_methods_are_called_by_what_they_look_at_and_how_they_learn(make_entrant: MakeEntrant) -> None:
    assert name_of(make_entrant("classic", [True], pairing=Pairing("glcm", "forest"))) == "coarse texture + forest"
    assert name_of(make_entrant("cnn", [True], name="leaf.tflite")) == "leaf.tflite"

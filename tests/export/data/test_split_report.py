"""What is told about a split: in words, as JSON, and as one error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgekit_export.data.dataset import DataPhoto, DataSet, Split
from edgekit_export.data.dealing import Divided
from edgekit_export.data.leaks import Leak, Twins, find_leaks
from edgekit_export.data.pixels import Unreadable
from edgekit_export.data.split_report import describe_split, leak_error, split_record

ROOT = Path("photos")
SPLITS: tuple[Split, ...] = ("train", "train", "train", "val", "test")


def divided(
    groups: Sequence[str] = tuple("abcde"),
    exact: tuple[tuple[int, ...], ...] = (),
    near: tuple[tuple[int, int, int], ...] = (),
    times: int = 1,
) -> Divided:
    photos = tuple(
        DataPhoto(ROOT / f"{'rust' if i % 2 else 'ok'}/{i}{'x' * t}.jpg", "rust" if i % 2 else "ok", split)
        for t in range(times)
        for i, split in enumerate(SPLITS)
    )
    dataset = DataSet(ROOT, photos, ("ok", "rust"))
    twins = Twins(dataset, exact, near, (Unreadable(ROOT / "bad.jpg", "damaged"),))
    return Divided(dataset, tuple(groups), twins, find_leaks(twins, groups), ("a note",), 7)


def test_the_table_has_counts_and_shares_that_add_up() -> None:
    assert describe_split(divided()).splitlines() == [
        "class           train             val            test    photos",
        "ok           2  66.7%        0   0.0%        1  33.3%         3",
        "rust         1  50.0%        1  50.0%        0   0.0%         2",
        "all          3  60.0%        1  20.0%        1  20.0%         5",
        "",
        "no twins: no two photos are the same, or nearly",
        "no leaks: nothing that belongs together stands in different splits",
    ]


def test_groups_and_twins_that_were_kept_together_are_told() -> None:
    text = describe_split(divided(tuple("aaabc"), exact=((0, 1),), near=((0, 2, 5), (1, 2, 6))))
    assert "5 photos in 3 groups; the largest is 'a' with 3\n" in text
    assert "twins kept together: 2 photos with equal files, 3 that are nearly the same" in text


def test_leaks_are_listed_up_to_ten() -> None:
    found = divided(exact=((0, 4),), near=((2, 3, 9),))
    assert describe_split(found).splitlines()[-3:] == [
        "twins found: 2 photos with equal files, 2 that are nearly the same",
        "leak: ok/0.jpg (train) and ok/4.jpg (test): equal files",
        "leak: ok/2.jpg (train) and rust/3.jpg (val): near-duplicates",
    ]
    many = divided([f"plant {i % 5 // 4}{i // 5}" for i in range(60)], times=12)
    lines = describe_split(many).splitlines()
    assert sum(line.startswith("leak: ") for line in lines) == 10
    assert lines[-1] == "and 2 more leaks; --json lists all"
    assert "both of group 'plant 00'" in "\n".join(lines)
    assert len(split_record(many)["leaks"]) == 12


def test_a_leak_is_an_error_that_counts_and_says_what_to_do() -> None:
    found = divided(tuple("abcdd"), exact=((0, 4), (1, 3)), near=((2, 3, 9),))
    error = leak_error(found)
    assert error.exit_code == 3
    assert str(error) == (
        "photos: the split leaks: 2 pairs of equal files, 1 pair of near-duplicates, 1 pair of photos of one group "
        "in different splits. Make a new one with --again."
    )


def test_what_was_written_and_what_to_type_next() -> None:
    def ending(**written: str) -> list[str]:
        return describe_split(divided(), written).splitlines()[-2:]

    assert ending(manifest="photos/manifest.csv") == [
        "manifest: photos/manifest.csv",
        "next: edgekit-export train photos -o model.keras",
    ]
    assert ending(manifest="my split.csv")[1] == (
        "next: edgekit-export train photos --manifest 'my split.csv' -o model.keras"
    )
    assert ending(folders="out", manifest="m.csv")[1] == "next: edgekit-export train out -o model.keras"


def test_a_name_does_not_command_a_terminal() -> None:
    found = divided(exact=((0, 4),))
    photos = tuple(replace(photo, path=ROOT / f"\x1b[2J{photo.path.name}\r") for photo in found.dataset.photos)
    dataset = replace(found.dataset, photos=photos)
    twins = replace(found.twins, dataset=dataset)
    text = describe_split(replace(found, dataset=dataset, twins=twins, leaks=find_leaks(twins, "abcde")))
    assert r"leak: \x1b[2J0.jpg\r (train) and \x1b[2J4.jpg\r (test)" in text
    assert text.isprintable() is False
    assert text.replace("\n", "").isprintable()


def test_json_holds_all_of_it() -> None:
    found = divided(tuple("aabcd"), exact=((0, 4),), near=((1, 2, 6),))
    record = json.loads(json.dumps(split_record(found, {"manifest": "m.csv"})))
    assert record == {
        "root": "photos",
        "photos": 5,
        "splits": {
            "train": {"photos": 3, "classes": {"ok": 2, "rust": 1}},
            "val": {"photos": 1, "classes": {"ok": 0, "rust": 1}},
            "test": {"photos": 1, "classes": {"ok": 1, "rust": 0}},
        },
        "groups": 4,
        "largest_group": {"name": "a", "photos": 2},
        "exact_twins": 2,
        "near_twins": 2,
        "unreadable": [{"file": "photos/bad.jpg", "reason": "damaged"}],
        "leaks": [
            {
                "kind": "exact",
                "photos": [
                    {"file": "ok/0.jpg", "split": "train", "class": "ok"},
                    {"file": "ok/4.jpg", "split": "test", "class": "ok"},
                ],
                "distance": 0,
                "group": None,
            }
        ],
        "notes": ["a note"],
        "seed": 7,
        "written": {"manifest": "m.csv"},
    }


def test_a_group_leak_names_its_group_in_json() -> None:
    (leak,) = split_record(divided(tuple("abcxx")))["leaks"]
    assert (leak["kind"], leak["group"]) == ("group", "x")
    assert isinstance(find_leaks(divided().twins, "abcxx")[0], Leak)

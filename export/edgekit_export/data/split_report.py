"""What a person, or a program, is told about a split."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from edgekit.console import printable
from edgekit_export.data.dataset import MANIFEST_NAME, DataPhoto
from edgekit_export.data.dealing import Divided
from edgekit_export.data.leaks import Leak
from edgekit_export.data.splitting import name_in
from edgekit_export.errors import LeakError

_SHOWN = 10
_KINDS = {"exact": "equal files", "near": "near-duplicates", "group": "photos of one group"}


def describe_split(divided: Divided, written: Mapping[str, str] = MappingProxyType({})) -> str:
    """The classes and splits as a table, what belongs together, what was written, and what to type next.

    Args:
        divided: A data set with its split.
        written: As `SplitWriter` tells.
    """
    lines = [*_table(divided), "", *_together(divided), *_leaks(divided)]
    lines += [f"{what}: {where}" for what, where in written.items()]
    if written:
        lines.append(f"next: {_next_command(divided, written)}")
    return "\n".join(map(printable, lines))


def leak_error(divided: Divided) -> LeakError:
    """What a split that leaks is refused with."""
    found = ", ".join(f"{count} {'pair' if count == 1 else 'pairs'} of {what}" for what, count in _by_kind(divided))
    root = divided.dataset.manifest or divided.dataset.root
    return LeakError(f"{root}: the split leaks: {found} in different splits. Make a new one with --again.")


def split_record(divided: Divided, written: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """The same as JSON."""
    name, size = divided.largest_group
    counts = divided.counts()
    return {
        "root": str(divided.dataset.root),
        "photos": len(divided.dataset.photos),
        "splits": {split: {"photos": sum(each.values()), "classes": each} for split, each in counts.items()},
        "groups": len(set(divided.groups)),
        "largest_group": {"name": name, "photos": size},
        "exact_twins": _photos(divided.twins.exact),
        "near_twins": _photos([(i, j) for i, j, _ in divided.twins.near]),
        "unreadable": [{"file": str(bad.path), "reason": bad.reason} for bad in divided.twins.unreadable],
        "leaks": [_leak_record(divided, leak) for leak in divided.leaks],
        "notes": list(divided.notes),
        "seed": divided.seed,
        "written": dict(written),
    }


def _table(divided: Divided) -> Iterator[str]:
    counts = divided.counts()
    labels = divided.dataset.labels
    width = max(len(label) for label in (*labels, "class"))
    yield "  ".join(["class".ljust(width), *(f"{split:>14}" for split in counts), f"{'photos':>8}"])
    rows = {label: [each[label] for each in counts.values()] for label in labels}
    rows["all"] = [sum(each.values()) for each in counts.values()]
    for label, row in rows.items():
        cells = (f"{count:>7} {count / max(1, sum(row)):>6.1%}" for count in row)
        yield "  ".join([label.ljust(width), *cells, f"{sum(row):>8}"])


def _together(divided: Divided) -> Iterator[str]:
    photos, groups = len(divided.groups), len(set(divided.groups))
    if groups < photos:
        name, size = divided.largest_group
        yield f"{photos} photos in {groups} groups; the largest is {name!r} with {size}"
    exact, near = _photos(divided.twins.exact), _photos([(i, j) for i, j, _ in divided.twins.near])
    found = [f"{exact} photos with equal files"] * bool(exact) + [f"{near} that are nearly the same"] * bool(near)
    verb = "found" if divided.leaks else "kept together"
    yield f"twins {verb}: {', '.join(found)}" if found else "no twins: no two photos are the same, or nearly"


def _leaks(divided: Divided) -> Iterator[str]:
    if len(divided.dataset.splits) > 1 and not divided.leaks:
        yield "no leaks: nothing that belongs together stands in different splits"
    for leak in divided.leaks[:_SHOWN]:
        why = f"both of group {leak.group!r}" if leak.kind == "group" else _KINDS[leak.kind]
        yield f"leak: {_place(divided, leak.first)} and {_place(divided, leak.second)}: {why}"
    if len(divided.leaks) > _SHOWN:
        yield f"and {len(divided.leaks) - _SHOWN} more leaks; --json lists all"


def _next_command(divided: Divided, written: Mapping[str, str]) -> str:
    root, manifest = str(divided.dataset.root), written.get("manifest")
    if "folders" in written:
        root, manifest = written["folders"], None
    more = ""
    if manifest and Path(manifest) != divided.dataset.root / MANIFEST_NAME:
        more = f" --manifest {shlex.quote(manifest)}"
    return f"edgekit-export train {shlex.quote(root)}{more} -o model.keras"


def _photos(sets: Sequence[Sequence[int]]) -> int:
    return len({place for places in sets for place in places})


def _by_kind(divided: Divided) -> list[tuple[str, int]]:
    found = [(text, sum(leak.kind == kind for leak in divided.leaks)) for kind, text in _KINDS.items()]
    return [(text, count) for text, count in found if count]


def _place(divided: Divided, photo: DataPhoto) -> str:
    return f"{name_in(divided.dataset.root, photo.path)} ({photo.split})"


def _leak_record(divided: Divided, leak: Leak) -> dict[str, Any]:
    ends = [
        {"file": name_in(divided.dataset.root, photo.path), "split": photo.split, "class": photo.label}
        for photo in (leak.first, leak.second)
    ]
    return {"kind": leak.kind, "photos": ends, "distance": leak.distance, "group": leak.group or None}

"""What file names and folders tell about photos of the same thing. Hints, no more: only their owner knows.

Strong are folders inside a class, names such as ``plant07_03``, and names with a date. The running number of a camera
says that neighbours may show the same plant, and not which.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from edgekit_export.data.clusters import places_of

_MANY = 100  # photos in a series on average; more is a name that all share
_FEW = 0.1  # of the photos may be named otherwise
_CAMERA = re.compile(r"(?:IMG|DSC[FN]?|DSCN|PICT|GOPR|DJI|SAM|MVI)[_-]?\d{3,}", re.IGNORECASE)


@dataclass(frozen=True)
class Hint:
    """Why photos may belong together, and the pattern that finds the group in a path, where there is one."""

    why: str
    pattern: str | None = None


def series_hint(names: Sequence[str], labels: Sequence[str]) -> Hint | None:
    """What the paths of photos tell about groups; None where they tell nothing.

    Args:
        names: Paths below the root, with forward slashes.
        labels: The class of each photo.

    >>> names = [f"rust/plant{plant:02}_{shot}.jpg" for plant in range(9) for shot in range(3)]
    >>> series_hint(names, ["rust"] * 27).pattern
    '([^/]*[0-9])[ _-]+[0-9]+[.][^./]+$'
    """
    kinds = (
        (r"^(.+)/[^/]+$", "photos stand in folders inside their class", "folders"),
        (r"(?<![0-9])(20[0-9]{2}-?[01][0-9]-?[0-3][0-9])[^/]*$", "file names have the day in them", "days"),
        (r"([^/]*[0-9])[ _-]+[0-9]+[.][^./]+$", "file names count within a series", "series"),
    )
    for pattern, what, kind in kinds:
        groups = [found[1] if found else "" for found in map(re.compile(pattern).search, names)]
        others = [name for name, group in zip(names, groups, strict=True) if not group]
        if len(others) <= _FEW * len(names) and _plausible(groups, labels, least=1 if kind == "folders" else 1.5):
            count = len({*groups} - {""})
            first = next(filter(None, groups))
            why = f"{what}: {count} {kind} of about {len(names) / count:.0f} photos, such as {first!r}"
            return Hint(why + (f" ({len(others)} named otherwise, such as {others[0]!r})" if others else ""), pattern)
    numbered = sum(bool(_CAMERA.search(name.rpartition("/")[2])) for name in names)
    if numbered > len(names) / 2:
        return Hint("files have the running number of a camera, and neighbours may show the same thing")
    return None


def _plausible(groups: Sequence[str], labels: Sequence[str], *, least: float) -> bool:
    """Several groups in most classes, of several photos each, and not just a name for the class."""
    count = len(set(groups))
    in_class = places_of(labels).values()
    several = sum(len({groups[place] for place in places}) > 3 for places in in_class)
    return several > len(in_class) / 2 and least * count < len(groups) <= _MANY * count

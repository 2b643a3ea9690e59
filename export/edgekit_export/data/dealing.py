"""A data set -> the same with a new split that cannot leak; or the leaks of the split that it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from edgekit_export.data.dataset import DataSet, Split, as_split, require_usable
from edgekit_export.data.leaks import Leak, Twins, find_leaks, find_twins
from edgekit_export.data.series import series_hint
from edgekit_export.data.splitting import groups_of, joined, name_in, plan_split, with_splits
from edgekit_export.errors import PhotosError
from edgekit_export.progress import Progress, Silent


@dataclass(frozen=True)
class Grouping:
    """What must not be torn apart.

    Attributes:
        column: Of the manifest, that names the groups; or
        pattern: a regular expression that finds them in the paths.
        near: Near-duplicates belong together too, not only equal files.
    """

    column: str | None = None
    pattern: str | None = None
    near: bool = True


@dataclass(frozen=True)
class Shares:
    """Which share of the photos val and test get, and the seed of the order in which they are dealt."""

    val: float = 0.2
    test: float = 0.2
    seed: int = 0


@dataclass(frozen=True)
class Divided:
    """A data set with a split.

    Attributes:
        dataset: The photos that can be read.
        groups: What each photo was kept together with, twins included.
        twins: What is alike.
        leaks: What stands in two splits.
        notes: What the owner should know.
        seed: Of a new split.
    """

    dataset: DataSet
    groups: tuple[str, ...]
    twins: Twins
    leaks: tuple[Leak, ...]
    notes: tuple[str, ...]
    seed: int = 0

    @property
    def largest_group(self) -> tuple[str, int]:
        """The name and size of the largest group, of equals the first by name."""
        sizes = Counter(self.groups)
        name = min(sizes, key=lambda name: (-sizes[name], name))
        return name, sizes[name]

    def counts(self) -> dict[Split, dict[str, int]]:
        """Photos of each class in each split that has photos."""
        return {split: self.dataset.counts(self.dataset.part(split)) for split in self.dataset.splits}


def require_unsplit(dataset: DataSet) -> None:
    """Raise `PhotosError` where there is a split already."""
    if dataset.splits:
        found = ", ".join(f"{split} {len(dataset.part(split))}" for split in dataset.splits)
        msg = (
            f"{dataset.manifest or dataset.root}: there is a split already ({found} photos). Pass --check to look for "
            "leaks in it, or --again to make a new one."
        )
        raise PhotosError(msg)


def make_split(
    dataset: DataSet,
    *,
    grouping: Grouping = Grouping(),
    shares: Shares = Shares(),
    progress: Progress | None = None,
) -> Divided:
    """A new split, whatever split there is. Nothing is written.

    Args:
        dataset: Photos.
        grouping: What must not be torn apart.
        shares: Of the splits.
        progress: Of the reading.

    Raises:
        PhotosError: the data set is not complete, or cannot be split so.
    """
    require_usable(dataset)
    told = groups_of(dataset, column=grouping.column, pattern=grouping.pattern)  # before the long work
    plan_split([photo.label for photo in dataset.photos], told, val=shares.val, test=shares.test, seed=shares.seed)
    twins = find_twins(dataset, near=grouping.near, progress=progress or Silent())
    readable = _require_each_class(dataset, twins)
    told = groups_of(readable, column=grouping.column, pattern=grouping.pattern)
    groups = joined(told, twins.together)
    splits = plan_split(
        [photo.label for photo in readable.photos], groups, val=shares.val, test=shares.test, seed=shares.seed
    )
    divided = with_splits(readable, splits)
    notes = [*_notes(dataset, twins, grouping)]
    if any(as_split(name_in(dataset.root, photo.path).partition("/")[0]) for photo in dataset.photos if photo.split):
        notes.append("folders are still named for the split that was there; what counts from now on is the manifest")
    twins = replace(twins, dataset=divided)
    return Divided(divided, groups, twins, find_leaks(twins, groups), tuple(notes), shares.seed)


def judge_split(dataset: DataSet, *, grouping: Grouping = Grouping(), progress: Progress | None = None) -> Divided:
    """The split that a data set has, with its leaks.

    Raises:
        PhotosError: the data set is not complete or has no split, or there are no such groups.
    """
    require_usable(dataset)
    if len(dataset.splits) < 2:
        msg = f"{dataset.manifest or dataset.root}: no split to check, expected photos in train and in val or test."
        raise PhotosError(msg)
    groups_of(dataset, column=grouping.column, pattern=grouping.pattern)
    twins = find_twins(dataset, near=grouping.near, progress=progress or Silent())
    readable = _require_each_class(dataset, twins)
    groups = groups_of(readable, column=grouping.column, pattern=grouping.pattern)
    notes = [*_notes(dataset, twins, grouping)]
    if without := sum(photo.split is None for photo in dataset.photos):
        notes.append(f"{without} photos are in no split")
    return Divided(readable, groups, twins, find_leaks(twins, groups), tuple(notes))


def _require_each_class(dataset: DataSet, twins: Twins) -> DataSet:
    lost = [label for label, count in twins.dataset.counts().items() if not count]
    if lost:
        first = next(bad for bad in twins.unreadable)
        msg = f"{dataset.root}: no photo of class {lost[0]!r} can be read; {first.path}: {first.reason}"
        raise PhotosError(msg)
    return twins.dataset


def _notes(dataset: DataSet, twins: Twins, grouping: Grouping) -> Iterator[str]:
    for bad in twins.unreadable[:3]:
        yield f"{bad.path}: left out: {bad.reason}"
    if len(twins.unreadable) > 3:
        yield f"{len(twins.unreadable)} photos in all cannot be read and are left out"
    if dataset.unlisted:
        first = name_in(dataset.root, dataset.unlisted[0])
        yield f"{len(dataset.unlisted)} photos that {dataset.manifest} does not name are left out, such as {first}"
    labels = [photo.label for photo in twins.dataset.photos]
    torn = sum(len({labels[place] for place in places}) > 1 for places in twins.exact)
    if torn:
        yield (
            f"{torn} photo{'s stand' if torn > 1 else ' stands'} in more than one class: edgekit-export check "
            f"{dataset.root} shows which"
        )
    if grouping.column is None and grouping.pattern is None:
        yield from _hints(dataset)


def _hints(dataset: DataSet) -> Iterator[str]:
    named = next((column for column in dataset.columns if column.lower() == "group"), None)
    if named is not None:
        if len({photo.columns.get(named) for photo in dataset.photos}) < len(dataset.photos):
            yield f"the manifest has a column {named}: pass --group-by {named} to keep its groups together"
        return
    names = [name_in(dataset.root, photo.path) for photo in dataset.photos]
    hint = series_hint(names, [photo.label for photo in dataset.photos])
    if hint is None:
        return
    if hint.pattern is None:
        yield f"{hint.why}. If so, name plant, site or day in a column of a manifest, and pass --group-by COLUMN"
    else:
        yield f"{hint.why}. If a group shows the same plant, site or day, pass --group-pattern '{hint.pattern}'"

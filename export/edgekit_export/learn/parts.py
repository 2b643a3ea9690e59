"""A data set as training needs it: with photos to learn from, to choose by, and, where there are any, to test with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgekit_export.data.dataset import DataSet, require_usable
from edgekit_export.data.splitting import groups_of, plan_split
from edgekit_export.errors import PhotosError

_SHARE = 0.15


@dataclass(frozen=True)
class Grouping:
    """What keeps photos together: a column of the manifest, or a pattern in the file names; or neither."""

    column: str | None = None
    pattern: str | None = None


def with_parts(dataset: DataSet, grouping: Grouping, seed: int) -> tuple[DataSet, tuple[str, ...]]:
    """The data set with train and val, made where there are none, and what was done, one sentence each.

    Photos of test are never touched: validation photos that are missing are taken from train.

    Raises:
        PhotosError: too few photos or classes, or photos without a split beside others.
    """
    require_usable(dataset)
    named = groups_of(dataset, column=grouping.column, pattern=grouping.pattern)
    groups = {photo.path: group for photo, group in zip(dataset.photos, named, strict=True)}
    lost = [photo for photo in dataset.photos if photo.split is None]
    if not dataset.splits:
        splits = plan_split(
            [p.label for p in dataset.photos], list(groups.values()), val=_SHARE, test=_SHARE, seed=seed
        )
        photos = tuple(replace(photo, split=split) for photo, split in zip(dataset.photos, splits, strict=True))
        said = f"no split found: {_SHARE:.0%} of the photos validate and {_SHARE:.0%} test, chosen by seed {seed}"
        return replace(dataset, photos=photos), (said,)
    if lost:
        msg = f"{dataset.root}: {len(lost)} photos have no split and others have, the first: {lost[0].path}."
        raise PhotosError(msg)
    if "train" not in dataset.splits:
        msg = f"{dataset.root}: found {' and '.join(dataset.splits)}, expected photos to train on in train."
        raise PhotosError(msg)
    if "val" in dataset.splits:
        return dataset, ()
    train = dataset.part("train")
    splits = plan_split([p.label for p in train], [groups[p.path] for p in train], val=_SHARE, test=0.0, seed=seed)
    chosen = {photo.path for photo, split in zip(train, splits, strict=True) if split == "val"}
    photos = tuple(replace(p, split="val") if p.path in chosen else p for p in dataset.photos)
    return replace(dataset, photos=photos), (f"no val photos found: {len(chosen)} of train validate, by seed {seed}",)

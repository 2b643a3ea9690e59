"""A labelled folder -> seeded, stratified, de-duplicated samples, streamed one photo at a time.

A labelled folder has one sub-folder a class. The order within a class is a hash of seed and path, so it is the same
on every machine, and one more photo does not shuffle the others.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit.card import InputSpec, PhotoSet
from edgekit.console import describe_error
from edgekit.errors import ImageError
from edgekit.preprocess import photo_pixels
from edgekit.walk import find_photos
from edgekit_export.errors import PhotosError

_SHARES = 3  # a folder without splits is dealt to calibration, choice and verification alike


@dataclass(frozen=True)
class LabeledFolder:
    """The photos of each class, by the names of the sub-folders, both sorted.

    `also` has the further labels of photos that stand under several classes, where a model may name several.
    """

    root: Path
    classes: Mapping[str, tuple[Path, ...]]
    also: Mapping[Path, frozenset[str]] = field(default_factory=dict)

    @property
    def images(self) -> int:
        """How many photos there are."""
        return sum(len(paths) for paths in self.classes.values())


@dataclass(frozen=True)
class Duplicates:
    """What exact duplicates were left out: copies, and photos that stand under two classes."""

    copies: tuple[Path, ...] = ()
    contradictions: tuple[Path, ...] = ()


@dataclass(frozen=True)
class LabeledPhoto:
    """One photo in each view that was asked for, with the label of its folder; `labels` has others too.

    A view is uint8 pixels at the model's size, shape (height, width, channels).
    """

    path: Path
    label: str
    views: tuple[NDArray[np.uint8], ...]
    labels: frozenset[str]

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The first view."""
        return self.views[0]


@dataclass
class Sample:
    """Photos to read: of each class at most `quota` readable ones from `candidates`, in order.

    Reading fills `skipped`, `counts` and the fingerprint; only one photo is in memory at a time.
    """

    root: Path
    candidates: Mapping[str, tuple[Path, ...]]
    quota: Mapping[str, int]
    seed: int
    also: Mapping[Path, frozenset[str]] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    _digests: list[str] = field(default_factory=list)

    @property
    def length(self) -> int:
        """How many photos will be read, if all are readable."""
        return sum(self.quota.values())

    def read(self, *specs: InputSpec) -> Iterator[LabeledPhoto]:
        """The photos as each of `specs` says, the classes taking turns; unreadable ones are noted in `skipped`."""
        self.skipped, self.counts, self._digests = [], dict.fromkeys(self.candidates, 0), []
        waiting = {label: iter(paths) for label, paths in self.candidates.items()}
        while waiting:
            for label in tuple(waiting):
                photo = self._next_readable(label, waiting[label], specs)
                if photo is None:
                    del waiting[label]
                else:
                    yield photo

    def _next_readable(self, label: str, paths: Iterator[Path], specs: Sequence[InputSpec]) -> LabeledPhoto | None:
        if self.counts[label] == self.quota[label]:
            return None
        for path in paths:
            try:
                data = path.read_bytes()
                views = photo_pixels(data, specs)
            except (ImageError, OSError) as error:
                reason = describe_error(error).removeprefix("image: ").removeprefix(f"{path}: ")
                self.skipped.append(f"{path}: {reason}")
                continue
            self.counts[label] += 1
            self._digests.append(f"{label}\0{hashlib.sha256(data).hexdigest()}")
            return LabeledPhoto(path, label, views, self.also.get(path, frozenset()) | {label})
        return None

    def photo_set(self) -> PhotoSet:
        """What was read, for the card; the fingerprint does not depend on file names or order."""
        fingerprint = hashlib.sha256("\n".join(sorted(self._digests)).encode()).hexdigest()
        return PhotoSet(sum(self.counts.values()), dict(self.counts), fingerprint, self.seed)


def read_labeled_folder(root: Path) -> LabeledFolder:
    """The photos below `root`, one sub-folder a class.

    Raises:
        PhotosError: no class folders, fewer than two, or one without photos.
        OSError: a folder cannot be listed.
    """
    if not root.is_dir():
        msg = (
            f"{root}: found {'a file' if root.exists() else 'nothing'}, expected a folder with one sub-folder a class."
        )
        raise PhotosError(msg)
    folders = sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if len(folders) < 2:
        found = f"only {folders[0].name!r}" if folders else "none"
        msg = f"{root}: found {found}, expected one sub-folder a class, at least two."
        raise PhotosError(msg)
    classes = {folder.name: tuple(find_photos(folder)) for folder in folders}
    empty = [name for name, paths in classes.items() if not paths]
    if empty:
        msg = f"{root}: no photos in class {', '.join(map(repr, empty))}. Add photos, or remove the folder."
        raise PhotosError(msg)
    return LabeledFolder(root, classes)


def drop_duplicates(
    folders: Sequence[LabeledFolder], *, multi_label: bool = False
) -> tuple[list[LabeledFolder], Duplicates]:
    """The folders without exact duplicates of each other's photos; the first in order stays.

    A photo that stands under two classes has no true label: all its copies go. Of a multi-label model it has both:
    the first stays, with the labels of all. Only files of equal size are read.
    """
    files = [(path, label) for folder in folders for label, paths in folder.classes.items() for path in paths]
    copies: list[Path] = []
    contradictions: list[Path] = []
    also: dict[Path, frozenset[str]] = {}
    for group in _equal_files(files):
        labels = frozenset(label for _, label in group)
        if len(labels) > 1 and not multi_label:
            contradictions += [path for path, _ in group]
            continue
        copies += [path for path, label in group[1:] if label == group[0][1]]
        also[group[0][0]] = labels
        contradictions += [path for path, label in group[1:] if label != group[0][1]]
    gone = {*copies, *contradictions}
    kept = [_without(folder, gone, also) for folder in folders]
    return kept, Duplicates(tuple(copies), () if multi_label else tuple(contradictions))


def _without(folder: LabeledFolder, gone: set[Path], also: Mapping[Path, frozenset[str]]) -> LabeledFolder:
    classes = {name: tuple(p for p in paths if p not in gone) for name, paths in folder.classes.items()}
    empty = [name for name, paths in classes.items() if not paths]
    shown = {label for paths in classes.values() for path in paths for label in also.get(path, ())}
    missing = [name for name in empty if name not in shown]
    if missing:
        msg = (
            f"{folder.root}: every photo of class {missing[0]!r} is an exact copy of one elsewhere. "
            "Give each class photos of its own, and calibration and verification different ones."
        )
        raise PhotosError(msg)
    return LabeledFolder(folder.root, {name: paths for name, paths in classes.items() if paths}, also)


def _equal_files(files: Sequence[tuple[Path, str]]) -> Iterator[list[tuple[Path, str]]]:
    by_size = defaultdict(list)
    for path, label in files:
        with contextlib.suppress(OSError):  # unreadable, as a broken link: equal to nothing
            by_size[path.stat().st_size].append((path, label))
    for candidates in by_size.values():
        if len(candidates) == 1:
            continue
        by_digest = defaultdict(list)
        for path, label in candidates:
            by_digest[_sha256(path)].append((path, label))
        yield from (group for group in by_digest.values() if len(group) > 1)


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return str(path)  # unreadable: equal to nothing; reading the sample reports it


@dataclass(frozen=True)
class Samples:
    """Which photos do what; no photo is in two of them, but for those of calibration, which tuning has too.

    Attributes:
        calibration: To find ranges.
        tuning: To learn from without labels; those for calibration first.
        choice: To choose a recipe by; it may lack classes, or have none.
        verification: To confirm the choice, seen by nothing before.
    """

    calibration: Sample
    tuning: Sample
    choice: Sample
    verification: Sample


@dataclass(frozen=True)
class Amounts:
    """How many photos each sample has, at most, spread over the classes as they occur."""

    calibration: int = 200
    tuning: int = 200
    verification: int = 500


def plan_samples(
    images: LabeledFolder, choice: LabeledFolder | None, verify: LabeledFolder | None, amounts: Amounts, seed: int
) -> Samples:
    """Deal photos to those who need some.

    Without `verify`, each class of `images` is dealt in thirds to calibration, choice and verification; with it and
    without `choice`, each class of `verify` in halves to choice and verification.

    Args:
        images: Without duplicates.
        choice: The same, also of `images`; or None.
        verify: The same, also of the others; or None.
        amounts: At most.
        seed: Of the order within each class.

    Raises:
        PhotosError: a class has too few photos to calibrate and to verify.
    """
    ordered = _ordered(images, seed)
    if verify is None:
        _require_two(images.root, ordered)
        hands = {label: _dealt(paths, _SHARES) for label, paths in ordered.items()}
        first, last, middle = ({label: hand[i] for label, hand in hands.items()} for i in range(_SHARES))
        parts = (images, first), (images, middle), (images, last)
    elif choice is None:
        halves = {label: _dealt(paths, 2) for label, paths in _ordered(verify, seed).items()}
        last, middle = ({label: half[i] for label, half in halves.items()} for i in range(2))
        parts = (images, ordered), (verify, middle), (verify, last)
    else:
        parts = (images, ordered), (choice, _ordered(choice, seed)), (verify, _ordered(verify, seed))
    (of_images, calibrating), (of_choice, choosing), (of_verify, verifying) = parts
    return Samples(
        _sample(of_images, calibrating, amounts.calibration, seed),
        _sample(of_images, calibrating, max(amounts.calibration, amounts.tuning), seed),
        _sample(of_choice, choosing, amounts.verification, seed),
        _sample(of_verify, verifying, amounts.verification, seed),
    )


def _ordered(folder: LabeledFolder, seed: int) -> dict[str, tuple[Path, ...]]:
    return {label: _shuffled(folder.root, paths, seed) for label, paths in folder.classes.items()}


def _dealt(paths: tuple[Path, ...], hands: int) -> list[tuple[Path, ...]]:
    """Photos in blocks of equal size; the first hands get what is left over."""
    sizes = [(len(paths) + hands - 1 - i) // hands for i in range(hands)]
    starts = [sum(sizes[:i]) for i in range(hands)]
    return [paths[start : start + size] for start, size in zip(starts, sizes, strict=True)]


def _require_two(root: Path, ordered: Mapping[str, tuple[Path, ...]]) -> None:
    for label, paths in ordered.items():
        if len(paths) < 2:
            msg = (
                f"{root}: class {label!r} has one photo, expected at least two: one to calibrate and one to "
                "verify. Add photos, or give verification photos of their own with --verify DIR."
            )
            raise PhotosError(msg)


def _shuffled(root: Path, paths: Sequence[Path], seed: int) -> tuple[Path, ...]:
    def key(path: Path) -> bytes:
        name = path.relative_to(root).as_posix()
        return hashlib.sha256(f"{seed}\0{name}".encode(errors="surrogateescape")).digest()

    return tuple(sorted(paths, key=key))


def _sample(folder: LabeledFolder, candidates: Mapping[str, tuple[Path, ...]], total: int, seed: int) -> Sample:
    filled = {label: paths for label, paths in candidates.items() if paths}
    quota = stratified_quota({label: len(paths) for label, paths in filled.items()}, total) if filled else {}
    return Sample(folder.root, filled, quota, seed, folder.also)


def stratified_quota(available: Mapping[str, int], total: int) -> dict[str, int]:
    """How many to take of each class: in proportion, by largest remainder, at least one, at most what is there.

    >>> stratified_quota({"a": 80, "b": 19, "c": 1}, 10)
    {'a': 7, 'b': 2, 'c': 1}
    """
    whole = sum(available.values())
    total = min(whole, max(total, len(available)))
    quota = {label: max(1, count * total // whole) for label, count in available.items()}
    remainder = sorted(available, key=lambda label: (-(available[label] * total % whole), label))
    while sum(quota.values()) < total:
        for label in remainder:
            if sum(quota.values()) < total and quota[label] < available[label]:
                quota[label] += 1
    while sum(quota.values()) > total:
        largest = max(quota, key=lambda label: (quota[label], label))
        quota[largest] -= 1
    return quota

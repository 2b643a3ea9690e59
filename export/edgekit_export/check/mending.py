"""A cleaned copy of a data set: what can be mended without asking is, and the rest is written beside each photo.

Left out are files that cannot be read, all but one of equal files, photos that stand in several classes byte for byte,
and of near-duplicates in different splits those that training would have seen: what is in test stays. Files get the
ending of what they are, and JPEG files lose the place where they were taken. Nobody's label is changed, and nothing in
the original is touched.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from edgekit.atomic import write_whole
from edgekit.console import describe_error
from edgekit.errors import ImageError
from edgekit.photo import load_photo
from edgekit_export.assess.choice import shown_name
from edgekit_export.assess.wording import count, joined
from edgekit_export.check.checkup import Checkup
from edgekit_export.check.files import ENDINGS, hidden_photos
from edgekit_export.check.finding import Kind
from edgekit_export.check.header import read_header
from edgekit_export.check.place import without_place
from edgekit_export.check.survey import Survey
from edgekit_export.data.clusters import clusters_of
from edgekit_export.data.dataset import MANIFEST_NAME, SPLITS, DataPhoto
from edgekit_export.data.layout import faithful_manifest, folder_names
from edgekit_export.data.manifest import ManifestRow
from edgekit_export.data.new_folder import new_folder
from edgekit_export.errors import PhotosError
from edgekit_export.progress import Progress

LOG_NAME = "check-log.csv"
SOURCE_COLUMN, REMARK_COLUMN = "source", "check"

Action = Literal["left out", "renamed", "place removed", "place kept", "added"]

_REMARKED: tuple[Kind, ...] = (
    "wrong_label", "near_across_classes", "cut_off", "dark", "overexposed", "blurred", "low_resolution", "odd_shape",
    "faces",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A line of the log: a photo's path in the original, what was done, why, and its name in the copy."""

    file: str
    action: Action
    reason: str
    copy: str = ""


@dataclass(frozen=True)
class Plan:
    """What the copy will hold.

    Attributes:
        photos: What is kept: each photo as it is in the original.
        names: Their files in the copy.
        placed: Which of them are JPEG files that tell where they were taken.
        remarks: What a person should look at, by the original file.
        log: What is done, but for places, which show when they are removed.
    """

    photos: tuple[DataPhoto, ...]
    names: tuple[str, ...]
    placed: frozenset[Path]
    remarks: Mapping[Path, str]
    log: tuple[Entry, ...]


@dataclass(frozen=True)
class Mended:
    """What was written."""

    folder: Path
    photos: int
    log: tuple[Entry, ...] = field(default=())
    remarks: int = 0

    def described(self) -> str:
        """In one or two lines."""
        done = Counter(one.action for one in self.log)
        what = joined([f"{number:,} {action}" for action, number in sorted(done.items())]) or "nothing to mend"
        lines = [
            f"Cleaned copy: {self.folder}: {count(self.photos, 'photo')}; {what}. {self.folder / LOG_NAME} has each."
        ]
        if self.remarks:
            lines.append(
                f"For you to decide: the column {REMARK_COLUMN} of {self.folder / MANIFEST_NAME} has a remark on "
                f"{count(self.remarks, 'photo')}."
            )
        return "\n".join(lines)

    def record(self) -> dict[str, object]:
        """As JSON."""
        log = [
            {"file": one.file, "action": one.action, "reason": one.reason, "copy": one.copy or None} for one in self.log
        ]
        return {"folder": str(self.folder), "photos": self.photos, "remarks": self.remarks, "log": log}


def plan_mending(checkup: Checkup) -> Plan:
    """What to leave out, rename and add.

    Raises:
        PhotosError: nothing would be left.
    """
    seen = checkup.survey
    root = seen.whole.root
    out = {one.path: one.reason for one in seen.unreadable} | _doubles(seen)
    kept = [photo for photo in seen.photos if photo.path not in out]
    hidden, useless = _useful(hidden_photos(seen.whole), seen)
    out |= useless
    near = {photo.path.parent: photo for photo in reversed(seen.whole.photos)}
    added = [replace(near[path.parent], path=path, columns={}) for path in hidden]
    if not kept:
        msg = f"{root}: nothing would be left of it: no photo that can be read, or all of them contradict each other."
        raise PhotosError(msg)
    kinds = {photo.path: look.kind for photo, look in zip(seen.photos, seen.looks, strict=True)} | hidden
    photos = sorted([*kept, *added], key=lambda photo: photo.path)
    names = folder_names([replace(photo, path=_called(photo.path, kinds[photo.path])) for photo in photos])
    log = [Entry(shown_name(path, root), "left out", reason) for path, reason in sorted(out.items())]
    for photo, name in zip(photos, names, strict=True):
        if photo.path in hidden:
            log.append(Entry(shown_name(photo.path, root), "added", f"a {hidden[photo.path]} that nobody found", name))
        elif photo.path.suffix != Path(name).suffix:
            log.append(Entry(shown_name(photo.path, root), "renamed", f"it is a {kinds[photo.path]}", name))
    placed = {p.path for p, look in zip(seen.photos, seen.looks, strict=True) if look.header.has_place} | set(hidden)
    return Plan(tuple(photos), tuple(names), frozenset(placed), _remarks(checkup), tuple(log))


def _useful(hidden: Mapping[Path, str], seen: Survey) -> tuple[dict[Path, str], dict[Path, str]]:
    """Photos that nobody found and that are worth adding, with what they are; and the others, with why not."""
    known = {look.fingerprint.sha256 for look in seen.looks}
    useful: dict[Path, str] = {}
    useless: dict[Path, str] = {}
    for path, kind in hidden.items():
        try:
            data = path.read_bytes()
            load_photo(data)
        except (ImageError, OSError) as error:
            useless[path] = describe_error(error)
            continue
        digest = hashlib.sha256(data).hexdigest()
        if digest in known:
            useless[path] = "an exact copy of another photo, under a name that nobody finds"
        else:
            known.add(digest)
            useful[path] = kind
    return useful, useless


def write_mended(checkup: Checkup, plan: Plan, folder: Path, progress: Progress) -> Mended:
    """Write the copy: photos, manifest and log. It appears whole or not at all.

    Raises:
        PhotosError: `folder` is inside the data set, or a name cannot stand in a manifest.
        OSError: it cannot be written.
    """
    data = checkup.survey.whole
    log = list(plan.log)
    manifest = _manifest(checkup, plan)
    with new_folder(folder, outside=data.root) as beside, progress.stage("writing the copy", len(plan.names)) as step:
        for photo, name in zip(plan.photos, plan.names, strict=True):
            target = beside / name
            target.parent.mkdir(parents=True, exist_ok=True)
            content = photo.path.read_bytes()
            if photo.path in plan.placed:
                content, entry = _unplaced(content, shown_name(photo.path, data.root), name)
                log += entry
            target.write_bytes(content)
            step()
        write_whole(beside / MANIFEST_NAME, manifest.encode())
        write_whole(beside / LOG_NAME, _log_text(log).encode(errors="backslashreplace"))
    remarked = sum(photo.path in plan.remarks for photo in plan.photos)
    return Mended(folder, len(plan.photos), tuple(log), remarked)


def _unplaced(content: bytes, name: str, copy: str) -> tuple[bytes, list[Entry]]:
    header = read_header(content)
    if header is None or not header.has_place:
        return content, []
    bare = without_place(content)
    after = read_header(bare)
    if after is None or after.has_place:
        return content, [
            Entry(name, "place kept", "only JPEG files can lose their place without losing anything", copy)
        ]
    return bare, [Entry(name, "place removed", "EXIF had a GPS position", copy)]


def _called(path: Path, kind: str) -> Path:
    """With the ending of what it is, where it has another one."""
    endings = ENDINGS.get(kind)
    if endings is None or path.suffix.lower() in endings:
        return path
    return path.with_name(f"{path.name if path.suffix == '' else path.stem}{endings[0]}")


def _doubles(seen: Survey) -> dict[Path, str]:
    """Photos to leave out, and why."""
    out: dict[Path, str] = {}
    root = seen.whole.root
    for places in seen.twins.exact:
        photos = [seen.photos[i] for i in places]
        if len({photo.label for photo in photos}) > 1:
            labels = joined(sorted({photo.label for photo in photos}))
            out |= {photo.path: f"its copies stand in several classes: {labels}" for photo in photos}
        else:
            first, *others = sorted(photos, key=_keep_first)
            out |= {photo.path: f"an exact copy of {shown_name(first.path, root)}" for photo in others}
    return out | dict(_leaks(seen, out))


def _leaks(seen: Survey, gone: Mapping[Path, str]) -> Iterator[tuple[Path, str]]:
    """Of near-duplicates in different splits, those that are not in the last of these splits."""
    standing = {place: place for place, photo in enumerate(seen.photos) if photo.path not in gone}
    for places in seen.twins.exact:  # near-duplicates were looked for among the first of equal files only
        kept = next((place for place in places if place in standing), None)
        if kept is not None:
            standing |= dict.fromkeys(places, kept)
    pairs = [(standing[i], standing[j]) for i, j, _ in seen.twins.near if i in standing and j in standing]
    for places in clusters_of(len(seen.photos), pairs).groups():
        photos = sorted((seen.photos[i] for i in places), key=_keep_first)
        best = photos[0]
        if best.split:
            for photo in photos:
                if photo.split and photo.split != best.split:
                    yield photo.path, f"nearly the same as {shown_name(best.path, seen.whole.root)} in {best.split}"


def _keep_first(photo: DataPhoto) -> tuple[int, Path]:
    """Those of test stay first of all, then those of val."""
    return -SPLITS.index(photo.split) if photo.split else 1, photo.path


def _remarks(checkup: Checkup) -> dict[Path, str]:
    found: dict[Path, list[str]] = {}
    for finding in checkup.findings:
        if finding.kind in _REMARKED:
            for one in finding.suspects:
                text = (
                    f"{finding.kind.replace('_', ' ')}: {one.detail}" if one.detail else finding.kind.replace("_", " ")
                )
                found.setdefault(one.path, []).append(text)
    return {path: "; ".join(texts) for path, texts in found.items()}


def _manifest(checkup: Checkup, plan: Plan) -> str:
    data = checkup.survey.whole
    ours = [name for name in (SOURCE_COLUMN, REMARK_COLUMN) if name not in data.columns]
    rows = []
    for photo, name in zip(plan.photos, plan.names, strict=True):
        told = {SOURCE_COLUMN: shown_name(photo.path, data.root), REMARK_COLUMN: plan.remarks.get(photo.path, "")}
        columns = {column: photo.columns.get(column, "") for column in data.columns}
        rows.append(ManifestRow(0, name, photo.label, photo.split or "", {**{n: told[n] for n in ours}, **columns}))
    return faithful_manifest(data.root, rows, [*ours, *data.columns])


def _log_text(log: Iterable[Entry]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("file", "action", "reason", "copy"))
    writer.writerows((one.file, one.action, one.reason, one.copy) for one in log)
    return out.getvalue()

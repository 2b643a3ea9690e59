"""edgekit beside what people would otherwise write: the same photos, the same model file, one interleaved run.

    python tests/benchmarks/peers.py [MODEL.tflite] [PHOTO...] [--threads N] [--rounds N] [--only NAME] [--json]
    python tests/benchmarks/peers.py --throughput 200

Every program runs in a process and an environment of its own, made from PyPI with pinned versions the first time (3 GB
below --environments, most of it for the one that converts to ONNX). In each round each photo goes to all of them, one
at a time, in mixed order, so that whatever else the machine does meets all. One that cannot be installed here is left
out, with the reason.

Each inference has one thread: with as many as there are processors, it waits for whatever else these do, and the ratios
of small photos scatter by half.

Without photos: eight of a field camera, 7 to 18 megapixels, and one of them at 640x480. Times are those from a path to
the best class, warm. "Same answer" counts photos whose best class is that of edgekit; "on pictures of the model's own
size", which nobody has to decode or resize in a way of their own, all must agree, else they compute something else.
The floor is what Pillow's decoder and the interpreter need by themselves.

With --throughput a folder of photos of 12 megapixels is classified as a whole, on all cores where a program can.
Needs a POSIX system, and edgekit in the Python that runs this.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the edgekit and the tests of this tree

from PIL import Image

from edgekit import EdgekitError
from tests.benchmarks.beside import figures, lineup, photos, rounds
from tests.benchmarks.beside.environments import NotAvailableError

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_MODEL = Path("models/tflite/coral_mobilenet_v2_1.0_224_quant.tflite")
FOLDER = "folder"


def main() -> None:
    """Print the table, or one JSON object."""
    options = _options()
    try:
        with tempfile.TemporaryDirectory() as name:
            report = _compare_folder if options.throughput else _compare
            report(options, Path(name))
    except (EdgekitError, NotAvailableError, OSError, Image.DecompressionBombError) as error:
        sys.exit(f"Error: {' '.join(str(error).split())}")
    except KeyboardInterrupt:
        sys.exit(130)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, help="default: MobileNetV2 1.0 224 uint8 below EDGEKIT_DATA")
    parser.add_argument("photos", nargs="*", type=Path, help="default: those of the PyPI package pyleafarea")
    parser.add_argument("--threads", type=_positive, default=1, help="of each inference (default: %(default)s)")
    parser.add_argument("--rounds", type=_positive, help="how often all is asked (default: 20, with --throughput 3)")
    keys = sorted({entry.key for entry in lineup.ENTRIES if entry.environment})
    parser.add_argument("--only", action="append", choices=keys, help="compare with this one; may be repeated")
    parser.add_argument("--environments", type=Path, default=_cache(), help="where to install (default: %(default)s)")
    parser.add_argument("--throughput", type=_positive, nargs="?", const=200, metavar="PHOTOS", help="a whole folder")
    parser.add_argument("--seed", type=int, default=0, help="of the order and the intervals (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def _compare(options: argparse.Namespace, folder: Path) -> None:
    subject = lineup.prepare_model(_model(options), folder)
    place = options.environments.absolute()
    shots = photos.own_shots(options.photos) if options.photos else photos.camera_shots(place)
    pictures = photos.pictures_of_size(shots, subject.size, folder)
    requests = [[shot.path] for shot in shots] + [[picture] for picture in pictures]
    entries = lineup.chosen(lineup.ENTRIES, options.only)
    found, versions = _measured(entries, subject, requests, options)
    results = [one.results() for one in found]
    groups = {group: [i for i, shot in enumerate(shots) if group in shot.groups] for group in _groups(shots)}
    groups["pictures of the model's own size"] = list(range(len(shots), len(requests)))
    rows = [row for group, members in groups.items() for row in figures.rows_of(group, members, results, options.seed)]
    by_key = {one.entry.key: one.times for one in found}
    floor = [by_key[key] for key in (lineup.DECODE, lineup.INTERPRETER) if key in by_key]
    above = [
        figures.excess_of(group, members, results[0].times, floor, options.seed)
        for group, members in list(groups.items())[:-1]
        if len(floor) == 2
    ]
    _print(options, versions, subject, rows, above)


def _compare_folder(options: argparse.Namespace, folder: Path) -> None:
    subject = lineup.prepare_model(_model(options), folder)
    place = options.environments.absolute()
    paths = [path.absolute() for path in options.photos] or photos.photo_folder(place, options.throughput)
    entries = lineup.chosen(lineup.FOLDER_ENTRIES, options.only)
    found, versions = _measured(entries, subject, [paths], options)
    results = [one.results() for one in found]
    rows = figures.rows_of(FOLDER, [0], results, options.seed)
    _print(options, versions, subject, rows, [])


def _measured(
    entries: Sequence[lineup.Entry], subject: lineup.Subject, requests: list[list[Path]], options: argparse.Namespace
) -> tuple[list[rounds.Running], dict[str, str]]:
    """Those that finished, edgekit first, and what each says about itself."""
    count = options.rounds or (3 if options.throughput else 20)
    place = options.environments.absolute()
    with rounds.started(
        entries, lambda entry: lineup.command(entry, subject, place, options.threads), REPOSITORY, _skip
    ) as running:
        found = rounds.measure(running, requests, count, options.seed, _skip)
        versions = {one.entry.title: one.contender.description for one in found}
    if not found or found[0].entry.key not in (lineup.EDGEKIT, lineup.MANY):
        msg = "edgekit itself did not get through: see above."
        raise NotAvailableError(msg)
    return found, versions


def _print(
    options: argparse.Namespace,
    versions: dict[str, str],
    subject: lineup.Subject,
    rows: Sequence[figures.Row],
    above: Sequence[figures.Excess],
) -> None:
    model = _model(options).name
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    if options.json:
        parts = {"rows": [_record(row) for row in rows], "above_floor": [_record(one) for one in above]}
        print(
            json.dumps({"machine": machine, "model": model, "threads": options.threads, "versions": versions} | parts)
        )
        return
    print(f"{machine}; {model}, threads {options.threads}")
    print("\n".join(f"  {title}: {text}" for title, text in versions.items()), end="\n\n")
    print(figures.table(rows))
    for row in rows if options.throughput else ():
        print(f"  {row.title}: {1000 / row.median_ms:.1f} photos a second")
    for one in above:
        print(
            f"{one.group}: {one.milliseconds} ms above the floor, wanted {one.allowed_ms:.2f} ms or less: {one.verdict}"
        )
    if subject.note:
        print(f"note: {subject.note}")


def _record(one: figures.Row | figures.Excess) -> dict[str, object]:
    return asdict(one) | {"verdict": one.verdict}


def _skip(entry: lineup.Entry, reason: str) -> None:
    print(f"left out: {entry.title}: {reason}", file=sys.stderr)


def _model(options: argparse.Namespace) -> Path:
    if options.model:
        return Path(options.model)
    model = Path(os.environ.get("EDGEKIT_DATA", REPOSITORY.parent / "shared")) / DEFAULT_MODEL
    if not model.exists():
        msg = f"{model} is missing. Pass MODEL.tflite, or set EDGEKIT_DATA to the folder that has models/tflite."
        raise NotAvailableError(msg)
    return model


def _groups(shots: Sequence[photos.Shot]) -> list[str]:
    return list(dict.fromkeys(group for shot in shots for group in shot.groups))


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgekit-peers"


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


if __name__ == "__main__":
    main()

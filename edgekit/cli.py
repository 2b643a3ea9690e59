"""The command `edgekit`: parse, call, print. Heavy imports stand inside the commands, so that --help is instant."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from click.core import ParameterSource

from edgekit.console import describe_error, loading, note, quiet_native_code, run, show_error
from edgekit.errors import EdgekitError
from edgekit.version import __version__

if TYPE_CHECKING:
    from edgekit.classifier import Classifier, TimedPredictions
    from edgekit.runtime import RuntimeName
    from edgekit.scores import Prediction

EXIT_UNREADABLE_PHOTOS = 4

_MODEL = click.argument("model", type=click.Path(), metavar="MODEL.tflite")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
_RUNTIME = click.option(
    "--runtime",
    type=click.Choice(["auto", "litert", "tflite"]),
    default="auto",
    show_default=True,
    help="TFLite runtime; auto takes ai-edge-litert where it is installed.",
)


def _threads(value: str) -> int | Literal["auto"]:
    if value == "auto":
        return "auto"
    return int(click.IntRange(min=1)(value))


_THREADS = click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Threads of one inference."
)
_THREADS_OR_AUTO = click.option(
    "--threads",
    type=_threads,
    metavar="N|auto",
    default=1,
    show_default=True,
    help="Threads of one inference; auto measures once which number is fastest here, and remembers it.",
)

_LABELS = click.option(
    "--labels", type=click.Path(), help="Labels for a model file that has none: one a line, CSV or JSON."
)
_INPUT_RANGE = click.option("--input-range", help="What a model file without a card was trained on, for instance 0..1.")


@click.group()
@click.version_option(__version__, prog_name="edgekit")
def cli() -> None:
    """Classify photos with a TFLite model file, on the device.

    Exit codes: 0 done; 1 an error; 2 wrong usage; 4 some photos could not be read.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the command `edgekit`."""
    run(cli, arguments)


@cli.command(epilog="Example: edgekit classify leaf.tflite photo.jpg --top-k 1")
@_MODEL
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option("--top-k", type=click.IntRange(min=1), default=3, show_default=True, help="Answers per photo.")
@click.option("--json", "style", flag_value="json", help="One JSON object a line and photo.")
@click.option("--csv", "style", flag_value="csv", help="CSV with a header, one line an answer.")
@_THREADS_OR_AUTO
@_RUNTIME
@_LABELS
@_INPUT_RANGE
def classify(
    model: str,
    photos: tuple[str, ...],
    top_k: int,
    style: str | None,
    threads: int | Literal["auto"],
    runtime: RuntimeName | Literal["auto"],
    labels: str | None,
    input_range: str | None,
) -> int:
    """Print the most probable labels of photos.

    PHOTO is a file, a folder (walked in sorted order), or - for image bytes on standard input.

    Where the model has thresholds, an answer below them is "unsure". A file MODEL.thresholds.json beside it changes
    them.

    Of a multi-label model, every label that is present (from its threshold, or 50%) is printed, also more than --top-k;
    others follow in parentheses.
    """
    try:
        with quiet_native_code(), loading():
            from edgekit.classifier import Classifier

            sources = list(_expand(photos))
            names = _labels(labels)
            classifier = Classifier(model, runtime=runtime, num_threads=threads, labels=names, input_range=input_range)
    except ValueError as error:
        if isinstance(error, EdgekitError):
            raise
        raise click.UsageError(str(error)) from error
    for text in _notes(classifier):
        note(f"{model}: {text}.")
    printer = _PRINTERS[style or "text"](classifier.card.output.multi_label)
    unreadable = 0
    for source in sources:
        try:
            result = classifier.predict_timed(sys.stdin.buffer.read() if source == "-" else source, top_k=top_k)
        except BrokenPipeError:
            raise
        except (EdgekitError, OSError) as error:
            if not _is_about_photo(error):
                raise
            unreadable += 1
            printer.failure(source, describe_error(error))
        else:
            printer.success(source, result)
    return EXIT_UNREADABLE_PHOTOS if unreadable else 0


def _labels(path: str | None) -> tuple[str, ...] | None:
    if not path:
        return None
    from edgekit.labelfile import read_label_file

    return read_label_file(path)


def _notes(classifier: Classifier) -> Iterator[str]:
    """What a person should know about a model before its answers."""
    from edgekit.decision import UNSURE

    yield from classifier.assumptions
    if classifier.threshold_file:
        yield f"{classifier.threshold_file.path} beside it says which answers count"
    output = classifier.card.output
    if classifier.rule and not output.multi_label and UNSURE in output.labels:
        yield f"one of its labels is {UNSURE!r}, too; that decision means this label, or that no label counts"


def _is_about_photo(error: Exception) -> bool:
    from edgekit.errors import ImageError

    return isinstance(error, (ImageError, OSError))


def _expand(photos: Sequence[str]) -> Iterator[str]:
    """Photos in order, folders replaced by the photos below them."""
    from edgekit.errors import ImageError
    from edgekit.photo import PHOTO_SUFFIXES, find_photos

    for photo in photos:
        if photo == "-" or not Path(photo).is_dir():
            yield photo
            continue
        found = [str(path) for path in find_photos(photo)]
        if not found:
            msg = f"{photo}: no photos in this folder; looked for {', '.join(sorted(PHOTO_SUFFIXES))}."
            raise ImageError(msg)
        yield from found


class _TextPrinter:
    def __init__(self, multi_label: bool) -> None:
        self._multi_label = multi_label

    def success(self, source: str, result: TimedPredictions) -> None:
        from edgekit.decision import UNSURE

        if self._multi_label:
            text = _joined(result.present, [p for p in result.predictions if p not in result.present])
        elif result.decision == UNSURE:
            text = f"{UNSURE} {_joined((), result.predictions)}"
        else:
            text = _joined(result.predictions, ())
        click.echo(f"{source}: {text}")

    def failure(self, source: str, reason: str) -> None:  # noqa: ARG002 - the reason names the source
        show_error(reason)


def _joined(counting: Sequence[Prediction], others: Sequence[Prediction]) -> str:
    answers, rest = ([f"{p.label} {p.score:.1%}" for p in some] for some in (counting, others))
    return ", ".join(answers + ([f"({', '.join(rest)})"] if rest else []))


class _JsonPrinter:
    def __init__(self, multi_label: bool) -> None:
        self._multi_label = multi_label

    def success(self, source: str, result: TimedPredictions) -> None:
        predictions = [
            {"class_id": p.class_id, "label": p.label, "score": round(p.score, 6)} for p in result.predictions
        ]
        timing = {name: round(value, 3) for name, value in vars(result.timing_ms).items()}
        found: dict[str, object] = {"decision": result.decision} if result.decision is not None else {}
        if self._multi_label:
            found = {"present": [p.label for p in result.present]}
        self._print({"file": source, "predictions": predictions, **found, "timing_ms": timing})

    def failure(self, source: str, reason: str) -> None:
        self._print({"file": source, "error": reason})

    @staticmethod
    def _print(record: dict[str, object]) -> None:
        click.echo(json.dumps(record, ensure_ascii=False))


class _CsvPrinter:
    """One row an answer. `decision` is the last column, so that the others stand where they always stood.

    It repeats the decision about the photo; of a multi-label model, it is the row's label where that is present.
    """

    def __init__(self, multi_label: bool) -> None:
        import csv

        self._multi_label = multi_label
        self._rows = csv.writer(sys.stdout, lineterminator="\n")
        self._rows.writerow(["file", "rank", "class_id", "label", "score", "error", "decision"])

    def success(self, source: str, result: TimedPredictions) -> None:
        for rank, p in enumerate(result.predictions, start=1):
            decision = (p.label if p in result.present else "") if self._multi_label else result.decision
            self._rows.writerow([source, rank, p.class_id, p.label, f"{p.score:.6f}", "", decision])
        sys.stdout.flush()

    def failure(self, source: str, reason: str) -> None:
        self._rows.writerow([source, "", "", "", "", reason, ""])
        sys.stdout.flush()


_PRINTERS: dict[str, type[_TextPrinter | _JsonPrinter | _CsvPrinter]] = {
    "text": _TextPrinter,
    "json": _JsonPrinter,
    "csv": _CsvPrinter,
}


@cli.command(epilog="Example: edgekit info leaf.tflite")
@_MODEL
@_JSON
def info(model: str, as_json: bool) -> None:
    """Print what a model file says about itself, and the thresholds beside it. No runtime is loaded."""
    from edgekit.info import describe_model, model_record, threshold_record
    from edgekit.modelfile import read_model_file
    from edgekit.thresholdfile import read_threshold_file

    file = read_model_file(model)
    # Without a card, --labels may give the model other labels than it says, so any may stand in the file.
    stated = read_threshold_file(model, file.card.output.labels if file.card else None)
    if as_json:
        record = {**model_record(model, file), "threshold_file": threshold_record(stated)}
        click.echo(json.dumps(record, ensure_ascii=False))
    else:
        click.echo(describe_model(model, file, stated))


@cli.command(epilog="Example: edgekit selftest leaf.tflite")
@_MODEL
@_JSON
@_THREADS
@_RUNTIME
def selftest(model: str, as_json: bool, threads: int, runtime: RuntimeName | Literal["auto"]) -> int:
    """Repeat the proof of the export on this device, bit for bit."""
    from edgekit.selftest import run_selftest

    with quiet_native_code():
        result = run_selftest(model, runtime=runtime, num_threads=threads)
    if as_json:
        click.echo(json.dumps({"file": model, **vars(result)}, ensure_ascii=False))
    else:
        verdict = "passed" if result.passed else "FAILED"
        click.echo(f"{model}: self-test {verdict} on {result.runtime}, {result.vectors} golden inputs")
        click.echo(f"  {result.message}")
    if not result.passed:
        show_error(f"{model}: {result.message}")
    return 0 if result.passed else 1


@cli.command(epilog="Example: edgekit bench leaf.tflite --photo photo.jpg")
@click.argument("model", type=click.Path(), metavar="[MODEL.tflite]", required=False)
@click.option("--photo", type=click.Path(), help="Photo to measure with; else one of 12 megapixels is generated.")
@click.option(
    "--photos", type=click.IntRange(min=8), default=120, show_default=True, help="How often, at least, a runtime."
)
@click.option("--compare", type=click.Path(), nargs=2, metavar="OLD NEW", help="Compare two files that --json gave.")
@_JSON
@_THREADS_OR_AUTO
@click.option("--runtime", type=click.Choice(["all", "litert", "tflite"]), default="all", show_default=True)
@_LABELS
@_INPUT_RANGE
def bench(
    model: str | None,
    photo: str | None,
    photos: int,
    compare: tuple[str, str] | None,
    as_json: bool,
    threads: int | Literal["auto"],
    runtime: RuntimeName | Literal["all"],
    labels: str | None,
    input_range: str | None,
) -> None:
    """Measure what a photo costs here: each stage, warm and cold, threads, runtimes, memory and heat.

    It says whether the machine was quiet enough to trust the times. Keep them with --json > leaf.json.
    """
    if (model is None) == (compare is None):
        msg = "expected either a model file or --compare OLD NEW"
        raise click.UsageError(msg)
    if compare:
        _refuse_options("photo", "photos", "threads", "runtime", "labels", "input_range")
        from edgekit.bench.compare import compare_records, comparison_text
        from edgekit.bench.record import read_record
        from edgekit.records import to_json

        found = compare_records(read_record(compare[0]), read_record(compare[1]))
        click.echo(json.dumps(to_json(found), ensure_ascii=False) if as_json else comparison_text(found))
        return
    from edgekit.bench.run import Plan, run_bench
    from edgekit.bench.text import bench_text

    plan = Plan(str(model), photo, photos, runtime, threads, labels, input_range)
    record = run_bench(plan, _show_round)
    click.echo(record.to_json() if as_json else bench_text(record))


def _refuse_options(*names: str) -> None:
    """Nothing is measured where two files are compared, so what steers measuring was typed by mistake."""
    source = click.get_current_context().get_parameter_source
    for name in names:
        if source(name) is ParameterSource.COMMANDLINE:
            msg = f"--{name.replace('_', '-')} does not go with --compare"
            raise click.UsageError(msg)


def _show_round(done: int, of: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\rround {done} of {of}{'' if done < of else chr(10)}", nl=False, err=True)

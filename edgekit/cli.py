"""The command `edgekit`: parse, call, print. Heavy imports stand inside the commands, so that --help is instant."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import click
from click.core import ParameterSource

from edgekit.console import describe_error, loading, note, quiet_native_code, run, show_error
from edgekit.errors import EdgekitError
from edgekit.version import __version__

if TYPE_CHECKING:
    from edgekit.answers import AnswerFormat
    from edgekit.classifier import Classifier, PhotoAnswer
    from edgekit.progress import Progress
    from edgekit.resultfile import ResultFile
    from edgekit.runtime import RuntimeName

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


class _AnswersCommand(click.Command):
    """Takes `--csv FILE.csv` for `--csv -o FILE.csv`, as people type it: no photo and no model has such a name."""

    _SUFFIXES = MappingProxyType({"--csv": (".csv",), "--json": (".json", ".jsonl")})

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words: list[str] = []
        for word in args:
            option, equals, value = word.partition("=")
            suffixes = self._SUFFIXES.get(words[-1]) if words else None
            if equals and option in self._SUFFIXES:
                words += [option, "-o", value]
            elif suffixes and word.lower().endswith(suffixes):
                words += ["-o", word]
            else:
                words.append(word)
        return super().parse_args(ctx, words)


@cli.command(cls=_AnswersCommand, epilog="Example: edgekit classify leaf.tflite photo.jpg --top-k 1")
@_MODEL
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option("--top-k", type=click.IntRange(min=1), default=3, show_default=True, help="Answers per photo.")
@click.option("--json", "style", flag_value="json", help="One JSON object a line and photo.")
@click.option("--csv", "style", flag_value="csv", help="CSV with a header, one line an answer.")
@click.option("-o", "--output", type=click.Path(), metavar="FILE", help="Write --csv or --json into this file.")
@click.option("--resume", is_flag=True, help="Go on with the file: photos that it has answers for are left out.")
@click.option("--force", is_flag=True, help="Replace the file if there is one.")
@_THREADS_OR_AUTO
@click.option("--workers", type=click.IntRange(min=1), help="Photos in work at once.  [default: one a processor]")
@_RUNTIME
@_LABELS
@_INPUT_RANGE
def classify(
    model: str,
    photos: tuple[str, ...],
    top_k: int,
    style: str | None,
    output: str | None,
    resume: bool,
    force: bool,
    threads: int | Literal["auto"],
    workers: int | None,
    runtime: RuntimeName | Literal["auto"],
    labels: str | None,
    input_range: str | None,
) -> int:
    """Print the most probable labels of photos.

    PHOTO is a file, a folder (walked in sorted order), or - for image bytes on standard input. Photos are decoded ahead
    in threads, and answers come in order. --csv answers.csv --resume goes on where a run was cut off; photos that
    could not be read are tried again.

    Where the model has thresholds, an answer below them is "unsure". A file MODEL.thresholds.json beside it changes
    them.

    Of a multi-label model, every label that is present (from its threshold, or 50%) is printed, also more than --top-k;
    others follow in parentheses.
    """
    from edgekit.walk import check_folders

    _check_output(output, style, photos, resume=resume, force=force)
    check_folders(photos)
    try:
        with quiet_native_code(), loading():
            from edgekit.answers import FORMATS
            from edgekit.classifier import Classifier

            names = _labels(labels)
            classifier = Classifier(model, runtime=runtime, num_threads=threads, labels=names, input_range=input_range)
    except ValueError as error:
        if isinstance(error, EdgekitError):
            raise
        raise click.UsageError(str(error)) from error
    for text in _notes(classifier):
        note(f"{model}: {text}.")
    form = FORMATS[style or "text"](classifier.card.output.multi_label)
    if output is None:
        _print(form.header)
        return _answer(classifier, photos, form, None, top_k, workers)
    from edgekit.resultfile import ResultFile

    made_by = _made_by(classifier, model, photos, {
        "format": style, "top_k": top_k, "labels": names, "input_range": input_range
    })  # fmt: skip
    with ResultFile(output, made_by, form.header, resume=resume, force=force) as file:
        return _answer(classifier, photos, form, file, top_k, workers)


def _check_output(output: str | None, style: str | None, photos: Sequence[str], *, resume: bool, force: bool) -> None:
    wrong = {
        "-o needs --csv or --json": output is not None and style is None,
        "--resume and --force need a file: -o FILE": output is None and (resume or force),
        "--resume goes on with a file, --force replaces it: choose one": resume and force,
        "--resume cannot know a photo from standard input": resume and "-" in photos,
    }
    for message, applies in wrong.items():
        if applies:
            raise click.UsageError(message)


def _answer(
    classifier: Classifier, photos: Sequence[str], form: AnswerFormat, file: ResultFile | None, top_k: int,
    workers: int | None,
) -> int:  # fmt: skip
    """Write the answers for photos as they come, and return the exit code."""
    from edgekit.progress import progress
    from edgekit.walk import name_photos

    def wanted() -> Iterator[str]:
        return (name for name in name_photos(photos) if file is None or name not in file)

    answers = classifier.predict_many(map(_photo, wanted()), top_k=top_k, workers=workers)
    counting = progress(lambda: sum(1 for _ in wanted()), results_to_stdout=file is None)
    with counting as done, contextlib.closing(answers):
        answered, unreadable = _write_answers(answers, form, file.write if file else _print, done)
    if file:
        note(f"{file.path}: {answered} photos answered now, {file.kept} before; {unreadable} could not be read.")
    return EXIT_UNREADABLE_PHOTOS if unreadable else 0


def _write_answers(
    answers: Iterable[PhotoAnswer], form: AnswerFormat, write: Callable[[str], None], done: Progress
) -> tuple[int, int]:
    """How many photos were answered, and how many could not be read."""
    answered = unreadable = 0
    for answer in answers:
        source = "-" if isinstance(answer.photo, bytes) else str(answer.photo)
        if answer.error is None:
            answered += 1
            write(form.success(source, answer.result))
        else:
            unreadable += 1
            reason = describe_error(answer.error)
            text = form.failure(source, reason)
            done.error(reason) if text is None else write(text)
        done.step()
    return answered, unreadable


def _print(text: str) -> None:
    sys.stdout.write(text)  # not click.echo, which leaves out what looks like a terminal's command
    sys.stdout.flush()


def _photo(name: str) -> str | bytes:
    return sys.stdin.buffer.read() if name == "-" else name


def _made_by(
    classifier: Classifier, model: str, photos: Sequence[str], options: Mapping[str, object]
) -> dict[str, object]:
    """What the answers in a file depend on."""
    import hashlib

    stated = classifier.threshold_file
    thresholds = {"abstain_below": stated.abstain_below, "thresholds": dict(stated.thresholds)} if stated else None
    return {
        **options,
        "model_sha256": hashlib.sha256(Path(model).read_bytes()).hexdigest(),
        "thresholds": thresholds,
        "runtime": classifier.engine.runtime,
        # The names in the file are relative to it.
        "folder": None if all(Path(photo).is_absolute() for photo in photos) else str(Path.cwd()),
    }


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

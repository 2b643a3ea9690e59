"""The page of a training: how well the model does, how it came there, and from which photos and settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from edgekit_export.data.dataset import DataSet
from edgekit_export.learn.settings import TrainSettings
from edgekit_export.learn.state import Epoch
from edgekit_export.learn.trainer import TrainResult
from edgekit_export.page.figure import BLUE, ORANGE, draw
from edgekit_export.page.html import Cell, Page
from edgekit_export.statistics import wilson_interval


def training_page(result: TrainResult, dataset: DataSet, settings: TrainSettings, path: str, following: str) -> str:
    """The HTML of the page; `following` is the next command to type."""
    page = Page("How the training went", f"{path}, from photos in {dataset.root}")
    _verdict(page, result)
    page.section("What to do next", "The model is not small yet. This turns it into one int8 file and proves it:")
    page.command(following)
    _progress(page, result)
    _photos(page, result, dataset)
    page.section("Settings", "The same photos, settings and versions on the same machine give the same weights.")
    page.facts([(name.replace("_", " "), str(value)) for name, value in vars(settings).items() if value is not None])
    if result.skipped:
        page.section(f"{len(result.skipped)} photos that cannot be read", mood="warn")
        page.items(result.skipped)
    return page.html()


def _verdict(page: Page, result: TrainResult) -> None:
    split = "test" if "test" in result.correct else "val"
    correct, count = result.correct[split], result.photos[split]
    low, high = wilson_interval(correct, count)
    asked = "that training never saw" if split == "test" else "that also chose the best epoch, so a little too good"
    page.verdict(
        "plain",
        f"{correct / count:.1%} of {count} {split} photos are named right",
        f"On many such photos it would be between {low:.0%} and {high:.0%}. These are photos {asked}; photos from "
        "another place, camera or season are the real test.",
    )


def _progress(page: Page, result: TrainResult) -> None:
    page.section(
        "Progress",
        "One line is how often the model was right on the photos that it learns from, varied as in the field; the "
        "other on the validation photos as they are. Where the first rises and the second falls, it learns by heart: "
        "more photos help, or fewer epochs.",
    )
    rows = [row for row in result.history if row.phase == "all"]
    if rows:
        page.figure(draw(_curves(rows, result.best_epoch, "accuracy")), "Right answers after each epoch, in percent")
        page.figure(draw(_curves(rows, result.best_epoch, "loss")), "Loss after each epoch; lower is better")
    page.table(
        ["phase", "epoch", "train", "val", "val loss", "seconds"],
        [_row(row) for row in result.history],
        moods=["good" if _is_best(row, result.best_epoch) else "plain" for row in result.history],
    )


def _row(row: Epoch) -> tuple[Cell, ...]:
    rates = (f"{rate:.1%}" for rate in (row.train_accuracy, row.val_accuracy))
    return (row.phase, row.epoch, *rates, row.val_loss, f"{row.seconds:.0f}")


def _is_best(row: Epoch, best_epoch: int) -> bool:
    return (row.phase == "head") if best_epoch < 0 else (row.phase, row.epoch) == ("all", best_epoch + 1)


def _curves(rows: list[Epoch], best_epoch: int, what: str) -> Callable[[Any], None]:
    scale = 100 if what == "accuracy" else 1

    def plot(axes: Any) -> None:
        epochs = [row.epoch for row in rows]
        for name, colour in (("train", ORANGE), ("val", BLUE)):
            values = [scale * getattr(row, f"{name}_{what}") for row in rows]
            axes.plot(epochs, values, color=colour, marker="o", markersize=4, label=name)
        if best_epoch >= 0:
            axes.axvline(best_epoch + 1, linestyle=":", linewidth=1, color="#888888")
        axes.set_xlabel("epoch")
        axes.set_ylabel("right, %" if what == "accuracy" else "loss")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid()
        axes.legend()

    return plot


def _photos(page: Page, result: TrainResult, dataset: DataSet) -> None:
    page.section("Photos")
    counts = {split: Counter(photo.label for photo in dataset.part(split)) for split in dataset.splits}
    page.table(
        ["class", *counts],
        [(label, *(counts[split][label] for split in counts)) for label in result.labels],
    )

"""The part of the page about the inside of the file: errors layer by layer, and the ranges of calibration."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgekit_export.assess.wording import count
from edgekit_export.page.html import Cell, Mood, Page
from edgekit_export.proof.facts import Proof
from edgekit_export.proof.figures import CLEAR_FROM_DB, NOISY_BELOW_DB, convergence_figure, layers_figure
from edgekit_export.proof.record import Calibrated, LayerError, TensorRange

_DRAWN, _SHOWN = 24, 12
_ENOUGH_PERCENT = 99.0
_CUT_PERCENT = 0.05  # less is rounding


def add_layers(page: Page, proof: Proof) -> None:
    """Noise of every layer, the worst first."""
    layers = sorted(proof.record.layers, key=_noise)
    if not layers:
        return
    noisy = sum(one.sqnr_db is not None and one.sqnr_db < NOISY_BELOW_DB for one in layers)
    below = f"below {NOISY_BELOW_DB:g} dB. "
    found = f"{noisy or 'None'} of the {len(layers)} layers {'are' if noisy > 1 else 'is'} {below}"
    page.section(
        "Errors layer by layer",
        "Rounding to 256 steps adds noise to the output of every layer. The ratio of signal to that noise (SQNR) is "
        f"given in decibels: at {CLEAR_FROM_DB:g} dB the noise is a tenth of the signal, at {NOISY_BELOW_DB:g} dB a "
        f"third, and what is lost there, later layers cannot bring back. {found}Noise adds up towards the end, so some "
        "more in the last layers is normal. What helps where a layer stands out: the recipe step equalize for uneven "
        "channels, mse or percentile for rare extreme values, keep-float:N to leave the N worst in float.",
    )
    drawn = layers[:_DRAWN]
    which = "All layers" if len(drawn) == len(layers) else f"The {len(drawn)} worst of {len(layers)} layers"
    page.figure(layers_figure(drawn), f"{which}, worst first, on real photos. Red: below {NOISY_BELOW_DB:g} dB.")
    _layer_table(page, layers[:_SHOWN])
    if len(layers) > _SHOWN:
        with page.folded(f"All {len(layers):,} layers"):
            _layer_table(page, layers)


def _noise(one: LayerError) -> float:
    return math.inf if one.sqnr_db is None else one.sqnr_db


def _layer_table(page: Page, layers: Sequence[LayerError]) -> None:
    rows: list[list[Cell]] = [
        [one.layer, one.kind, "no noise" if one.sqnr_db is None else f"{one.sqnr_db:.1f}", f"{one.cosine:.4f}"]
        for one in layers
    ]
    moods: list[Mood] = ["bad" if _noise(one) < NOISY_BELOW_DB else "plain" for one in layers]
    page.table(("layer", "kind", "signal to noise, dB", "cosine (1 is alike)"), rows, moods=moods)


def add_calibration(page: Page, proof: Proof) -> None:
    """Is the calibration set big enough, and what do the ranges cut off?"""
    found, photos = proof.record.calibrated, proof.card.calibration
    if not found and not photos:
        return
    page.section(
        "Calibration",
        "To round numbers to 256 steps one has to know between which limits they lie. Photos show that"
        + (f": {count(photos.images, 'photo')} of {count(len(photos.images_per_class), 'class', 'classes')}, without "
           "their labels." if photos else "."),
    )  # fmt: skip
    if not found:
        return
    if found.covered_percent:
        page.text(_enough(found.covered_percent))
        page.figure(
            convergence_figure(found.covered_percent),
            "How much of the final ranges the first photos already cover. A curve that is flat at its end says that "
            "more photos would change nothing.",
        )
    if found.ranges:
        _ranges(page, found)


def _enough(covered: Sequence[float]) -> str:
    total = len(covered)
    reached = next((n for n, value in enumerate(covered, 1) if value >= _ENOUGH_PERCENT), total)
    if total >= 8 and reached <= 0.75 * total:
        return (
            f"The set is big enough: the first {count(reached, 'photo')} of {total} already cover {_ENOUGH_PERCENT:g} "
            "% of the final ranges, the others hardly widened them."
        )
    return (
        f"The set may be too small: {_ENOUGH_PERCENT:g} % of the final ranges were covered only by the first {reached} "
        f"of {count(total, 'photo')}, so further photos may widen them still. Give more with --calibration-images."
    )


def _ranges(page: Page, found: Calibrated) -> None:
    ranges = sorted(found.ranges, key=lambda one: -cut_off_percent(one))
    cut = [one for one in ranges if cut_off_percent(one) >= _CUT_PERCENT]
    page.heading("Ranges")
    page.text(
        "What int8 covers of every computed tensor, and what the photos reached. Values outside are cut off to the "
        "limit. Some recipes cut off rare extremes on purpose, so that all others get finer steps; a large cut in a "
        "layer that also stands out above costs accuracy: try another recipe."
        + ("" if cut else " Nothing is cut off here.")
    )  # fmt: skip
    if cut:
        _range_table(page, cut[:_SHOWN])
    if len(ranges) > len(cut[:_SHOWN]):
        with page.folded(f"All {len(ranges):,} ranges"):
            _range_table(page, ranges)


def cut_off_percent(one: TensorRange) -> float:
    """How much of what the photos reached lies outside of what int8 covers."""
    seen = one.seen_high - one.seen_low
    cut = max(0.0, one.low - one.seen_low) + max(0.0, one.seen_high - one.high)
    return min(100.0, 100 * cut / seen) if seen > 0 else 0.0


def _range_table(page: Page, ranges: Sequence[TensorRange]) -> None:
    rows: list[list[Cell]] = [
        [one.layer, one.low, one.high, one.seen_low, one.seen_high, f"{cut_off_percent(one):.1f} %"] for one in ranges
    ]
    page.table(("layer", "int8 from", "to", "photos from", "to", "cut off"), rows)

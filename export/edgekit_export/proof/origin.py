"""The end of the page: size and time, what the file runs on, where it comes from, and how to make it again."""

from __future__ import annotations

from edgekit.card import Evidence, PhotoSet
from edgekit.version import __version__
from edgekit_export.assess.wording import count, joined, percent
from edgekit_export.baseline.wording import bytes_text, ms_text
from edgekit_export.page.html import Page
from edgekit_export.proof.facts import Proof
from edgekit_export.proof.wording import FAMILY_MEANINGS

_OPERATORS = 12


def add_size_and_time(page: Page, proof: Proof) -> None:
    """How large the file is, and how fast."""
    if proof.refused:
        return
    page.section(
        "Size and time",
        "The time is of one photo on the machine that exported, on one processor core and without reading the photo. "
        "It compares recipes; how fast your device is, only your device can tell, under timing_ms:",
    )
    page.command(f"edgekit classify {proof.card.name}.tflite photo.jpg --json")
    graph = proof.card.graph.size_bytes if proof.card.graph else 0
    rows = [("file", f"{bytes_text(proof.size_bytes)} ({proof.size_bytes:,} bytes)")]
    if graph:
        rest = max(0, proof.size_bytes - graph)
        rows.append(("of these", f"{bytes_text(graph)} network, {bytes_text(rest)} labels, card and record"))
    if proof.chosen and proof.chosen.milliseconds:
        rows.append(("time here", ms_text(proof.chosen.milliseconds)))
    spec = proof.card.input
    how = f"{spec.fit}, {spec.resize_kernel}, {spec.decode} decode"
    rows.append(("input", f"{spec.width} x {spec.height} pixels, {spec.color_order}, {how}"))
    page.facts(rows)


def add_runtimes(page: Page, proof: Proof) -> None:
    """What a runtime must have."""
    needs, found = proof.card.requires, proof.verification
    if proof.refused or not (needs or found):
        return
    page.section(
        "What it runs on",
        "A runtime is the program that computes the network on a device. It has to know every operator in the "
        "version that stands here. edgekit selftest repeats the proof on your device, bit for bit, in seconds:",
    )
    page.command(f"edgekit selftest {proof.card.name}.tflite")
    rows = []
    if needs and needs.oldest_runtime:
        rows.append(("oldest runtime seen running it", needs.oldest_runtime))
    if needs and needs.declared_min_runtime:
        rows.append(("oldest TensorFlow runtime it declares", needs.declared_min_runtime))
    rows += [(f"refused by {name}", reason) for name, reason in ((needs and needs.refused_by) or {}).items()]
    for one in found.families if found else ():
        proven = f"proven in {one.runtime} {one.runtime_version}; as in {FAMILY_MEANINGS[one.family]}"
        rows.append((f"{one.family} kernels", proven))
    if proof.record.allowed.targets:
        rows.append(("asked to run on", joined(proof.record.allowed.targets, most=12)))
    if needs:
        operators = [f"{name} {version}" for name, version in needs.operators.items()]
        rows.append((f"{count(len(operators), 'operator')}, with versions", ", ".join(operators)))
    page.facts(rows)


def add_origin(page: Page, proof: Proof) -> None:
    """Where it comes from, and the command that makes it again."""
    card, record = proof.card, proof.record
    page.section("Where this comes from", "The same model, photos, seeds and versions give the same file:")
    page.command(record.command)
    rows = [("name", card.name), ("exported", card.created or "not stated")]
    origin = card.provenance
    if origin:
        rows += [
            ("made from", origin.source_file),
            ("SHA-256 of that", origin.source_sha256),
            *([("loaded as", origin.source_kind)] if origin.source_kind else []),
            ("trained on pixels", f"{origin.input_range} ({origin.input_range_source})"),
            ("author", origin.author or "not stated"),
            ("license", origin.license or "not stated"),
        ]
    if card.quantization:
        rows.append(("quantizer", f"{card.quantization.quantizer} {card.quantization.quantizer_version}"))
        if card.quantization.exceptions:
            rows.append(("exceptions", ", ".join(card.quantization.exceptions)))
    if card.graph:
        rows.append(("SHA-256 of the network in the file", card.graph.sha256))
    for what, photos in (
        ("photos for calibration", card.calibration),
        ("photos for choosing", record.choice),
        ("photos for confirming", proof.verification.photos if proof.verification else None),
    ):
        if photos:
            rows.append((what, _photo_set(photos)))
    if card.golden:
        rows.append(
            ("proof in the file", f"{count(len(card.golden.seeds), 'generated picture')} ({card.golden.generator})")
        )
    if origin and origin.tools:
        rows.append(("tools", ", ".join(f"{name} {version}" for name, version in origin.tools.items())))
    rows.append(("this page", f"edgekit {__version__}"))
    page.facts(rows)
    for evidence in origin.evidence if origin else ():
        _evidence(page, evidence)


def _photo_set(photos: PhotoSet) -> str:
    classes = count(len(photos.images_per_class), "class", "classes")
    return f"{count(photos.images, 'photo')} of {classes}, seed {photos.seed}, fingerprint {photos.fingerprint_sha256}"


def _evidence(page: Page, evidence: Evidence) -> None:
    with page.folded(f"{evidence.question}: {evidence.chosen or 'open'}, found out by trying"):
        page.text(evidence.how)
        page.table(
            ("hypothesis", "photos", "right", "mean score"),
            [
                (
                    row.hypothesis,
                    row.images,
                    percent(row.correct / row.images, digits=1) if row.images else "",
                    f"{row.mean_confidence_percent:.1f} %",
                )
                for row in evidence.rows
            ],
            moods=["good" if row.hypothesis == evidence.chosen else "plain" for row in evidence.rows],
        )

"""What a model file says about itself, for people and as a record. Pure Python: neither numpy nor a runtime."""

from __future__ import annotations

from typing import Any

from edgekit.card import ModelCard, OutputSpec, Verification
from edgekit.decision import decision_rule
from edgekit.foreign import has_independent_scores
from edgekit.modelfile import ModelFile
from edgekit.records import to_json
from edgekit.tflite import Tensor
from edgekit.thresholdfile import ThresholdFile


def model_record(path: str, file: ModelFile) -> dict[str, Any]:
    """The record behind `edgekit info --json`."""
    return {
        "file": path,
        "size_bytes": len(file.data),
        "inputs": [_tensor_record(tensor) for tensor in file.graph.inputs],
        "outputs": [_tensor_record(tensor) for tensor in file.graph.outputs],
        "custom_operators": list(file.graph.custom_operators),
        "labels": list(file.labels) if file.labels else None,
        "metadata": to_json(file.metadata),
        "card": to_json(file.card),
    }


def threshold_record(stated: ThresholdFile | None) -> dict[str, Any] | None:
    """The record of a file of thresholds: where it lies and what it states."""
    if stated is None:
        return None
    return {"file": str(stated.path), "abstain_below": stated.abstain_below, "thresholds": stated.thresholds}


def _tensor_record(tensor: Tensor) -> dict[str, Any]:
    record: dict[str, Any] = {"name": tensor.name, "shape": list(tensor.shape), "dtype": tensor.dtype}
    if tensor.scales:
        record |= {"scale": tensor.scale, "zero_point": tensor.zero_point}
    return record


def describe_model(path: str, file: ModelFile, stated: ThresholdFile | None = None) -> str:
    """The text behind `edgekit info`; `stated` is the file of thresholds beside the model."""
    rows = [("file", f"{path} ({len(file.data):,} bytes)")]
    rows += [("input", _describe_tensor(tensor)) for tensor in file.graph.inputs]
    rows += [("output", _describe_tensor(tensor)) for tensor in file.graph.outputs]
    if file.graph.custom_operators:
        rows.append(("custom operators", ", ".join(file.graph.custom_operators)))
    rows.append(("labels", _describe_labels(file.labels)))
    if file.card.output.multi_label if file.card else has_independent_scores(file.graph):
        rows.append(("answers", "independent scores, several labels may be present (multi-label)"))
    if file.card:
        rows += _describe_decision(file.card.output, stated)
    if stated:
        rows.append(("threshold file", _describe_threshold_file(stated)))
    if file.card:
        rows += _describe_card(file.card)
    else:
        rows.append(("card", "none: edgekit-export did not write this file"))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)


def _describe_tensor(tensor: Tensor) -> str:
    shape = "x".join(map(str, tensor.shape)) or "scalar"
    quantized = f", scale {tensor.scale:.6g}, zero point {tensor.zero_point}" if tensor.scales else ""
    return f"{tensor.dtype} {shape}{quantized}"


def _describe_labels(labels: tuple[str, ...] | None) -> str:
    if not labels:
        return "none"
    shown = ", ".join(labels[:5])
    return f"{len(labels)}: {shown}{', ...' if len(labels) > 5 else ''}"


def _describe_decision(output: OutputSpec, stated: ThresholdFile | None) -> list[tuple[str, str]]:
    """From which score on an answer counts, card and file taken together, as `classify` does."""
    rule = decision_rule(output, stated)
    rows = []
    if rule and rule.abstain_below:
        rows.append(("abstain below", _score(rule.abstain_below)))
    if rule and (output.thresholds or (stated and stated.thresholds)):
        rows.append(("thresholds", _describe_thresholds(output.labels, rule.thresholds)))
    if output.wanted_precision is not None:
        rows.append(("wanted precision", f"{_score(output.wanted_precision)}, what the card's thresholds are for"))
    return rows


def _describe_thresholds(labels: tuple[str, ...], thresholds: tuple[float, ...]) -> str:
    if len(labels) <= 5:
        return ", ".join(f"{label} {_score(score)}" for label, score in zip(labels, thresholds, strict=True))
    (low, lowest), (high, highest) = (pick(zip(thresholds, labels, strict=True)) for pick in (min, max))
    return f"{len(labels)}: from {_score(low)} ({lowest}) to {_score(high)} ({highest})"


def _describe_threshold_file(stated: ThresholdFile) -> str:
    told = [] if stated.abstain_below is None else [f"abstain below {_score(stated.abstain_below)}"]
    told += [f"{label} {_score(score)}" for label, score in stated.thresholds.items()]
    more = ", ..." if len(told) > 5 else ""
    return f"{stated.path}, in force: {', '.join(told[:5]) or 'nothing'}{more}"


def _score(score: float) -> str:
    return f"{100 * score:.1f} %"


def _describe_card(card: ModelCard) -> list[tuple[str, str]]:
    spec = card.input
    rows = [
        ("name", card.name),
        (
            "photos",
            f"{spec.fit} to {spec.width}x{spec.height}, {spec.resize_kernel}, {spec.color_order}, {spec.decode} decode",
        ),
    ]
    if card.verification:
        rows += _describe_verification(card.verification, "all labels right" if card.output.multi_label else "top-1")
    if card.requires and card.requires.oldest_runtime:
        rows.append(("oldest runtime", f"{card.requires.oldest_runtime}, seen running it"))
    for name, version in (card.requires.refused_by or {}).items() if card.requires else ():
        rows.append(("refused by", f"{name}: {version}"))
    if card.provenance:
        rows.append(("trained on", f"{card.provenance.input_range} ({card.provenance.input_range_source})"))
        rows.append(("made from", f"{card.provenance.source_file}, SHA-256 {card.provenance.source_sha256[:16]}..."))
        rows += [("loaded as", card.provenance.source_kind)] if card.provenance.source_kind else []
    return rows


def _describe_verification(verification: Verification, measure: str) -> list[tuple[str, str]]:
    images = verification.photos.images
    rows = [("verified on", f"{images} photos, float {measure} {_percent(verification.float_correct, images)}")]
    for result in verification.families:
        agreement = _percent(result.agreeing, images)
        interval = f"{result.agreement_low_percent:.1f} to {result.agreement_high_percent:.1f} %"
        rows.append(
            (
                result.family,
                f"{measure} {_percent(result.correct, images)}, same answer as float {agreement} ({interval})",
            )
        )
    if check := verification.decode:
        same = f"same answer as exact decode {_percent(check.agreeing, check.images)}"
        rows.append(("fast decode", f"{same}, {check.reduced} of {check.images} photos at a part of their size"))
    return rows


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "of no photos"

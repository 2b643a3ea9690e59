"""What a model file says about itself, for people and as a record. Pure Python: neither numpy nor a runtime."""

from __future__ import annotations

from typing import Any

from edgekit.card import ModelCard, Verification
from edgekit.foreign import has_independent_scores
from edgekit.modelfile import ModelFile
from edgekit.records import to_json
from edgekit.tflite import Tensor


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


def _tensor_record(tensor: Tensor) -> dict[str, Any]:
    record: dict[str, Any] = {"name": tensor.name, "shape": list(tensor.shape), "dtype": tensor.dtype}
    if tensor.scales:
        record |= {"scale": tensor.scale, "zero_point": tensor.zero_point}
    return record


def describe_model(path: str, file: ModelFile) -> str:
    """The text behind `edgekit info`."""
    rows = [("file", f"{path} ({len(file.data):,} bytes)")]
    rows += [("input", _describe_tensor(tensor)) for tensor in file.graph.inputs]
    rows += [("output", _describe_tensor(tensor)) for tensor in file.graph.outputs]
    if file.graph.custom_operators:
        rows.append(("custom operators", ", ".join(file.graph.custom_operators)))
    rows.append(("labels", _describe_labels(file.labels)))
    if file.card.output.multi_label if file.card else has_independent_scores(file.graph):
        rows.append(("answers", "independent scores, several labels may be present (multi-label)"))
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


def _describe_card(card: ModelCard) -> list[tuple[str, str]]:
    spec = card.input
    rows = [
        ("name", card.name),
        ("photos", f"{spec.fit} to {spec.width}x{spec.height}, {spec.resize_kernel}, {spec.color_order}"),
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
    return rows


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "of no photos"

"""A file confirmed: its temperature folded in, and the whole of it held against the float model in both families."""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edgekit.card import Family, Golden, InputSpec, OutputSpec
from edgekit.golden import GENERATOR, SEEDS, golden_input
from edgekit.scores import probabilities
from edgekit_export.decoding import check_decode
from edgekit_export.device import DeviceRuntime, open_family
from edgekit_export.images import Sample
from edgekit_export.probability.temperature import fit_temperature, fold_temperature, logits_tensor
from edgekit_export.progress import Progress
from edgekit_export.rewire import Rewiring
from edgekit_export.search.budget import Budget
from edgekit_export.search.targets import Target
from edgekit_export.search.trial import Trial
from edgekit_export.verify import FAMILIES, Asked, Comparison, compare

_OLD_RUNTIME = "tflite-runtime"
SLOW_PROCESSES = max(1, min(4, os.cpu_count() or 1))
"""Of reference kernels, which are tens of times slower than others."""


@dataclass(frozen=True)
class Tempered:
    """A file whose scores mean what they say.

    Attributes:
        tflite: Its graph.
        temperature: What its logits were divided by; 1 where nothing could be done.
        fitted_on: Labelled photos that told the temperature.
        scores: float32 (photos, classes), of the photos for choosing: what the file says to them.
        truth: bool (photos, classes): what they show.
    """

    tflite: bytes
    temperature: float
    fitted_on: int
    scores: NDArray[np.float32] = field(repr=False)
    truth: NDArray[np.bool_] = field(repr=False)


@dataclass(frozen=True)
class Confirmed:
    """What the device runtimes showed of a file.

    Attributes:
        tempered: The file.
        comparison: With the float model, on the photos for confirming, in both families.
        golden: Its answers to generated inputs.
        oldest_runtime: That was seen running it.
        refused_by: Runtimes that do not run it, with reasons.
    """

    tempered: Tempered
    comparison: Comparison
    golden: Golden
    oldest_runtime: str
    refused_by: dict[str, str]


@dataclass(frozen=True)
class Confirmation:
    """How files are confirmed.

    Attributes:
        answer_float: From uint8 pixels (height, width, channels) to probabilities (classes,).
        choice: The photos for choosing.
        verification: The photos for confirming.
        spec: How a photo becomes the input.
        output: What the scores are.
        float_runtime: What runs the float model.
        budget: What may be lost.
        targets: What the file must run on.
        progress: Where to show progress.
    """

    answer_float: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    choice: Sample
    verification: Sample
    spec: InputSpec
    output: OutputSpec
    float_runtime: str
    budget: Budget
    targets: Sequence[Target]
    progress: Progress

    def of(self, trial: Trial) -> tuple[Confirmed, tuple[str, ...]]:
        """The proof of a file, and what of the budget it breaks.

        Raises:
            VerificationError: no runtime takes it, or one crashed.
            PhotosError: no photo could be read.
        """
        asked = trial.comparison.asked
        assert asked is not None  # noqa: S101 - compare() gives it
        tempered = self._tempered(trial.made.tflite, asked)
        confirmed = self._prove(tempered)
        broken = self.budget.broken_by(confirmed.comparison)
        refusal = confirmed.refused_by.get(_OLD_RUNTIME)
        if refusal and "tflite-2.14" in self.targets:
            broken = (*broken, f"not for tflite-2.14: {refusal}")
        return confirmed, broken

    def _tempered(self, tflite: bytes, asked: Asked) -> Tempered:
        plain = Tempered(tflite, 1.0, 0, asked.scores["xnnpack"], asked.truth)
        logits = logits_tensor(tflite)
        if logits is None or fold_temperature(tflite, 1.0) is None:
            return plain
        values = self._logits(tflite, logits)
        temperature = fit_temperature(values, asked.truth, multi_label=self.output.multi_label)
        folded = fold_temperature(tflite, temperature)
        assert folded is not None  # noqa: S101 - it was for another temperature
        spec = replace(self.output, kind="logits", temperature=temperature)
        scores = np.stack([probabilities(row, spec) for row in values])
        return Tempered(folded, temperature, len(values), scores, asked.truth)

    def _logits(self, tflite: bytes, tensor: int) -> NDArray[np.float32]:
        """Of the photos for choosing, (photos, classes)."""
        rewiring = Rewiring(tflite)
        rewiring.keep_output(tensor)
        found = []
        with (
            DeviceRuntime(rewiring.finish(), "litert", "default") as device,
            self.progress.stage("fitting scores", self.choice.length) as step,
        ):
            for photo in self.choice.read(self.spec):
                device.send(photo.pixels, str(photo.path))
                found.append(device.receive_scores(str(photo.path)))
                step()
        return np.stack(found)

    def _prove(self, tempered: Tempered) -> Confirmed:
        """Both kernel families, in processes of their own."""
        with _families(tempered.tflite) as (devices, refused):
            with self.progress.stage("verifying", self.verification.length) as step:
                comparison = compare(
                    self.answer_float,
                    devices,
                    self.verification,
                    self.spec,
                    self.output,
                    float_runtime=self.float_runtime,
                    max_drop=self.budget.max_drop,
                    step=step,
                )
            first = {family: team[0] for family, team in devices.items()}
            if self.spec.decode == "fast":
                comparison = self._beside_exact(comparison, first["xnnpack"])
            return Confirmed(tempered, comparison, _golden(first, self.spec), _oldest(first), refused)

    def _beside_exact(self, comparison: Comparison, device: DeviceRuntime) -> Comparison:
        """With what the file says to the same photos decoded exactly, in the kernels that are fast everywhere."""
        asked = comparison.asked
        assert asked is not None  # noqa: S101 - compare() gives it
        with self.progress.stage("checking fast decode", len(asked.files)) as step:
            check = check_decode(device, "xnnpack", asked, self.spec, multi_label=self.output.multi_label, step=step)
        return replace(comparison, verification=comparison.verification._replace(decode=check))


@contextlib.contextmanager
def _families(tflite: bytes) -> Iterator[tuple[dict[Family, tuple[DeviceRuntime, ...]], dict[str, str]]]:
    refused: dict[str, str] = {}
    teams: dict[Family, tuple[DeviceRuntime, ...]] = {}
    with contextlib.ExitStack() as stack:
        for family in FAMILIES:
            device, reasons = open_family(tflite, family)
            first = stack.enter_context(device)
            others = range(SLOW_PROCESSES - 1 if family == "reference" else 0)
            teams[family] = (first, *(stack.enter_context(first.again(tflite)) for _ in others))
            refused |= reasons
        yield teams, refused


def _golden(devices: Mapping[Family, DeviceRuntime], spec: InputSpec) -> Golden:
    outputs = {}
    for family, device in devices.items():
        if not device.is_portable:
            continue  # a board would give other bits
        rows = []
        for seed in SEEDS:
            pixels = golden_input(seed, spec.height, spec.width, spec.channels)
            rows.append(base64.b64encode(device.run(pixels, f"golden input {seed}").tobytes()).decode())
        outputs[str(family)] = tuple(rows)
    return Golden(GENERATOR, SEEDS, outputs)


def _oldest(devices: Mapping[Family, DeviceRuntime]) -> str:
    """tflite-runtime is older than any ai-edge-litert; both were seen running the file."""
    oldest = min(devices.values(), key=lambda device: device.runtime != "tflite")
    return oldest.name.removesuffix(" reference kernels")

"""One temperature: fitted as by brute force, and folded in without changing an integer of the logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit_export.device import DeviceRuntime
from edgekit_export.frontend import ExplicitModel
from edgekit_export.probability.temperature import (
    fit_temperature,
    fold_temperature,
    logits_tensor,
    negative_log_likelihood,
    smoothed_targets,
)
from edgekit_export.progress import Silent
from edgekit_export.recipes import storage
from edgekit_export.recipes.draft import Material
from edgekit_export.recipes.kitchen import Kitchen
from edgekit_export.recipes.recipe import parse_recipe
from edgekit_export.rewire import Rewiring
from tests.export.recipes.conftest import Answers, MakeModel, answers, make_model, material, noise  # noqa: F401

if TYPE_CHECKING:
    from tests.export.conftest import Nets, See

pytestmark = pytest.mark.host


def drawn(temperature: float, count: int = 4000) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Logits whose true scores are those of another temperature, and labels drawn from them."""
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 3, (count, 4)).astype(np.float32)
    scores = np.exp(logits / temperature)
    scores /= scores.sum(axis=1, keepdims=True)
    labels = [rng.choice(4, p=row / row.sum()) for row in scores.astype(np.float64)]
    return logits, np.eye(4, dtype=bool)[labels]


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_that_made_the_labels_is_found(temperature: float) -> None:
    logits, truth = drawn(temperature)
    found = fit_temperature(logits, truth, multi_label=False)
    assert found == pytest.approx(temperature, rel=0.08)
    targets = smoothed_targets(truth, multi_label=False)
    best = negative_log_likelihood(logits / np.float64(found), targets, multi_label=False)
    for other in np.exp(np.linspace(np.log(0.05), np.log(20), 60)):
        assert best <= negative_log_likelihood(logits / other, targets, multi_label=False) + 1e-9


def test_several_labels_have_each_a_sigmoid() -> None:
    rng = np.random.default_rng(4)
    logits = rng.normal(0, 3, (4000, 3)).astype(np.float32)
    truth = rng.random((4000, 3)) < 1 / (1 + np.exp(-logits / 2))
    assert fit_temperature(logits, truth, multi_label=True) == pytest.approx(2, rel=0.08)


def test_without_photos_nothing_is_done() -> None:
    nothing = np.zeros((0, 3))
    assert fit_temperature(nothing.astype(np.float32), nothing.astype(bool), multi_label=False) == 1.0


@pytest.mark.parametrize("multi_label", [False, True])
def test_photos_that_logits_explain_perfectly_make_no_score_surer_than_so_many_can_tell(multi_label: bool) -> None:
    for photos in (3, 30, 300):
        truth = np.tile(np.eye(3, dtype=bool), (photos // 3, 1))
        logits = np.where(truth, 10, -10).astype(np.float32)
        found = logits / fit_temperature(logits, truth, multi_label=multi_label)
        if multi_label:
            one, two = photos // 3, 2 * photos // 3  # of the three labels, one is on a third of the photos, two are not
            score, sure = 1 / (1 + np.exp(-found[0, 0])), ((one + 1) / (one + 2) + 2 * (two + 1) / (two + 2)) / 3
        else:
            score, sure = np.exp(found[0, 0]) / np.exp(found[0]).sum(), (photos + 1) / (photos + 2)
        assert score == pytest.approx(sure, rel=1e-3)


def test_logits_that_are_always_wrong_end_at_the_bound() -> None:
    logits = -10 * np.eye(3, dtype=np.float32)
    assert fit_temperature(logits, np.eye(3, dtype=bool), multi_label=False) == pytest.approx(20, rel=1e-3)


def test_a_label_that_no_photo_has_is_not_certainly_absent() -> None:
    truth = np.array([[True, False], [True, False]])
    np.testing.assert_allclose(smoothed_targets(truth, multi_label=True), [[3 / 4, 1 / 4], [3 / 4, 1 / 4]])


@pytest.mark.parametrize("recipe", ["int8", "int8+bias", "int8+keep-float:4", "float16", "dynamic", "int16"])
@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_folded_in_it_divides_the_logits_and_changes_no_answer(
    recipe: str,
    temperature: float,
    make_model: MakeModel,  # noqa: F811 - a fixture
    material: Callable[[ExplicitModel], Material],  # noqa: F811
    answers: Answers,  # noqa: F811
    noise: NDArray[np.uint8],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(storage, "_LEAST_VALUES", 16)  # so that this small network is stored like a large one
    kitchen = Kitchen(material(make_model()), distill_steps=0, progress=Silent())
    plain = kitchen.make(parse_recipe(recipe)).tflite
    folded = fold_temperature(plain, temperature)
    assert folded is not None
    before, after = (logits(data, noise[32:64]) for data in (plain, folded))
    np.testing.assert_allclose(after, before / temperature, rtol=2e-2, atol=2e-2)
    if recipe in ("int8", "int8+bias"):
        np.testing.assert_allclose(after, before / temperature, rtol=1e-5, atol=1e-6)
    wanted = np.exp(after - after.max(axis=1, keepdims=True))
    wanted /= wanted.sum(axis=1, keepdims=True)
    found = answers(folded)[:32]
    assert np.abs(found - wanted).max() < 0.03
    margin = np.sort(wanted, axis=1)
    sure = margin[:, -1] - margin[:, -2] > 0.04
    assert (found.argmax(axis=1) == before.argmax(axis=1))[sure].all()
    assert sure.any() or temperature > 1


def logits(data: bytes, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
    tensor = logits_tensor(data)
    assert tensor is not None
    rewiring = Rewiring(data)
    rewiring.keep_output(tensor)
    found = []
    with DeviceRuntime(rewiring.finish(), "litert", "default") as device:
        for pixels in photos:
            device.send(pixels, "noise")
            found.append(device.receive_scores("noise"))
    return np.stack(found)


def test_where_something_else_lies_before_the_softmax_nothing_is_folded(nets: Nets, see: See) -> None:
    k = nets.keras
    image = k.Input((16, 12, 3))
    dense = k.layers.Dense(3, activation="relu")(k.layers.GlobalAveragePooling2D()(image))
    data = see(k.Model(image, k.layers.Softmax()(dense))).tflite
    assert logits_tensor(data) is not None
    assert fold_temperature(data, 2.0) is None

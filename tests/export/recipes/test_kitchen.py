"""Each recipe makes a file that runs, takes raw pixels and answers like the float network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.runtime import installed_runtimes
from edgekit.tflite import Graph
from edgekit_export.device import DeviceRuntime
from edgekit_export.frontend import ExplicitModel
from edgekit_export.graph import check_full_integer, float_leftovers
from edgekit_export.progress import Silent
from edgekit_export.recipes.draft import Material
from edgekit_export.recipes.kitchen import Kitchen
from edgekit_export.recipes.recipe import STEPS, Recipe, parse_recipe
from tests.export.conftest import plain_int8

if TYPE_CHECKING:
    from tests.export.recipes.conftest import Answers, MakeModel

pytestmark = pytest.mark.host

MakeMaterial = Callable[[ExplicitModel], Material]
FloatAnswers = Callable[[ExplicitModel], NDArray[np.float32]]
ALL = (*(f"int8+{step}" for step in STEPS), "int8", "int8+keep-float:2", "int16", "dynamic", "float16")


def kitchen(material: Material) -> Kitchen:
    return Kitchen(material, distill_steps=30, progress=Silent())


@pytest.mark.parametrize("name", ALL)
def test_every_recipe_makes_a_file_that_answers_like_the_float_network(
    name: str, make_model: MakeModel, material: MakeMaterial, answers: Answers, float_answers: FloatAnswers
) -> None:
    model = make_model()
    recipe = parse_recipe(name)
    made = kitchen(material(model)).make(recipe)
    graph, wanted, found = Graph(made.tflite), float_answers(model), answers(made.tflite)
    assert (graph.inputs[0].dtype, graph.inputs[0].shape) == ("uint8", (1, 24, 24, 3))
    assert (graph.inputs[0].scale, graph.inputs[0].zero_point) == (1.0, 0)
    assert (graph.outputs[0].dtype, graph.outputs[0].scale) == ("uint8", 1 / 256)
    assert np.mean(found.argmax(axis=1) == wanted.argmax(axis=1)) >= 0.9
    assert np.abs(found - wanted).max() < 0.15
    assert bool(float_leftovers(graph)) == (not recipe.is_full_int8)
    if recipe.is_full_int8:
        check_full_integer(graph, model)


@pytest.mark.skipif("tflite" not in installed_runtimes(), reason="tflite-runtime is not installed")
@pytest.mark.parametrize("name", ["int8+bias", "int8+keep-float:2", "dynamic", "float16", "int16"])
def test_runtimes_of_2023_run_what_recipes_make(name: str, make_model: MakeModel, material: MakeMaterial) -> None:
    made = kitchen(material(make_model())).make(parse_recipe(name))
    with DeviceRuntime(made.tflite, "tflite", "reference") as device:
        device.run(np.zeros((24, 24, 3), np.uint8), "zeros")


def test_without_steps_it_is_tensorflows_converter(make_model: MakeModel, material: MakeMaterial) -> None:
    model = make_model()
    matter = material(model)
    assert kitchen(matter).make(Recipe()).tflite == plain_int8(model, matter.photos)


@pytest.mark.parametrize("name", ["int8+equalize+bias", "int8+bias+distill"])
def test_what_was_made_hard_for_int8_is_mended(
    name: str, make_model: MakeModel, material: MakeMaterial, answers: Answers, float_answers: FloatAnswers
) -> None:
    """Channels spread over ten powers of two share one scale: the small ones vanish."""
    model = make_model(uneven=10)
    at_hand = kitchen(material(model))
    wanted = float_answers(model).argmax(axis=1)
    plain, mended = (
        np.mean(answers(at_hand.make(parse_recipe(one)).tflite).argmax(axis=1) == wanted) for one in ("int8", name)
    )
    assert plain < 0.85
    assert mended > plain + 0.05
    if "equalize" in name:
        assert mended >= 0.95


def test_small_files_are_small(make_model: MakeModel, material: MakeMaterial) -> None:
    model = make_model()
    sizes = {base: len(kitchen(material(model)).make(parse_recipe(base)).tflite) for base in ("dynamic", "float16")}
    assert max(sizes.values()) < len(model.tflite) + 1500  # a tiny network: its tables are larger than its weights


def test_what_makes_no_sense_has_an_obstacle(make_model: MakeModel, material: MakeMaterial) -> None:
    bounded = kitchen(material(make_model(activation="relu6")))
    assert "more than a ReLU" in str(bounded.obstacle(parse_recipe("int8+equalize")))
    assert bounded.obstacle(parse_recipe("int8+bias")) is None
    assert bounded.obstacle(parse_recipe("int8+keep-float:9")) == "it has only 4 layers"


def test_the_same_recipe_gives_the_same_bytes(make_model: MakeModel, material: MakeMaterial) -> None:
    matter = material(make_model())
    recipe = parse_recipe("int8+mse+bias")
    assert kitchen(matter).make(recipe).tflite == kitchen(matter).make(recipe).tflite

"""The search: which recipes it tries, which it takes, and what becomes of the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from edgekit.card import ClassResult, FamilyResult, PhotoSet, Verification
from edgekit_export.errors import ConversionError, VerificationError
from edgekit_export.recipes.kitchen import Made
from edgekit_export.recipes.recipe import Recipe, parse_recipe
from edgekit_export.search.budget import Budget
from edgekit_export.search.climb import Search, nearest
from edgekit_export.search.targets import TARGETS, Target
from edgekit_export.search.trial import Trial
from edgekit_export.verify import Comparison

PHOTOS = PhotoSet(100, {"a": 100}, "0" * 64, 0)
LADDER = ("int8", "int8+bias", "int8+mse+bias", "int8+bias+keep-float:1", "float16", "int16")


def comparison(correct: int, agreeing: int, float_correct: int = 90) -> Comparison:
    family = FamilyResult("xnnpack", "ai-edge-litert", "2", correct, agreeing, 0.0, 100.0)
    classes = (ClassResult("a", 100, float_correct, {"xnnpack": correct}),)
    return Comparison(Verification(PHOTOS, float_correct, (family,), classes, 1.0), (), ())


@dataclass
class World:
    """What each recipe's file would do: (right, agreeing) on the photos for choosing; and what confirming says."""

    choice: dict[str, tuple[int, int] | BaseException]
    turned_down: Sequence[str] = ()
    obstacles: dict[str, str] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)
    crashing: Sequence[str] = ()

    def obstacle(self, recipe: Recipe) -> str | None:
        return self.obstacles.get(recipe.name)

    def make(self, recipe: Recipe) -> Made:
        self.made.append(recipe.name)
        told = self.choice[recipe.name]
        if isinstance(told, BaseException):
            raise told
        return Made(recipe.name.encode())

    def of(self, recipe: Recipe, made: Made) -> Trial:
        told = self.choice[recipe.name]
        assert not isinstance(told, BaseException)
        return Trial(recipe, made, comparison(*told), 1.0)

    def confirm(self, trial: Trial) -> tuple[str, tuple[str, ...]]:
        name = trial.recipe.name
        self.confirmed.append(name)
        if name in self.crashing:
            raise VerificationError("tflite-runtime crashed")
        return f"proof of {name}", ("it loses too much",) if name in self.turned_down else ()


Climb = Callable[..., tuple[Search[str], str | None]]


def climb(
    world: World,
    names: Sequence[str] = LADDER,
    budget: Budget | None = None,
    *,
    targets: Sequence[Target] = TARGETS,
    looks_on: bool = False,
) -> tuple[Search[str], str | None]:
    """The search, and the name of the recipe that it took."""
    search: Search[str] = Search(
        cast("Any", world), cast("Any", world), budget or Budget(), targets, world.confirm, looks_on
    )
    found = search.climb([parse_recipe(name) for name in names])
    if found is None:
        return search, None
    step, proof = found
    assert proof == f"proof of {step.recipe.name}"
    return search, step.recipe.name


def outcomes(search: Search[str]) -> dict[str, str]:
    return {step.recipe.name: step.reason for step in search.steps}


def test_the_first_that_is_good_enough_is_taken_and_nothing_else_is_made() -> None:
    world = World({"int8": (90, 97)})
    assert climb(world)[1] == "int8"
    assert (world.made, world.confirmed) == (["int8"], ["int8"])


def test_it_looks_on_for_more_of_the_same_answers_but_takes_no_slower_file_for_them() -> None:
    world = World({"int8": (90, 94), "int8+bias": (90, 95), "int8+mse+bias": (89, 93)})
    assert climb(world)[1] == "int8+bias"
    assert world.made == ["int8", "int8+bias", "int8+mse+bias"]
    assert world.confirmed == ["int8+bias"]


def test_what_misses_the_budget_says_how_and_slower_files_come_then() -> None:
    world = World({
        "int8": (80, 85), "int8+bias": (88, 95), "int8+mse+bias": (88, 95), "int8+bias+keep-float:1": (89, 96),
    })  # fmt: skip
    search, found = climb(world)
    assert found == "int8+bias+keep-float:1"
    assert outcomes(search)["int8"] == (
        "it loses 10.00 points of accuracy, allowed are 1 (one photo of 100 is 1.00 points)"
    )


def test_of_equals_the_one_with_fewer_steps_is_taken() -> None:
    world = World({"int8": (90, 95), "int8+bias": (90, 95), "int8+mse+bias": (90, 95)})
    assert climb(world)[1] == "int8"


def test_a_thorough_search_tries_all_that_are_as_fast() -> None:
    world = World({"int8": (90, 98), "int8+bias": (90, 99), "int8+mse+bias": (90, 98)})
    assert climb(world, looks_on=True)[1] == "int8+bias"
    assert world.made == ["int8", "int8+bias", "int8+mse+bias"]


def test_what_confirming_turns_down_is_not_taken_and_the_next_is_tried() -> None:
    world = World(
        {"int8": (90, 99), "int8+bias": (90, 98), "int8+mse+bias": (90, 97)}, turned_down=("int8", "int8+bias")
    )
    search, found = climb(world)
    assert found == "int8+mse+bias"
    assert world.confirmed == ["int8", "int8+bias", "int8+mse+bias"]
    assert [step.turned_down for step in search.steps] == [True, True, False]
    assert outcomes(search)["int8"] == "it loses too much"


def test_a_file_that_crashes_a_runtime_is_turned_down() -> None:
    world = World({"int8": (90, 99), "int8+bias": (90, 99)}, crashing=("int8",))
    search, found = climb(world)
    assert found == "int8+bias"
    assert (search.steps[0].turned_down, search.steps[0].reason) == (True, "tflite-runtime crashed")


def test_a_wanted_agreement_is_a_condition() -> None:
    world = World({
        "int8": (90, 95), "int8+bias": (90, 96), "int8+mse+bias": (90, 97), "int8+bias+keep-float:1": (90, 97),
        "float16": (90, 100),
    })  # fmt: skip
    search, found = climb(world, budget=Budget(min_agreement=99))
    assert found == "float16"
    assert outcomes(search)["int8"] == ("it gives the float model's answer to 95.00 % of 100 photos, wanted are 99 %")


def test_a_class_may_have_a_limit_of_its_own() -> None:
    search, found = climb(World({"int8": (88, 98)}), ["int8"], Budget(max_drop=5, max_class_drop=1.5))
    assert found is None
    assert outcomes(search) == {"int8": "class 'a' loses 2.00 points, allowed are 1.5 a class"}


def test_where_nothing_is_good_enough_the_nearest_is_known() -> None:
    world = World({**dict.fromkeys(LADDER, (80, 85)), "float16": (85, 93)})
    search, found = climb(world, targets=["litert"])
    assert found is None
    step = nearest(search)
    assert step is not None
    assert step.recipe.name == "float16"
    assert world.confirmed == []


def test_what_was_turned_down_came_nearer_than_what_was_never_confirmed() -> None:
    world = World({"int8": (90, 99), "int8+bias": (80, 99)}, turned_down=("int8",))
    step = nearest(climb(world, ["int8", "int8+bias"])[0])
    assert step is not None
    assert step.recipe.name == "int8"


def test_obstacles_and_failures_stop_nothing() -> None:
    refused = ConversionError("TensorFlow refuses it")
    world = World(
        {"int8": refused, "int8+mse+bias": (90, 99)}, obstacles={"int8+bias": "operators that edgekit cannot simulate"}
    )
    search, found = climb(world)
    assert found == "int8+mse+bias"
    assert outcomes(search) == {
        "int8": "TensorFlow refuses it", "int8+bias": "operators that edgekit cannot simulate", "int8+mse+bias": "",
    }  # fmt: skip
    assert [step.tried for step in search.steps] == [True, False, True]


def test_a_recipe_that_a_target_cannot_run_is_not_made() -> None:
    world = World({"int16": (90, 99)})
    search, found = climb(world, ["int16"])
    assert found is None
    assert world.made == []
    assert outcomes(search)["int16"].startswith("not for browser: ")
    assert climb(world, ["int16"], targets=["litert", "mediapipe"])[1] == "int16"


def test_stopped_early_it_gives_the_best_so_far() -> None:
    world = World({"int8": (90, 94), "int8+bias": (90, 95), "int8+mse+bias": KeyboardInterrupt()})
    search, found = climb(world)
    assert (found, search.interrupted) == ("int8+bias", True)
    assert (search.steps[-1].tried, search.steps[-1].reason) == (False, "stopped")


def test_stopped_before_there_is_anything_it_just_stops() -> None:
    with pytest.raises(KeyboardInterrupt):
        climb(World({"int8": (80, 80), "int8+bias": KeyboardInterrupt()}))

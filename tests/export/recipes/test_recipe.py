"""Names of recipes: as users type them, and what is told where there is none."""

from __future__ import annotations

import pytest

from edgekit_export.errors import RecipeError
from edgekit_export.recipes.recipe import Recipe, parse_recipe


@pytest.mark.parametrize(
    "name",
    ["int8", "int16", "dynamic", "float16", "int8+bias", "int8+equalize+mse+bias+distill", "int8+keep-float:3"],
)
def test_a_name_comes_back(name: str) -> None:
    assert parse_recipe(name).name == name


def test_what_it_is() -> None:
    assert parse_recipe("int8+mse+keep-float:2") == Recipe("int8", ("mse",), 2)
    assert not parse_recipe("int8+keep-float:2").is_full_int8
    assert not parse_recipe("float16").is_full_int8
    assert parse_recipe("int8+bias").is_full_int8


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "found '', expected it to begin with int8, int16, dynamic, float16"),
        ("int4", "found 'int4'"),
        ("int8+magic", "found 'magic', expected steps such as equalize, average"),
        ("int8+bias+bias", "found 'bias'"),
        ("int8+keep-float:0", "found 'keep-float:0'"),
        ("int8+keep-float:x", "found 'keep-float:x'"),
        ("float16+bias", "steps are for int8, float16 takes none"),
        ("int8+percentile+mse", "expected one way to find ranges"),
        ("int8+distill+bias", "Write int8+bias+distill."),
    ],
)
def test_what_is_no_recipe_is_told_in_one_line(name: str, told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(name)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)

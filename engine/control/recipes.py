"""Recipes, as ListRecipes and DescribeRecipe show them: read from the folder of recipes, never listed twice."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine import recipes
from engine.arns import PARTITION, RECIPE_PREFIX, recipe_arn
from engine.control.control import Control
from engine.control.fields import Arn, Domain, ListRequest, Request, ResourceShape, Shape
from engine.control.lifecycle import ACTIVE
from engine.control.operation import operation
from engine.control.pages import PAGE, opened, sealed
from engine.errors import NotFound
from engine.recipes.base import Recipe

SINCE = 1_546_300_800.0  # 2019-01-01: when AWS's first recipes came; ours have no date of their own
SCOPE = "recipe"
PERCENTILES = "JSON-percentile-filtering"
TRANSFORMATIONS = {
    "aws-user-personalization": PERCENTILES,
    "aws-personalized-ranking": PERCENTILES,
    "aws-hrnn": PERCENTILES,
    "aws-hrnn-metadata": PERCENTILES,
    "aws-hrnn-coldstart": PERCENTILES,
    "aws-sims": "sims",
    "aws-item-affinity": "item-affinity",
    "aws-item-attribute-affinity": "item-attribute-affinity",
}
ALGORITHMS = {"aws-trending-now": "aws-trending-now-custom"}


class ListRecipes(ListRequest, frozen=True, kw_only=True):
    recipe_provider: Annotated[str, Meta(pattern=r"^SERVICE\Z")] | None = None
    domain: Domain | None = None


class RecipeSummary(ResourceShape, frozen=True, kw_only=True):
    name: str
    arn: str = msgspec.field(name="recipeArn")


class RecipeShape(RecipeSummary, frozen=True, kw_only=True):
    algorithm_arn: str
    feature_transformation_arn: str
    description: str
    recipe_type: str


class ListRecipesResponse(Shape, frozen=True):
    recipes: list[RecipeSummary]
    next_token: str | None = None


class DescribeRecipe(Request, frozen=True):
    recipe_arn: Arn


class DescribeRecipeResponse(Shape, frozen=True):
    recipe: RecipeShape


@operation
def list_recipes(control: Control, request: ListRecipes) -> ListRecipesResponse:
    """No recipe has a domain yet, so a domain's list is empty."""
    _, last = opened(request.next_token, SCOPE)
    names = [] if request.domain else sorted(name for name in recipes.RECIPES if name > last)
    size = request.max_results or PAGE
    found = [
        RecipeSummary(
            name=name, arn=recipe_arn(name), status=ACTIVE, creation_date_time=SINCE, last_updated_date_time=SINCE
        )
        for name in names[:size]
    ]
    return ListRecipesResponse(found, sealed((SINCE, names[size - 1]), SCOPE) if len(names) > size else None)


@operation
def describe_recipe(control: Control, request: DescribeRecipe) -> DescribeRecipeResponse:
    recipe = recipe_of(request.recipe_arn)
    algorithm = ALGORITHMS.get(recipe.name, recipe.name)
    transformation = TRANSFORMATIONS.get(recipe.name, recipe.name)
    shape = RecipeShape(
        name=recipe.name,
        arn=recipe_arn(recipe.name),
        status=ACTIVE,
        algorithm_arn=f"{PARTITION}:::algorithm/{algorithm}",
        feature_transformation_arn=f"{PARTITION}:::feature-transformation/{transformation}",
        description=recipe.description,
        recipe_type=recipe.kind,
        creation_date_time=SINCE,
        last_updated_date_time=SINCE,
    )
    return DescribeRecipeResponse(shape)


def recipe_of(arn: str) -> Recipe[Any]:
    """Raises `NotFound` for an ARN that is no recipe's."""
    recipe = recipes.RECIPES.get(arn.removeprefix(RECIPE_PREFIX)) if arn.startswith(RECIPE_PREFIX) else None
    if recipe is None:
        raise NotFound(f"Resource Arn {arn} does not exist.")
    return recipe

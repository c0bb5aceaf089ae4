"""Recipes as they are shown, read from the folder of recipes, never listed twice; and what they are made of: algorithms
and feature transformations with their parameters' defaults and ranges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from msgspec import Meta

from engine import recipes
from engine.arns import PARTITION, RECIPE_PREFIX, name_of, recipe_arn
from engine.control.control import Control
from engine.control.fields import Domain, ListRequest
from engine.control.hyperparameters import TUNABLE, Parameter, all_recipes
from engine.control.lifecycle import stated
from engine.control.operation import ByArn, operation, operation_on
from engine.control.pages import PAGE, listed, opened, sealed
from engine.errors import InvalidInput, NotFound
from engine.recipe import Recipe
from engine.records import JsonMap
from engine.use_cases import USE_CASES, UseCase, use_case_of

SINCE = 1_546_300_800.0  # 2019-01-01: when AWS's first recipes came; ours have no date of their own
SCOPE = "recipe"
AUTO_ML_TYPE = "USER_PERSONALIZATION"
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


@operation
def list_recipes(control: Control, request: ListRecipes) -> JsonMap:
    _, last = opened(request.next_token, SCOPE)
    domains = {**dict.fromkeys(recipes.RECIPES), **{name: case.domain for name, case in USE_CASES.items()}}
    wanted = {name for name, domain in domains.items() if request.domain in (None, domain)}
    names = sorted(name for name in wanted if name > last)
    size = request.max_results or PAGE
    shown = [_summary(name, recipe_arn(name), domains[name]) for name in names[:size]]
    return listed("recipes", shown, sealed((SINCE, names[size - 1]), SCOPE) if len(names) > size else None)


@operation_on("recipe")
def describe_recipe(control: Control, request: ByArn) -> JsonMap:
    """A use case's parts are those of the recipe that it trains."""
    use_case = use_case_of(request.arn)
    recipe = recipe_of(request.arn if use_case is None else recipe_arn(use_case.trains))
    algorithm = ALGORITHMS.get(recipe.name, recipe.name)
    transformation = TRANSFORMATIONS.get(recipe.name, recipe.name)
    shown = {
        **_summary(name_of(request.arn), request.arn),
        "algorithmArn": f"{PARTITION}:::algorithm/{algorithm}",
        "featureTransformationArn": f"{PARTITION}:::feature-transformation/{transformation}",
        "description": recipe.description if use_case is None else use_case.description,
        "recipeType": recipe.kind,
    }
    return {"recipe": shown}


def _summary(name: str, arn: str, domain: str | None = None) -> JsonMap:
    shown = {**stated(SINCE), "name": name, "recipeArn": arn}
    return shown if domain is None else {**shown, "domain": domain}


def use_case_named(arn: str) -> UseCase:
    """Raises `NotFound` for an ARN that is no recipe's, `InvalidInput` for one that only solutions can have."""
    use_case = use_case_of(arn)
    if use_case is None:
        recipe_of(arn)
        raise InvalidInput(f"The recipe {arn} is no use case of a domain; create a solution with it.")
    return use_case


def auto_ml_recipes(allowed: Sequence[str]) -> list[Recipe[Any]]:
    """The recipes that AutoML chooses among, the newest first: those of these ARNs, or all of recgate's own.

    Raises `NotFound` for an ARN that is no recipe's, `InvalidInput` where none of them personalises.
    """
    names = [recipe_of(arn).name for arn in allowed]
    able = [recipe for _, recipe in sorted(recipes.RECIPES.items(), reverse=True) if recipe.kind == AUTO_ML_TYPE]
    candidates = [each for each in able if (each.name in names if names else each.name.startswith(recipes.RESERVED))]
    if not candidates:
        raise InvalidInput(f"solutionConfig.autoMLConfig.recipeList has no recipe of type {AUTO_ML_TYPE}.")
    return candidates


def recipe_of(arn: str) -> Recipe[Any]:
    """Raises `NotFound` for an ARN that is no recipe's."""
    recipe = recipes.RECIPES.get(arn.removeprefix(RECIPE_PREFIX)) if arn.startswith(RECIPE_PREFIX) else None
    if recipe is None:
        raise NotFound(f"Resource Arn {arn} does not exist.")
    return recipe


@operation_on("algorithm")
def describe_algorithm(control: Control, request: ByArn) -> JsonMap:
    name, recipe = _named(request.arn, "algorithm", ALGORITHMS)
    parameters = [each for each in all_recipes()[recipe] if not each.prepares]
    shown = {
        "name": name,
        "algorithmArn": request.arn,
        "defaultHyperParameters": _defaults(parameters),
        "defaultHyperParameterRanges": _ranges(parameters, TUNABLE.get(recipe, ())),
        "trainingInputMode": "File",
        "creationDateTime": SINCE,
        "lastUpdatedDateTime": SINCE,
    }
    return {"algorithm": shown}


@operation_on("featureTransformation")
def describe_feature_transformation(control: Control, request: ByArn) -> JsonMap:
    name, recipe = _named(request.arn, "feature-transformation", TRANSFORMATIONS)
    defaults = _defaults(each for each in all_recipes()[recipe] if each.prepares)
    shown = {**stated(SINCE), "name": name, "featureTransformationArn": request.arn, "defaultParameters": defaults}
    return {"featureTransformation": shown}


def _named(arn: str, kind: str, names: dict[str, str]) -> tuple[str, str]:
    """The name in the ARN, and a recipe that it belongs to; `names` has those not called as their recipe is.

    Raises `NotFound`.
    """
    name = arn.removeprefix(f"{PARTITION}:::{kind}/")
    for recipe in all_recipes():
        if names.get(recipe, recipe) == name:
            return name, recipe
    raise NotFound(f"Resource Arn {arn} does not exist.")


def _defaults(parameters: Iterable[Parameter]) -> dict[str, str]:
    return {each.name: each.default for each in parameters}


def _ranges(parameters: Iterable[Parameter], tunable: tuple[str, ...]) -> JsonMap:
    ranges: dict[str, list[JsonMap]] = {"integer": [], "continuous": [], "categorical": []}
    for each in parameters:
        ranges[each.type].append({"name": each.name, **_values(each), "isTunable": each.name in tunable})
    return {f"{kind}HyperParameterRanges": of_kind for kind, of_kind in ranges.items()}


def _values(parameter: Parameter) -> JsonMap:
    if parameter.low is None or parameter.high is None:
        return {"values": parameter.values}
    number = float if parameter.type == "continuous" else int
    return {"minValue": number(parameter.low), "maxValue": number(parameter.high)}

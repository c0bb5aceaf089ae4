"""The registry of recipes: every module of this folder ends with `RECIPE = Recipe(...)`, and installed packages add
recipes of their own by entry points of the group `recgate.recipes`."""

import re
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules
from typing import Any, get_args

import msgspec

from engine.errors import RecipeFault
from engine.recipe import Recipe, RecipeType

GROUP = "recgate.recipes"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", re.ASCII)
RESERVED = "aws-"


class Recipes(dict[str, Recipe[Any]]):
    def __missing__(self, name: str) -> Recipe[Any]:
        """Raises `RecipeFault`: a model outlives the package that its recipe came with."""
        raise RecipeFault(f"the recipe {name} is not installed: install the package that it came with")


def check_recipes() -> None:
    """Raises `RecipeFault` with all that is wrong with installed recipes."""
    if FAULTS:
        raise RecipeFault("\n".join(FAULTS))


def _load_installed() -> Iterator[str]:
    """Add the recipes of installed packages to RECIPES, and yield the faults of the others."""
    for point in sorted(entry_points(group=GROUP), key=lambda each: (each.name, each.value)):
        if fault := _load(point):
            package = "" if point.dist is None else f" of the package {point.dist.name} {point.dist.version}"
            yield f"the entry point {point.name} = {point.value}{package}: {fault}"


def _load(point: EntryPoint) -> str:
    """Add the entry point's recipe to RECIPES; the fault for which it can't be added, "" where there is none."""
    try:
        recipe = point.load()
    except Exception as error:  # it runs the package's own code
        return f"can't be imported: {type(error).__name__}: {error}"
    fault = _fault_of(recipe)
    if not fault:
        RECIPES[recipe.name] = recipe
    return fault


def _fault_of(recipe: object) -> str:
    if not isinstance(recipe, Recipe):
        return f"is no engine.recipe.Recipe, but {type(recipe).__name__}"
    if not isinstance(recipe.name, str) or not NAME.fullmatch(recipe.name):
        return f"{recipe.name!r} is no name: letters, digits, - and _, at most 63 of them, the first a letter or digit"
    if recipe.name in RECIPES:
        return f"there is another recipe {recipe.name}"
    if recipe.name.startswith(RESERVED):
        return f"names that begin with {RESERVED} are recgate's own: call {recipe.name} something else"
    if recipe.kind not in get_args(RecipeType):
        return f"{recipe.kind!r} is no kind of recipe; it is one of {', '.join(get_args(RecipeType))}"
    try:
        recipe.parse({})
    except (msgspec.ValidationError, TypeError) as error:
        return f"every hyperparameter needs a default: {error}"
    return ""


_modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
RECIPES = Recipes({module.RECIPE.name: module.RECIPE for module in _modules})
FAULTS = tuple(_load_installed())

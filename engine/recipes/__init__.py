"""The folder is the registry: every module here but `base` ends with `RECIPE = Recipe(...)`.

`RECIPES` is made when it is first asked for: the model code under it imports `engine.recipes.base` itself.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from engine.recipes.base import Recipe

RECIPES: dict[str, Recipe[Any]]


def __getattr__(name: str) -> Any:
    if name != "RECIPES":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    names = [module.name for module in iter_modules(__path__) if module.name != "base"]
    recipes = [import_module(f"{__name__}.{module}").RECIPE for module in names]
    return globals().setdefault("RECIPES", {recipe.name: recipe for recipe in recipes})

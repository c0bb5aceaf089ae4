"""The folder is the registry: every module here ends with `RECIPE = Recipe(...)`."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from engine.recipe import Recipe

_modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
RECIPES: dict[str, Recipe[Any]] = {module.RECIPE.name: module.RECIPE for module in _modules}

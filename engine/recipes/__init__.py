"""The folder is the registry: every module here but `base` ends with `RECIPE = Recipe(...)`."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from engine.recipes.base import Recipe

_modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__) if module.name != "base"]
RECIPES: dict[str, Recipe[Any]] = {module.RECIPE.name: module.RECIPE for module in _modules}

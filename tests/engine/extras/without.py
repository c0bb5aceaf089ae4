"""Run where nothing is installed that an extra brings: all code is imported, and every recipe trains or says what it
lacks."""

from __future__ import annotations

import sys
from importlib import import_module
from pkgutil import walk_packages

import engine
import gateway
from engine.errors import MissingExtra
from engine.recipe import silent
from engine.recipes import RECIPES
from tests.engine.recipes import worlds
from tests.engine.recipes.errands import errands
from tests.lacking import HEAVY

OTHERS = {f"engine.nn.{name}" for name in ("loop", "optimizer", "spectral", "transformer")}  # of torch alone
OTHERS.add("engine.storage.migrations.env")  # run by alembic


def import_all() -> None:
    for package in (engine, gateway):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            if module.name not in OTHERS and not module.name.endswith("__main__"):
                import_module(module.name)


def train_all() -> None:
    """Prints each recipe with what it lacks."""
    worlds_of = {"PERSONALIZED_ACTIONS": errands(users=400, actions=4, share=0.8).snapshot}
    for recipe in RECIPES.values():
        try:
            recipe.train(worlds_of.get(recipe.kind, worlds.groups()), recipe.parse({}), 1, silent)
            print(recipe.name, "trained")
        except MissingExtra as missing:
            print(recipe.name, "lacks", missing.message)


if __name__ == "__main__":
    import_all()
    assert not [name for name in HEAVY if sys.modules.get(name) is not None]
    train_all()

"""The parameters of every recipe with their defaults and ranges, read from our recipes.

AWS counts some as the algorithm's and some as the feature transformation's (specification §3.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec.inspect import BoolType, FloatType, IntType

from engine import recipes
from engine.recipe import Recipe

PREPARES = ("percentile", "trend_discovery_frequency")  # how the names of a transformation's parameters end
TUNABLE = {
    "aws-user-personalization": ("hidden_dimension", "bptt", "recency_mask"),
    "aws-personalized-ranking": ("hidden_dimension", "bptt", "recency_mask"),
    "aws-similar-items": ("item_id_hidden_dim", "item_metadata_hidden_dim"),
    "aws-sims": ("popularity_discount_factor", "min_cointeraction_count"),
    **dict.fromkeys(
        ("aws-hrnn", "aws-hrnn-metadata", "aws-hrnn-coldstart"), ("hidden_dimension", "bptt", "recency_mask")
    ),
}
MINUTES = "training_minutes"  # a budget, which any recipe takes
HPO_MINUTES = "hpo_minutes"  # a budget of performHPO
BUDGETS = (MINUTES, HPO_MINUTES)  # no recipe's own
PREFIXES = ("training.", "data.")  # AWS writes hyperparameters with or without them
SPELLED = {"recency_mask": {"true": "True", "false": "False"}}  # as AWS writes them


class Parameter(msgspec.Struct, frozen=True):
    name: str
    default: str
    low: float | int | None = None  # both None: one of `values`, or free text where there are none
    high: float | int | None = None
    values: tuple[str, ...] = ()

    @property
    def type(self) -> Literal["integer", "continuous", "categorical"]:
        if self.low is None or self.high is None:
            return "categorical"
        return "continuous" if "." in self.default else "integer"

    @property
    def prepares(self) -> bool:
        """True for a parameter of the feature transformation."""
        return self.name.endswith(PREPARES)


def bare(name: str) -> str:
    """A hyperparameter's name as the recipe has it."""
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name


def all_recipes() -> dict[str, tuple[Parameter, ...]]:
    return {name: tuple(_parameters(recipe)) for name, recipe in recipes.RECIPES.items()}


def _parameters(recipe: Recipe[Any]) -> Iterator[Parameter]:
    described = msgspec.inspect.type_info(recipe.params)
    assert isinstance(described, msgspec.inspect.StructType)
    for field in described.fields:
        if field.encode_name not in recipe.hidden:
            yield _parameter(field)


def _parameter(field: msgspec.inspect.Field) -> Parameter:
    kind, name = field.type, field.encode_name
    spelled = SPELLED.get(name, {})
    if isinstance(kind, BoolType):
        values = tuple(spelled.get(value, value) for value in ("true", "false"))
        return Parameter(name, values[not field.default], values=values)
    if isinstance(kind, IntType | FloatType):
        return Parameter(name, str(field.default), kind.ge, kind.le)
    return Parameter(name, str(field.default), values=tuple(map(str, getattr(kind, "values", ()))))

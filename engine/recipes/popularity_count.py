"""Popularity: how many different users touched each item. The same answer for everyone."""

from __future__ import annotations

import msgspec

from engine.cost import counting
from engine.data.snapshot import Snapshot
from engine.neighbours.pairs import user_counts
from engine.recipe import Model, Progress, Recipe, Scorer


class PopularityCountParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None."""


def train(snapshot: Snapshot, params: PopularityCountParams, seed: int, progress: Progress) -> Model:
    progress(0.0, "counting users")
    return Model({"users": user_counts(snapshot)}, {"chosen": {"counts": "different users per item"}})


def ready(model: Model) -> Scorer:
    users = model.arrays["users"]
    return lambda query: users


RECIPE = Recipe(
    name="aws-popularity-count",
    kind="POPULAR_ITEMS",
    params=PopularityCountParams,
    train=train,
    ready=ready,
    cost=lambda snapshot, params: counting(snapshot),
    quick=True,
    description="The items that most different users interacted with",
)

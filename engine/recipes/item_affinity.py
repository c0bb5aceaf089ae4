"""Item affinity: for an item, every user by how likely they are to take to it."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import msgspec

from engine.data.snapshot import Snapshot
from engine.measure.split import newest_split
from engine.recipe import Model, Progress, Recipe, stretch
from engine.segments import affinity
from engine.segments.cases import Cases, item_cases, segment_metrics


class ItemAffinityParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hidden_dimension: Annotated[int, msgspec.Meta(ge=32, le=256)] = 149


def train(cases: Cases, snapshot: Snapshot, params: ItemAffinityParams, seed: int, progress: Progress) -> Model:
    return affinity.train(snapshot, params.hidden_dimension, cases, seed, progress)


def again(model: Model, snapshot: Snapshot, params: ItemAffinityParams, seed: int, progress: Progress) -> Model:
    return affinity.refit(affinity.choice_of(model), snapshot, params.hidden_dimension, seed, progress)


def measure(
    cases: Cases,
    snapshot: Snapshot,
    params: ItemAffinityParams,
    seed: int,
    progress: Progress,
    model: Model | None = None,
) -> dict[str, float]:
    """The metrics of a model trained without the newest fifth of every user's interactions."""
    split = newest_split(snapshot)
    training = stretch(progress, 0.0, 0.8)
    rest = (split.train, params, seed, training)
    tested = train(cases, *rest) if model is None else again(model, *rest)
    metrics = segment_metrics(affinity.ready(tested), cases, split, seed)
    progress(1.0, "measured")
    return metrics


RECIPE = Recipe(
    name="aws-item-affinity",
    kind="USER_SEGMENTATION",
    params=ItemAffinityParams,
    train=partial(train, item_cases),
    ready=affinity.ready,
    description="The users most likely to interact with an item",
    again=again,
    measure=partial(measure, item_cases),
)

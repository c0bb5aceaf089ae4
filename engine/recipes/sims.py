"""SIMS: items that the same users touched, discounted by how popular they are anyway."""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np

from engine.data.snapshot import Snapshot
from engine.ensemble.members.popularity import user_counts
from engine.neighbours.cooccurrence import cooccurrence
from engine.neighbours.pairs import Pairs
from engine.neighbours.table import related_or_popular, table_of
from engine.recipe import Model, Progress, Recipe

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class SimsParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    popularity_discount_factor: Share = 0.5
    min_cointeraction_count: Annotated[int, msgspec.Meta(ge=0, le=10)] = 3
    min_user_history_length_percentile: Share = 0.005
    max_user_history_length_percentile: Share = 0.995
    min_item_interaction_count_percentile: Share = 0.01
    max_item_interaction_count_percentile: Share = 0.9


def train(snapshot: Snapshot, params: SimsParams, seed: int, progress: Progress) -> Model:
    progress(0.0, "choosing users and items")
    pairs, _ = cooccurrence(_within_percentiles(snapshot, params))
    progress(0.7, f"counted {len(pairs.left)} pairs")
    users = user_counts(snapshot)
    enough = pairs.weight >= params.min_cointeraction_count
    left, right, weight = pairs.left[enough], pairs.right[enough], pairs.weight[enough]
    discounted = weight / np.maximum(users[right], 1) ** np.float32(params.popularity_discount_factor)
    table = table_of(Pairs(left, right, discounted.astype(np.float32)), snapshot.item_count)
    about = {"pairs": len(left), "items_with_neighbours": len(np.unique(left))}
    return Model({**table, "users": users}, {"chosen": about})


def _within_percentiles(snapshot: Snapshot, params: SimsParams) -> Snapshot:
    """The snapshot less users whose history, and items whose interactions, are outside the percentiles.

    Items at the upper bound stay: in small data the bound is often the most popular item itself.
    """
    lengths = np.diff(snapshot.indptr)
    counts = np.bincount(snapshot.items, minlength=snapshot.item_count)
    user_bounds = (params.min_user_history_length_percentile, params.max_user_history_length_percentile)
    item_bounds = (params.min_item_interaction_count_percentile, params.max_item_interaction_count_percentile)
    keep = between(lengths, user_bounds)[snapshot.users] & between(counts, item_bounds)[snapshot.items]
    return snapshot.take(keep)


def between(counts: np.ndarray, percentiles: tuple[float, float]) -> np.ndarray:
    """(n,) whether each count is within the percentiles of those above 0."""
    if not counts.any():
        return np.ones(len(counts), bool)
    fewest, most = np.quantile(counts[counts > 0], percentiles)
    return np.asarray((counts >= fewest) & (counts <= most))


RECIPE = Recipe(
    name="aws-sims",
    kind="RELATED_ITEMS",
    params=SimsParams,
    train=train,
    ready=related_or_popular,
    description="Items that the same users interacted with, discounted by popularity",
)

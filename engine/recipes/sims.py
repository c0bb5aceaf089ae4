"""SIMS: items that the same users touched, discounted by how popular they are anyway."""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np

from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.neighbours.cooccurrence import cooccurrence
from engine.neighbours.nearby import Nearness, nearby
from engine.neighbours.pairs import Pairs, codes_of, from_end, user_counts
from engine.neighbours.table import related_or_popular, table_of
from engine.recipe import Model, Progress, Recipe

ENOUGH = 1_000  # interactions of an item that tell its neighbours as well as more would
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
    inside = _within_percentiles(snapshot, params)
    learned, share = _bounded(inside, snapshot, params.max_item_interaction_count_percentile)
    pairs = _often_together(nearby(learned, Nearness()), learned, params.min_cointeraction_count)
    progress(0.7, f"counted {len(pairs.left)} pairs")
    users = user_counts(snapshot)
    weight = pairs.weight / (share[pairs.left] * share[pairs.right])
    weight /= np.maximum(users[pairs.right], 1) ** np.float32(params.popularity_discount_factor)
    table = table_of(Pairs(pairs.left, pairs.right, weight.astype(np.float32)), snapshot.item_count)
    about = {"pairs": len(pairs.left), "items_with_neighbours": len(np.unique(pairs.left))}
    bounded = int(np.count_nonzero(share < 1))
    return Model({**table, "users": users}, {"chosen": {**about, "items_learned_in_part": bounded}})


def _within_percentiles(snapshot: Snapshot, params: SimsParams) -> Snapshot:
    """The snapshot less users whose history is outside the percentiles, and items of fewer interactions than the lower
    one."""
    lengths = np.diff(snapshot.indptr)
    counts = np.bincount(snapshot.items, minlength=snapshot.item_count)
    user_bounds = (params.min_user_history_length_percentile, params.max_user_history_length_percentile)
    item_bounds = (params.min_item_interaction_count_percentile, 1.0)
    keep = between(lengths, user_bounds)[snapshot.users] & between(counts, item_bounds)[snapshot.items]
    return snapshot.take(keep)


def _bounded(inside: Snapshot, snapshot: Snapshot, percentile: float) -> tuple[Snapshot, Floats]:
    """The snapshot with no more interactions of an item than the percentile of all items, its latest, and (items,) what
    share of its own these are: what is learned from them stands for all, so that popular items lose no neighbours.

    `ENOUGH` are never too many: fewer would say less of an item's neighbours than is known.
    """
    counts = np.bincount(inside.items, minlength=inside.item_count)
    every = np.bincount(snapshot.items, minlength=snapshot.item_count)
    bound = max(int(np.quantile(every[every > 0], percentile)) if every.any() else 0, ENOUGH)
    share = np.minimum(bound / np.maximum(counts, 1), 1).astype(np.float32)
    if counts.max(initial=0) <= bound:
        return inside, share
    order = np.lexsort((np.arange(len(inside.items)), inside.times, inside.items))
    latest = np.zeros(len(order), bool)
    latest[order] = from_end(inside.items[order]) < bound
    return inside.take(latest), share


def _often_together(pairs: Pairs, snapshot: Snapshot, fewest: int) -> Pairs:
    """The pairs that at least so many users touched both of."""
    if fewest <= 1:
        return pairs
    counted, _ = cooccurrence(snapshot)
    often = codes_of(counted, snapshot.item_count)[counted.weight >= fewest]
    enough = np.isin(codes_of(pairs, snapshot.item_count), often, assume_unique=True)
    return Pairs(pairs.left[enough], pairs.right[enough], pairs.weight[enough])


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

"""Similar items: touched by the same users, or described alike, so that cold items have neighbours too."""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np

from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.ensemble.members.popularity import user_counts
from engine.neighbours.cooccurrence import cooccurrence
from engine.neighbours.likeness import alike, described
from engine.neighbours.pairs import Pairs
from engine.neighbours.table import related_or_popular, table_of
from engine.recipe import Model, Progress, Recipe, stretch

Width = Annotated[int, msgspec.Meta(ge=30, le=200)]
TRUST = 5.0  # interactions at which metadata and co-occurrence weigh the same for an item; AWS calls fewer cold


class SimilarItemsParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    popularity_discount_factor: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    item_id_hidden_dim: Width = 100  # accepted for AWS's sake: co-occurrence is counted, not embedded
    item_metadata_hidden_dim: Width = 100  # likewise


def train(snapshot: Snapshot, params: SimilarItemsParams, seed: int, progress: Progress) -> Model:
    progress(0.0, "counting pairs")
    users = user_counts(snapshot)
    pairs, _ = cooccurrence(snapshot)
    touched = _touched_together(pairs, users, params.popularity_discount_factor)
    progress(0.3, "reading descriptions")
    vectors, columns = described(snapshot.item_columns, snapshot.item_count, stretch(progress, 0.3, 0.7))
    looks = alike(vectors, stretch(progress, 0.7, 0.95))
    both = _joined(touched, looks, users)
    about = {"described_by": columns, "pairs_of_users": len(touched.left), "pairs_of_descriptions": len(looks.left)}
    return Model({**table_of(both, snapshot.item_count), "users": users}, {"chosen": about})


def _touched_together(pairs: Pairs, users: Floats, discount: float) -> Pairs:
    """Pairs whose weight, at most 1, is the share of `left`'s users who touched `right`, shrunk for thin evidence and
    discounted by up to the whole popularity of `right`.
    """
    share = pairs.weight / (users[pairs.left] + np.float32(1))
    lift = share / (users[pairs.right] / max(float(users.max(initial=0)), 1.0)) ** np.float32(discount)
    best = np.zeros(len(users), np.float32)
    np.maximum.at(best, pairs.left, lift)
    return Pairs(pairs.left, pairs.right, (lift / np.maximum(best[pairs.left], 1e-9)).astype(np.float32))


def _joined(touched: Pairs, looks: Pairs, users: Floats) -> Pairs:
    """Both kinds of pairs, each item trusting its users the more of them it has."""
    trust = users / (users + np.float32(TRUST))
    behaviour, description = trust[touched.left] * touched.weight, (1 - trust[looks.left]) * looks.weight
    codes = np.concatenate([pairs.left.astype(np.int64) * len(users) + pairs.right for pairs in (touched, looks)])
    distinct, place = np.unique(codes, return_inverse=True)
    weight = np.bincount(place, np.concatenate((behaviour, description)), len(distinct)).astype(np.float32)
    left, right = np.divmod(distinct, max(len(users), 1))
    return Pairs(left.astype(np.int32), right.astype(np.int32), weight)


RECIPE = Recipe(
    name="aws-similar-items",
    kind="RELATED_ITEMS",
    params=SimilarItemsParams,
    train=train,
    ready=related_or_popular,
    description="Items alike by the users they share and by their metadata, cold items included",
)

"""Similar items: touched by the same users, or described alike, so that cold items have neighbours too."""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np

from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.extras import text_libraries
from engine.neighbours.likeness import alike, described
from engine.neighbours.nearby import Nearness, chosen_nearness, discounted, nearby
from engine.neighbours.pairs import Pairs, summed_pairs, user_counts
from engine.neighbours.table import related_or_popular, table_of
from engine.recipe import Model, Progress, Recipe, stretch

Width = Annotated[int, msgspec.Meta(ge=30, le=200)]
TRUST = 2.0  # interactions at which metadata and co-occurrence weigh the same for an item


class SimilarItemsParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    popularity_discount_factor: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    item_id_hidden_dim: Width = 100  # accepted for AWS's sake: co-occurrence is counted, not embedded
    item_metadata_hidden_dim: Width = 100  # likewise


def train(snapshot: Snapshot, params: SimilarItemsParams, seed: int, progress: Progress) -> Model:
    nearness, figures = chosen_nearness(snapshot, seed, stretch(progress, 0.0, 0.4))
    progress(0.4, "counting pairs")
    users = user_counts(snapshot)
    touched = _touched_together(nearby(snapshot, nearness), users, _discount(nearness, params))
    progress(0.6, "reading descriptions")
    vectors, columns = described(snapshot.item_columns, snapshot.item_count, stretch(progress, 0.6, 0.8))
    looks = alike(vectors, stretch(progress, 0.8, 0.95))
    both = _joined(touched, looks, users)
    about = {"described_by": columns, "pairs_of_users": len(touched.left), "pairs_of_descriptions": len(looks.left)}
    chosen = {**about, **nearness._asdict(), **figures}
    return Model({**table_of(both, snapshot.item_count), "users": users}, {"chosen": chosen})


def _discount(nearness: Nearness, params: SimilarItemsParams) -> float:
    """What is left of the way from the discount that serves best to a whole one is the caller's."""
    return nearness.discount + (1 - nearness.discount) * params.popularity_discount_factor


def _touched_together(pairs: Pairs, users: Floats, discount: float) -> Pairs:
    """Pairs whose weight, at most 1, is in proportion to the best of `left`."""
    near = discounted(pairs, users, discount)
    best = np.zeros(len(users), np.float32)
    np.maximum.at(best, near.left, near.weight)
    return Pairs(near.left, near.right, (near.weight / np.maximum(best[near.left], 1e-9)).astype(np.float32))


def _joined(touched: Pairs, looks: Pairs, users: Floats) -> Pairs:
    """Both kinds of pairs, each item trusting its users the more of them it has."""
    trust = users / (users + np.float32(TRUST))
    behaviour, description = trust[touched.left] * touched.weight, (1 - trust[looks.left]) * looks.weight
    parts = (Pairs(touched.left, touched.right, behaviour), Pairs(looks.left, looks.right, description))
    return summed_pairs(parts, len(users))


RECIPE = Recipe(
    name="aws-similar-items",
    kind="RELATED_ITEMS",
    params=SimilarItemsParams,
    train=train,
    ready=related_or_popular,
    libraries=lambda schemas: text_libraries(schemas.get("ITEMS")),
    description="Items alike by the users they share and by their metadata, cold items included",
)
